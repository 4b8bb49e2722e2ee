"""Whether a derivative moves as it must when the question is run once more from other inputs or with another function.

Sources can be written to mislead. Where the spec names the function that is differentiated the question's code is run
again with f(x) + a x**2 + b x in the place of f, else from inputs that are moved, with what autograd computes scaled.
What was computed honestly moves as the reference's does, and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from grader.domain.assignment import InputSet
from grader.domain.execution import Evidence
from grader.domain.probe import PRINTED, SHIFTED
from grader.domain.values import ArrayValue, MappingValue, NamesReply, Reply, ScalarValue, SequenceValue, Value
from grader.grading.checks.gradient_candidates import NAMES_KEY
from grader.grading.difference import find_numbers
from grader.grading.printed import find_numbers as find_printed_numbers

BENT_KEY = "bent"
SHIFTED_KEY = "shifted"
REPLAY_SECONDS = 5.0
_BEND_SQUARES = (101, 499)
_BEND_SLOPES = (1001, 4999)
"""Whole numbers, so that answers rounded for printing move exactly; large, so that no table of guesses holds them."""
_SCALES = (0.375, 0.4375, 0.6875, 0.8125)
"""Below 1: steps of gradient descent that are stable stay so. No whole ratio, which a mistake could make up for."""
_SEEDS = 2
"""Few, so that publishing need not run the reference again for every set of hidden inputs."""
_CLOSE = 1e-3
_MOVED = 1e-2

NumberArray = npt.NDArray[np.float64]


def draw_bend(seed: int) -> InputSet:
    """How the function is bent."""
    draw = np.random.default_rng(seed)
    return _as_inputs(float(draw.integers(*_BEND_SQUARES)), float(draw.integers(*_BEND_SLOPES)))


def draw_shift(seed: int) -> InputSet:
    """What the inputs are moved by and derivatives are scaled with: one of few."""
    draw = np.random.default_rng(seed)
    return _as_inputs(float(draw.integers(_SEEDS)), float(draw.choice(_SCALES)))


def _as_inputs(*numbers: float) -> InputSet:
    return (tuple(ScalarValue(type_name="float", value=number) for number in numbers),)


def read_draw(inputs: InputSet) -> tuple[float, float]:
    """The two numbers of either."""
    one, other = (float(value.value or 0) for value in inputs[0] if isinstance(value, ScalarValue))  # type: ignore[arg-type]  # as drawn
    return one, other


def replayed(evidence: Evidence, *, key: str) -> Evidence:
    """The evidence as it would be had the question's code run like that from the start; what it printed is left out."""
    return replace(evidence, replies={NAMES_KEY: evidence.replies[key]}, outputs=(), cell_runs=())


class Movement(StrEnum):
    """How an answer's derivatives move, beside how the reference's do."""

    UNKNOWN = "unknown"
    """The reference's do not move either, or nothing was asked."""
    SAME = "same"
    UNSCALED = "unscaled"
    """As the reference's, but for the factor on what autograd computes backward."""
    ELSEWHERE = "elsewhere"
    """The answer has other inputs than the reference: no comparison means anything."""
    OTHER = "other"
    STUCK = "stuck"
    """Some number is as it was, where the reference's has moved."""
    LOST = "lost"
    """The replay came to nothing."""


@dataclass(frozen=True, kw_only=True)
class Witness:
    """One answer run again from moved inputs, beside the reference."""

    ours: Reply | None
    theirs: Reply | None

    @classmethod
    def of(cls, *, actual: Evidence, expected: Evidence) -> "Witness":
        return cls(ours=actual.replies.get(SHIFTED_KEY), theirs=expected.replies.get(SHIFTED_KEY))

    def movement(self, *, before: Value, after: Value | None) -> Movement:
        """How an answer moves whose derivative is the right one.

        Args:
            before: the reference's derivative, as asked.
            after: the reference's derivative in the replay.
        """
        start, wanted = _flat(before), None if after is None else _flat(after)
        if start is None or wanted is None or not _has_moved(start, wanted):
            return Movement.UNKNOWN
        if not isinstance(self.ours, NamesReply) or not self.ours.values:
            return Movement.LOST
        found = [numbers for numbers in numbers_of_replay(self.ours) if numbers.size == wanted.size]
        if any(_are_close(numbers, wanted) for numbers in found):
            return Movement.SAME
        # Every factor is tried: which one this was the check need not know, and none of them comes about by chance.
        if any(_are_close(numbers * scale, wanted) for numbers in found for scale in _SCALES):
            return Movement.UNSCALED
        if any(_are_close(numbers, start) for numbers in found):
            return Movement.STUCK
        return Movement.OTHER if _shapes_moved(self.ours) == _shapes_moved(self.theirs) else Movement.ELSEWHERE


def combine(movements: Sequence[Movement]) -> Movement:
    """One word for several names: the worst of those that tell anything."""
    for movement in (Movement.LOST, Movement.STUCK, Movement.OTHER, Movement.ELSEWHERE, Movement.UNSCALED):
        if movement in movements:
            return movement
    return Movement.SAME if Movement.SAME in movements else Movement.UNKNOWN


def _shapes_moved(reply: Reply | None) -> object:
    return reply.values.get(SHIFTED) if isinstance(reply, NamesReply) else None


def _flat(value: Value) -> NumberArray | None:
    array = find_numbers(value)
    return None if array is None or array.dtype.kind not in "biufV" else array.astype(np.float64).ravel()


def _has_moved(start: NumberArray, wanted: NumberArray) -> bool:
    if start.size != wanted.size or not np.isfinite(wanted).all():
        return False
    return bool(np.max(np.abs(wanted - start), initial=0.0) > _MOVED * np.max(np.abs(start), initial=0.0))


def _are_close(numbers: NumberArray, wanted: NumberArray) -> bool:
    largest = np.max(np.abs(wanted), initial=0.0)
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(numbers - wanted) <= _CLOSE * np.abs(wanted) + 0.1 * _CLOSE * largest))


def has_bent(*, actual: Evidence, wanted: Value | None) -> bool:
    """Whether the derivative with the bent function is among what the replay of the answer left or printed."""
    target = None if wanted is None else _flat(wanted)
    if target is None:
        return False
    tolerance = np.maximum(1e-3 * np.abs(target), 0.05)
    return any(
        numbers.size == target.size and bool(np.all(np.abs(numbers - target) <= tolerance))
        for numbers in numbers_of_replay(actual.replies.get(BENT_KEY))
    )


def numbers_of_replay(reply: Reply | None) -> Iterator[NumberArray]:
    """Everything in a replay that may be a derivative: values, gradients, elements of lists, printed numbers."""
    values: Mapping[str, Value] = reply.values if isinstance(reply, NamesReply) else {}
    for name, value in values.items():
        if name == SHIFTED:
            continue
        if name == PRINTED and isinstance(value, ScalarValue):
            for printed in find_printed_numbers(str(value.value)):
                # Complex numbers, and integers beyond any float, are no derivative of a real function.
                with suppress(TypeError, OverflowError):
                    numbers = np.array(printed.elements, dtype=np.float64)
                    yield from (numbers, *(numbers[place : place + 1] for place in range(numbers.size)))
            continue
        todo: list[Value] = [value]
        while todo:
            part = todo.pop()
            if isinstance(part, SequenceValue):
                todo.extend(part.items)
            if isinstance(part, MappingValue):
                todo.extend(item for _, item in part.items)
            if isinstance(part, ArrayValue) and part.grad is not None:
                todo.append(part.grad)
            array = _flat(part)
            if array is not None:
                yield array
