"""Two arrays, one tolerance: None, or the Mismatch that says where they differ and by how much."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from grader.grading.arrays import Array

Number: TypeAlias = bool | int | float | complex

CHUNK_ELEMENTS = 1 << 15
"""Small enough for its temporaries to stay in the processor's cache, large enough for NumPy's overhead not to show."""

_DEFAULTS: dict[str, tuple[float, float]] = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
"""(rtol, atol) by dtype; any other dtype is compared exactly. Source: the table of torch.testing.assert_close."""


@lru_cache(maxsize=64)
def _name(dtype: np.dtype[Any]) -> str:
    """NumPy puts it together anew each time, which takes longer than comparing a few numbers."""
    return dtype.name


class Rung(StrEnum):
    """The steps of the ladder, in the order in which a difference is told."""

    TYPE = "type"
    SHAPE = "shape"
    DTYPE = "dtype"
    VALUES = "values"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far an element may lie from the expected one: atol + rtol * abs(expected). Both or neither."""

    rtol: float | None = None
    atol: float | None = None
    times: float = 1.0
    """How much wider than that: a reference that is noisy itself asks no more of others than of itself."""
    equal_nan: bool = False
    """NaN is right beside NaN."""

    def __post_init__(self) -> None:
        if (self.rtol is None) != (self.atol is None):
            raise ValueError("rtol and atol: give both or neither")
        for bound in (self.rtol, self.atol):
            if bound is not None and not (math.isfinite(bound) and bound >= 0):
                raise ValueError("rtol and atol are finite and not negative")
        if not (math.isfinite(self.times) and self.times >= 1):
            raise ValueError("times is finite and at least 1")

    def bounds(self, *dtypes: np.dtype[Any]) -> tuple[float, float]:
        """(rtol, atol): the ones given, or else the loosest defaults of these dtypes."""
        if self.rtol is not None and self.atol is not None:
            return self.rtol * self.times, self.atol * self.times
        defaults = [_DEFAULTS.get(_name(dtype), (0.0, 0.0)) for dtype in dtypes]
        return max(rtol for rtol, _ in defaults) * self.times, max(atol for _, atol in defaults) * self.times


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """How two arrays differ. `rung` is the first step of the ladder that broke; shapes and dtypes are always told."""

    rung: Rung
    actual_shape: tuple[int, ...]
    expected_shape: tuple[int, ...]
    actual_dtype: str
    expected_dtype: str
    differing: int = 0
    """Elements outside their tolerance, of `total`; 0 where the shapes differ or only the dtype does."""
    total: int = 0
    index: tuple[int, ...] | None = None
    """Of the element that oversteps its tolerance most; NaN counts as furthest."""
    actual: Number | None = None
    expected: Number | None = None
    gap: float | int | None = None
    allowed: float | None = None


def compare(*, actual: Array, expected: Array, tolerance: Tolerance) -> Mismatch | None:
    """Find where two arrays differ; None when shape, dtype and every element are right.

    An element is right when it equals the expected one or lies within atol + rtol * abs(expected) of it. An infinity
    is right only beside the same one, NaN only beside NaN and only where the tolerance says so. Integers and booleans
    are exact unless a tolerance is given. Nothing is broadcast, strides do not matter. Arrays of two dtypes are
    compared in the one torch would promote them to; if all their numbers are right, the mismatch is one of dtype.
    Takes some hundred kB beside the arrays.

    Args:
        actual: the student's values, shape (*s).
        expected: the reference's values.
        tolerance: both bounds, or none for the loosest default of the two dtypes.

    Source: torch.testing.assert_close, the oracle in tests/unit/grading/test_compare.py. Sums and products are
    rounded to the dtype as torch rounds them, so that the two agree at the very edge of a tolerance as well.
    """

    def mismatch(rung: Rung, **found: Any) -> Mismatch:  # noqa: ANN401 - the fields of a Mismatch
        return Mismatch(
            rung=rung,
            actual_shape=tuple(actual.shape),
            expected_shape=tuple(expected.shape),
            actual_dtype=actual.dtype.name,
            expected_dtype=expected.dtype.name,
            total=expected.size,
            **found,
        )

    if actual.shape != expected.shape:
        return mismatch(Rung.SHAPE)
    if expected.size <= CHUNK_ELEMENTS and actual.dtype == expected.dtype and (actual == expected).all():
        return None  # as most answers are: what follows takes ten times as long for a few numbers
    rtol, atol = tolerance.bounds(actual.dtype, expected.dtype)
    differing, worst = 0, _Worst()
    with np.errstate(all="ignore"):  # overflow and NaN are what is looked for
        for start, ours, theirs in _chunks(actual, expected):
            close, excess = _find_close(ours, theirs, rtol=rtol, atol=atol, equal_nan=tolerance.equal_nan)
            count = close.size - int(np.count_nonzero(close))
            if count:
                differing += count
                if excess is None:
                    excess = _excess(ours, theirs, rtol=rtol, atol=atol)
                worst = _worse(worst, start=start, close=close, excess=excess)
    if not differing:
        return None if actual.dtype == expected.dtype else mismatch(Rung.DTYPE)
    index = tuple(int(part) for part in np.unravel_index(worst.position, expected.shape))
    ours_there, theirs_there = as_number(actual[index]), as_number(expected[index])
    return mismatch(
        Rung.VALUES if actual.dtype == expected.dtype else Rung.DTYPE,
        differing=differing,
        index=index,
        actual=ours_there,
        expected=theirs_there,
        gap=_gap(ours_there, theirs_there),
        allowed=atol + rtol * _size(theirs_there),
    )


