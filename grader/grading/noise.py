"""How far two runs of one reference lie apart, in units of what a check allows."""

import math
from collections.abc import Sequence

from grader.domain.values import MappingValue, SequenceValue, Value
from grader.grading.compare import Tolerance, overshoot
from grader.grading.difference import find_numbers

_MAX_DEPTH = 50


def find_overshoot(*, actual: Value, expected: Value, tolerance: Tolerance) -> float | None:
    """The largest gap of a number divided by what the tolerance allows there, through lists and dicts.

    0 where all numbers are equal, above 1 where a comparison would fail. dtypes and types of numbers do not matter;
    texts and other things without numbers are passed over.

    Args:
        actual: one run's value.
        expected: the other's; the tolerance scales with it.
        tolerance: the check's, before it is widened for noise.

    Returns:
        None where there is nothing to measure: no number at all, or lengths, keys or shapes that differ.
    """
    gaps = _gaps(actual, expected, tolerance, depth=0)
    return max(gaps) if gaps and not any(math.isnan(gap) for gap in gaps) else None


def _gaps(actual: Value, expected: Value, tolerance: Tolerance, *, depth: int) -> list[float]:
    """One number for each pair of arrays; NaN for two things that cannot be measured against each other."""
    if depth > _MAX_DEPTH:
        return [math.nan]
    if isinstance(actual, SequenceValue) and isinstance(expected, SequenceValue):
        return _of_pairs(actual.items, expected.items, tolerance, depth=depth)
    if isinstance(actual, MappingValue) and isinstance(expected, MappingValue):
        ours, theirs = dict(actual.items), dict(expected.items)
        if ours.keys() != theirs.keys():
            return [math.nan]
        return _of_pairs([ours[key] for key in theirs], list(theirs.values()), tolerance, depth=depth)
    our_numbers, their_numbers = find_numbers(actual), find_numbers(expected)
    if our_numbers is None or their_numbers is None:
        return [] if our_numbers is their_numbers else [math.nan]
    gap = overshoot(actual=our_numbers, expected=their_numbers, tolerance=tolerance)
    return [math.nan if gap is None else gap]


def _of_pairs(ours: Sequence[Value], theirs: Sequence[Value], tolerance: Tolerance, *, depth: int) -> list[float]:
    if len(ours) != len(theirs):
        return [math.nan]
    pairs = zip(ours, theirs, strict=True)
    return [gap for our, their in pairs for gap in _gaps(our, their, tolerance, depth=depth + 1)]
