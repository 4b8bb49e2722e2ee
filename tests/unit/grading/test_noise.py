"""How far two runs lie apart in units of the tolerance, and that it means what a comparison means."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grader.domain.values import ArrayValue, MappingValue, ScalarValue, SequenceValue, Value
from grader.grading.arrays import array_value
from grader.grading.compare import CHUNK_ELEMENTS, Tolerance, compare, overshoot
from grader.grading.difference import find_difference
from grader.grading.noise import find_overshoot

DEFAULT = Tolerance()


def tensor(*numbers: complex, dtype: str = "float32") -> ArrayValue:
    return array_value(np.array(numbers, dtype), type_name="Tensor")


def number(value: float) -> ScalarValue:
    return ScalarValue(type_name=type(value).__name__, value=value)


def text(value: str) -> ScalarValue:
    return ScalarValue(type_name="str", value=value)


def items(*values: Value) -> SequenceValue:
    return SequenceValue(type_name="list", items=values)


def named(**values: Value) -> MappingValue:
    return MappingValue(items=tuple((text(name), value) for name, value in values.items()))


def apart(actual: Value, expected: Value, tolerance: Tolerance = DEFAULT) -> float | None:
    return find_overshoot(actual=actual, expected=expected, tolerance=tolerance)


GIVEN = Tolerance(rtol=0.0, atol=0.5)
MEASURED = {
    "equal": (tensor(1, 2), tensor(1, 2), 0.0),
    "half of what is allowed": (tensor(1.25), tensor(1), 0.5),
    "the furthest counts": (tensor(1.25, 4), tensor(1, 3), 2.0),
    "float64 beside float32": (tensor(1.5, dtype="float64"), tensor(1), 1.0),
    "integers under a tolerance": (tensor(3, dtype="int64"), tensor(2, dtype="int64"), 2.0),
    "complex": (tensor(3 + 4j, dtype="complex64"), tensor(0j, dtype="complex64"), 10.0),
    "NaN beside NaN": (tensor(math.nan), tensor(math.nan), 0.0),
    "NaN beside a number": (tensor(math.nan), tensor(1), math.inf),
    "an infinity beside itself": (tensor(math.inf), tensor(math.inf), 0.0),
    "an infinity beside another": (tensor(math.inf), tensor(-math.inf), math.inf),
    "nothing in it": (tensor(), tensor(), 0.0),
    "a Python number": (number(1.5), number(1.0), 1.0),
    "a list": (items(tensor(1), number(2.0)), items(tensor(1), number(1.0)), 2.0),
    "a dict, in any order": (named(a=tensor(1), b=tensor(2)), named(b=tensor(1), a=tensor(1)), 2.0),
    "texts are passed over": (items(text("a"), tensor(1)), items(text("b"), tensor(1)), 0.0),
    "two shapes": (tensor(1, 1), tensor(1), None),
    "two shapes inside": (items(tensor(9), tensor(1, 1)), items(tensor(1), tensor(1)), None),
    "two lengths": (items(tensor(1)), items(tensor(1), tensor(1)), None),
    "other keys": (named(a=tensor(1)), named(b=tensor(1)), None),
    "a number beside a text": (number(1.0), text("a"), None),
    "nothing but text": (text("a"), text("a"), None),
}


@pytest.mark.parametrize(
    ("actual", "expected", "wanted"), [pytest.param(*case, id=name) for name, case in MEASURED.items()]
)
def test_the_gap_is_told_in_units_of_the_tolerance(actual: Value, expected: Value, wanted: float | None) -> None:
    assert apart(actual, expected, GIVEN) == wanted


def test_without_a_given_tolerance_it_is_that_of_the_expected_dtype() -> None:
    assert apart(tensor(1e-5, dtype="float64"), tensor(0)) == pytest.approx(1.0)
    assert apart(tensor(1e-5), tensor(0, dtype="float64")) == pytest.approx(100.0, rel=1e-3)
    assert apart(tensor(2, dtype="int64"), tensor(3, dtype="int64")) == math.inf


def test_a_gap_beyond_the_first_chunk_and_beyond_doubles_is_seen() -> None:
    expected = np.full(2 * CHUNK_ELEMENTS + 3, 2**60, np.int64)
    actual = expected.copy()
    actual[-1] += 1
    assert overshoot(actual=actual, expected=expected, tolerance=Tolerance(rtol=0.0, atol=1.0)) == 1.0


floats = st.floats(-1e6, 1e6, width=32)


@given(st.lists(st.tuples(floats, st.floats(-3, 3)), min_size=1, max_size=5))
def test_it_is_above_one_exactly_where_a_comparison_fails(pairs: list[tuple[float, float]]) -> None:
    expected = np.array([pair[0] for pair in pairs], np.float64)
    actual = expected + np.array([pair[1] for pair in pairs]) * (1e-7 + 1e-7 * np.abs(expected))
    gap = overshoot(actual=actual, expected=expected, tolerance=DEFAULT)
    assert gap is not None
    assume(abs(gap - 1) > 1e-6)  # at the very edge the two round differently
    assert (gap <= 1) == (compare(actual=actual, expected=expected, tolerance=DEFAULT) is None)


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=5))
def test_a_tolerance_widened_by_the_overshoot_accepts_the_other_run(pairs: list[tuple[float, float]]) -> None:
    actual, expected = (
        array_value(np.array(side, np.float64), type_name="Tensor") for side in zip(*pairs, strict=True)
    )
    gap = apart(actual, expected)
    assert gap is not None
    wider = Tolerance(times=max(1.0, 1.001 * gap))
    assert find_difference(actual=actual, expected=expected, tolerance=wider) is None


@pytest.mark.parametrize("times", [0.5, math.inf, math.nan], ids=["narrower", "infinite", "nan"])
def test_a_widening_that_means_nothing_is_refused(times: float) -> None:
    with pytest.raises(ValueError, match="times"):
        Tolerance(times=times)
