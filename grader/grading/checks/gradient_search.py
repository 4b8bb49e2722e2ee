"""One derivative at a point, wherever an answer keeps or shows it: what the kernel's numbers and the source say.

A number counts only where both agree: f(1) and f'(1) may be the same number, and anyone can write it down.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue
from grader.grading.autograd.follow import Provenance, follow_autograd
from grader.grading.autograd.traces import Doubt
from grader.grading.checks.gradient_candidates import Candidate, find_candidates, values_of
from grader.grading.checks.gradient_reasons import find_error, judge_without_call, leave_open
from grader.grading.compare import Rung, Tolerance


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for."""

    of: str
    at: float | None
    tolerance: Tolerance

    def judge(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Find the derivative among what the answer computed and compare it with the reference's."""
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        target = self.find_target(expected, model)
        if target is None:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.no_expected")
        provenance = follow_answer(actual, model=model)
        candidates = self._candidates(actual, provenance)
        right = [c for c in candidates if c.agrees(target, tolerance=self.tolerance)]
        if not provenance.has_call:
            return judge_without_call(actual, provenance, has_right=bool(right), at=self.at)
        sure = [c for c in right if c.is_derived and c.is_at is not False]
        is_plain = provenance.is_complete and not provenance.doubts
        if sure and is_plain:
            return Finding(verdict=Verdict.PASSED, code="gradient.passed", facts=sure[0].facts)
        if right and (not is_plain or any(not c.is_derived for c in right)):
            return leave_open(provenance)
        if right:
            return Finding(verdict=Verdict.FAILED, code="gradient.wrong_point", facts=self._point_facts(right[0]))
        if not provenance.is_complete or Doubt.DYNAMIC in provenance.doubts:
            return leave_open(provenance)
        return self._judge_wrong(actual, target, candidates=candidates)

    def is_right_without_doubt(self, *, actual: Evidence, expected: Evidence) -> bool:
        """What autograd gave is right, whatever the source seems to say of the point, and nothing hints at a fake."""
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        target = self.find_target(expected, model)
        provenance = follow_answer(actual, model=model)
        if target is None or provenance.doubts:
            return False
        candidates = self._candidates(actual, provenance)
        return any(c.is_derived and c.agrees(target, tolerance=self.tolerance) for c in candidates)

    def find_target(self, expected: Evidence, provenance: Provenance) -> Candidate | None:
        """The reference's derivative: the `.grad` of `of`, or else what the same search finds first."""
        found = [c for c in self._candidates(expected, provenance) if c.is_derived and c.is_at is not False]
        found.sort(key=lambda candidate: candidate.name not in (f"{self.of}.grad", self.of))
        return found[0] if found and provenance.has_call else None

    def _candidates(self, evidence: Evidence, provenance: Provenance) -> list[Candidate]:
        return list(find_candidates(evidence, provenance, of=self.of, at=self.at))

    def _point_facts(self, candidate: Candidate) -> dict[str, Fact]:
        at: Fact = self.at
        if self.at is not None and self.at == int(self.at):
            at = int(self.at)
        return {"at": at, **candidate.facts}

    def _judge_wrong(self, actual: Evidence, target: Candidate, *, candidates: Sequence[Candidate]) -> Finding:
        """Autograd is used, but no derivative found is the right one."""
        derived = [c for c in candidates if c.is_derived]
        at_point = [c for c in derived if c.is_at is not False]
        if at_point:
            return tell_wrong(at_point[0], target)
        if derived:
            facts = self._point_facts(derived[0])
            return Finding(verdict=Verdict.FAILED, code="gradient.wrong_point", facts=facts)
        error = find_error(actual)
        if error is not None:
            return error
        if candidates:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.unclear")
        return self._judge_absent(actual)

    def _judge_absent(self, actual: Evidence) -> Finding:
        """Autograd is called, nothing raised, and yet no derivative is to be seen."""
        value = values_of(actual).get(self.of)
        facts: dict[str, Fact] = {"name": self.of}
        if isinstance(value, ArrayValue) and not value.is_leaf:
            return Finding(verdict=Verdict.FAILED, code="gradient.not_leaf", facts=facts)
        if isinstance(value, ArrayValue) and not value.requires_grad:
            return Finding(verdict=Verdict.FAILED, code="gradient.not_required", facts=facts)
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.not_shown")


def follow_answer(actual: Evidence, *, model: Provenance) -> Provenance:
    """An answer's provenance; what the reference does as well is asked, and no reason for doubt."""
    provenance = follow_autograd(source=actual.source, notebook_source=actual.notebook_source)
    return replace(provenance, doubts=provenance.doubts - model.doubts)


def tell_wrong(ours: Candidate, target: Candidate) -> Finding:
    """A derivative from autograd that is another one than asked."""
    if has_other_shape(ours, target):
        # Of another shape nothing is known about the numbers, so there is no rung that could be worth points.
        shapes: dict[str, Fact] = {"shape": str(ours.shape), "expected_shape": str(target.shape)}
        return Finding(
            verdict=Verdict.FAILED,
            code="gradient.shape",
            facts=ours.facts | shapes,
            actual=ours.value,
            expected=target.value,
        )
    return Finding(
        verdict=Verdict.FAILED,
        code="gradient.wrong",
        facts=ours.facts,
        rung=Rung.VALUES,
        actual=ours.value,
        expected=target.value,
    )


def has_other_shape(ours: Candidate, target: Candidate) -> bool:
    """Axes of length 1 aside."""
    return ours.shape != target.shape and ours.squeezed_shape != target.squeezed_shape
