"""The gradients of all parameters of a module, by name: of the student's own instance, beside the reference's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.values import ArrayValue, MappingValue, ScalarValue, Value
from grader.grading.autograd.follow import follow_autograd
from grader.grading.checks.gradient_candidates import Candidate, values_of
from grader.grading.checks.gradient_names import Judged, Standing, settle
from grader.grading.checks.gradient_search import follow_answer, has_other_shape
from grader.grading.checks.gradient_witness import SHIFTED_KEY, replayed
from grader.grading.compare import Tolerance

Gradients = Mapping[str, Value]
"""By parameter, None where it has none."""


def expression_of(module: str) -> str:
    """What gives the gradients of a module's parameters in its kernel; it raises for anything but a module."""
    return f"{{n: p.grad for n, p in {module}.named_parameters()}}"


@dataclass(frozen=True, kw_only=True)
class ModuleSearch:
    """The module that is asked for."""

    name: str
    tolerance: Tolerance

    def judge(self, *, actual: Evidence, expected: Evidence, others: Sequence[str]) -> Finding:
        """Compare every parameter's gradient.

        Args:
            actual: the student's evidence.
            expected: the reference's.
            others: variables that may hold the module under another name.
        """
        theirs = _gradients_of(self.name, expected)
        wanted = {} if theirs is None else {name: value for name, value in theirs.items() if not _is_none(value)}
        if theirs is None or not wanted:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.no_expected")
        ours = self._find_gradients(actual, theirs, others)
        if ours is None:
            return Finding(verdict=Verdict.MISSING, code="gradient.no_module", facts={"name": self.name})
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        provenance = follow_answer(actual, model=model)
        extra = [name for name in ours if name not in theirs]
        judged = [self._judge(name, theirs[name], ours.get(name)) for name in theirs]
        if extra:
            facts = {"name": self.name, "extra": ", ".join(extra)[:200]}
            return Finding(verdict=Verdict.FAILED, code="gradient.extra_parameters", facts=facts)
        after = _gradients_of(self.name, replayed(expected, key=SHIFTED_KEY)) if _was_replayed(expected) else None
        return settle(
            judged,
            after={name: _candidate(name, value) for name, value in (after or {}).items()},
            actual=actual,
            expected=expected,
            provenance=provenance,
        )

    def _find_gradients(self, actual: Evidence, theirs: Gradients, others: Sequence[str]) -> Gradients | None:
        """Of the module of that name, else of one whose parameters fit; in the reference's names where those differ."""
        found = [gradients for name in (self.name, *others) if (gradients := _gradients_of(name, actual)) is not None]
        fitting = [gradients for gradients in found if gradients.keys() == theirs.keys()]
        if fitting or not found:
            return fitting[0] if fitting else None
        first = found[0]
        if [_shape(value) for value in first.values()] == [_shape(value) for value in theirs.values()]:
            return dict(zip(theirs, first.values(), strict=True))
        return first

    def _judge(self, name: str, theirs: Value, ours: Value | None) -> Judged:
        target = _candidate(name, theirs)
        if ours is None:
            return Judged(name=name, standing=Standing.MISSING, target=target)
        found = _candidate(name, ours)
        if _is_none(ours) or _is_none(theirs):
            is_right = _is_none(ours) and _is_none(theirs)
            standing = Standing.RIGHT if is_right else Standing.NONE if _is_none(ours) else Standing.WRONG
            return Judged(name=name, standing=standing, target=target, found=found, value=ours)
        if found.agrees(target, tolerance=self.tolerance):
            return Judged(name=name, standing=Standing.RIGHT, target=target, found=found)
        standing = Standing.SHAPE if has_other_shape(found, target) else Standing.WRONG
        return Judged(name=name, standing=standing, target=target, found=found)


def _was_replayed(expected: Evidence) -> bool:
    return SHIFTED_KEY in expected.replies


def _gradients_of(name: str, evidence: Evidence) -> Gradients | None:
    value = values_of(evidence).get(expression_of(name))
    if not isinstance(value, MappingValue):
        return None
    return {str(key.value): gradient for key, gradient in value.items}


def _candidate(name: str, value: Value) -> Candidate:
    return Candidate(name=f"{name}.grad", value=value, is_derived=True, is_at=None)


def _is_none(value: Value) -> bool:
    return isinstance(value, ScalarValue) and value.value is None


def _shape(value: Value) -> tuple[int, ...] | None:
    return value.shape if isinstance(value, ArrayValue) else None
