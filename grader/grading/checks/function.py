"""The `function` kind: a function of the student's on hidden inputs, its outputs and first derivatives."""

import ast
from collections.abc import Sequence
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.execution import CellState, Evidence
from grader.domain.probe import CallFunction, Probe
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, CallReply, CallsReply, Value
from grader.grading.arrays import array_value
from grader.grading.checks.settings import Name, Settings, TolerantSettings
from grader.grading.compare import Tolerance, compare
from grader.grading.difference import find_numbers, is_number, type_word
from grader.grading.syntax import (
    assigned_names,
    find_holder,
    function_names,
    mentioned_names,
    parse_leniently,
    takes_arguments,
    top_level_names,
)

_KEY = "calls"
_LOOSE = 1e-4
"""rtol and atol unless the spec gives them. Formulas that are equal on paper (Horner's scheme beside a sum of powers)
differ by some dozen roundings of float32 where large terms cancel; a wrong coefficient differs by far more."""


class Uniform(Settings):
    """Hidden inputs drawn anew for each set: `times` numbers between two bounds."""

    uniform: tuple[Annotated[float, Field(allow_inf_nan=False)], Annotated[float, Field(allow_inf_nan=False)]]
    times: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _require_order(self) -> "Uniform":
        if not self.uniform[0] < self.uniform[1]:
            raise PydanticCustomError("empty_range", "uniform: the first bound is the smaller one")
        return self


def _as_number_or_draw(given: object) -> object:
    return Uniform.model_validate(given) if isinstance(given, dict) else given


Input: TypeAlias = Annotated[
    Uniform | Annotated[float, Field(allow_inf_nan=False)], BeforeValidator(_as_number_or_draw)
]


