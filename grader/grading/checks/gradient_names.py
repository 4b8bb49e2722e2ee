"""Several derivatives by name: which are right, and whether the others are wrong, None, missing or misshapen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, MappingValue, ScalarValue, Value
from grader.grading.arrays import find_array
from grader.grading.autograd.follow import Provenance, follow_autograd
from grader.grading.autograd.traces import PLAIN, Doubt, is_touched
from grader.grading.checks.gradient_candidates import Candidate, find_candidates, find_printed, root_of, values_of
from grader.grading.checks.gradient_reasons import find_error, judge_without_call, leave_open, why_none
from grader.grading.checks.gradient_search import follow_answer, has_other_shape, tell_wrong
from grader.grading.checks.gradient_witness import SHIFTED_KEY, Movement, Witness, combine, replayed
from grader.grading.compare import Rung, Tolerance
from grader.grading.syntax import mentioned_names, parse_leniently

_SEEN_THROUGH = frozenset({Doubt.ASSIGNED_GRAD, Doubt.SCALED, Doubt.HOOK})
"""Doubts about numbers: what moves as the reference's does was computed, whatever was written to `.grad` between."""
_SETTLED = frozenset({Movement.SAME, Movement.UNSCALED, Movement.ELSEWHERE, Movement.UNKNOWN})
_MAX_TOLD = 12
"""Names in a sentence."""


class Standing(StrEnum):
    """What one name's derivative is."""

    RIGHT = "right"
    WRONG = "wrong"
    SHAPE = "shape"
    NONE = "none"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One name's derivative beside the reference's."""

    name: str
    standing: Standing
    target: Candidate
    found: Candidate | None = None
    """What was compared."""
    value: Value | None = None
    """What the name holds, where there is no derivative."""


@dataclass(frozen=True, kw_only=True)
class NamedSearch:
    """The names that are asked for."""

    names: tuple[str, ...]
    tolerance: Tolerance

    def judge(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare every name's derivative with the reference's."""
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        targets = self.find_targets(expected, model)
        if len(targets) < len(self.names):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.no_expected")
        provenance = follow_answer(actual, model=model)
        candidates = [*find_candidates(actual, provenance, of=self.names[0]), *find_printed(actual)]
        judged = [self._judge_name(name, targets[name], candidates, values=values_of(actual)) for name in self.names]
        after = self.find_targets(replayed(expected, key=SHIFTED_KEY), model) if SHIFTED_KEY in expected.replies else {}
        return settle(judged, after=after, actual=actual, expected=expected, provenance=provenance)

    def find_targets(self, expected: Evidence, provenance: Provenance) -> dict[str, Candidate]:
        """The reference's derivative for each name: the `.grad` of it, or what it holds itself.

        For a single name it may also be what autograd gave under any other.
        """
        if not provenance.has_call:
            return {}
        values = values_of(expected)
        targets = {
            name: Candidate(name=f"{name}.grad", value=value.grad, is_derived=True, is_at=None, leaf=value)
            for name in self.names
            if isinstance(value := values.get(name), ArrayValue) and value.grad is not None
        }
        others = [name for name in self.names if name not in targets]
        found = find_candidates(expected, provenance, of=self.names[0]) if others else ()
        derived = [candidate for candidate in found if candidate.is_derived]
        for name in others:
            own = next((c for c in derived if c.name == name), None)
            if own is None and len(self.names) == 1:
                own = derived[0] if derived else None
            if own is not None:
                targets[name] = own
        return targets

    def _judge_name(
        self, name: str, target: Candidate, candidates: Sequence[Candidate], *, values: Mapping[str, Value]
    ) -> Judged:
        """Find what stands for a name, and compare it.

        The `.grad` at the end counts, of the name itself or, where there is no such tensor, of a leaf with the same
        numbers in it; only where there is none, or it belongs to another point, does what autograd returned or was
        printed earlier.
        """
        final = list(self._final_grads(name, target, candidates, own=values.get(name)))
        others = [c for c in candidates if c.leaf is None] if not final or _is_elsewhere(final[0], target) else []
        for pool in (final, [c for c in others if c.is_derived], others):
            found = next((c for c in pool if c.agrees(target, tolerance=self.tolerance)), None)
            if found is not None:
                return Judged(name=name, standing=Standing.RIGHT, target=target, found=found)
        own = values.get(name)
        nearest = [*final, *(c for c in others if c.is_derived)]
        if target.leaf is None and own is not None and not _is_none(own):
            nearest.insert(0, Candidate(name=name, value=own, is_derived=False, is_at=None))
        worst = next(iter(nearest), None)
        if worst is not None and worst.array is not None:
            standing = Standing.SHAPE if has_other_shape(worst, target) else Standing.WRONG
            return Judged(name=name, standing=standing, target=target, found=worst)
        standing = Standing.MISSING if own is None else Standing.NONE
        return Judged(name=name, standing=standing, target=target, value=own)

    def _final_grads(
        self, name: str, target: Candidate, candidates: Sequence[Candidate], *, own: Value | None
    ) -> Iterator[Candidate]:
        grads = [c for c in candidates if c.leaf is not None]
        named = next((c for c in grads if c.name == f"{name}.grad"), None)
        if named is not None:
            yield named
            return
        if len(self.names) > 1:
            taken = {f"{other}.grad" for other in self.names}
            grads = [] if isinstance(own, ArrayValue) else [c for c in grads if c.name not in taken]
        for grad in grads:
            if grad.shape == target.shape if target.leaf is None else not _is_elsewhere(grad, target):
                yield grad


