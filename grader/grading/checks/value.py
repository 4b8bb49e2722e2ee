"""The `value` kind: a named variable beside the reference's, by the ladder exists > type > shape > dtype > values."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from grader.domain.assignment import InputSet
from grader.domain.execution import CellState, Evidence
from grader.domain.probe import Probe, TakeNames
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, NamesReply, Value
from grader.grading.arrays import find_array
from grader.grading.checks.settings import Name, TolerantSettings
from grader.grading.compare import Rung
from grader.grading.difference import find_difference
from grader.grading.syntax import imported_names, parse_leniently, top_level_names

_KEY = "names"
_MAX_NAMES = 40


class ValueCheck(TolerantSettings):
    """Settings: the variable's `name`; tolerances and properties of a tensor only where they matter."""

    kind: ClassVar[str] = "value"
    RUNGS: ClassVar[tuple[str, ...]] = tuple(Rung)
    has_hidden_inputs: ClassVar[bool] = False
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    name: Name
    device: str | None = None
    """'cpu', 'cuda' or 'cuda:0'."""
    requires_grad: bool | None = None
    is_leaf: bool | None = None
    finite: bool = False
    """No NaN and no infinity, whatever the numbers are."""

    @model_validator(mode="before")
    @classmethod
    def _accept_short_form(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"name": given} if isinstance(given, str) else given

    @property
    def answer_names(self) -> tuple[str, ...]:
        return (self.name,)

    def draw_inputs(self, seed: int) -> InputSet:
        """No hidden inputs."""
        return ()

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """The variable, and what else the question's cells bind: the answer may have another name."""
        tree = parse_leniently(source)
        others = [name for name in top_level_names(tree) if name not in imported_names(tree)]
        likely = sorted(others, key=lambda name: name.casefold() != self.name.casefold())
        return (TakeNames(key=_KEY, names=tuple(dict.fromkeys([self.name, *likely]))[:_MAX_NAMES]),)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Go down the ladder to the first step that breaks."""
        theirs = _values(expected).get(self.name)
        if theirs is None:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="value.no_expected", facts={"name": self.name})
        values = _values(actual)
        ours = values.get(self.name)
        if ours is None:
            return self._judge_missing(actual, values, expected=theirs)
        difference = find_difference(actual=ours, expected=theirs, tolerance=self.tolerance)
        broken = self._broken_property(ours)
        comes_first = difference is None or difference.rung is Rung.VALUES
        if broken is not None and comes_first:
            return broken
        if difference is None:
            return Finding(verdict=Verdict.PASSED, code="value.passed", facts={"name": self.name})
        return Finding(
            verdict=Verdict.MALFORMED if difference.is_malformed else Verdict.FAILED,
            code=f"value.{difference.code}",
            facts={"name": self.name, **difference.facts},
            rung=None if difference.rung is None or broken is not None else difference.rung.value,
            actual=ours,
            expected=theirs,
        )

    def _judge_missing(self, actual: Evidence, values: Mapping[str, Value], *, expected: Value) -> Finding:
        """The name does not exist: say so, and what may be the reason."""
        facts: dict[str, Fact] = {"name": self.name}
        for other in sorted(values, key=lambda name: name.casefold() != self.name.casefold()):
            if find_difference(actual=values[other], expected=expected, tolerance=self.tolerance) is None:
                return Finding(verdict=Verdict.MISSING, code="value.other_name", facts={**facts, "other": other})
        other_case = next((name for name in values if name.casefold() == self.name.casefold()), None)
        if other_case is not None:
            return Finding(verdict=Verdict.MISSING, code="value.other_case", facts={**facts, "other": other_case})
        for run in actual.cell_runs:
            if run.state is CellState.RAISED and run.error is not None:
                facts |= {"cell": run.index + 1, "error": run.error.name[:80]}
                return Finding(verdict=Verdict.MISSING, code="value.missing_after_error", facts=facts)
        return Finding(verdict=Verdict.MISSING, code="value.missing_name", facts=facts)

    def _broken_property(self, value: Value) -> Finding | None:
        """The first property asked for that the tensor lacks."""
        if not isinstance(value, ArrayValue):
            return None
        wanted: dict[str, tuple[Fact, Fact]] = {}
        if self.device is not None and value.device.split(":")[: self.device.count(":") + 1] != self.device.split(":"):
            wanted["device"] = (self.device, value.device)
        if self.requires_grad is not None and value.requires_grad != self.requires_grad:
            wanted["requires_grad"] = (self.requires_grad, value.requires_grad)
        if self.is_leaf is not None and value.is_leaf != self.is_leaf:
            wanted["is_leaf"] = (self.is_leaf, value.is_leaf)
        for name, (asked, found) in wanted.items():
            facts: dict[str, Fact] = {"name": self.name, "asked": str(asked), "found": str(found)}
            return Finding(verdict=Verdict.FAILED, code=f"value.{name}", facts=facts, actual=value)
        if self.finite and not _is_finite(value):
            return Finding(verdict=Verdict.FAILED, code="value.not_finite", facts={"name": self.name}, actual=value)
        return None


def _values(evidence: Evidence) -> Mapping[str, Value]:
    reply = evidence.replies.get(_KEY)
    return reply.values if isinstance(reply, NamesReply) else {}


def _is_finite(value: ArrayValue) -> bool:
    array = find_array(value)
    if array is None or array.dtype.kind in "biu":
        return True
    wide = array if array.dtype.kind in "fc" else array.astype(np.float32)
    return bool(np.isfinite(wide).all())
