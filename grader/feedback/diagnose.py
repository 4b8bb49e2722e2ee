"""Which mistake produces exactly this difference: ratio, sign, order, position or type, recognised from the numbers.

Only exact patterns are named: a wrong guess sends a student the wrong way. What is told are ratios, positions and
lines of the student's own source, never an expected value.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from grader.domain.result import Finding, Verdict
from grader.domain.text import Note
from grader.domain.values import ArrayValue, ScalarValue, Value
from grader.feedback.clues import Clues

Array: TypeAlias = NDArray[Any]

_BY_FORMULA = ("function.", "value.")
"""Codes of the checks that a wrongly written formula fails."""
_MAX_ELEMENTS = 1_000_000
_MAX_EXACT = 2**53
"""Larger integers are not exact as float64."""
_MAX_TIMES = 1000
_MAX_AXES_TO_PERMUTE = 4
_RTOL = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-5, "complex64": 1e-5, "complex128": 1e-5}
"""How far two floats may lie apart and still count as one pattern; integers must be equal."""


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
    if finding.actual is None or finding.expected is None:
        return None
    if finding.rung == "dtype":
        return _explain_dtype(finding.actual, finding.expected, clues)
    with np.errstate(all="ignore"):
        pair = _find_pair(finding.actual, finding.expected)
        if pair is None:
            return None
        if pair.actual.shape != pair.expected.shape:
            return _explain_shape(pair)
        if pair.are_same(pair.actual, pair.expected):
            return None
        is_gradient = finding.code.startswith("gradient.") or str(finding.facts.get("name")).endswith(".grad")
        if pair.actual.size == 1:
            return _explain_number(pair, clues, is_gradient=is_gradient)
        patterns: tuple[Callable[[], Note | None], ...] = (
            lambda: _explain_ratio(pair, clues, is_gradient=is_gradient),
            lambda: _explain_order(pair),
            lambda: _explain_offset(pair),
            lambda: _explain_place(pair),
        )
        return next((note for pattern in patterns if (note := pattern()) is not None), None)


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """Both values as float64 or complex128 arrays of finite numbers."""

    actual: Array
    expected: Array
    rtol: float

    def close(self, ours: Array, theirs: Array) -> Array:
        scale = float(np.max(np.abs(theirs), initial=0.0))
        return np.asarray(np.abs(ours - theirs) <= self.rtol * np.abs(theirs) + 0.1 * self.rtol * scale)

    def are_same(self, ours: Array, theirs: Array) -> bool:
        return ours.shape == theirs.shape and bool(np.all(self.close(ours, theirs)))

    @property
    def is_varied(self) -> bool:
        """The expected numbers are not all the same one."""
        return self.expected.size > 1 and not self.are_same(self.expected, np.full_like(self.expected, _first(self)))


def _first(pair: _Pair) -> complex:
    return complex(pair.expected.flat[0]) if np.iscomplexobj(pair.expected) else float(pair.expected.flat[0])


def _find_pair(actual: Value, expected: Value) -> _Pair | None:
    ours, theirs = _find_numbers(actual), _find_numbers(expected)
    if ours is None or theirs is None:
        return None
    rtol = max(_RTOL.get(dtype, 0.0) for dtype in (ours[1], theirs[1]))
    return _Pair(actual=ours[0], expected=theirs[0], rtol=rtol)


def _find_numbers(value: Value) -> tuple[Array, str] | None:
    """The numbers in double precision and the dtype they had; None for anything but finite numbers of bounded size."""
    if isinstance(value, ScalarValue):
        number = value.value
        if isinstance(number, bool | str | None) or (isinstance(number, int) and abs(number) > _MAX_EXACT):
            return None
        array, dtype = np.asarray(number), {int: "int64", float: "float64"}.get(type(number), "complex128")
    elif isinstance(value, ArrayValue) and math.prod(value.shape) <= _MAX_ELEMENTS:
        stored = _find_array(value)
        if stored is None:
            return None
        array, dtype = stored, value.dtype
    else:
        return None
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if wide.size == 0 or not np.all(np.isfinite(wide)) or (dtype not in _RTOL and np.max(np.abs(wide)) > _MAX_EXACT):
        return None
    return wide, dtype


def _find_array(value: ArrayValue) -> Array | None:
    if value.dtype not in _RTOL and not value.dtype.removeprefix("u").startswith("int"):
        return None
    try:
        dtype = np.dtype(ml_dtypes.bfloat16 if value.dtype == "bfloat16" else value.dtype)
        return np.frombuffer(value.data, dtype=dtype.newbyteorder("<")).reshape(value.shape)
    except (TypeError, ValueError):  # an unknown integer type, bytes that do not fill the shape
        return None


def _explain_number(pair: _Pair, clues: Clues, *, is_gradient: bool) -> Note | None:
    """Of a single number nearly every pattern fits by chance: only two are worth saying."""
    lines = clues.backward_lines
    if is_gradient and len(lines) > 1 and pair.are_same(pair.actual, 2 * pair.expected):
        return Note(code="diagnose.backward_twice", facts={"places": clues.places(*lines)})
    if pair.are_same(pair.actual, -pair.expected):
        return Note(code="diagnose.sign_of_number")
    return None


def _explain_ratio(pair: _Pair, clues: Clues, *, is_gradient: bool) -> Note | None:
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
        return _explain_multiple(pair, clues, times=times, is_gradient=is_gradient)
    if (times := _whole(1 / ratio)) is not None:
        code = "diagnose.mean_for_sum" if clues.calls("mean") else "diagnose.fraction"
        return Note(code=code, facts={"times": times})
    if pair.actual.size > 2 and pair.is_varied:
        return Note(code="diagnose.ratio", facts={"ratio": float(f"{ratio:.4g}")})
    return None


def _whole(ratio: float) -> int | None:
    """The ratio as a whole number from 2 on."""
    times = round(ratio) if abs(ratio) < _MAX_TIMES else 0
    return times if times > 1 and math.isclose(ratio, times, rel_tol=1e-5) else None


def _explain_multiple(pair: _Pair, clues: Clues, *, times: int, is_gradient: bool) -> Note:
    lines = clues.backward_lines
    if is_gradient and times == 2 and len(lines) > 1:
        return Note(code="diagnose.backward_twice", facts={"places": clues.places(*lines)})
    if is_gradient and lines and (len(lines) > 1 or clues.has_backward_in_loop):
        return Note(code="diagnose.accumulated", facts={"times": times, "places": clues.places(*lines)})
    if times in (pair.actual.size, *pair.actual.shape) and clues.calls("sum") and not clues.calls("mean"):
        return Note(code="diagnose.sum_for_mean", facts={"times": times})
    return Note(code="diagnose.multiple", facts={"times": times})


def _explain_shape(pair: _Pair) -> Note | None:
    actual, expected = pair.actual, pair.expected
    if (note := _explain_axes(pair)) is not None:
        return note
    if actual.size == expected.size > 1 and pair.are_same(actual.ravel(), expected.ravel()):
        return Note(code="diagnose.reshaped")
    if actual.ndim != expected.ndim:
        return None
    uneven = [axis for axis in range(actual.ndim) if actual.shape[axis] != expected.shape[axis]]
    if len(uneven) != 1 or abs(actual.shape[uneven[0]] - expected.shape[uneven[0]]) != 1:
        return None
    axis = uneven[0]
    shorter, longer = sorted((actual, expected), key=lambda array: array.shape[axis])
    length = shorter.shape[axis]
    if not any(pair.are_same(shorter, np.take(longer, range(at, at + length), axis=axis)) for at in (0, 1)):
        return None
    return Note(code="diagnose.one_short" if shorter is actual else "diagnose.one_long", facts={"axis": axis})


def _explain_axes(pair: _Pair) -> Note | None:
    """The right numbers with their axes in another order."""
    ndim = pair.expected.ndim
    if not 2 <= ndim <= _MAX_AXES_TO_PERMUTE or pair.actual.ndim != ndim:
        return None
    for order in itertools.permutations(range(ndim)):
        turned = pair.expected.transpose(order)
        if order != tuple(range(ndim)) and pair.are_same(pair.actual, turned):
            return Note(code="diagnose.transposed" if ndim == 2 else "diagnose.axes_swapped")
    return None


def _explain_order(pair: _Pair) -> Note | None:
    """The right numbers in the right shape, but in other places."""
    if (note := _explain_axes(pair)) is not None:
        return note
    actual, expected = pair.actual, pair.expected
    for axis, length in enumerate(expected.shape):
        if length > 1 and pair.are_same(actual, np.flip(expected, axis)):
            return Note(code="diagnose.reversed", facts={"axis": axis})
    for axis, length in enumerate(expected.shape):
        if length > 2 and any(pair.are_same(actual, np.roll(expected, step, axis)) for step in (1, -1)):
            return Note(code="diagnose.shifted", facts={"axis": axis})
    if expected.shape[0] > 2 and pair.are_same(_sorted_rows(actual), _sorted_rows(expected)):
        return Note(code="diagnose.reordered" if expected.ndim == 1 else "diagnose.rows_reordered")
    return None


def _sorted_rows(array: Array) -> Array:
    rows = array.reshape(array.shape[0], -1)
    return np.asarray(rows[np.lexsort(rows.T[::-1])])


def _explain_offset(pair: _Pair) -> Note | None:
    if pair.actual.size < 3 or not pair.is_varied:
        return None
    gap = pair.actual.flat[0] - pair.expected.flat[0]
    if gap == 0 or not pair.are_same(pair.actual, pair.expected + gap):
        return None
    return Note(code="diagnose.off_by_one" if pair.rtol == 0 and abs(gap) == 1 else "diagnose.offset")


def _explain_place(pair: _Pair) -> Note | None:
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


def _explain_dtype(actual: Value, expected: Value, clues: Clues) -> Note | None:
    """Which expression of the student's made the dtype that is the only thing wrong."""
    if not (isinstance(actual, ArrayValue) and isinstance(expected, ArrayValue)):
        return None
    ours, theirs = actual.dtype, expected.dtype
    is_whole = theirs.removeprefix("u").startswith("int")
    if is_whole and ours == "float32" and (line := clues.line_of_call("Tensor", "FloatTensor")) is not None:
        return Note(code="diagnose.capital_tensor", facts={"places": clues.places(line)})
    if is_whole and ours in _RTOL:
        if (written := clues.float_literal) is not None:
            return Note(
                code="diagnose.float_literal", facts={"places": clues.places(written[0]), "literal": written[1]}
            )
        if (line := clues.line_of_call("zeros", "ones", "empty", "rand", "randn", "linspace", "eye")) is not None:
            return Note(code="diagnose.float_by_default", facts={"places": clues.places(line)})
    if (ours, theirs) == ("float64", "float32"):
        if (line := clues.line_of_call("double", "DoubleTensor")) is not None:
            return Note(code="diagnose.double", facts={"places": clues.places(line)})
        if (line := clues.line_of_call("from_numpy", "as_tensor", "array")) is not None:
            return Note(code="diagnose.numpy_double", facts={"places": clues.places(line)})
    return None