def judge_none(name: str, *, actual: Evidence, expected: Evidence) -> Finding:
    """The `.grad` of a tensor must be None, though a backward pass has run."""
    theirs, value = values_of(expected).get(name), values_of(actual).get(name)
    facts: dict[str, Fact] = {"name": name}
    if not isinstance(theirs, ArrayValue) or theirs.grad is not None:
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.no_expected")
    if value is None or root_of(name) not in mentioned_names(parse_leniently(actual.source)):
        return find_error(actual) or Finding(verdict=Verdict.MISSING, code="gradient.missing_name", facts=facts)
    if not isinstance(value, ArrayValue) or value.type_name in ("ndarray", "numpy scalar"):
        return Finding(verdict=Verdict.MALFORMED, code="gradient.not_tensor", facts=facts | {"type": _type_of(value)})
    if value.grad is not None:
        zeros = find_array(value.grad) if isinstance(value.grad, ArrayValue) else None
        code = "gradient.zeros_not_none" if zeros is not None and not zeros.any() else "gradient.not_none"
        return Finding(verdict=Verdict.FAILED, code=code, facts=facts)
    model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
    provenance = follow_autograd(source=actual.source, notebook_source=actual.notebook_source)
    if model.has_call and not provenance.has_call and provenance.is_complete:
        return find_error(actual) or Finding(verdict=Verdict.FAILED, code="gradient.no_backward")
    if theirs.requires_grad != value.requires_grad:
        code = "gradient.none_required" if value.requires_grad else "gradient.none_not_required"
        return Finding(verdict=Verdict.FAILED, code=code, facts=facts)
    return Finding(verdict=Verdict.PASSED, code="gradient.none_passed", facts=facts)


def settle(
    judged: Sequence[Judged],
    *,
    after: Mapping[str, Candidate],
    actual: Evidence,
    expected: Evidence,
    provenance: Provenance,
) -> Finding:
    """The finding for all names together.

    Args:
        judged: every name asked for.
        after: the reference's derivatives in its replay.
        actual: the student's evidence.
        expected: the reference's.
        provenance: of the student's source, doubts that the reference raises too left out.
    """
    right = [one for one in judged if one.standing is Standing.RIGHT]
    witness = Witness.of(actual=actual, expected=expected)
    movements = [
        witness.movement(before=one.target.value, after=after[one.name].value if one.name in after else None)
        for one in right
    ]
    movement = combine(movements)
    is_plain = provenance.has_call and provenance.is_complete and not provenance.doubts
    is_plain = is_plain and all(one.found is not None and one.found.is_derived for one in right)
    is_settled = (is_plain and movement in _SETTLED) or (
        movement is Movement.SAME and provenance.doubts <= _SEEN_THROUGH and _is_told_by_all(movements)
    )
    if len(right) == len(judged):
        if is_settled:
            return Finding(verdict=Verdict.PASSED, code="gradient.passed", facts=_names(judged))
        if not provenance.has_call and movement is not Movement.SAME:
            return judge_without_call(actual, provenance, has_right=True)
        if is_plain:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.not_moved", facts=_names(judged))
        return leave_open(provenance)
    if not provenance.has_call:
        return judge_without_call(actual, provenance, has_right=bool(right))
    if not provenance.is_complete or Doubt.DYNAMIC in provenance.doubts:
        return leave_open(provenance)
    share = len(right) / len(judged) if is_settled or not right else None
    return _tell(judged, actual=actual, expected=expected, share=share)