def find_wrong(*, actual: Array, expected: Array, tolerance: Tolerance) -> NDArray[np.bool_]:
    """Which elements of two small arrays of one shape `compare` finds different, in C order."""
    ours, theirs = actual.reshape(-1), expected.reshape(-1)
    rtol, atol = tolerance.bounds(actual.dtype, expected.dtype)
    with np.errstate(all="ignore"):
        return ~_find_close(ours, theirs, rtol=rtol, atol=atol, equal_nan=tolerance.equal_nan)[0]


def overshoot(*, actual: Array, expected: Array, tolerance: Tolerance) -> float | None:
    """How many times its tolerance the furthest element lies from the expected one; None for two shapes.

    0 where all are equal, up to 1 where all lie inside; infinite where one of two is NaN or infinite, or where no gap
    is allowed and there is one. The dtypes do not matter: both are taken in double precision, the tolerance is that
    of the expected one.

    Args:
        actual: shape (*s), for example another run of the reference.
        expected: what it is held against.
        tolerance: both bounds, or none for the default of the expected dtype.
    """
    if actual.shape != expected.shape:
        return None
    rtol, atol = tolerance.bounds(expected.dtype)
    furthest = 0.0
    with np.errstate(all="ignore"):
        for _, ours, theirs in _chunks(actual, expected):
            gaps = _gaps(ours, theirs)
            if not {ours.dtype.kind, theirs.dtype.kind} <= set("iu"):
                wide_ours, wide_theirs = _wide(ours), _wide(theirs)
                gaps[(wide_ours == wide_theirs) | (np.isnan(wide_ours) & np.isnan(wide_theirs))] = 0.0
            ratios = np.where(gaps == 0, 0.0, gaps / (atol + rtol * _sizes(theirs)))
            furthest = max(furthest, float(np.where(np.isnan(ratios), np.inf, ratios).max(initial=0.0)))
    return furthest


@dataclass(frozen=True, kw_only=True)
class _Worst:
    """The worst element so far, by its place in C order."""

    position: int = -1
    excess: float = -math.inf


def _chunks(actual: Array, expected: Array) -> Iterator[tuple[int, Array, Array]]:
    """Pieces of both arrays in C order, one-dimensional. Only a strided array's piece is a copy."""
    ours, theirs = _flat(actual), _flat(expected)
    for start in range(0, expected.size, CHUNK_ELEMENTS):
        stop = start + CHUNK_ELEMENTS
        yield start, ours[start:stop], theirs[start:stop]


def _flat(array: Array) -> "Array | np.flatiter[Array]":
    return array.reshape(-1) if array.flags.c_contiguous else array.flat


def _find_close(
    actual: Array, expected: Array, *, rtol: float, atol: float, equal_nan: bool
) -> tuple[NDArray[np.bool_], NDArray[Any] | None]:
    """As `_closeness`, NaN beside NaN included where that is right."""
    close, excess = _closeness(actual, expected, rtol=rtol, atol=atol)
    if equal_nan and not close.all():
        close = close | (_is_nan(actual) & _is_nan(expected))
    return close, excess