class FunctionCheck(TolerantSettings):
    """Settings: the function's `name`, whether its `gradient` counts too, and its hidden `inputs`."""

    kind: ClassVar[str] = "function"
    RUNGS: ClassVar[tuple[str, ...]] = ("outputs",)
    """Every output is right and only the derivatives are not."""
    has_hidden_inputs: ClassVar[bool] = True
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    name: Name
    gradient: bool = False
    inputs: tuple[Input, ...] = Field(min_length=1, max_length=100)
    seconds: float = Field(default=5.0, gt=0, le=60)
    """For all calls together."""

    @property
    def answer_names(self) -> tuple[str, ...]:
        return (self.name,)

    def draw_inputs(self, seed: int) -> InputSet:
        """One float32 scalar tensor for each call; the same seed gives the same set."""
        generator = np.random.Generator(np.random.PCG64(seed))
        numbers: list[float] = []
        for given in self.inputs:
            if isinstance(given, Uniform):
                numbers.extend(generator.uniform(*given.uniform, size=given.times))
            else:
                numbers.append(given)
        return tuple((array_value(np.array(number, np.float32), type_name="Tensor"),) for number in numbers)

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Calls of the function asked for, or of the only one the question's cells define or use."""
        names = self._candidates(source=source, notebook_source=notebook_source)
        return (CallFunction(key=_KEY, names=names, calls=inputs, gradients=self.gradient, seconds=self.seconds),)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare every call with the reference's."""
        ours, theirs = actual.replies.get(_KEY), expected.replies.get(_KEY)
        if not isinstance(theirs, CallsReply) or not theirs.calls or any(call.output is None for call in theirs.calls):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        if not isinstance(ours, CallsReply) or ours.name is None:
            return self._judge_missing(actual)
        facts: dict[str, Fact] = {"name": ours.name, "asked": self.name, "total": len(theirs.calls)}
        if len(ours.calls) > len(theirs.calls):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        raised = next((call for call in ours.calls if call.error is not None), None)
        if raised is not None:
            facts |= {"error": str(raised.error)[:80], "line": raised.error_line}
            facts["raised"] = sum(call.error is not None for call in ours.calls)
            code = "function.raised" if raised.error_line is not None else "function.raised_somewhere"
            return Finding(verdict=Verdict.FAILED, code=code, facts=facts)
        if ours.timed_out or len(ours.calls) < len(theirs.calls):
            return Finding(verdict=Verdict.FAILED, code="function.timed_out", facts=facts | {"done": len(ours.calls)})
        return self._judge_calls(ours.calls, theirs.calls, facts=facts)

    def _candidates(self, *, source: str, notebook_source: str) -> tuple[str, ...]:
        """The names to try, most likely first.

        A name bound in the question's own cells is meant. Else the only function they define is, else the only earlier
        one they use: an `f` that a lecture left behind would be a stale one.
        """
        tree = parse_leniently(source)
        if self.name in top_level_names(tree):
            return (self.name,)
        mentioned = mentioned_names(tree)
        defined = self._callable_names(tree)
        if not defined:
            earlier = self._callable_names(parse_leniently(notebook_source))
            defined = tuple(name for name in earlier if name in mentioned and name != self.name)
        only = defined if len(defined) == 1 else ()
        return (self.name, *only) if self.name in mentioned else (*only, self.name)

    def _callable_names(self, tree: ast.Module) -> tuple[str, ...]:
        """Functions that one argument can be given to; a `main()` that holds everything is no answer."""
        return tuple(name for name in function_names(tree) if takes_arguments(tree, name))

    def _judge_missing(self, actual: Evidence) -> Finding:
        facts: dict[str, Fact] = {"name": self.name}
        tree = parse_leniently(actual.source)
        defined = self._callable_names(tree)
        if self.name in defined and self.name in assigned_names(tree):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.overwritten", facts=facts)
        for run in actual.cell_runs:
            if run.state is CellState.RAISED and run.error is not None:
                facts |= {"cell": run.index + 1, "error": run.error.name[:80]}
                return Finding(verdict=Verdict.MISSING, code="function.missing_after_error", facts=facts)
        holder = find_holder(tree, self.name)
        if holder is not None and not defined:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.inside_other", facts=facts | {"other": holder})
        if len(defined) > 1:
            facts["others"] = ", ".join(defined)[:200]
            return Finding(verdict=Verdict.MISSING, code="function.several", facts=facts)
        return Finding(verdict=Verdict.MISSING, code="function.missing_name", facts=facts)

    def _judge_calls(
        self, ours: Sequence[CallReply], theirs: Sequence[CallReply], *, facts: dict[str, Fact]
    ) -> Finding:
        pairs = list(zip(ours, theirs, strict=True))
        right = sum(self._is_right(our.output, their.output) for our, their in pairs)
        if right < len(pairs):
            return self._judge_outputs(pairs, facts=facts | {"right": right})
        if self.gradient:
            finding = self._judge_gradients(pairs, facts=facts)
            if finding is not None:
                return finding
        untensored = next((our.output for our, their in pairs if _lost_tensor(our.output, their.output)), None)
        if untensored is not None:
            facts["type"] = type_word(untensored)
            return Finding(verdict=Verdict.FAILED, code="function.not_tensor", facts=facts, rung="outputs")
        code = "function.passed" if facts["name"] == self.name else "function.passed_other_name"
        return Finding(verdict=Verdict.PASSED, code=code, facts=facts)

    def _judge_outputs(self, pairs: "Sequence[tuple[CallReply, CallReply]]", *, facts: dict[str, Fact]) -> Finding:
        """Some outputs are wrong; what they have in common decides the sentence."""
        our, their = next((o, t) for o, t in pairs if not self._is_right(o.output, t.output))
        found, wanted = _shape(our.output), _shape(their.output)
        code, verdict = "function.wrong", Verdict.FAILED
        if our.output is None or (getattr(our.output, "type_name", None) == "NoneType"):
            code = "function.returns_none"
        elif found is None:
            code, verdict = "function.opaque", Verdict.MALFORMED
            facts["type"] = type_word(our.output)
        elif found != wanted:
            code = "function.shape"
            facts |= {"shape": str(found), "expected_shape": str(wanted)}
        elif facts["right"] == 0:
            code = "function.all_wrong"
        return Finding(verdict=verdict, code=code, facts=facts, actual=our.output, expected=their.output)

    def _judge_gradients(
        self, pairs: "Sequence[tuple[CallReply, CallReply]]", *, facts: dict[str, Fact]
    ) -> Finding | None:
        """What is wrong with the derivatives of a function whose outputs are right; None where nothing is."""
        asked = [
            (our.gradients[place] if place < len(our.gradients) else None, gradient)
            for our, their in pairs
            for place, gradient in enumerate(their.gradients)
            if gradient is not None
        ]
        if not asked:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        right = sum(ours is not None and self._is_right(ours, theirs) for ours, theirs in asked)
        if right == len(asked):
            return None
        facts |= {"right": right, "total": len(asked)}
        if all(ours is None for ours, _ in asked):
            facts["type"] = type_word(pairs[0][0].output) if pairs[0][0].output is not None else "None"
            return Finding(verdict=Verdict.FAILED, code="function.no_gradient", facts=facts, rung="outputs")
        ours, theirs = next((o, t) for o, t in asked if o is None or not self._is_right(o, t))
        code = "function.gradient_wrong"
        return Finding(verdict=Verdict.FAILED, code=code, facts=facts, rung="outputs", actual=ours, expected=theirs)

    def _is_right(self, ours: Value | None, theirs: Value | None) -> bool:
        """Same shape and numbers; a dtype of more digits is no mistake in a function."""
        if ours is None or theirs is None:
            return False
        our_array, their_array = find_numbers(ours), find_numbers(theirs)
        if our_array is None or their_array is None:
            return False
        rtol, atol = self.tolerance.bounds(our_array.dtype, their_array.dtype)
        if self.rtol is None and max(rtol, atol) > 0:
            rtol, atol = max(rtol, _LOOSE), max(atol, _LOOSE)
        mismatch = compare(actual=our_array, expected=their_array, tolerance=Tolerance(rtol=rtol, atol=atol))
        return mismatch is None or (mismatch.rung == "dtype" and not mismatch.differing)


def _shape(value: Value | None) -> tuple[int, ...] | None:
    array = None if value is None else find_numbers(value)
    return None if array is None else tuple(array.shape)


def _lost_tensor(ours: Value | None, theirs: Value | None) -> bool:
    """A tensor is asked for and something else came back, though with the right numbers."""
    if not isinstance(theirs, ArrayValue) or theirs.type_name in ("ndarray", "numpy scalar") or ours is None:
        return False
    return is_number(ours) or not isinstance(ours, ArrayValue) or ours.type_name == "ndarray"
