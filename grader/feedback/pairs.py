"""A student's value beside the expected one, as numbers that a pattern can be tried on."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from grader.domain.values import ArrayValue, ScalarValue, SequenceValue, Value

Array: TypeAlias = NDArray[Any]

RTOL = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-5, "complex64": 1e-5, "complex128": 1e-5}
"""How far two floats may lie apart and still count as one pattern; integers must be equal."""
_MAX_ELEMENTS = 1_000_000
_MAX_EXACT = 2**53
"""Larger integers are not exact as float64."""
_MAX_DEPTH = 12


@dataclass(frozen=True, kw_only=True)
class Pair:
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
        first = self.expected.flat[0] if self.expected.size else 0.0
        return self.expected.size > 1 and not self.are_same(self.expected, np.full_like(self.expected, first))


def find_pair(actual: Value, expected: Value) -> Pair | None:
    """Both values as numbers; None where one of them is anything but finite numbers of bounded size."""
    ours, theirs = _find_numbers(actual, depth=0), _find_numbers(expected, depth=0)
    if ours is None or theirs is None:
        return None
    return Pair(actual=ours[0], expected=theirs[0], rtol=max(ours[1], theirs[1]))


def left_finite(actual: Value, expected: Value) -> bool:
    """A NaN or an infinity is among the one value's numbers, where the other's are all finite."""
    return _holds_not_finite(actual, depth=0) and _find_numbers(expected, depth=0) is not None


def _holds_not_finite(value: Value, *, depth: int) -> bool:
    if isinstance(value, SequenceValue):
        return depth <= _MAX_DEPTH and any(_holds_not_finite(item, depth=depth + 1) for item in value.items)
    if isinstance(value, ScalarValue):
        return isinstance(value.value, float | complex) and not bool(np.isfinite(value.value))
    if not isinstance(value, ArrayValue) or value.dtype not in RTOL or math.prod(value.shape) > _MAX_ELEMENTS:
        return False
    stored = _find_array(value)
    return stored is not None and not bool(np.all(np.isfinite(stored)))


def _find_numbers(value: Value, *, depth: int) -> tuple[Array, float] | None:
    """The numbers in double precision, and how exactly they are known."""
    if isinstance(value, SequenceValue):
        return _stacked(value, depth=depth)
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
    if wide.size == 0 or not np.all(np.isfinite(wide)) or (dtype not in RTOL and np.max(np.abs(wide)) > _MAX_EXACT):
        return None
    return wide, RTOL.get(dtype, 0.0)


def _stacked(value: SequenceValue, *, depth: int) -> tuple[Array, float] | None:
    """A list of numbers, or of lists of equal length, as one array."""
    if depth > _MAX_DEPTH or not 0 < len(value.items) <= _MAX_ELEMENTS:
        return None
    parts: list[tuple[Array, float]] = []
    for item in value.items:
        part = _find_numbers(item, depth=depth + 1)
        if part is None or part[0].shape != (parts or [part])[0][0].shape:
            return None
        parts.append(part)
    if parts[0][0].size * len(parts) > _MAX_ELEMENTS or parts[0][0].ndim > _MAX_DEPTH:
        return None
    return np.stack([array for array, _ in parts]), max(rtol for _, rtol in parts)


def _find_array(value: ArrayValue) -> Array | None:
    if value.dtype not in RTOL and not value.dtype.removeprefix("u").startswith("int"):
        return None
    try:
        dtype = np.dtype(ml_dtypes.bfloat16 if value.dtype == "bfloat16" else value.dtype)
        return np.frombuffer(value.data, dtype=dtype.newbyteorder("<")).reshape(value.shape)
    except (TypeError, ValueError):  # an unknown integer type, bytes that do not fill the shape
        return None
