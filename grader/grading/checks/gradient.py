"""The `gradient` kind: a derivative obtained by autograd, by any public route and under any name.

The kernel says which numbers there are, the source says which of them are derivatives. A number counts only where
both agree: f(1) and f'(1) may be the same number, and anyone can write it down.

Sources can be written to mislead. Where the spec names the function that is differentiated there is a witness: the
question's code is run once more with f(x) + a x**2 + b x in the place of f, for hidden a and b. A derivative of f at
the right point moves by 2 a x + b; nothing else does.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from grader.domain.assignment import InputSet
from grader.domain.execution import CellState, Evidence
from grader.domain.probe import PRINTED, Probe, ReplayBent, TakeNames
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, NamesReply, Reply, ScalarValue, SequenceValue, Value
from grader.grading.arrays import Array, find_array
from grader.grading.autograd.follow import Provenance, follow_autograd
from grader.grading.autograd.shown import find_shown_derivatives
from grader.grading.autograd.traces import Blended, Derived, Doubt, Group, Points, Trace, is_touched
from grader.grading.checks.settings import Name, TolerantSettings
from grader.grading.compare import Rung, Tolerance, compare
from grader.grading.difference import find_numbers
from grader.grading.printed import find_numbers as find_printed_numbers
from grader.grading.syntax import (
    function_names,
    imported_names,
    mentioned_names,
    parse_leniently,
    top_level_names,
)

_KEY = "names"
_BENT_KEY = "bent"
_BENT_SECONDS = 5.0
_BEND_SQUARES = (101, 499)
_BEND_SLOPES = (1001, 4999)
"""Whole numbers, so that answers rounded for printing move exactly; large, so that no table of guesses holds them."""
_MAX_NAMES = 60

_READ_FROM_SOURCE = ("gradient.wrong_point", "gradient.no_backward", "gradient.unclear")
"""Verdicts that rest on reading the source alone; the witness knows better."""

NumberArray = npt.NDArray[np.float64]

_ERRORS: Mapping[str, str] = {
    "does not require grad": "gradient.not_required",
    "Only Tensors of floating point": "gradient.int_tensor",
    "only Tensors of floating point": "gradient.int_tensor",
    "implicitly created only for scalar": "gradient.not_scalar",
    "backward through the graph a second time": "gradient.twice",
}
"""Codes for what torch says when a derivative cannot be had, by a piece of its message."""


class GradientCheck(TolerantSettings):
    """Settings: `of` names the variable in the reference, `at` the number the derivative is taken at.

    `function` names the function that is differentiated; with it, sources that mislead are found out.
    """

    kind: ClassVar[str] = "gradient"
    RUNGS: ClassVar[tuple[str, ...]] = ("values",)
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    of: Name
    at: float | None = None
    function: Name | None = None

    @property
    def has_hidden_inputs(self) -> bool:
        return self.function is not None

    @model_validator(mode="before")
    @classmethod
    def _accept_short_form(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"of": given} if isinstance(given, str) else given

    @property
    def answer_names(self) -> tuple[str, ...]:
        """None: the variable may have any name, and `x` says nothing about a cell."""
        return ()

    def draw_inputs(self, seed: int) -> InputSet:
        """How the function is bent; nothing where no function is named."""
        if self.function is None:
            return ()
        draw = np.random.default_rng(seed)
        bend = (float(draw.integers(*_BEND_SQUARES)), float(draw.integers(*_BEND_SLOPES)))
        return (tuple(ScalarValue(type_name="float", value=number) for number in bend),)

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Every variable the question binds or mentions, with its `.grad`; the same again with the function bent."""
        tree = parse_leniently(source)
        bound = [name for name in top_level_names(tree) if name not in imported_names(tree)]
        mentioned = sorted(mentioned_names(tree))
        names = tuple(dict.fromkeys([self.of, *bound, *mentioned]))[:_MAX_NAMES]
        taken = TakeNames(key=_KEY, names=names)
        if self.function is None or not inputs:
            return (taken,)
        square, slope = (float(argument.value or 0) for argument in inputs[0] if isinstance(argument, ScalarValue))  # type: ignore[arg-type]  # as drawn
        bent = ReplayBent(
            key=_BENT_KEY,
            names=names,
            source=ast.unparse(tree),
            functions=self._bent_functions(source, notebook_source),
            square=square,
            slope=slope,
            seconds=_BENT_SECONDS,
        )
        return (taken, bent)

    def _bent_functions(self, source: str, notebook_source: str) -> tuple[str, ...]:
        """The function asked for or, under another name, the only one the question's cells define or else use."""
        tree = parse_leniently(source)
        defined = function_names(tree)
        if self.function in defined:
            return (self.function,)
        if not defined:
            mentioned = mentioned_names(tree)
            defined = tuple(name for name in function_names(parse_leniently(notebook_source)) if name in mentioned)
        return defined if len(defined) == 1 else (str(self.function),)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Find the derivative among what the answer computed and compare it with the reference's."""
        finding = self._judge(actual, expected)
        if self.function is None or _BENT_KEY not in expected.replies:
            return finding
        is_moved = self._has_moved(actual, expected)
        if finding.verdict is Verdict.PASSED and not is_moved:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.unverified", facts={"name": self.function})
        if finding.code in _READ_FROM_SOURCE and is_moved:
            if self._is_right_without_doubt(actual, expected):
                return Finding(verdict=Verdict.PASSED, code="gradient.passed")
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.unclear")
        return finding

    def _has_moved(self, actual: Evidence, expected: Evidence) -> bool:
        """Whether the derivative with the bent function is among what the replay of the answer left or printed."""
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        target = self._find_target(_replayed(expected), model)
        if target is None or target.array is None:
            return False
        wanted = target.array.astype(np.float64).ravel()
        tolerance = np.maximum(1e-3 * np.abs(wanted), 0.05)
        return any(
            numbers.size == wanted.size and bool(np.all(np.abs(numbers - wanted) <= tolerance))
            for numbers in numbers_of_replay(actual.replies.get(_BENT_KEY))
        )

    def _is_right_without_doubt(self, actual: Evidence, expected: Evidence) -> bool:
        """What autograd gave is right, whatever the source seems to say of the point, and nothing hints at a fake."""
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        target = self._find_target(expected, model)
        provenance = follow_autograd(source=actual.source, notebook_source=actual.notebook_source)
        if target is None or provenance.doubts - model.doubts:
            return False
        candidates = self._candidates(actual, provenance)
        return any(c.is_derived and c.agrees(target, tolerance=self.tolerance) for c in candidates)

    def _judge(self, actual: Evidence, expected: Evidence) -> Finding:
        """What the kernel's numbers and the source say."""
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        target = self._find_target(expected, model)
        if target is None:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.no_expected")
        provenance = follow_autograd(source=actual.source, notebook_source=actual.notebook_source)
        provenance = replace(provenance, doubts=provenance.doubts - model.doubts)  # what the reference does is asked
        candidates = list(self._candidates(actual, provenance))
        right = [c for c in candidates if c.agrees(target, tolerance=self.tolerance)]
        if not provenance.has_call:
            return self._judge_without_call(actual, provenance, right=right)
        sure = [c for c in right if c.is_derived and c.is_at is not False]
        is_plain = provenance.is_complete and not provenance.doubts
        if sure and is_plain:
            return Finding(verdict=Verdict.PASSED, code="gradient.passed", facts=sure[0].facts)
        if right and (not is_plain or any(not c.is_derived for c in right)):
            return self._unclear(provenance)
        if right:
            return Finding(verdict=Verdict.FAILED, code="gradient.wrong_point", facts=self._point_facts(right[0]))
        if not provenance.is_complete or Doubt.DYNAMIC in provenance.doubts:
            return self._unclear(provenance)
        return self._judge_wrong(actual, target, candidates=candidates)

    def _find_target(self, expected: Evidence, provenance: Provenance) -> "_Candidate | None":
        """The reference's derivative: the `.grad` of `of`, or else what the same search finds first."""
        found = [c for c in self._candidates(expected, provenance) if c.is_derived and c.is_at is not False]
        found.sort(key=lambda candidate: candidate.name not in (f"{self.of}.grad", self.of))
        return found[0] if found and provenance.has_call else None

    def _candidates(self, evidence: Evidence, provenance: Provenance) -> "Iterator[_Candidate]":
        """Everything that may be the derivative, what the kernel gave before what was printed."""
        reply = evidence.replies.get(_KEY)
        values = reply.values if isinstance(reply, NamesReply) else {}
        mentioned = mentioned_names(parse_leniently(evidence.source))
        for name in sorted(values, key=lambda name: (name != self.of, name)):
            value = values[name]
            if isinstance(value, ArrayValue) and value.grad is not None and name in mentioned:
                yield _Candidate(name=f"{name}.grad", value=value.grad, is_derived=True, is_at=self._is_leaf_at(value))
        for name, value in values.items():
            for trace, part in _pairs(provenance.names.get(name), value):
                is_derived = isinstance(trace, Derived)
                points = trace.points if isinstance(trace, Derived) else None
                yield _Candidate(name=name, value=part, is_derived=is_derived, is_at=self._is_at(points))
        for shown in find_shown_derivatives(provenance, outputs=evidence.outputs, cell_runs=evidence.cell_runs):
            points = shown.trace.points if isinstance(shown.trace, Derived) else None
            is_derived = isinstance(shown.trace, Derived)
            for number, slack in zip(shown.numbers.elements, shown.numbers.slack, strict=True):
                value = ScalarValue(type_name=type(number).__name__, value=number)
                is_whole = is_derived and len(shown.numbers.elements) == 1
                yield _Candidate(name=None, value=value, is_derived=is_whole, is_at=self._is_at(points), slack=slack)

    def _is_at(self, points: Points) -> bool | None:
        """Whether a derivative is taken at `at`; None where it is not known or not asked."""
        if self.at is None or points is None:
            return None
        return any(abs(point - self.at) <= 1e-6 * max(1.0, abs(self.at)) for point in points)

    def _is_leaf_at(self, leaf: ArrayValue) -> bool | None:
        array = find_array(leaf)
        if self.at is None or array is None or array.dtype.kind not in "fV":
            return None
        with np.errstate(all="ignore"):
            return bool(np.allclose(array.astype(np.float64), self.at, rtol=1e-2 if array.itemsize < 4 else 1e-6))

    def _point_facts(self, candidate: "_Candidate") -> dict[str, Fact]:
        return {"at": _short(self.at), **candidate.facts}

    def _unclear(self, provenance: Provenance) -> Finding:
        doubts = sorted(doubt.value for doubt in provenance.doubts)
        code = "gradient.doubtful" if doubts else "gradient.unclear"
        return Finding(verdict=Verdict.NEEDS_REVIEW, code=code, facts={"doubts": ", ".join(doubts)} if doubts else {})

    def _judge_without_call(
        self, actual: Evidence, provenance: Provenance, *, right: "Sequence[_Candidate]"
    ) -> Finding:
        """No public autograd call is reached from the question's cells."""
        if Doubt.DYNAMIC in provenance.doubts or not provenance.is_complete:
            return self._unclear(provenance)
        if Doubt.ASSIGNED_GRAD in provenance.doubts:
            return Finding(verdict=Verdict.FAILED, code="gradient.faked")
        if provenance.has_call_before and right:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.elsewhere")
        raised = _raised(actual)
        if raised is not None:
            return raised
        reply = actual.replies.get(_KEY)
        known = reply.values if isinstance(reply, NamesReply) else {}
        values = [known[name] for name in mentioned_names(parse_leniently(actual.source)) if name in known]
        tensors = [value for value in values if isinstance(value, ArrayValue)]
        if any(tensor.requires_grad for tensor in tensors):
            return Finding(verdict=Verdict.FAILED, code="gradient.no_backward")
        if not parse_leniently(actual.source).body or not (values or actual.outputs):
            return Finding(verdict=Verdict.MISSING, code="gradient.missing", facts={"at": _short(self.at)})
        return Finding(verdict=Verdict.FAILED, code="gradient.no_autograd")

    def _judge_wrong(self, actual: Evidence, target: "_Candidate", *, candidates: "Sequence[_Candidate]") -> Finding:
        """Autograd is used, but no derivative found is the right one."""
        derived = [c for c in candidates if c.is_derived]
        at_point = [c for c in derived if c.is_at is not False]
        if at_point:
            worst = at_point[0]
            is_shape = worst.shape != target.shape and worst.squeezed_shape != target.squeezed_shape
            code = "gradient.shape" if is_shape else "gradient.wrong"
            return Finding(
                verdict=Verdict.FAILED,
                code=code,
                facts=worst.facts
                | ({"shape": str(worst.shape), "expected_shape": str(target.shape)} if is_shape else {}),
                # Of another shape nothing is known about the numbers, so there is no rung that could be worth points.
                rung=None if is_shape else Rung.VALUES,
                actual=worst.value,
                expected=target.value,
            )
        if derived:
            facts = self._point_facts(derived[0])
            return Finding(verdict=Verdict.FAILED, code="gradient.wrong_point", facts=facts)
        raised = _raised(actual)
        if raised is not None:
            return raised
        if candidates:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.unclear")
        return self._judge_absent(actual)

    def _judge_absent(self, actual: Evidence) -> Finding:
        """Autograd is called, nothing raised, and yet no derivative is to be seen."""
        reply = actual.replies.get(_KEY)
        value = reply.values.get(self.of) if isinstance(reply, NamesReply) else None
        facts: dict[str, Fact] = {"name": self.of}
        if isinstance(value, ArrayValue) and not value.is_leaf:
            return Finding(verdict=Verdict.FAILED, code="gradient.not_leaf", facts=facts)
        if isinstance(value, ArrayValue) and not value.requires_grad:
            return Finding(verdict=Verdict.FAILED, code="gradient.not_required", facts=facts)
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.not_shown")


