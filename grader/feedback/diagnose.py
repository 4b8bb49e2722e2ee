"""Which mistake produces exactly this difference: ratio, sign, order, position or type, recognised from the numbers.

Only exact patterns are named: a wrong guess sends a student the wrong way. What is told are ratios, positions and
lines of the student's own source, never an expected value.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from grader.domain.result import Finding, Verdict
from grader.domain.text import Note
from grader.domain.values import ArrayValue, SequenceValue, Value
from grader.feedback.clues import Clues
from grader.feedback.gradients import explain_gradient
from grader.feedback.lines import explain_dtype, explain_missing_grad, explain_type
from grader.feedback.pairs import Array, Pair, find_pair, left_finite
from grader.feedback.shapes import explain_order, explain_shape

_BY_FORMULA = ("function.", "value.")
"""Codes of the checks that a wrongly written formula fails."""
_SAID_ALREADY = ("function.autograd_cut", "function.backward_wrong")
_LEFT_TORCH = ("value.numpy", "value.not_tensor")
_MAX_TIMES = 1000
_CLEAR_FRACTION = 0.05


def diagnose(finding: Finding, *, source: str, cells: Sequence[tuple[int, str]] = ()) -> Note | None:
    """Name the mistake that explains a finding's two values; None where no pattern fits exactly. Never raises.

    Args:
        finding: of a check that did not pass, with the two values where they can be told.
        source: the question's code, to say which lines did it.
        cells: number and source of the cells that make up the code, joined by newlines, so that places can be told by
            cell; without them lines are counted through the whole code.
    """
    clues = Clues(source, cells=cells)
    if finding.code.startswith(_BY_FORMULA) and finding.verdict is Verdict.FAILED and (lines := clues.xor_lines):
        return Note(code="diagnose.power", facts={"places": clues.places(*lines)})
    if finding.code == "value.requires_grad" and finding.facts.get("asked") == "True":
        return explain_missing_grad(clues)
    if finding.actual is None or finding.expected is None:
        return None
    if finding.code.startswith(_SAID_ALREADY):
        return None
    if finding.rung == "dtype":
        return explain_dtype(finding.actual, finding.expected, clues)
    if finding.code in _LEFT_TORCH and finding.rung == "type":
        return explain_type(clues)
    with np.errstate(all="ignore"):
        if _is_value_for_gradient(finding):
            return Note(code="diagnose.value_for_gradient")
        pair = find_pair(finding.actual, finding.expected)
        if pair is None:
            return _explain_not_finite(finding, finding.actual, finding.expected)
        if pair.actual.shape != pair.expected.shape:
            return explain_shape(pair, clues)
        if pair.are_same(pair.actual, pair.expected):
            return None
        is_gradient = finding.code.startswith("gradient.") or _asked(finding).endswith(".grad")
        if is_gradient and (note := explain_gradient(pair, clues)) is not None:
            return note
        # The numbers that a function gave for several inputs: they have no order of their own.
        is_of_calls = finding.code.startswith("function.") and isinstance(finding.actual, SequenceValue)
        if pair.actual.size == 1:
            return _explain_number(pair, clues, is_gradient=is_gradient)
        patterns: tuple[Callable[[], Note | None], ...] = (
            lambda: _explain_ratio(pair, clues, is_gradient=is_gradient, is_of_calls=is_of_calls),
            lambda: None if is_of_calls else explain_order(pair),
            lambda: _explain_parts(pair),
            lambda: _explain_offset(pair),
            lambda: _explain_each(pair),
            lambda: _explain_place(pair),
        )
        return next((note for pattern in patterns if (note := pattern()) is not None), None)


def _asked(finding: Finding) -> str:
    """What a value check asks for, also where students read a text in its place."""
    name = finding.facts.get("name")
    return str(name.get("code") if isinstance(name, dict) else name)


def _explain_not_finite(finding: Finding, actual: Value, expected: Value) -> Note | None:
    if finding.code.endswith("not_finite"):
        return None  # it is said already
    return Note(code="diagnose.not_finite") if left_finite(actual, expected) else None


def _is_value_for_gradient(finding: Finding) -> bool:
    """The variable itself stands where its gradient is asked for, which hangs on it."""
    if not finding.code.startswith("value.") or not isinstance(finding.actual, ArrayValue):
        return False
    if finding.actual.grad is None or finding.expected is None:
        return False
    pair = find_pair(finding.actual.grad, finding.expected)
    return pair is not None and pair.are_same(pair.actual, pair.expected)


def _explain_number(pair: Pair, clues: Clues, *, is_gradient: bool) -> Note | None:
    """Of a single number nearly every pattern fits by chance: only those are said that the source bears out."""
    lines = clues.backward_lines
    if is_gradient and len(lines) > 1 and pair.are_same(pair.actual, 2 * pair.expected):
        return Note(code="diagnose.backward_twice", facts={"places": clues.places(*lines)})
    if pair.are_same(pair.actual, -pair.expected):
        return Note(code="diagnose.sign_of_number")
    if (note := _explain_parts(pair)) is not None:
        return note
    has_sum, has_mean = clues.calls("sum"), clues.calls("mean")
    if has_sum and not has_mean and (times := _times(pair.actual, pair.expected)) is not None:
        return Note(code="diagnose.sum_for_mean", facts={"times": times})
    if has_mean and not has_sum and (times := _times(pair.expected, pair.actual)) is not None:
        return Note(code="diagnose.mean_for_sum", facts={"times": times})
    return _explain_floor(pair) if clues.has_floor_division else None


def _times(larger: Array, smaller: Array) -> int | None:
    """How many times the one number is the other, where that is a whole number from 2 on."""
    factor = complex(larger.flat[0] / smaller.flat[0])
    return _whole(factor.real) if abs(factor.imag) <= 1e-9 * abs(factor) else None


def _explain_ratio(pair: Pair, clues: Clues, *, is_gradient: bool, is_of_calls: bool) -> Note | None:
    """A constant factor, 0 included."""
    if not np.any(pair.actual):
        return Note(code="diagnose.zeros")
    if np.count_nonzero(pair.expected) < 2:
        return None
    largest = int(np.argmax(np.abs(pair.expected)))
    factor = complex(pair.actual.flat[largest] / pair.expected.flat[largest])
    if abs(factor.imag) > 1e-9 * abs(factor) or not pair.are_same(pair.actual, factor.real * pair.expected):
        return None
    ratio = factor.real
    if math.isclose(ratio, -1, rel_tol=1e-6):
        return Note(code="diagnose.sign")
    if (times := _whole(ratio)) is not None:
        whole = () if is_of_calls else (pair.actual.size, *pair.actual.shape)
        return _explain_multiple(clues, times=times, sizes=whole, is_gradient=is_gradient)
    if (times := _whole(1 / ratio)) is not None:
        code = "diagnose.mean_for_sum" if clues.calls("mean") else "diagnose.fraction"
        return Note(code=code, facts={"times": times})
    if pair.actual.size > 2 and pair.is_varied:
        return Note(code="diagnose.ratio", facts={"ratio": float(f"{ratio:.4g}")})
    return None


def _whole(ratio: float) -> int | None:
    """The ratio as a whole number from 2 on."""
    times = round(ratio) if abs(ratio) < _MAX_TIMES else 0  # NaN and infinity are above any bound
    return times if times > 1 and math.isclose(ratio, times, rel_tol=1e-5) else None


def _explain_multiple(clues: Clues, *, times: int, sizes: Sequence[int], is_gradient: bool) -> Note:
    """A whole factor. `sizes`: how many numbers a mean may be taken of; () where that cannot be told."""
    lines = clues.backward_lines
    if is_gradient and times == 2 and len(lines) > 1:
        return Note(code="diagnose.backward_twice", facts={"places": clues.places(*lines)})
    if is_gradient and lines and (len(lines) > 1 or clues.has_backward_in_loop):
        return Note(code="diagnose.accumulated", facts={"times": times, "places": clues.places(*lines)})
    if (not sizes or times in sizes) and clues.calls("sum") and not clues.calls("mean"):
        return Note(code="diagnose.sum_for_mean", facts={"times": times})
    return Note(code="diagnose.multiple", facts={"times": times})


def _explain_offset(pair: Pair) -> Note | None:
    if pair.actual.size < 3 or not pair.is_varied:
        return None
    gap = pair.actual.flat[0] - pair.expected.flat[0]
    if gap == 0 or not pair.are_same(pair.actual, pair.expected + gap):
        return None
    return Note(code="diagnose.off_by_one" if pair.rtol == 0 and abs(gap) == 1 else "diagnose.offset")


def _explain_parts(pair: Pair) -> Note | None:
    """Of complex numbers: the imaginary parts with the other sign, or both parts in each other's place."""
    actual, expected = pair.actual, pair.expected
    if not (np.iscomplexobj(actual) and np.iscomplexobj(expected)):
        return None
    if pair.are_same(actual, np.conj(expected)):
        return Note(code="diagnose.conjugate")
    if pair.are_same(actual, expected.imag + 1j * expected.real):
        return Note(code="diagnose.parts_swapped")
    return None


