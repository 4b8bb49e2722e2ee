"""Gradients that were added up or cleared, recognised from their numbers and the calls that did it."""

import numpy as np
import pytest

from grader.domain.result import Finding, Verdict
from grader.domain.text import Language
from grader.domain.values import ArrayValue
from grader.feedback.catalogue import sentence
from grader.feedback.diagnose import diagnose

GRID = np.array([[1.0, -2.0, 3.0], [0.0, 5.0, 7.5]], np.float32)
NUMBER = np.array(36.0, np.float32)
LOOP = "for i in range(n):\n    f(x).backward()\n"
THREE = "f(x).backward()\nf(x).backward()\nf(x).backward()\n"
CLEARED_BETWEEN = "f(x).backward()\nx.grad.zero_()\nf(x).backward()\n"


def said(actual, expected, source, *, code="gradient.wrong"):
    ours, theirs = (
        ArrayValue(type_name="Tensor", dtype="float32", shape=array.shape, data=array.astype(np.float32).tobytes())
        for array in (np.asarray(actual), np.asarray(expected))
    )
    note = diagnose(Finding(verdict=Verdict.FAILED, code=code, actual=ours, expected=theirs), source=source)
    if note is None:
        return None
    assert all(sentence(note, language) for language in Language)
    places = note.facts.get("places")
    lines = [place["line"] for place in places] if isinstance(places, list) else []
    return note.code.removeprefix("diagnose."), note.facts.get("times"), lines


@pytest.mark.parametrize(
    ("actual", "expected", "source", "wanted"),
    [
        pytest.param(3 * NUMBER, NUMBER, THREE, ("accumulated_number", 3, [1, 2, 3]), id="a number, three calls"),
        pytest.param(3 * GRID, GRID, THREE, ("accumulated", 3, [1, 2, 3]), id="an array, three calls"),
        pytest.param(5 * NUMBER, NUMBER, LOOP, ("accumulated_number", 5, [2]), id="a number in a loop"),
        pytest.param(2 * NUMBER, NUMBER, LOOP, ("accumulated_number", 2, [2]), id="twice in a loop"),
        pytest.param(2 * GRID, GRID, THREE[:32], ("backward_twice", None, [1, 2]), id="two calls"),
        pytest.param(
            0 * NUMBER, NUMBER, "f(x).backward()\nx.grad.zero_()", ("zeroed", None, [2]), id="a cleared number"
        ),
        pytest.param(0 * GRID, GRID, "y.backward()\nopt.zero_grad()", ("zeroed", None, [2]), id="a cleared array"),
        pytest.param(NUMBER, 2 * NUMBER, CLEARED_BETWEEN, ("not_accumulated", 2, [2]), id="cleared between"),
        pytest.param(GRID, 2 * GRID, CLEARED_BETWEEN, ("not_accumulated", 2, [2]), id="an array cleared between"),
    ],
)
def test_what_was_done_to_a_gradient_is_told_with_its_lines(actual, expected, source, wanted):
    assert said(actual, expected, source) == wanted


@pytest.mark.parametrize(
    ("actual", "expected", "source"),
    [
        pytest.param(3 * NUMBER, NUMBER, "f(x).backward()", id="one call"),
        pytest.param(4 * NUMBER, NUMBER, THREE, id="another factor than calls"),
        pytest.param(2.5 * NUMBER, NUMBER, LOOP, id="no whole factor"),
        pytest.param(NUMBER, 0 * NUMBER, LOOP, id="nothing expected"),
        pytest.param(0 * NUMBER, NUMBER, "x.grad.zero_()\nf(x).backward()", id="cleared before"),
        pytest.param(NUMBER / 2, NUMBER, "f(x).backward()\nf(x).backward()", id="half, nothing cleared"),
        pytest.param(3 * NUMBER, NUMBER, "y = f(x)", id="no call"),
    ],
)
def test_a_number_that_the_source_does_not_bear_out_is_left_alone(actual, expected, source):
    assert said(actual, expected, source) is None


def test_other_checks_are_not_told_of_gradients():
    assert said(3 * NUMBER, NUMBER, THREE, code="value.value") is None
