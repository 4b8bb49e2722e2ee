"""What counts as code that can run."""

import ast

import pytest

from grader.grading.live import without_dead_code


def runs(source: str) -> bool:
    tree = without_dead_code(ast.parse(source))
    return any(isinstance(node, ast.Name) and node.id == "target" for node in ast.walk(tree))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("if 0:\n target", id="if 0"),
        pytest.param("if not True:\n target", id="if not True"),
        pytest.param("if ():\n target", id="empty tuple"),
        pytest.param("if '':\n target\nelse:\n pass", id="empty string"),
        pytest.param("if True:\n pass\nelse:\n target", id="else of if True"),
        pytest.param("while False:\n target", id="while False"),
        pytest.param("target if False else 1", id="conditional expression"),
        pytest.param("if 0 > 1:\n target", id="a comparison that never holds"),
        pytest.param("for i in []:\n target", id="loop over nothing"),
        pytest.param("for i in ():\n target", id="loop over an empty tuple"),
        pytest.param("for i in range(0):\n target", id="loop over range(0)"),
        pytest.param("try:\n pass\nexcept E:\n target", id="handler of what cannot raise"),
        pytest.param("try:\n x = 1\nexcept E:\n target", id="handler of a written value"),
        pytest.param("(lambda: target)", id="lambda that is dropped"),
        pytest.param("False and target", id="and after False"),
        pytest.param("x or 1 or target", id="or after a truth"),
        pytest.param("def f():\n return 1\n target\nf()", id="after return"),
        pytest.param("for i in x:\n break\n target", id="after break"),
        pytest.param("def f():\n target", id="never called"),
        pytest.param("async def f():\n target", id="never awaited"),
        pytest.param("f = lambda: target", id="lambda never called"),
        pytest.param("class A:\n x = target", id="class never used"),
        pytest.param("def f():\n g()\ndef g():\n target", id="called only by what is never called"),
        pytest.param("def f():\n f()\n target", id="called only by itself"),
        pytest.param("def f():\n def g():\n  target\nf()", id="inner function never called"),
    ],
)
def test_dead_code_is_taken_out(source: str) -> None:
    assert not runs(source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("if x:\n target", id="an open condition"),
        pytest.param("if 1:\n target", id="if 1"),
        pytest.param("if False:\n pass\nelif x:\n target", id="elif"),
        pytest.param("while True:\n target", id="while True"),
        pytest.param("while False:\n pass\nelse:\n target", id="else of a while"),
        pytest.param("True and target", id="and after True"),
        pytest.param("target or True", id="before the truth"),
        pytest.param("raise E\ntarget", id="the next cell goes on"),
        pytest.param("def f():\n target\nf()", id="called"),
        pytest.param("def f():\n target\nmap(f, x)", id="passed on"),
        pytest.param("def g():\n f()\ndef f():\n target\ng()", id="called by what is called"),
        pytest.param("f = lambda: target\nf()", id="lambda called"),
        pytest.param("f, g = lambda: target, 1", id="lambda among others"),
        pytest.param("@register\ndef f():\n target", id="decorated"),
        pytest.param("class A:\n def forward(self):\n  target\nA()(x)", id="method that torch calls"),
        pytest.param("class A:\n class B:\n  def f(self):\n   target\nA.B", id="class in a class"),
        pytest.param("def g():\n target\ndef f(x=g()):\n pass", id="called for a default value"),
        pytest.param("class B:\n x = target\nclass A(B):\n pass", id="used as a base class"),
        pytest.param("def f():\n if x:\n  return 1\n target\nf()", id="return in an inner block"),
        pytest.param("def f():\n def g():\n  target\n g()\nf()", id="inner function called"),
        pytest.param("try:\n f()\nexcept E:\n target", id="handler"),
        pytest.param("try:\n x = 1\nfinally:\n target", id="finally"),
        pytest.param("if 1 > 0:\n target", id="a comparison that holds"),
        pytest.param("if 'a' > 0:\n pass\ntarget", id="a comparison that raises is none"),
        pytest.param("if 0 < x < 1:\n target", id="a comparison with a name"),
        pytest.param("for i in range(3):\n target", id="a loop"),
        pytest.param("for i in []:\n pass\nelse:\n target", id="else of a loop over nothing"),
        pytest.param("map(lambda: target, x)", id="lambda handed on"),
    ],
)
def test_code_that_may_run_stays(source: str) -> None:
    assert runs(source)


def test_what_is_left_is_still_python() -> None:
    tree = without_dead_code(
        ast.parse("if 0:\n x\ndef f():\n if 0:\n  y\nf()\nclass A:\n def g(self):\n  return\n  z\nA")
    )
    assert ast.parse(ast.unparse(tree))


def test_the_given_tree_stays_as_it_is() -> None:
    tree = ast.parse("if False:\n target")
    without_dead_code(tree)
    assert ast.unparse(tree) == "if False:\n    target"