def _explain_each(pair: Pair) -> Note | None:
    """Something was done to every number that should not have been, or the other way round."""
    actual, expected = pair.actual, pair.expected
    if pair.are_same(actual, np.abs(expected)):
        return Note(code="diagnose.absolute")
    if (note := _explain_floor(pair)) is not None:
        return note
    if actual.size < 3 or not pair.is_varied:
        return None
    patterns = {
        "diagnose.squared": expected**2,
        "diagnose.root": np.sqrt(expected),
        "diagnose.inverted": 1 / expected,
    }
    for code, changed in patterns.items():
        if np.all(np.isfinite(changed)) and pair.are_same(actual, changed):
            return Note(code=code)
    return None


def _explain_floor(pair: Pair) -> Note | None:
    """The whole numbers are right and the fractions lost."""
    if np.iscomplexobj(pair.actual) or np.iscomplexobj(pair.expected) or not np.any(pair.actual):
        return None
    if not np.any(np.abs(pair.expected - np.round(pair.expected)) >= _CLEAR_FRACTION):
        return None  # starting values that were never updated look like this, too
    cut = (np.floor(pair.expected), np.trunc(pair.expected), np.round(pair.expected))
    return Note(code="diagnose.floor") if any(np.array_equal(pair.actual, whole) for whole in cut) else None


def _explain_place(pair: Pair) -> Note | None:
    """Everything is right but one row, one column or one slice."""
    wrong = np.nonzero(~pair.close(pair.actual, pair.expected))
    if pair.actual.ndim < 2 or len(wrong[0]) < 2:
        return None
    axes = [axis for axis, places in enumerate(wrong) if len(set(places)) == 1 and pair.actual.shape[axis] > 1]
    if len(axes) != 1:
        return None
    axis, index = axes[0], int(wrong[axes[0]][0])
    if pair.actual.ndim == 2:
        return Note(code="diagnose.one_row" if axis == 0 else "diagnose.one_column", facts={"number": index + 1})
    return Note(code="diagnose.one_slice", facts={"axis": axis, "index": index})
