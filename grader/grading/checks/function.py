"""The `function` kind: a function of the student's on hidden inputs: outputs, derivatives and what else it does."""

import ast
import builtins
from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.execution import Evidence
from grader.domain.probe import CallFunction, Probe
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import CallReply, CallsReply
from grader.grading.checks.answered import Terms, is_error
from grader.grading.checks.closeness import FormulaSettings
from grader.grading.checks.derivatives import moved_calls, witnessed_calls
from grader.grading.checks.inputs import (
    Arguments,
    Avoided,
    Input,
    check_arguments,
    check_avoidable,
    draw_argument,
    draw_calls,
    expand,
)
from grader.grading.checks.naming import callable_names, candidates, why_missing
from grader.grading.checks.returned import is_comparable
from grader.grading.checks.settings import Name, Settings
from grader.grading.noise import find_overshoot
from grader.grading.syntax import function_names

_KEY = "calls"
_MAX_PLACE = 19


def _check_error(name: str) -> str:
    if not isinstance(getattr(builtins, name, None), type) or not issubclass(getattr(builtins, name), Exception):
        raise PydanticCustomError("error_unknown", "no exception of Python's own", {"error": name})
    return name


class MustRaise(Settings):
    """A call that has to end with an error of this type, or of one below it."""

    arguments: Arguments
    error: Annotated[str, Field(max_length=100), AfterValidator(_check_error)]

    @model_validator(mode="after")
    def _check_arguments(self) -> Self:
        check_arguments(self.arguments)
        return self


class FunctionCheck(FormulaSettings):
    """Settings: the function's `name` and its hidden `inputs`; the rest only where it matters."""

    kind: ClassVar[str] = "function"
    RUNGS: ClassVar[tuple[str, ...]] = ("outputs",)
    """The numbers of every output are right and only something beside them is not."""
    has_hidden_inputs: ClassVar[bool] = True
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    name: Name
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=100)]
    gradient: bool | Annotated[tuple[Annotated[int, Field(ge=0, le=_MAX_PLACE)], ...], Field(min_length=1)] = False
    """True, or the places of the arguments that count, from 0."""
    second: bool = False
    """Second derivatives count, too."""
    finite_differences: bool = False
    """Measure slopes without autograd: of the reference, to be sure of it, and of a student whose gradient is wrong."""
    avoid: Avoided = ()
    raises: Annotated[tuple[MustRaise, ...], Field(max_length=20)] = ()
    self_contained: bool = False
    """The function must work without the rest of the notebook."""
    seconds: float = Field(default=5.0, gt=0, le=60)
    """For all calls together."""
    call_s: Annotated[float, Field(gt=0, le=60)] | None = None
    """For each call."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_avoidable(self.inputs, self.avoid)
        if self.finite_differences and not self.gradient:
            raise PydanticCustomError("needs_gradient", "finite_differences stands beside a gradient")
        return self

    @property
    def answer_names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def is_self_contained(self) -> bool:
        return self.self_contained

    def draw_inputs(self, seed: int) -> InputSet:
        """The arguments of each call, and behind them those of the calls that must raise."""
        generator = np.random.Generator(np.random.PCG64(seed))
        calls = draw_calls(self.inputs, generator, avoid=self.avoid)
        raising = (tuple(draw_argument(one, generator) for one in call.arguments) for call in self.raises)
        return (*calls, *raising)

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Calls of the function asked for, or of the only one the question's cells define or use.

        Behind the hidden inputs the first of them comes again, to see whether the function answers as it did before,
        and then those that finite differences need.
        """
        names = candidates(self.name, source=source, notebook_source=notebook_source, find_names=self._find_names)
        calls = (*inputs, *inputs[:1])
        if self.finite_differences:
            calls += moved_calls(inputs, self.inputs)
        return (
            CallFunction(
                key=_KEY,
                names=names,
                calls=calls,
                gradients=bool(self.gradient) or self.second,
                second=self.second,
                seconds=self.seconds,
                call_s=self.call_s,
            ),
        )

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Of all outputs and derivatives, in units of the tolerance before it is widened."""
        ours, theirs = actual.replies.get(_KEY), expected.replies.get(_KEY)
        if not isinstance(ours, CallsReply) or not isinstance(theirs, CallsReply):
            return None
        pairs = [
            pair
            for our, their in zip(ours.calls[: self._count], theirs.calls[: self._count], strict=False)
            for pair in zip(
                (our.output, *our.gradients, *our.second), (their.output, *their.gradients, *their.second), strict=False
            )
        ]
        gaps = [
            find_overshoot(actual=our, expected=their, tolerance=self.allowed(None))
            for our, their in pairs
            if our is not None and their is not None
        ]
        return max((gap for gap in gaps if gap is not None), default=None)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare every call with the reference's."""
        ours, theirs = actual.replies.get(_KEY), expected.replies.get(_KEY)
        if not isinstance(theirs, CallsReply) or not self._is_usable(theirs.calls):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        if not isinstance(ours, CallsReply) or ours.name is None:
            return self._judge_missing(actual)
        facts: dict[str, Fact] = {"name": ours.name, "asked": self.name, "total": self._count}
        if len(ours.calls) > self._asked:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        finding = self._terms(actual, overshoot=expected.overshoot).judge(ours, theirs, facts=facts)
        if finding is not None:
            return finding
        code = "function.passed" if ours.name == self.name else "function.passed_other_name"
        return Finding(verdict=Verdict.PASSED, code=code, facts=facts)

    def _terms(self, actual: Evidence, *, overshoot: float | None) -> Terms:
        return Terms(
            inputs=tuple(self.inputs),
            errors=tuple(call.error for call in self.raises),
            gradient=bool(self.gradient),
            second=self.second,
            places=self.gradient if isinstance(self.gradient, tuple) else None,
            finite_differences=self.finite_differences,
            call_s=self.call_s,
            tolerance=self.allowed(overshoot),
            source=actual.source,
        )

    @property
    def _count(self) -> int:
        return sum(1 for _ in expand(self.inputs))

    @property
    def _repeat(self) -> int:
        """Where the first call's second time stands among the replies."""
        return self._count + len(self.raises)

    @property
    def _asked(self) -> int:
        return self._repeat + 1 + (2 * len(witnessed_calls(self.inputs)) if self.finite_differences else 0)

    def _is_usable(self, calls: Sequence[CallReply]) -> bool:
        """Whether the reference answered and raised as its own spec says."""
        if len(calls) < self._repeat or not all(is_comparable(call.output) for call in calls[: self._count]):
            return False
        return all(
            is_error(call.error, wanted.error)
            for call, wanted in zip(calls[self._count : self._repeat], self.raises, strict=True)
        )

    def _find_names(self, tree: ast.Module) -> tuple[str, ...]:
        takes_some = any(call for call in expand(self.inputs))
        return callable_names(tree) if takes_some else function_names(tree)

    def _judge_missing(self, actual: Evidence) -> Finding:
        why, facts = why_missing(self.name, actual=actual, find_names=self._find_names)
        verdict = Verdict.NEEDS_REVIEW if why in ("overwritten", "inside_other") else Verdict.MISSING
        return Finding(verdict=verdict, code=f"function.{why}", facts=facts)
