"""Printed derivatives are found again in what was printed."""

import pytest

from grader.domain.execution import Output
from grader.grading.autograd.follow import follow_autograd
from grader.grading.autograd.shown import find_shown_derivatives
from grader.grading.autograd.traces import Blended, Derived

X = "import torch\nx = torch.tensor(1., requires_grad=True)\ny = x**2\ny.backward()\nn = 'x'\n"


def shown(source: str, text: str) -> list[tuple[type, tuple[float, ...]]]:
    provenance = follow_autograd(source=X + source, notebook_source=X + source)
    found = find_shown_derivatives(provenance, outputs=(Output(kind="stdout", text=text),), cell_runs=())
    return [(type(item.trace), item.numbers.elements) for item in found]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        pytest.param("print(x.grad)", "tensor(2.)\n", [(Derived, (2.0,))], id="alone"),
        pytest.param("print(y, x.grad)", "tensor(1., grad_fn=<A>) tensor(2.)\n", [(Derived, (2.0,))], id="second"),
        pytest.param("print(x.grad, y)", "tensor(2.) tensor(1., grad_fn=<A>)\n", [(Derived, (2.0,))], id="first"),
        pytest.param("print('f(1) =', x.grad, 'ok')", "f(1) = tensor(2.) ok\n", [(Derived, (2.0,))], id="in words"),
        pytest.param("print(f'{n}: {x.grad:.1f}, {y}')", "x: 2.0, 1.0\n", [(Derived, (2.0,))], id="f-string"),
        pytest.param("print(x.grad, [y, y])", "tensor([1., 2.]) [3, 4]\n", [(Derived, (1.0, 2.0))], id="blanks inside"),
        pytest.param("print(y)\nprint(x.grad)", "tensor(7.)\ntensor(2.)\n", [(Derived, (2.0,))], id="line by line"),
        pytest.param("print('a\\nb', x.grad)", "a\nb tensor(2.)\n", [(Derived, (2.0,))], id="two lines in one print"),
        pytest.param("print(y)\nprint(x.grad)", "7\n8\n2.\n", [(Blended, (7,)), (Blended, (8,)), (Blended, (2.0,))],
                     id="more lines than prints"),
        pytest.param("for i in (1, 2): print('g', x.grad)", "g 2.\ng 3.\n", [(Derived, (2.0,)), (Derived, (3.0,))],
                     id="a loop"),
        pytest.param("for i in (1, 2): print(i, x.grad)\nprint(y)", "1 2.\n2 3.\n5\n",
                     [(Blended, (1,)), (Blended, (2.0,)), (Blended, (2,)), (Blended, (3.0,)), (Blended, (5,))],
                     id="a loop and another print"),
        pytest.param("print(y)", "tensor(2.)\n", [], id="nothing derived"),
        pytest.param("print(x.grad * 3)", "tensor(6.)\n", [(Blended, (6.0,))], id="arithmetic"),
        pytest.param("print('a', x.grad, 'b')", "c 3 d\n", [(Blended, (3,))], id="another text than the print writes"),
    ],
)  # fmt: skip
def test_derivatives_are_told_from_what_stands_beside_them(
    source: str, text: str, expected: list[tuple[type, tuple[float, ...]]]
) -> None:
    assert shown(source, text) == expected


def test_hostile_lines_take_linear_time() -> None:
    source = "print(x.grad, 'a', y, 'a', y, 'a', y, 'a', y, 'b')\nprint()"
    assert shown(source, ("a " * 5000 + "\n") * 50) is not None


def test_many_different_prints_of_many_lines_are_left_to_a_person() -> None:
    source = "\n".join(f"print('{number}', x.grad)" for number in range(200))
    found = shown(source, "1 2.\n" * 2000)
    assert {trace for trace, _ in found} == {Blended}
