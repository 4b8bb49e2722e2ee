"""Where two values part: the first broken step of the ladder type > shape > dtype > values, nested values included."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from grader.domain.text import Fact
from grader.domain.values import ArrayValue, MappingValue, OpaqueValue, ScalarValue, SequenceValue, Value
from grader.grading.arrays import Array, find_array
from grader.grading.compare import Mismatch, Number, Rung, Tolerance, as_number, compare, find_wrong

_NUMBERS = frozenset({"bool", "int", "float", "complex"})
_NUMBER_DTYPES = {"bool": np.bool_, "int": np.int64, "float": np.float64, "complex": np.complex128}
_MAX_DEPTH = 50
"""Deeper values count as unreadable; the wire stops earlier."""
_MAX_PLACE = 200
_REASONS = frozenset({"too_large", "too_deep", "layout", "quantized", "meta", "device"})
"""Why a value stayed in the kernel, where there is a sentence of its own for that."""
_STRIDED = "strided"
_DRAWN_ELEMENTS, _DRAWN_IN_A_ROW = 64, 12
"""What of two arrays is small enough to be shown element by element."""


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
    share: float | None = None
    """Right elements of all, where the rung is VALUES."""
    place: str = ""
    """Of the part that differs, as Python spells it: "['w'][2]"."""
    actual: Value | None = None
    expected: Value | None = None
    """The two parts that differ."""


def find_difference(
    *, actual: Value, expected: Value, tolerance: Tolerance, ignore: frozenset[Rung] = frozenset()
) -> Difference | None:
    """Compare two values; None when they are the same within the tolerance.

    A Parameter counts as a tensor, a NumPy scalar as a Python number, a torch.Size as a tuple. Strides, devices and
    requires_grad do not matter here.

    Args:
        actual: the student's value; any Value at all.
        expected: the reference's value.
        tolerance: for all numbers in it.
        ignore: steps of the ladder that do not matter. Without TYPE any form of the same numbers is right, without
            SHAPE any shape of as many elements in the same order, without DTYPE any dtype.
    """
    return _Comparison(tolerance=tolerance, ignore=ignore).find(actual, expected, depth=0)


def type_word(value: Value) -> str:
    """What people call the type of a value: 'torch.Tensor', 'numpy.ndarray', 'list', 'int', ..."""
    if isinstance(value, MappingValue):
        return "dict"
    if isinstance(value, ArrayValue):
        named = {"Tensor": "torch.Tensor", "ndarray": "numpy.ndarray", "numpy scalar": f"numpy.{value.dtype}"}
        return named.get(value.type_name, value.type_name[:80])
    named = {"Size": "torch.Size", "NoneType": "None"}
    return named.get(value.type_name, value.type_name[:80])


def plain_type_word(value: Value) -> str:
    """type_word of what a hidden call gave: a class of the student's own is an 'object', for its name can be made of
    the hidden input."""
    word = type_word(value)
    is_known = isinstance(value, ScalarValue | SequenceValue | MappingValue) or word.rpartition(".")[2] in _KNOWN_TYPES
    return word if is_known else "object"


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


def is_tensor(value: Value) -> bool:
    """Whether it is a tensor or of a subclass of it."""
    return isinstance(value, ArrayValue) and value.type_name not in ("ndarray", "numpy scalar")


_KNOWN_TYPES = frozenset({
    "Tensor", "Parameter", "ndarray", "Size", "dtype", "device", "Generator", "set", "frozenset", "bytes", "bytearray",
    "range", "slice", "generator", "map", "filter", "zip", "enumerate", "function", "builtin_function_or_method",
    "method", "type", "module", "ellipsis", "partial", "Linear", "Sequential", "DataFrame", "Series", "Fraction",
    "Decimal", "float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool",
})  # fmt: skip


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


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """What holds for every part of the two values."""

    tolerance: Tolerance
    ignore: frozenset[Rung]

    def find(self, actual: Value, expected: Value, *, depth: int) -> Difference | None:
        found = self._find(actual, expected, depth=depth)
        if found is None or found.expected is not None:
            return found
        return replace(found, actual=actual, expected=expected)

    def _find(self, actual: Value, expected: Value, *, depth: int) -> Difference | None:
        if depth > _MAX_DEPTH:
            return Difference(code="opaque_too_deep", facts={"type": type_word(actual)}, is_malformed=True)
        if isinstance(actual, OpaqueValue):
            return _opaque(actual, expected)
        if is_number(actual) and is_number(expected):
            return self._in_numbers(actual, expected)
        if isinstance(actual, SequenceValue) and isinstance(expected, SequenceValue):
            if Rung.TYPE in self.ignore or _are_same_type(actual, expected):
                return self._in_sequences(actual, expected, depth=depth)
        elif not _are_same_type(actual, expected):
            return self._in_other_type(actual, expected)
        if isinstance(actual, ArrayValue) and isinstance(expected, ArrayValue):
            return self._in_arrays(actual, expected)
        if isinstance(actual, MappingValue) and isinstance(expected, MappingValue):
            return self._in_mappings(actual, expected, depth=depth)
        if isinstance(actual, ScalarValue) and isinstance(expected, ScalarValue):
            if actual.value == expected.value:
                return None
            return Difference(code="scalar", facts={"type": type_word(actual)}, rung=Rung.VALUES, share=0.0)
        return self._in_other_type(actual, expected)

    def _in_other_type(self, actual: Value, expected: Value) -> Difference | None:
        """Another type than asked; the rung says so where the numbers, their shape and their dtype are right."""
        ours, theirs = find_numbers(actual), find_numbers(expected)
        if Rung.TYPE in self.ignore and ours is not None and theirs is not None:
            ours, theirs = _without_own_dtype(ours, theirs, actual=actual, expected=expected)
            return self._in_elements(ours, theirs)
        is_right = ours is not None and theirs is not None and self._is_right(ours, theirs)
        facts: dict[str, Fact] = {"type": type_word(actual), "expected_type": type_word(expected)}
        rung = Rung.TYPE if is_right else None
        return Difference(code=_type_code(actual, expected), facts=facts, rung=rung, is_malformed=True)

    def _is_right(self, ours: Array, theirs: Array) -> bool:
        """Same shape and numbers, and a dtype of the same kind: a plain list has no dtype of its own to get wrong."""
        if not _are_same_kind(ours, theirs):
            return False
        mismatch = compare(actual=ours, expected=theirs, tolerance=self.tolerance)
        return mismatch is None or (mismatch.rung is Rung.DTYPE and not mismatch.differing)

    def _in_numbers(self, actual: Value, expected: Value) -> Difference | None:
        """Python numbers: the type is their dtype; a NumPy scalar stands for the Python number of its kind."""
        ours, theirs = find_numbers(actual), find_numbers(expected)
        if ours is None or theirs is None:
            if isinstance(actual, ScalarValue) and isinstance(expected, ScalarValue) and actual == expected:
                return None
            return Difference(code="scalar", facts={"type": type_word(actual)}, rung=Rung.VALUES, share=0.0)
        if _is_python(actual) != _is_python(expected) and ours.dtype.kind == theirs.dtype.kind:
            wide = np.promote_types(ours.dtype, theirs.dtype)
            ours, theirs = ours.astype(wide), theirs.astype(wide)
        mismatch = compare(actual=ours, expected=theirs, tolerance=self.tolerance)
        if mismatch is None:
            return None
        facts: dict[str, Fact] = {"dtype": type_word(actual), "expected_dtype": type_word(expected)}
        if mismatch.rung is Rung.DTYPE and not self.ignore & {Rung.DTYPE, Rung.TYPE}:
            code = "number_type_and_value" if mismatch.differing else "number_type"
            return Difference(code=code, facts=facts, rung=None if mismatch.differing else Rung.DTYPE)
        if not mismatch.differing:
            return None
        return Difference(code="number", facts=facts | _worst(mismatch), rung=Rung.VALUES, share=0.0)

    def _in_arrays(self, actual: ArrayValue, expected: ArrayValue) -> Difference | None:
        ours, theirs = find_array(actual), find_array(expected)
        if ours is None or theirs is None:
            facts: dict[str, Fact] = {"type": type_word(actual), "expected_type": type_word(expected)}
            return Difference(code="opaque_unreadable", facts=facts, is_malformed=True)
        if actual.layout != expected.layout and Rung.TYPE not in self.ignore:
            return self._layout_difference(actual, expected, is_right=self._in_elements(ours, theirs) is None)
        return self._in_elements(ours, theirs)

    def _layout_difference(self, actual: ArrayValue, expected: ArrayValue, *, is_right: bool) -> Difference:
        code = "layout"
        if _STRIDED in (actual.layout, expected.layout):
            code = "sparse" if expected.layout == _STRIDED else "dense"
        facts: dict[str, Fact] = {"layout": actual.layout[:40], "expected_layout": expected.layout[:40]}
        return Difference(code=code, facts=facts, rung=Rung.TYPE if is_right else None, is_malformed=True)

    def _in_elements(self, ours: Array, theirs: Array) -> Difference | None:
        if Rung.SHAPE in self.ignore and ours.size == theirs.size:
            ours = ours.reshape(theirs.shape)
        mismatch = compare(actual=ours, expected=theirs, tolerance=self.tolerance)
        if mismatch is None:
            return None
        facts: dict[str, Fact] = {
            "shape": shape_word(mismatch.actual_shape),
            "expected_shape": shape_word(mismatch.expected_shape),
            "dtype": mismatch.actual_dtype,
            "expected_dtype": mismatch.expected_dtype,
            "total": mismatch.total,
        }
        is_other_dtype = ours.dtype != theirs.dtype and Rung.DTYPE not in self.ignore
        if mismatch.rung is Rung.SHAPE:
            is_reshaped = ours.size == theirs.size and not is_other_dtype and self._are_equal_flat(ours, theirs)
            code = "shape_and_dtype" if is_other_dtype else "shape"
            return Difference(code=code, facts=facts, rung=Rung.SHAPE if is_reshaped else None)
        is_one = not mismatch.expected_shape
        if not mismatch.differing:
            code = "number_type" if is_one else "dtype"
            return Difference(code=code, facts=facts, rung=Rung.DTYPE) if is_other_dtype else None
        facts |= _worst(mismatch) | _drawn(ours, theirs, tolerance=self.tolerance)
        if is_other_dtype:
            return Difference(code="number_type_and_value" if is_one else "dtype_and_values", facts=facts)
        code = "value" if is_one else "values"
        share = (mismatch.total - mismatch.differing) / mismatch.total
        return Difference(code=code, facts=facts, rung=Rung.VALUES, share=share)

    def _are_equal_flat(self, ours: Array, theirs: Array) -> bool:
        flat = compare(actual=ours.reshape(-1), expected=theirs.reshape(-1), tolerance=self.tolerance)
        return flat is None or not flat.differing

    def _in_sequences(self, actual: SequenceValue, expected: SequenceValue, *, depth: int) -> Difference | None:
        if len(actual.items) != len(expected.items):
            facts: dict[str, Fact] = {"length": len(actual.items), "expected_length": len(expected.items)}
            return Difference(code="length", facts=facts)
        pairs = zip(actual.items, expected.items, strict=True)
        parts = [(f"[{place}]", ours, theirs) for place, (ours, theirs) in enumerate(pairs)]
        found = self._in_parts(parts, depth=depth)
        if found is not None and find_numbers(actual) is not None and find_numbers(expected) is not None:
            return replace(found, actual=actual, expected=expected)  # a list of numbers shows its mistake as a whole
        return found

    def _in_mappings(self, actual: MappingValue, expected: MappingValue, *, depth: int) -> Difference | None:
        ours, theirs = dict(actual.items), dict(expected.items)
        missing = sum(key not in ours for key in theirs)
        extra = sum(key not in theirs for key in ours)
        if missing or extra:
            return Difference(code="keys", facts={"missing": missing, "extra": extra})
        parts = [(f"[{key.value!r}]"[:80], ours[key], value) for key, value in theirs.items()]
        return self._in_parts(parts, depth=depth)

    def _in_parts(self, parts: Sequence[tuple[str, Value, Value]], *, depth: int) -> Difference | None:
        """The first part that differs; its rung and share are those of all parts together."""
        found: list[Difference] = []
        right = total = 0.0
        for place, ours, theirs in parts:
            difference = self.find(ours, theirs, depth=depth + 1)
            count = _count(theirs)
            total += count
            if difference is None:
                right += count
                continue
            right += count * (difference.share or 0.0)
            found.append(replace(difference, place=f"{place}{difference.place}"[:_MAX_PLACE]))
        if not found:
            return None
        rungs = {difference.rung for difference in found}
        rung = found[0].rung if len(rungs) == 1 else None
        share = right / total if rung is Rung.VALUES and total else None
        return replace(found[0], rung=rung, share=share)


def _opaque(actual: OpaqueValue, expected: Value) -> Difference:
    facts: dict[str, Fact] = {
        "type": type_word(actual),
        "expected_type": type_word(expected),
        "reason": actual.reason,
    }
    reason = actual.reason if actual.reason in _REASONS else "unreadable"
    return Difference(code="opaque" if actual.reason == "type" else f"opaque_{reason}", facts=facts, is_malformed=True)


def _are_same_type(actual: Value, expected: Value) -> bool:
    if isinstance(actual, ArrayValue) and isinstance(expected, ArrayValue):
        return is_tensor(actual) == is_tensor(expected) and (
            is_tensor(actual) or actual.type_name == expected.type_name
        )
    if isinstance(actual, SequenceValue) and isinstance(expected, SequenceValue):
        return (actual.type_name == "list") == (expected.type_name == "list")
    if isinstance(actual, ScalarValue) and isinstance(expected, ScalarValue):
        return actual.type_name == expected.type_name
    return isinstance(actual, MappingValue) and isinstance(expected, MappingValue)


def _are_same_kind(ours: Array, theirs: Array) -> bool:
    return ours.dtype.kind == theirs.dtype.kind or {ours.dtype.kind, theirs.dtype.kind} <= {"f", "V"}


def _without_own_dtype(ours: Array, theirs: Array, *, actual: Value, expected: Value) -> tuple[Array, Array]:
    """Both arrays, in one dtype where one of them comes from Python numbers, which have none to get wrong."""
    if _are_same_kind(ours, theirs):
        if not isinstance(actual, ArrayValue):
            return ours.astype(theirs.dtype), theirs
        if not isinstance(expected, ArrayValue):
            return ours, theirs.astype(ours.dtype)
    return ours, theirs


def _type_code(actual: Value, expected: Value) -> str:
    """What to say of a type: some pairs have a cure of their own."""
    if isinstance(actual, ScalarValue) and actual.value is None:
        return "none"
    if is_tensor(expected):
        return "numpy" if isinstance(actual, ArrayValue) and actual.type_name == "ndarray" else "not_tensor"
    if is_tensor(actual) and is_number(expected):
        return "tensor_for_number"
    return "type"


def _is_python(value: Value) -> bool:
    return isinstance(value, ScalarValue)


def _count(value: Value) -> int:
    """How many elements a value has, those inside of it counted."""
    if isinstance(value, ArrayValue):
        return math.prod(value.shape)
    if isinstance(value, SequenceValue):
        return sum(_count(item) for item in value.items)
    if isinstance(value, MappingValue):
        return sum(_count(item) for _, item in value.items)
    return 1


def _drawn(ours: Array, theirs: Array, *, tolerance: Tolerance) -> dict[str, Fact]:
    """Every element of two small arrays of one shape, for feedback.grid; nothing of larger ones."""
    if not theirs.shape or theirs.size > _DRAWN_ELEMENTS or theirs.shape[-1] > _DRAWN_IN_A_ROW:
        return {}
    wrong = np.flatnonzero(find_wrong(actual=ours, expected=theirs, tolerance=tolerance))
    grid: dict[str, Fact] = {
        "shape": [*theirs.shape],
        "actual": [_element_fact(element) for element in ours.reshape(-1)],
        "expected": [_element_fact(element) for element in theirs.reshape(-1)],
        "wrong": [int(place) for place in wrong],
    }
    return {"grid": grid}


def _element_fact(element: np.generic) -> Fact:
    return number_fact(as_number(element), digits=10 if element.dtype.name in ("float64", "complex128") else 7)


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
