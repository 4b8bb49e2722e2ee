"""Sources in any state give a tree."""

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.grading.syntax import (
    assigned_names,
    copied,
    find_holder,
    function_names,
    imported_names,
    mentioned_names,
    parse_leniently,
    takes_arguments,
    top_level_names,
)


@given(st.text())
@example("x = '\x00'")
@example("(" * 500)
@example("-" * 5000 + "1")
@example("1" + "+1" * 20000)
@example("'\\d'")
@example("x = 1\r\ny =")
def test_any_text_gives_a_tree(source: str) -> None:
    assert isinstance(parse_leniently(source), ast.Module)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("x = = 2", id="one line"),
        pytest.param("def f(x):", id="function without a body"),
        pytest.param("def f(x):\n    return (x +\n", id="bracket left open in a function"),
        pytest.param("for i in range(3)\n    print(i)", id="missing colon"),
        pytest.param("print 'a'", id="Python 2"),
        pytest.param("if True:", id="nothing after a colon"),
    ],
)
def test_a_broken_statement_takes_no_other_with_it(broken: str) -> None:
    tree = parse_leniently(f"a = 1\n{broken}\nb = 2")
    assert {"a", "b"} <= set(top_level_names(tree))


def test_lines_keep_their_numbers() -> None:
    tree = parse_leniently("x = = 1\n\ny = 2")
    assert [node.lineno for node in tree.body] == [3]


def test_names_bound_at_the_top_level_in_order() -> None:
    source = """
import torch.nn as nn, numpy
from torch import autograd as ag
a, (b, *c) = 1, (2, 3)
for d in []: e = 1
with open("f") as f: pass
def g(x): inner = x
class H: attribute = 1
if (i := 3): pass
try: pass
except ValueError as j: pass
k = [hidden for hidden in a]
a.attribute = 1
"""
    assert top_level_names(parse_leniently(source)) == (
        *("nn", "numpy", "ag", "a", "b", "c", "d", "e", "f", "g", "H", "i", "j", "k"),
    )
    assert imported_names(parse_leniently(source)) == {"nn", "numpy", "ag"}


def test_functions_are_found_by_def_and_lambda_but_not_inside_others() -> None:
    source = "def f(x):\n  def inner(): pass\ng = lambda x: x\nh = 3\nclass C:\n  def method(self): pass"
    assert function_names(parse_leniently(source)) == ("f", "g")


def test_mentioned_names_reach_into_functions_but_leave_their_own_and_builtins_out() -> None:
    source = """
def f(x):
    own = x + constant
    global counter
    counter = own
    return print(lambda z: z + factor)
a = f(b)
"""
    assert mentioned_names(parse_leniently(source)) == {"constant", "counter", "factor", "a", "f", "b"}


def test_a_tree_too_deep_to_walk_mentions_nothing() -> None:
    assert mentioned_names(parse_leniently("x" + "+x" * 2500)) == frozenset()


@pytest.mark.parametrize(
    ("source", "takes"),
    [
        ("def f(x): pass", True),
        ("def f(*all): pass", True),
        ("def f(x, /): pass", True),
        ("f = lambda x: 1", True),
        ("def f(): pass", False),
        ("def f(*, x): pass", False),
        ("def f(**rest): pass", False),
        ("f = lambda: 1", False),
        ("def f(): pass\ndef f(x): pass", True),
        ("def f(x): pass\nf = lambda: 1", False),
        ("from m import f", True),
    ],
)
def test_whether_a_function_takes_an_argument(source: str, takes: bool) -> None:
    assert takes_arguments(parse_leniently(source), "f") is takes


def test_names_given_a_value_are_told_from_names_of_functions() -> None:
    tree = parse_leniently("def f(x):\n    y = 1\ng = lambda: 1\nz = f(1)\nfor i in []: pass")
    assert assigned_names(tree) == {"z", "i"}


def test_the_function_around_another_one_is_found() -> None:
    tree = parse_leniently("def main():\n    if 1:\n        def f(x): pass\n    g = lambda x: x\ndef h(): pass")
    assert [find_holder(tree, name) for name in ("f", "g", "h", "main")] == ["main", "main", None, None]


@pytest.mark.parametrize(
    "source",
    [
        "@f\nclass A(B):\n  x: int = 1\n  def g(self, *a, k=f'{2!r:>{3}}', **b): return [a for a in b if a]",
        "try: f()\nexcept (A, B) as e: raise e from None\nelse: pass",
        "match x:\n  case {'a': [1, *_], **b} if b: del x[1:2]",
        "with a as b, c: x = y = lambda z, /: (yield)",
    ],
)
def test_a_copy_is_the_same_tree_and_another(source: str) -> None:
    tree = ast.parse(source)
    before = ast.dump(tree, include_attributes=True)
    copy = copied(tree)
    assert ast.dump(copy, include_attributes=True) == before
    for node in list(ast.walk(copy)):
        for name in node._fields:
            setattr(node, name, None)
    assert ast.dump(tree, include_attributes=True) == before