def _replayed(evidence: Evidence) -> Evidence:
    """The evidence as it would be had the question's code run with the bent function from the start."""
    bent = evidence.replies[_BENT_KEY]
    return replace(evidence, replies={_KEY: bent}, outputs=(), cell_runs=())


def numbers_of_replay(reply: Reply | None) -> Iterator[NumberArray]:
    """Everything in a replay that may be a derivative: values, gradients, elements of lists, printed numbers."""
    for name, value in reply.values.items() if isinstance(reply, NamesReply) else ():
        if name == PRINTED and isinstance(value, ScalarValue):
            for printed in find_printed_numbers(str(value.value)):
                # Complex numbers, and integers beyond any float, are no derivative of a bent real function.
                with suppress(TypeError, OverflowError):
                    numbers = np.array(printed.elements, dtype=np.float64)
                    yield from (numbers, *(numbers[place : place + 1] for place in range(numbers.size)))
            continue
        todo: list[Value] = [value]
        while todo:
            part = todo.pop()
            if isinstance(part, SequenceValue):
                todo.extend(part.items)
            if isinstance(part, ArrayValue) and part.grad is not None:
                todo.append(part.grad)
            array = find_numbers(part)
            if array is not None and array.dtype.kind in "biufV":
                yield array.astype(np.float64).ravel()


@dataclass(frozen=True, kw_only=True)
class _Candidate:
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

    def agrees(self, target: "_Candidate", *, tolerance: Tolerance) -> bool:
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


def _raised(actual: Evidence) -> Finding | None:
    """What stopped the question's cells, where something did."""
    for run in actual.cell_runs:
        if run.state is CellState.RAISED and run.error is not None:
            error = run.error
            code = next((code for piece, code in _ERRORS.items() if piece in error.message), "gradient.raised")
            facts: dict[str, Fact] = {"cell": run.index + 1, "error": error.name[:80]}
            return Finding(verdict=Verdict.FAILED, code=code, facts=facts)
    return None


def _short(number: float | None) -> Fact:
    if number is None:
        return None
    return int(number) if number == int(number) else number
