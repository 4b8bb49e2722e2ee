"""The `module` kind: an nn.Module of the student's: its parameters, and what it does under hidden weights."""

import ast
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.execution import Evidence
from grader.domain.probe import CallModule, Probe
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import CallReply, ModuleReply, ScalarValue, Value
from grader.grading.checks.classes import WrittenClass, find_class
from grader.grading.checks.closeness import FormulaSettings
from grader.grading.checks.forward import Terms
from grader.grading.checks.inputs import COSTLY_DRAWS, Input, Written, draw_calls, expand, python_value
from grader.grading.checks.naming import candidates, class_names, instance_names, why_missing
from grader.grading.checks.parameters import find_unlike, have_same_shapes
from grader.grading.checks.returned import is_comparable
from grader.grading.checks.settings import Name
from grader.grading.noise import find_overshoot
from grader.grading.syntax import parse_leniently

_KEY = "module"
_ALIKE = "alike"
Mode = Literal["train", "eval"]


class ModuleCheck(FormulaSettings):
    """Settings: the class's `name` with the `arguments` it is constructed with, or an `instance`; hidden `inputs`."""

    kind: ClassVar[str] = "module"
    RUNGS: ClassVar[tuple[str, ...]] = ("parameters", "outputs")
    """'parameters': they are right and what comes out is not; 'outputs': both are right and a gradient is not."""
    has_hidden_inputs: ClassVar[bool] = True
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    name: Name | None = None
    """The class."""
    instance: Name | None = None
    """In place of a class: a variable that holds a module."""
    arguments: Annotated[tuple[Written, ...], Field(max_length=20)] | None = None
    """Of the constructor, as Python has them."""
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=100)]
    parameters: Literal["shapes", "names", "count"] = "shapes"
    gradients: bool = True
    """Of every parameter and every float argument."""
    modes: Annotated[tuple[Mode, ...], Field(min_length=1, max_length=2)] = ("train", "eval")
    seconds: float = Field(default=5.0, gt=0, le=60)
    """For construction and all calls together."""

    @model_validator(mode="after")
    def _require_class_or_instance(self) -> Self:
        if (self.name is None) == (self.instance is None) or (self.instance is not None and self.arguments is not None):
            raise PydanticCustomError("class_or_instance", "either a class with arguments or an instance")
        return self

    @property
    def answer_names(self) -> tuple[str, ...]:
        return (self.asked,)

    @property
    def asked(self) -> str:
        """The class's or the variable's name."""
        return self.name or self.instance or ""

    def draw_inputs(self, seed: int) -> InputSet:
        """First the seed of the weights, alone in the place of a call, then the arguments of each call."""
        generator = np.random.Generator(np.random.PCG64(seed % COSTLY_DRAWS))
        weights = ScalarValue(type_name="int", value=int(generator.integers(0, 2**31)))
        return ((weights,), *draw_calls(self.inputs, generator, avoid=()))

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Calls in every mode; and one of a module whose parameters of one shape are alike.

        Where layers may have any names, their order tells those of one shape apart. A module that defines them in
        another order is right and gives other numbers; under weights that are alike it gives the same ones.
        """
        names = candidates(self.asked, source=source, notebook_source=notebook_source, find_names=self._find_names)
        (seed, *_), *calls = inputs or ((ScalarValue(type_name="int", value=0),),)
        probe = CallModule(
            key=_KEY,
            names=names,
            arguments=None if self.name is None else tuple(python_value(one) for one in self.arguments or ()),
            weights_seed=seed.value if isinstance(seed, ScalarValue) and isinstance(seed.value, int) else 0,
            weights="named" if self.parameters == "names" else "ordered",
            calls=tuple(calls),
            gradients=self.gradients,
            modes=self.modes,
            seconds=self.seconds,
        )
        return (probe,) if self.parameters == "names" else (probe, self._alike(probe))

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Of all outputs and gradients, in units of the tolerance before it is widened."""
        ours, theirs = _reply(actual), _reply(expected)
        if ours is None or theirs is None:
            return None
        gaps = [
            find_overshoot(actual=our, expected=their, tolerance=self.allowed(None))
            for mode in self.modes
            for one, other in zip(ours.calls.get(mode, ()), theirs.calls.get(mode, ()), strict=False)
            for our, their in zip(_numbers_of(one), _numbers_of(other), strict=False)
            if our is not None and their is not None
        ]
        return max((gap for gap in gaps if gap is not None), default=None)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare the parameters first: under others the numbers mean nothing."""
        ours, theirs = _reply(actual), _reply(expected)
        if theirs is None or not self._is_usable(theirs):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="module.no_expected")
        if ours is None or ours.name is None:
            return self._judge_missing(actual)
        facts: dict[str, Fact] = {"name": ours.name, "asked": self.asked, "total": self._count * len(self.modes)}
        written = find_class(parse_leniently(actual.notebook_source), ours.name)
        if ours.error is not None:
            return _judge_construction(ours, written, facts=facts)
        unlike = find_unlike(ours.parameters, theirs.parameters, by=self.parameters)
        if unlike is not None:
            plain = None if written is None else written.plain_list
            if plain is not None and unlike.code in ("no_parameters", "parameters_missing", "count"):
                facts = {**facts, "attribute": plain}
                return Finding(verdict=Verdict.FAILED, code="module.plain_list", facts={**facts, **unlike.facts})
            return Finding(verdict=Verdict.FAILED, code=f"module.{unlike.code}", facts={**facts, **unlike.facts})
        terms = Terms(
            modes=self.modes,
            count=self._count,
            by=self.parameters,
            gradients=self.gradients,
            tolerance=self.allowed(expected.overshoot),
            are_weights_shared=have_same_shapes(ours.parameters, theirs.parameters),
            written=written,
            model=find_class(parse_leniently(expected.notebook_source), theirs.name or ""),
            alike=(_reply(actual, key=_ALIKE), _reply(expected, key=_ALIKE)),
        )
        finding = terms.judge(ours, theirs, facts=facts)
        if finding is not None:
            return finding
        code = "module.passed" if ours.name == self.asked else "module.passed_other_name"
        return Finding(verdict=Verdict.PASSED, code=code, facts=facts)

    @property
    def _count(self) -> int:
        return sum(1 for _ in expand(self.inputs))

    def _alike(self, probe: CallModule) -> CallModule:
        return CallModule(
            key=_ALIKE,
            names=probe.names,
            arguments=probe.arguments,
            weights_seed=probe.weights_seed,
            weights="alike",
            calls=probe.calls[:1],
            gradients=False,
            modes=probe.modes[-1:],
            seconds=probe.seconds,
        )

    def _is_usable(self, reply: ModuleReply) -> bool:
        if reply.name is None or reply.error is not None:
            return False
        return all(
            len(reply.calls.get(mode, ())) == self._count
            and all(is_comparable(call.output) for call in reply.calls[mode])
            for mode in self.modes
        )

    def _find_names(self, tree: ast.Module) -> tuple[str, ...]:
        return class_names(tree) if self.name is not None else instance_names(tree)

    def _judge_missing(self, actual: Evidence) -> Finding:
        why, facts = why_missing(self.asked, actual=actual, find_names=self._find_names)
        if why == "missing_name" and self.name is None:
            why = "missing_instance"
        verdict = Verdict.NEEDS_REVIEW if why in ("overwritten", "inside_other") else Verdict.MISSING
        return Finding(verdict=verdict, code=f"module.{why}", facts=facts)


def _reply(evidence: Evidence, *, key: str = _KEY) -> ModuleReply | None:
    reply = evidence.replies.get(key)
    return reply if isinstance(reply, ModuleReply) else None


def _numbers_of(call: CallReply) -> Sequence[Value | None]:
    return (call.output, *call.gradients, *call.parameter_gradients.values())


def _judge_construction(reply: ModuleReply, written: WrittenClass | None, *, facts: dict[str, Fact]) -> Finding:
    """Why there is no module to call."""
    facts = {**facts, "error": str(reply.error)[:80], "line": reply.error_line}
    code = "constructor" if reply.error_line is not None else "constructor_somewhere"
    if reply.error == "NotAModule":
        code = "not_a_module"
    elif written is not None and written.forgets_super and reply.error == "AttributeError":
        code = "no_super_init"
    return Finding(verdict=Verdict.FAILED, code=f"module.{code}", facts=facts)
