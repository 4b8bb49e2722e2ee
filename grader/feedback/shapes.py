"""Which mistake gives the right numbers, or all but a few of them, in another shape or in other places."""

import itertools
from collections.abc import Iterator

import numpy as np

from grader.domain.text import Note
from grader.feedback.clues import Clues
from grader.feedback.pairs import Array, Pair

_MAX_AXES_TO_PERMUTE = 4
_ONE_SHORT = ("diagnose.one_short", "diagnose.one_short_at_end", "diagnose.one_short_at_start")
_ONE_LONG = ("diagnose.one_long", "diagnose.one_long_at_end", "diagnose.one_long_at_start")


def explain_shape(pair: Pair, clues: Clues) -> Note | None:
    """Of two values of different shape."""
    actual, expected = pair.actual, pair.expected
    if (note := _explain_axes(pair)) is not None:
        return note
    if actual.size == expected.size > 1 and pair.are_same(actual.ravel(), expected.ravel()):
        is_ones_only = _without_ones(actual.shape) == _without_ones(expected.shape)
        return Note(code="diagnose.axis_of_one" if is_ones_only else "diagnose.reshaped")
    if (note := _explain_length(pair)) is not None:
        return note
    return _explain_broadcast(pair) or _explain_reduction(pair, clues)


def explain_order(pair: Pair) -> Note | None:
    """Of two values of the same shape: the right numbers, but in other places."""
    if (note := _explain_axes(pair)) is not None:
        return note
    actual, expected = pair.actual, pair.expected
    for axis, length in enumerate(expected.shape):
        if length > 1 and pair.are_same(actual, np.flip(expected, axis)):
            return Note(code="diagnose.reversed", facts={"axis": axis})
    for axis, length in enumerate(expected.shape):
        if length > 2 and any(pair.are_same(actual, np.roll(expected, step, axis)) for step in (1, -1)):
            return Note(code="diagnose.shifted", facts={"axis": axis})
    if pair.is_varied:
        if any(pair.are_same(actual.ravel(), turned.ravel()) for turned in _turned(expected)):
            return Note(code="diagnose.reshaped_not_transposed")
        if any(pair.are_same(turned.ravel(), expected.ravel()) for turned in _turned(actual)):
            return Note(code="diagnose.transposed_not_reshaped")
    if expected.shape[0] > 2 and pair.are_same(_sorted_rows(actual), _sorted_rows(expected)):
        return Note(code="diagnose.reordered" if expected.ndim == 1 else "diagnose.rows_reordered")
    return None


def _turned(array: Array) -> Iterator[Array]:
    """The array with its axes in every other order."""
    if 2 <= array.ndim <= _MAX_AXES_TO_PERMUTE:
        for order in itertools.permutations(range(array.ndim)):
            if order != tuple(range(array.ndim)):
                yield array.transpose(order)


def _explain_axes(pair: Pair) -> Note | None:
    """The right numbers with their axes in another order."""
    if pair.actual.ndim != pair.expected.ndim:
        return None
    if any(pair.are_same(pair.actual, turned) for turned in _turned(pair.expected)):
        return Note(code="diagnose.transposed" if pair.expected.ndim == 2 else "diagnose.axes_swapped")
    return None


def _explain_length(pair: Pair) -> Note | None:
    """One element, row or slice too few or too many, at the beginning or at the end."""
    actual, expected = pair.actual, pair.expected
    if actual.ndim != expected.ndim:
        return None
    uneven = [axis for axis in range(actual.ndim) if actual.shape[axis] != expected.shape[axis]]
    if len(uneven) != 1 or abs(actual.shape[uneven[0]] - expected.shape[uneven[0]]) != 1:
        return None
    axis = uneven[0]
    shorter, longer = sorted((actual, expected), key=lambda array: array.shape[axis])
    length = shorter.shape[axis]
    fits = [pair.are_same(shorter, np.take(longer, range(at, at + length), axis=axis)) for at in (0, 1)]
    if not any(fits):
        return None
    either, at_end, at_start = _ONE_SHORT if shorter is actual else _ONE_LONG
    code = either if all(fits) else at_end if fits[0] else at_start
    return Note(code=code, facts={"axis": axis})


def _explain_broadcast(pair: Pair) -> Note | None:
    """Two shapes were stretched to a larger one."""
    actual, expected = pair.actual, pair.expected
    if actual.size <= expected.size:
        return None
    is_square = actual.ndim == 2 and actual.shape[0] == actual.shape[1] == expected.size > 2
    if is_square and pair.is_varied and pair.are_same(np.diagonal(actual), expected.ravel()):
        return Note(code="diagnose.broadcast", facts={"size": expected.size})
    try:
        stretched = np.broadcast_to(expected, actual.shape)
    except ValueError:
        return None
    return Note(code="diagnose.repeated") if pair.are_same(actual, stretched) else None


def _explain_reduction(pair: Pair, clues: Clues) -> Note | None:
    """A sum or mean that was left out, or taken along another axis."""
    actual, expected = pair.actual, pair.expected
    if not np.any(expected):
        return None
    if actual.size > expected.size:
        for axis in (None, *range(actual.ndim)):
            for code, reduced in (
                ("diagnose.not_summed", actual.sum(axis=axis)),
                ("diagnose.not_averaged", actual.mean(axis=axis)),
            ):
                if reduced.size == expected.size and pair.are_same(np.ravel(reduced), expected.ravel()):
                    return Note(code=code)
    if actual.ndim == expected.ndim and min(actual.size, expected.size) > 1:
        for name, ours, theirs in (
            ("sum", actual.sum(), expected.sum()),
            ("mean", actual.mean(), expected.mean()),
        ):
            if clues.calls(name) and theirs != 0 and pair.are_same(np.asarray(ours), np.asarray(theirs)):
                return Note(code="diagnose.other_axis", facts={"call": name})
    return None


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _sorted_rows(array: Array) -> Array:
    rows = array.reshape(array.shape[0], -1)
    return np.asarray(rows[np.lexsort(rows.T[::-1])])
