"""Definitions that only others call: when they count as code that runs."""

import ast

import pytest

from grader.grading.live import leaves_definitions_unused, live_tree


def reads(source: str, *, keeps_definitions: bool) -> bool:
    tree = live_tree(source, keeps_definitions=keeps_definitions)
    return any(isinstance(node, ast.Name) and node.id == "target" for node in ast.walk(tree))


@pytest.mark.parametrize(
    ("source", "is_unused"),
    [
        pytest.param("def f():\n return target", True, id="a function"),
        pytest.param("f = lambda x: target", True, id="a lambda with a name"),
        pytest.param("class Net(Base):\n def forward(self):\n  return target", True, id="a class"),
        pytest.param("def g():\n return target\ndef f():\n return g()", True, id="a helper of an unused one"),
        pytest.param("def f():\n return target\nprint(f())", False, id="called"),
        pytest.param("print(target)", False, id="no definition"),
    ],
)
def test_unused_definitions_count_only_where_they_are_kept(source: str, is_unused: bool) -> None:
    assert leaves_definitions_unused(source) is is_unused
    assert reads(source, keeps_definitions=True)
    assert reads(source, keeps_definitions=False) is not is_unused


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f():\n return 1\n target", id="after return"),
        pytest.param("def f():\n if False:\n  target", id="under if False"),
        pytest.param("def f():\n def g():\n  target\n return 1", id="an inner function that nobody calls"),
        pytest.param("if x:\n def f():\n  target", id="not at the top level"),
    ],
)
def test_dead_code_in_a_kept_definition_stays_dead(source: str) -> None:
    assert not reads(source, keeps_definitions=True)
