"""What a student's function or module returned beside what the reference's did."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from grader.domain.text import Fact
from grader.domain.values import ArrayValue, MappingValue, OpaqueValue, ScalarValue, SequenceValue, Value
from grader.grading.arrays import Array
from grader.grading.compare import Rung, Tolerance, compare
from grader.grading.difference import find_numbers, is_number, plain_type_word, shape_word, type_word

_MAX_DEPTH = 50
NOTHING = ScalarValue(type_name="NoneType", value=None)
"""What a function without `return` gives."""


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """The first thing about a returned value that is not as it should be."""

    code: str
    """'returns_none', 'opaque', 'type', 'not_tensor', 'length', 'keys', 'shape', 'dtype' or 'wrong'."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    place: str = ""
    """Within a tuple, list or dict: '[1]'."""
    has_right_numbers: bool = False
    """Only the type or dtype is another one."""
    actual: Value
    expected: Value

    @property
    def is_malformed(self) -> bool:
        return self.code == "opaque"


def find_misfit(*, actual: Value, expected: Value, tolerance: Tolerance) -> Misfit | None:
    """Compare what came back; None where it will do.

    Numbers come before types: of several misfits one with wrong numbers is told. Lists and tuples are the same here,
    a float of more digits is no mistake, nor an integer of another width.

    Args:
        actual: the student's.
        expected: the reference's; opaque parts of it are not compared.
        tolerance: for all numbers in it.
    """
    found = list(_misfits(actual, expected, tolerance=tolerance, depth=0))
    wrong = [misfit for misfit in found if not misfit.has_right_numbers]
    return next(iter(wrong or found), None)


def have_same_numbers(*, actual: Value | None, expected: Value | None, tolerance: Tolerance) -> bool:
    """Whether two values have the same shape and numbers, whatever holds them."""
    if actual is None or expected is None:
        return False
    misfit = find_misfit(actual=actual, expected=expected, tolerance=tolerance)
    return misfit is None or misfit.has_right_numbers


def is_comparable(value: Value | None) -> bool:
    """Whether there is anything in it to compare with."""
    if isinstance(value, SequenceValue):
        return all(is_comparable(item) for item in value.items)
    if isinstance(value, MappingValue):
        return all(is_comparable(item) for _, item in value.items)
    return value is not None and not isinstance(value, OpaqueValue)


def _misfits(actual: Value, expected: Value, *, tolerance: Tolerance, depth: int) -> Iterator[Misfit]:
    def misfit(code: str, *, is_right: bool = False, **facts: Fact) -> Misfit:
        return Misfit(code=code, facts=facts, has_right_numbers=is_right, actual=actual, expected=expected)

    if depth > _MAX_DEPTH or isinstance(expected, OpaqueValue):
        return
    if _is_none(actual) and not _is_none(expected):
        yield misfit("returns_none")
    elif isinstance(actual, OpaqueValue):
        yield misfit("opaque", type=plain_type_word(actual))
    elif isinstance(expected, MappingValue):
        if isinstance(actual, MappingValue):
            yield from _in_mappings(actual, expected, tolerance=tolerance, depth=depth)
        else:
            yield misfit("type", type=plain_type_word(actual), expected_type="dict")
    elif isinstance(expected, SequenceValue) and isinstance(actual, SequenceValue):
        if len(actual.items) != len(expected.items):
            yield misfit("length", length=len(actual.items), expected_length=len(expected.items))
        else:
            for place, (ours, theirs) in enumerate(zip(actual.items, expected.items, strict=True)):
                inner = _misfits(ours, theirs, tolerance=tolerance, depth=depth + 1)
                yield from (replace(one, place=f"[{place}]{one.place}"[:200]) for one in inner)
    elif isinstance(expected, SequenceValue):
        is_right = _are_close(find_numbers(actual), find_numbers(expected), tolerance=tolerance)
        yield misfit("type", is_right=is_right, type=plain_type_word(actual), expected_type=type_word(expected))
    elif find_numbers(expected) is not None:
        yield from _in_numbers(actual, expected, tolerance=tolerance)
    elif type_word(actual) != type_word(expected):
        yield misfit("type", type=plain_type_word(actual), expected_type=type_word(expected))
    elif actual != expected:
        yield misfit("wrong")