def _is_told_by_all(movements: Sequence[Movement]) -> bool:
    return all(movement is Movement.SAME for movement in movements)


def _is_elsewhere(found: Candidate, target: Candidate) -> bool:
    """The tensor it is the gradient of holds other numbers than the reference's."""
    if found.leaf is None or target.leaf is None:
        return False
    ours, theirs = find_array(found.leaf), find_array(target.leaf)
    if ours is None or theirs is None:
        return False
    if ours.size != theirs.size or "c" in (ours.dtype.kind, theirs.dtype.kind):
        return True
    with np.errstate(all="ignore"):
        wide = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
        return not np.allclose(*wide, rtol=1e-4, atol=1e-6, equal_nan=True)


def _is_none(value: Value) -> bool:
    return isinstance(value, ScalarValue) and value.value is None


def _type_of(value: Value) -> str:
    return "dict" if isinstance(value, MappingValue) else value.type_name[:80]


def _names(judged: Sequence[Judged]) -> dict[str, Fact]:
    return {"name": _told(one.name for one in judged)}


def _told(names: Iterator[str] | Sequence[str]) -> Fact:
    told = list(names)
    cut: list[Fact] = [name[:100] for name in told[:_MAX_TOLD]]
    return cut if len(told) <= _MAX_TOLD else [*cut, "…"]


def _tell(judged: Sequence[Judged], *, actual: Evidence, expected: Evidence, share: float | None) -> Finding:
    """Some names are not right: say which, and why where all have one reason."""
    by_standing = {standing: [one for one in judged if one.standing is standing] for standing in Standing}
    wrong, none, missing = (by_standing[s] for s in (Standing.WRONG, Standing.NONE, Standing.MISSING))
    right, shape = by_standing[Standing.RIGHT], by_standing[Standing.SHAPE]
    error = find_error(actual)
    if error is not None and (error.code != "gradient.raised" or not (wrong or shape)):
        return error
    rung = None if share is None else Rung.VALUES
    first = next(iter([*wrong, *shape]), None)
    found = None if first is None else first.found
    if len(judged) == 1:
        return _tell_one(judged[0], actual=actual, expected=expected)
    facts: dict[str, Fact] = {
        "right": _told([one.name for one in right]) if right else "–",
        "wrong": _told([one.name for one in wrong]) if wrong else "–",
        "none": _told([one.name for one in none]) if none else "–",
        "shape": _told([one.name for one in shape]) if shape else "–",
        "missing": _told([one.name for one in missing]) if missing else "–",
        "count": len(right),
        "total": len(judged),
    }
    code = "gradient.several"
    for group, alone in ((wrong, "wrong"), (none, "none"), (missing, "missing"), (shape, "shape")):
        if len(group) + len(right) == len(judged):
            code, facts["name"] = f"gradient.some_{alone}", _told([one.name for one in group])
    return Finding(
        verdict=Verdict.FAILED,
        code=code,
        facts=facts,
        rung=rung,
        share=share,
        actual=None if found is None else found.value,
        expected=None if first is None else first.target.value,
    )


def _tell_one(one: Judged, *, actual: Evidence, expected: Evidence) -> Finding:
    if one.found is not None:
        if one.found.leaf is not None and _is_elsewhere(one.found, one.target):
            facts: dict[str, Fact] = {"name": one.found.name}
            return Finding(verdict=Verdict.FAILED, code="gradient.other_point", facts=facts, rung=Rung.VALUES)
        source = _holds_value_of(one, expected)
        if source is not None:
            return Finding(
                verdict=Verdict.FAILED, code="gradient.value_instead", facts={"name": one.name, "other": source}
            )
        return tell_wrong(one.found, one.target)
    if one.standing is Standing.NONE and one.value is not None:
        return why_none(one.name, one.value, source=actual.source)
    return Finding(verdict=Verdict.MISSING, code="gradient.missing_name", facts={"name": one.name})


def _holds_value_of(one: Judged, expected: Evidence) -> str | None:
    """The reference's variable that was differentiated, where the answer is its value."""
    model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
    if one.found is None or one.found.array is None:
        return None
    for name, value in values_of(expected).items():
        is_result = isinstance(value, ArrayValue) and value.grad_fn is not None
        is_result = is_result and not is_touched(model.names.get(name, PLAIN))
        other = Candidate(name=name, value=value, is_derived=False, is_at=None)
        if is_result and one.found.agrees(other, tolerance=Tolerance()):
            return name
    return None
