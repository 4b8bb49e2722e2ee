"""Where two values part: the first broken step of the ladder type > shape > dtype > values, nested values included."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from grader.domain.text import Fact
from grader.domain.values import ArrayValue, MappingValue, OpaqueValue, ScalarValue, SequenceValue, Value
from grader.grading.arrays import Array, find_array
from grader.grading.compare import Mismatch, Number, Rung, Tolerance, compare

_TENSORS = frozenset({"Tensor", "Parameter"})
_NUMBERS = frozenset({"bool", "int", "float", "complex"})
_NUMBER_DTYPES = {"bool": np.bool_, "int": np.int64, "float": np.float64, "complex": np.complex128}
_MAX_DEPTH = 50
"""Deeper values count as unreadable; the wire stops earlier."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first difference between two values, in words that need no value to be shown."""

    code: str
    """What differs: 'type', 'numpy', 'opaque', 'shape', 'dtype', 'dtype_and_values', 'values', 'scalar', ..."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    rung: Rung | None = None
    """Set only where everything but this step is right."""
    is_malformed: bool = False
    """The value cannot be compared with the expected one at all."""


def find_difference(*, actual: Value, expected: Value, tolerance: Tolerance) -> Difference | None:
    """Compare two values; None when they are the same within the tolerance.

    A Parameter counts as a tensor, a NumPy scalar as a Python number, a torch.Size as a tuple. Strides, devices and
    requires_grad do not matter here.

    Args:
        actual: the student's value; any Value at all.
        expected: the reference's value.
        tolerance: for all numbers in it.
    """
    return _find(actual, expected, tolerance=tolerance, depth=0)


def type_word(value: Value) -> str:
    """What people call the type of a value: 'torch.Tensor', 'numpy.ndarray', 'list', 'int', ..."""
    if isinstance(value, MappingValue):
        return "dict"
    if isinstance(value, ArrayValue):
        named = {"Tensor": "torch.Tensor", "ndarray": "numpy.ndarray", "numpy scalar": f"numpy.{value.dtype}"}
        return named.get(value.type_name, value.type_name[:80])
    named = {"Size": "torch.Size", "NoneType": "None"}
    return named.get(value.type_name, value.type_name[:80])


def shape_word(shape: tuple[int, ...]) -> str:
    """A shape as Python prints it: '(4, 3, 2)', '()'."""
    return str(tuple(shape))


def number_fact(number: Number, *, digits: int = 7) -> Fact:
    """A number as a JSON value with the digits its dtype vouches for: what JSON lacks is spelled out."""
    if isinstance(number, bool | int):
        return number
    if isinstance(number, complex):
        return f"{number:.{digits}g}"
    return float(f"{number:.{digits}g}") if math.isfinite(number) else str(number)


def is_number(value: Value) -> bool:
    """Whether it is a Python number or a NumPy scalar."""
    if isinstance(value, ScalarValue):
        return value.type_name in _NUMBERS
    return isinstance(value, ArrayValue) and value.type_name == "numpy scalar"


def find_numbers(value: Value) -> Array | None:
    """The numbers of an array, a number, or a regular nesting of lists of numbers; None for anything else."""
    if isinstance(value, ArrayValue):
        return find_array(value)
    if isinstance(value, ScalarValue):
        if value.type_name not in _NUMBERS or type(value.value).__name__ != value.type_name:
            return None
        try:
            return np.array(value.value, dtype=_NUMBER_DTYPES[value.type_name])
        except OverflowError:  # an int beyond 64 bits
            return None
    if not isinstance(value, SequenceValue):
        return None
    return _stacked(value, depth=0)


def _stacked(value: SequenceValue, *, depth: int) -> Array | None:
    if depth > _MAX_DEPTH:
        return None
    parts = []
    for item in value.items:
        part = _stacked(item, depth=depth + 1) if isinstance(item, SequenceValue) else find_numbers(item)
        if part is None:
            return None
        parts.append(part)
    if not parts or any(part.shape != parts[0].shape or part.dtype != parts[0].dtype for part in parts):
        return None
    return np.stack(parts) if parts[0].ndim < 32 else None


def _find(actual: Value, expected: Value, *, tolerance: Tolerance, depth: int) -> Difference | None:
    if depth > _MAX_DEPTH:
        return Difference(code="opaque", facts={"type": type_word(actual), "reason": "too_deep"}, is_malformed=True)
    if isinstance(actual, OpaqueValue):
        return _opaque(actual, expected)
    if is_number(actual) and is_number(expected):
        return _find_in_numbers(actual, expected, tolerance=tolerance)
    if not _are_same_type(actual, expected):
        return _type_difference(actual, expected, tolerance=tolerance)
    if isinstance(actual, ArrayValue) and isinstance(expected, ArrayValue):
        return _find_in_arrays(actual, expected, tolerance=tolerance)
    if isinstance(actual, SequenceValue) and isinstance(expected, SequenceValue):
        return _find_in_sequences(actual, expected, tolerance=tolerance, depth=depth)
    if isinstance(actual, MappingValue) and isinstance(expected, MappingValue):
        return _find_in_mappings(actual, expected, tolerance=tolerance, depth=depth)
    if isinstance(actual, ScalarValue) and isinstance(expected, ScalarValue) and actual.value == expected.value:
        return None
    return Difference(code="scalar", facts={"type": type_word(actual)}, rung=Rung.VALUES)


def _opaque(actual: OpaqueValue, expected: Value) -> Difference:
    facts: dict[str, Fact] = {
        "type": type_word(actual),
        "expected_type": type_word(expected),
        "reason": actual.reason,
    }
    code = "opaque" if actual.reason == "type" else f"opaque_{actual.reason}"
    known = ("opaque", "opaque_too_large", "opaque_too_deep", "opaque_layout", "opaque_device")
    return Difference(code=code if code in known else "opaque_unreadable", facts=facts, is_malformed=True)


def _are_same_type(actual: Value, expected: Value) -> bool:
    if isinstance(actual, ArrayValue) and isinstance(expected, ArrayValue):
        return _is_tensor(actual) == _is_tensor(expected) and (
            _is_tensor(actual) or actual.type_name == expected.type_name
        )
    if isinstance(actual, SequenceValue) and isinstance(expected, SequenceValue):
        return (actual.type_name == "list") == (expected.type_name == "list")
    if isinstance(actual, ScalarValue) and isinstance(expected, ScalarValue):
        return actual.type_name == expected.type_name
    return isinstance(actual, MappingValue) and isinstance(expected, MappingValue)


def _is_tensor(value: ArrayValue) -> bool:
    return value.type_name in _TENSORS or value.type_name not in ("ndarray", "numpy scalar")


def _type_difference(actual: Value, expected: Value, *, tolerance: Tolerance) -> Difference:
    """Another type than asked; the rung says so where the numbers, their shape and their dtype are right."""
    facts: dict[str, Fact] = {"type": type_word(actual), "expected_type": type_word(expected)}
    ours, theirs = find_numbers(actual), find_numbers(expected)
    is_right = ours is not None and theirs is not None and _is_right(ours, theirs, tolerance=tolerance)
    wants_tensor = isinstance(expected, ArrayValue) and _is_tensor(expected)
    is_numpy = isinstance(actual, ArrayValue) and actual.type_name == "ndarray"
    code = "type"
    if wants_tensor:
        code = "numpy" if is_numpy else "not_tensor"
    return Difference(code=code, facts=facts, rung=Rung.TYPE if is_right else None, is_malformed=True)


def _is_right(ours: Array, theirs: Array, *, tolerance: Tolerance) -> bool:
    """Same shape and numbers, and a dtype of the same kind: a plain list has no dtype of its own to get wrong."""
    if ours.dtype.kind != theirs.dtype.kind and not {ours.dtype.kind, theirs.dtype.kind} <= {"f", "V"}:
        return False
    mismatch = compare(actual=ours, expected=theirs, tolerance=tolerance)
    return mismatch is None or (mismatch.rung is Rung.DTYPE and not mismatch.differing)


def _find_in_numbers(actual: Value, expected: Value, *, tolerance: Tolerance) -> Difference | None:
    """Python numbers: the type is their dtype; a NumPy scalar stands for the Python number of its kind."""
    ours, theirs = find_numbers(actual), find_numbers(expected)
    if ours is None or theirs is None:
        if isinstance(actual, ScalarValue) and isinstance(expected, ScalarValue) and actual == expected:
            return None
        return Difference(code="scalar", facts={"type": type_word(actual)}, rung=Rung.VALUES)
    if (
        ours.dtype != theirs.dtype
        and ours.dtype.kind == theirs.dtype.kind
        and _is_python(actual) != _is_python(expected)
    ):
        wide = np.promote_types(ours.dtype, theirs.dtype)
        ours, theirs = ours.astype(wide), theirs.astype(wide)
    mismatch = compare(actual=ours, expected=theirs, tolerance=tolerance)
    if mismatch is None:
        return None
    facts: dict[str, Fact] = {"dtype": type_word(actual), "expected_dtype": type_word(expected)}
    if mismatch.rung is Rung.DTYPE:
        code = "number_type_and_value" if mismatch.differing else "number_type"
        return Difference(code=code, facts=facts, rung=None if mismatch.differing else Rung.DTYPE)
    return Difference(code="number", facts=facts | _worst(mismatch), rung=Rung.VALUES)


def _is_python(value: Value) -> bool:
    return isinstance(value, ScalarValue)


def _find_in_arrays(actual: ArrayValue, expected: ArrayValue, *, tolerance: Tolerance) -> Difference | None:
    ours, theirs = find_array(actual), find_array(expected)
    if ours is None or theirs is None:
        facts: dict[str, Fact] = {"type": type_word(actual), "expected_type": type_word(expected)}
        return Difference(code="opaque_unreadable", facts=facts, is_malformed=True)
    mismatch = compare(actual=ours, expected=theirs, tolerance=tolerance)
    if mismatch is None:
        return None
    facts = {
        "shape": shape_word(mismatch.actual_shape),
        "expected_shape": shape_word(mismatch.expected_shape),
        "dtype": mismatch.actual_dtype,
        "expected_dtype": mismatch.expected_dtype,
        "total": mismatch.total,
    }
    if mismatch.rung is Rung.SHAPE:
        is_reshaped = ours.size == theirs.size and ours.dtype == theirs.dtype
        if is_reshaped:
            flat = compare(actual=ours.reshape(-1), expected=theirs.reshape(-1), tolerance=tolerance)
            is_reshaped = flat is None
        same_dtype = ours.dtype == theirs.dtype
        code = "shape" if same_dtype else "shape_and_dtype"
        return Difference(code=code, facts=facts, rung=Rung.SHAPE if is_reshaped else None)
    if mismatch.rung is Rung.DTYPE and not mismatch.differing:
        return Difference(code="dtype", facts=facts, rung=Rung.DTYPE)
    facts |= _worst(mismatch)
    if mismatch.rung is Rung.DTYPE:
        return Difference(code="dtype_and_values", facts=facts)
    code = "values" if mismatch.expected_shape else "value"
    return Difference(code=code, facts=facts, rung=Rung.VALUES)


def _worst(mismatch: Mismatch) -> dict[str, Fact]:
    """Facts of the worst element: its place may be shown at every level, its numbers only where values may."""
    facts: dict[str, Fact] = {"differing": mismatch.differing, "total": mismatch.total}
    if mismatch.index is not None:
        facts["index"] = str(list(mismatch.index))
    numbers = {
        "actual": mismatch.actual,
        "expected": mismatch.expected,
        "gap": mismatch.gap,
        "allowed": mismatch.allowed,
    }
    digits = 10 if mismatch.expected_dtype in ("float64", "complex128") else 7
    facts.update({name: number_fact(number, digits=digits) for name, number in numbers.items() if number is not None})
    return facts


def _find_in_sequences(
    actual: SequenceValue, expected: SequenceValue, *, tolerance: Tolerance, depth: int
) -> Difference | None:
    if len(actual.items) != len(expected.items):
        facts: dict[str, Fact] = {"length": len(actual.items), "expected_length": len(expected.items)}
        return Difference(code="length", facts=facts)
    for place, (ours, theirs) in enumerate(zip(actual.items, expected.items, strict=True)):
        difference = _find(ours, theirs, tolerance=tolerance, depth=depth + 1)
        if difference is not None:
            return _inside(difference, place=f"[{place}]")
    return None


def _find_in_mappings(
    actual: MappingValue, expected: MappingValue, *, tolerance: Tolerance, depth: int
) -> Difference | None:
    ours, theirs = dict(actual.items), dict(expected.items)
    missing = sum(key not in ours for key in theirs)
    extra = sum(key not in theirs for key in ours)
    if missing or extra:
        return Difference(code="keys", facts={"missing": missing, "extra": extra})
    for key, theirs_there in theirs.items():
        difference = _find(ours[key], theirs_there, tolerance=tolerance, depth=depth + 1)
        if difference is not None:
            return _inside(difference, place=f"[{key.value!r}]"[:80])
    return None


def _inside(difference: Difference, *, place: str) -> Difference:
    """The same difference, told as one at a place of a list or dict."""
    if difference.code == "item":
        facts = {**difference.facts, "place": f"{place}{difference.facts['place']}"[:200]}
        return Difference(code="item", facts=facts, rung=difference.rung, is_malformed=difference.is_malformed)
    facts = {**difference.facts, "place": place, "inner": difference.code}
    rung = difference.rung if difference.rung is Rung.VALUES else None
    return Difference(code="item", facts=facts, rung=rung)