def _in_mappings(actual: MappingValue, expected: MappingValue, *, tolerance: Tolerance, depth: int) -> Iterator[Misfit]:
    ours, theirs = dict(actual.items), dict(expected.items)
    missing, extra = sum(key not in ours for key in theirs), sum(key not in theirs for key in ours)
    if missing or extra:
        facts: dict[str, Fact] = {"missing": missing, "extra": extra}
        yield Misfit(code="keys", facts=facts, actual=actual, expected=expected)
        return
    for key, theirs_there in theirs.items():
        for one in _misfits(ours[key], theirs_there, tolerance=tolerance, depth=depth + 1):
            yield replace(one, place=f"[{key.value!r:.80}]{one.place}"[:200])


def _in_numbers(actual: Value, expected: Value, *, tolerance: Tolerance) -> Iterator[Misfit]:
    def misfit(code: str, *, has_right_numbers: bool = False, **facts: Fact) -> Misfit:
        return Misfit(code=code, facts=facts, has_right_numbers=has_right_numbers, actual=actual, expected=expected)

    ours, theirs = find_numbers(actual), find_numbers(expected)
    if ours is None or theirs is None:
        if isinstance(actual, SequenceValue | MappingValue):
            yield misfit("type", type=plain_type_word(actual), expected_type=type_word(expected))
        else:
            yield misfit("opaque", type=plain_type_word(actual))
        return
    mismatch = compare(actual=ours, expected=theirs, tolerance=tolerance)
    if mismatch is not None and mismatch.rung is Rung.SHAPE:
        yield misfit(
            "shape", shape=shape_word(mismatch.actual_shape), expected_shape=shape_word(mismatch.expected_shape)
        )
    elif mismatch is not None and mismatch.differing:
        yield misfit("wrong")
    elif _sort(expected) == "tensor" != _sort(actual):
        yield misfit("not_tensor", has_right_numbers=True, type=plain_type_word(actual))
    elif not _are_same_sort(actual, expected):
        facts: dict[str, Fact] = {"type": plain_type_word(actual), "expected_type": type_word(expected)}
        yield misfit("type", has_right_numbers=True, **facts)
    elif not _is_wide_enough(ours.dtype, theirs.dtype, is_python=is_number(actual) and is_number(expected)):
        yield misfit("dtype", has_right_numbers=True, dtype=_dtype_word(actual), expected_dtype=_dtype_word(expected))


def _are_close(ours: Array | None, theirs: Array | None, *, tolerance: Tolerance) -> bool:
    if ours is None or theirs is None:
        return False
    mismatch = compare(actual=ours, expected=theirs, tolerance=tolerance)
    return mismatch is None or (mismatch.rung is Rung.DTYPE and not mismatch.differing)


def _is_none(value: Value) -> bool:
    return isinstance(value, ScalarValue) and value.value is None


def _sort(value: Value) -> str:
    """What holds the numbers: 'tensor', 'ndarray', 'number' or 'list'."""
    if is_number(value):
        return "number"
    if isinstance(value, ArrayValue):
        return "ndarray" if value.type_name == "ndarray" else "tensor"
    return "list"


def _are_same_sort(actual: Value, expected: Value) -> bool:
    """NumPy gives a scalar where an array of no axes is meant, and the other way round."""
    sorts = {_sort(actual), _sort(expected)}
    return len(sorts) == 1 or sorts == {"number", "ndarray"}  # their shapes are the same by now: ()


def _is_wide_enough(actual: np.dtype[Any], expected: np.dtype[Any], *, is_python: bool) -> bool:
    ours, theirs = _family(actual), _family(expected)
    if is_python:
        return (ours == "bool") == (theirs == "bool") and (ours == "complex") <= (theirs == "complex")
    if ours != theirs:
        return False
    return ours in ("bool", "integer") or actual.itemsize >= expected.itemsize


def _family(dtype: np.dtype[Any]) -> str:
    known = {"b": "bool", "i": "integer", "u": "integer", "c": "complex"}
    return known.get(dtype.kind, "float")  # ml_dtypes calls its floats 'V'


def _dtype_word(value: Value) -> str:
    return value.dtype if isinstance(value, ArrayValue) else type_word(value)
