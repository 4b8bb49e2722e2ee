"""A result that was written into the code is told from one that was computed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading.written_down import is_written_down

WRITTEN = {
    "a number": "y = 12.5",
    "a negative number": "y = -12.5",
    "a complex number": "y = 1 - 2j",
    "a word": "y = 'Adam'",
    "a truth": "y = True",
    "a list": "y = [1.0, -2.0]",
    "a tuple in two names": "x, y = 1, 2",
    "a dict": "y = {'w': 3.0, 'b': [1]}",
    "a tensor": "y = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)",
    "a tensor by keyword": "y = torch.tensor(data=[1.0, 2.0])",
    "a tensor by way of NumPy": "y = torch.from_numpy(np.array([1.0, 2.0], dtype=np.float32))",
    "in another shape and dtype": "y = torch.tensor([1, 2, 3, 4]).reshape(2, 2).to(torch.float32).T",
    "put together of written parts": "y = torch.stack([torch.tensor(1.0), torch.tensor(2.0)])",
    "under another name first": "seen = [1.0, 2.0]\ny = torch.tensor(seen)",
    "after the computation": "y = f(x)\ny = 12.5",
    "with an annotation": "y: float = 12.5",
    "where it always runs": "if True:\n    y = 12.5",
    "shown afterwards": "y = torch.tensor(12.5)\nprint(y, y.item())\ny",
    "beside a local variable of that name": "y = 12.5\ndef g():\n    y = 3\n    return y\nz = [y for y in g()]",
    "filled in place by place": "y = torch.zeros(2)\ny[0], y[1] = 1.0, 2.0",
    "filled in with a list": "y = torch.empty(2)\ny[:] = torch.tensor([1.0, 2.0])",
    "split from a text": "y = torch.tensor([float(word) for word in '1.5 2.5'.split()])",
    "from a text": "y = float('12.5')",
    "in code that never runs it is computed": "y = 12.5\nif False:\n    y = f(x)",
}
COMPUTED = {
    "a call": "y = f(x)",
    "arithmetic": "y = 2 * x",
    "filled in with what was computed": "y = torch.zeros(2)\ny[0], y[1] = f(1), 2.0",
    "computed, and one place put right": "y = f(x)\ny[0] = 1.0",
    "arithmetic with each item": "y = [2 * v for v in [1.0, 2.0]]",
    "a cast of what was computed": "y = [float(v) for v in x]",
    "arithmetic with written numbers": "y = 5 / 2",
    "a tensor of what was computed": "y = torch.tensor([f(1.0), 2.0])",
    "made of what the question gives": "x = torch.tensor([1.0, 2.0])\ny = x.detach().clone()",
    "another name for it": "x = torch.tensor([1.0, 2.0])\ny = x",
    "written first": "y = 0.0\ny = f(x)",
    "counted up": "y = 0\nfor v in x:\n    y += 1",
    "filled": "y = torch.tensor([0.0, 0.0])\nfor i in range(2):\n    y[i] = f(i)",
    "collected": "y = []\nfor v in x:\n    y.append(v)",
    "changed in place": "y = torch.tensor([0.0])\ny.add_(x)",
    "given to something that may change it": "y = []\ntrain(model, y)",
    "an out argument": "y = torch.tensor([0.0])\ntorch.add(x, x, out=y)",
    "chosen": "if f(1) > f(2):\n    y = 'SGD'\nelse:\n    y = 'Adam'",
    "chosen in one line": "y = 'SGD' if f(1) > f(2) else 'Adam'",
    "the best of a loop": "y = 0.1\nfor h in x:\n    if f(h) < 1:\n        y = h",
    "a function's business": "y = 0\ndef g():\n    global y\n    y = f(x)\ng()",
    "nothing at all": "z = 12.5",
    "no Python": "y = (",
}


def is_doubtful(source: str, *, before: str = "") -> bool:
    return is_written_down("y", source=source, notebook_source=f"{before}\n{source}", given={"x", "f"})


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in WRITTEN.items()])
def test_what_was_written_is_told(source: str) -> None:
    assert is_doubtful(source)


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in COMPUTED.items()])
def test_what_was_computed_is_let_be(source: str) -> None:
    assert not is_doubtful(source)


def test_an_earlier_cell_counts_where_the_questions_own_bind_nothing() -> None:
    assert is_doubtful("print(y)", before="y = 12.5")
    assert not is_doubtful("y = f(x)", before="y = 12.5")


def test_names_that_stand_for_each_other_end() -> None:
    assert not is_doubtful("y = z\nz = y")


@given(st.recursive(st.floats(allow_nan=False, allow_infinity=False) | st.integers(), st.lists, max_leaves=6))
def test_whatever_python_writes_of_numbers_is_written(value: object) -> None:
    assert is_doubtful(f"y = {value!r}")
    assert is_doubtful(f"y = torch.tensor({value!r})")
