"""Everything in one question's evidence that may be the derivative asked for, and what is known of its origin."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grader.domain.execution import Evidence
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, NamesReply, ScalarValue, SequenceValue, Value
from grader.grading.arrays import Array, array_value, find_array
from grader.grading.autograd.follow import Provenance
from grader.grading.autograd.shown import find_shown_derivatives
from grader.grading.autograd.traces import Blended, Derived, Group, Points, Trace, is_touched
from grader.grading.compare import Rung, Tolerance, compare
from grader.grading.difference import find_numbers
from grader.grading.printed import PrintedNumbers
from grader.grading.printed import find_numbers as find_printed_numbers
from grader.grading.syntax import mentioned_names, parse_leniently

NAMES_KEY = "names"
"""Under it stands the reply with the variables that the question binds or mentions."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A value that may be the derivative asked for."""

    name: str | None
    """The variable or `.grad` it was found in; None: it was printed."""
    value: Value
    is_derived: bool
    """The source shows that it comes straight from autograd."""
    is_at: bool | None
    """It is taken at the point asked for; None where that cannot be told."""
    slack: float = 0.0
    """How far the number may lie from its printed form."""
    leaf: ArrayValue | None = None
    """The tensor whose `.grad` it is."""

    @cached_property
    def array(self) -> Array | None:
        return find_numbers(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.array is None else tuple(self.array.shape)

    @property
    def squeezed_shape(self) -> tuple[int, ...]:
        return tuple(size for size in self.shape if size != 1)

    @property
    def facts(self) -> dict[str, Fact]:
        return {} if self.name is None else {"name": self.name}

    def agrees(self, target: "Candidate", *, tolerance: Tolerance) -> bool:
        """Whether both are the same numbers in shapes that differ by ones at most; dtypes may differ."""
        ours, theirs = self.array, target.array
        if ours is None or theirs is None or self.squeezed_shape != target.squeezed_shape:
            return False
        if self.slack:
            rtol, atol = tolerance.bounds(theirs.dtype)
            tolerance = Tolerance(rtol=rtol, atol=atol + self.slack)
        elif self.name is None:
            rtol, atol = tolerance.bounds(theirs.dtype)
            tolerance = Tolerance(rtol=rtol, atol=atol)
        mismatch = compare(
            actual=ours.reshape(self.squeezed_shape), expected=theirs.reshape(self.squeezed_shape), tolerance=tolerance
        )
        return mismatch is None or (mismatch.rung is Rung.DTYPE and not mismatch.differing)


def values_of(evidence: Evidence) -> Mapping[str, Value]:
    """The variables and expressions that were taken out when the question had run."""
    reply = evidence.replies.get(NAMES_KEY)
    return reply.values if isinstance(reply, NamesReply) else {}


def find_candidates(
    evidence: Evidence, provenance: Provenance, *, of: str, at: float | None = None
) -> Iterator[Candidate]:
    """Everything that may be the derivative, what the kernel gave before what was printed.

    Args:
        evidence: of a student or the reference.
        provenance: of its source.
        of: the variable that is likely to hold it, which comes first.
        at: the number at which the derivative is to be taken.
    """
    values = values_of(evidence)
    mentioned = mentioned_names(parse_leniently(evidence.source))
    for name in sorted(values, key=lambda name: (name != of, name)):
        value = values[name]
        if isinstance(value, ArrayValue) and value.grad is not None and root_of(name) in mentioned:
            is_at = _is_leaf_at(value, at)
            yield Candidate(name=f"{name}.grad", value=value.grad, is_derived=True, is_at=is_at, leaf=value)
    for name, value in values.items():
        for trace, part in _pairs(provenance.names.get(name), value):
            is_derived = isinstance(trace, Derived)
            points = trace.points if isinstance(trace, Derived) else None
            yield Candidate(name=name, value=part, is_derived=is_derived, is_at=_is_at(points, at))
    for shown in find_shown_derivatives(provenance, outputs=evidence.outputs, cell_runs=evidence.cell_runs):
        points = shown.trace.points if isinstance(shown.trace, Derived) else None
        is_derived = isinstance(shown.trace, Derived)
        whole = _as_array(shown.numbers)
        if whole is not None:
            slack = max(shown.numbers.slack)
            yield Candidate(name=None, value=whole, is_derived=is_derived, is_at=_is_at(points, at), slack=slack)
        for number, slack in zip(shown.numbers.elements, shown.numbers.slack, strict=True):
            value = ScalarValue(type_name=type(number).__name__, value=number)
            is_whole = is_derived and len(shown.numbers.elements) == 1
            yield Candidate(name=None, value=value, is_derived=is_whole, is_at=_is_at(points, at), slack=slack)


def find_printed(evidence: Evidence) -> Iterator[Candidate]:
    """Whatever numbers the question shows; only a second run can say of them that they are derivatives."""
    shown = "\n".join(output.text for output in evidence.outputs if output.kind in ("stdout", "result", "display"))
    for numbers in find_printed_numbers(shown):
        whole = _as_array(numbers)
        if whole is not None:
            slack = max(numbers.slack)
            yield Candidate(name=None, value=whole, is_derived=False, is_at=None, slack=slack)


def _as_array(numbers: PrintedNumbers) -> ArrayValue | None:
    """A printed tensor of several numbers."""
    is_whole = not numbers.is_abbreviated and math.prod(numbers.shape) == len(numbers.elements)
    if len(numbers.elements) < 2 or not is_whole or numbers.number_class == "complex":
        return None
    try:
        array = np.array(numbers.elements, dtype=np.float64).reshape(numbers.shape)
    except OverflowError:  # an integer beyond any float
        return None
    return array_value(array, type_name="ndarray")


def root_of(place: str) -> str:
    """The variable of `model.weight` or `layers[0].bias`."""
    return place.split(".")[0].split("[")[0]


def _is_at(points: Points, at: float | None) -> bool | None:
    """Whether a derivative is taken at `at`; None where it is not known or not asked."""
    if at is None or points is None:
        return None
    return any(abs(point - at) <= 1e-6 * max(1.0, abs(at)) for point in points)


def _is_leaf_at(leaf: ArrayValue, at: float | None) -> bool | None:
    array = find_array(leaf)
    if at is None or array is None or array.dtype.kind not in "fV":
        return None
    with np.errstate(all="ignore"):
        return bool(np.allclose(array.astype(np.float64), at, rtol=1e-2 if array.itemsize < 4 else 1e-6))


def _pairs(trace: Trace | None, value: Value) -> Iterator[tuple[Trace, Value]]:
    """The parts of a variable's value that come from autograd, each with its trace."""
    if trace is None or not is_touched(trace):
        return
    if isinstance(trace, Group) and isinstance(value, SequenceValue) and len(trace.items) == len(value.items):
        for item_trace, item in zip(trace.items, value.items, strict=True):
            yield from _pairs(item_trace, item)
    elif isinstance(value, SequenceValue) and isinstance(trace, Derived):
        yield trace, value
        for item in value.items:
            yield (trace if len(value.items) == 1 else Blended()), item
    elif isinstance(trace, Derived):
        yield trace, value
    else:
        yield Blended(), value