def _closeness(
    actual: Array, expected: Array, *, rtol: float, atol: float
) -> tuple[NDArray[np.bool_], NDArray[Any] | None]:
    """Which elements are right, and how far each oversteps its tolerance where that fell out on the way."""
    if {actual.dtype.kind, expected.dtype.kind} <= set("biu"):
        # compared as they are, never through a float: exact beyond 2**53
        equal = np.asarray(actual == expected, dtype=np.bool_)
        common = np.dtype(np.float32)  # under a tolerance torch takes its default dtype
        ours, theirs = actual, expected
    else:
        common = _promote(actual.dtype, expected.dtype)
        ours, theirs = actual.astype(common, copy=False), expected.astype(common, copy=False)
        equal = np.asarray(ours == theirs, dtype=np.bool_)
    if (rtol == 0 and atol == 0) or equal.all():
        return equal, None
    ours, theirs = ours.astype(common, copy=False), theirs.astype(common, copy=False)
    # float16 and bfloat16: each single operation in float32, then rounded, as torch does it
    wide = np.dtype(np.float32) if common.itemsize < 4 else common
    allowed = np.abs((theirs.astype(wide, copy=False) * wide.type(rtol)).astype(common, copy=False))
    real = allowed.dtype
    wide_real = np.dtype(np.float32) if real.itemsize < 4 else real
    allowed = (allowed.astype(wide_real, copy=False) + wide_real.type(atol)).astype(real, copy=False)
    error = np.abs((ours.astype(wide, copy=False) - theirs.astype(wide, copy=False)).astype(common, copy=False))
    close = np.asarray(equal | (np.isfinite(error) & (error <= allowed)), dtype=np.bool_)
    is_exact_enough = real.itemsize >= 4 and actual.dtype.kind == expected.dtype.kind == "f"
    return close, error - allowed if is_exact_enough else None


def _promote(actual: np.dtype[Any], expected: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which two arrays are compared, one of them not of integers.

    It is that of torch.promote_types; float32 where torch has no answer.
    """
    if actual == expected:
        return actual
    kinds = {_kind(actual), _kind(expected)}
    if "c" in kinds:
        is_double = any(dtype.name in ("float64", "complex128") for dtype in (actual, expected))
        return np.dtype(np.complex128 if is_double else np.complex64)
    floats = [dtype for dtype in (actual, expected) if _kind(dtype) == "f"]
    if len(floats) == 1:
        return floats[0]
    small, large = sorted(floats, key=lambda dtype: dtype.itemsize)
    return large if small.itemsize < large.itemsize and large.itemsize >= 4 else np.dtype(np.float32)


def _kind(dtype: np.dtype[Any]) -> str:
    return dtype.kind if dtype.kind in "biuc" else "f"  # ml_dtypes calls its floats 'V'


def _excess(actual: Array, expected: Array, *, rtol: float, atol: float) -> NDArray[np.float64]:
    return np.asarray(_gaps(actual, expected) - (atol + rtol * _sizes(expected)))


def _worse(worst: _Worst, *, start: int, close: NDArray[np.bool_], excess: NDArray[Any]) -> _Worst:
    excess[np.isnan(excess)] = np.inf
    excess[close] = -np.inf
    best = int(np.argmax(excess))
    if excess[best] <= worst.excess:
        return worst
    return _Worst(position=start + best, excess=float(excess[best]))


def _gaps(actual: Array, expected: Array) -> NDArray[np.float64]:
    if {actual.dtype.kind, expected.dtype.kind} <= set("iu"):  # exact beyond 2**53: modulo 2**64, the larger first
        ours, theirs = actual.astype(np.uint64), expected.astype(np.uint64)
        return np.where(actual > expected, ours - theirs, theirs - ours).astype(np.float64)
    return _sizes(_wide(actual) - _wide(expected))


def _sizes(array: Array) -> NDArray[np.float64]:
    return np.abs(_wide(array)).astype(np.float64, copy=False)


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _is_nan(array: Array) -> NDArray[np.bool_]:
    return np.asarray(array != array, dtype=np.bool_)


def as_number(element: np.generic) -> Number:
    """An array's element as Python's number of its kind."""
    kinds: dict[str, type[Number]] = {"b": bool, "i": int, "u": int, "c": complex}
    return kinds.get(element.dtype.kind, float)(element)


def _gap(actual: Number, expected: Number) -> float | int:
    if isinstance(actual, complex) or isinstance(expected, complex):
        return _size(complex(actual) - complex(expected))
    return abs(actual - expected)


def _size(number: Number) -> float:
    return math.hypot(number.real, number.imag) if isinstance(number, complex) else float(abs(number))
