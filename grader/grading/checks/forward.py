"""What a module gives under hidden weights beside what the reference's gives: outputs by mode, then gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import CallReply, ModuleReply, Value
from grader.grading.checks.activations import find_activation
from grader.grading.checks.classes import WrittenClass, fold
from grader.grading.checks.derivatives import compare_derivatives
from grader.grading.checks.parameters import counterparts, have_twins
from grader.grading.checks.returned import NOTHING, Misfit, find_misfit, have_same_numbers
from grader.grading.compare import Tolerance

Facts: TypeAlias = Mapping[str, Fact]
Replies: TypeAlias = Mapping[str, Sequence[CallReply]]
_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What counts in a comparison of two modules whose parameters are alike."""

    modes: Sequence[str]
    count: int
    """Calls in each mode."""
    by: str
    """How parameters correspond: 'names', 'shapes' or 'count'."""
    gradients: bool
    tolerance: Tolerance
    are_weights_shared: bool
    """Both modules have the same hidden weights; else only the form of what comes out can be compared."""
    written: WrittenClass | None
    """The student's class."""
    model: WrittenClass | None
    """The reference's."""
    alike: tuple[ModuleReply | None, ModuleReply | None]
    """The student's and the reference's with parameters of one shape alike."""

    def judge(self, ours: ModuleReply, theirs: ModuleReply, *, facts: Facts) -> Finding | None:
        """The first thing that is wrong with what the student's module does; None where nothing is."""
        ended = self._judge_end(ours, facts=facts)
        if ended is not None:
            return ended
        misfits = {mode: self._find_misfits(ours.calls[mode], theirs.calls[mode]) for mode in self.modes}
        wrong = {mode: [one for one in found if not one.has_right_numbers] for mode, found in misfits.items()}
        if not self.are_weights_shared:
            wrong = {mode: [one for one in found if one.code != "wrong"] for mode, found in wrong.items()}
        if any(wrong.values()):
            right = len(self.modes) * self.count - sum(len(found) for found in wrong.values())
            return self._judge_wrong(wrong, ours, theirs, facts={**facts, "right": right})
        spoilt = [one for found in misfits.values() for one in found if one.has_right_numbers]
        if spoilt:
            return _finding(spoilt[0].code, _facts_at(spoilt[0], facts), rung="parameters", misfit=spoilt[0])
        changed = self._judge_changes(ours.calls, theirs.calls, facts=facts)
        if changed is not None or not self.gradients or not self.are_weights_shared:
            return changed
        return self._judge_gradients(ours, theirs, facts=facts)

    def _judge_end(self, ours: ModuleReply, *, facts: Facts) -> Finding | None:
        calls = [call for mode in self.modes for call in ours.calls.get(mode, ())]
        raised = [call for call in calls if call.error is not None]
        if raised:
            written = self.written
            if raised[0].error == "NotImplementedError" and written is not None and not written.has_forward:
                if written.almost_forward is not None:
                    return _finding("no_forward_near", {**facts, "found": written.almost_forward})
                return _finding("no_forward", facts)
            told: Facts = {"error": str(raised[0].error)[:80], "line": raised[0].error_line, "raised": len(raised)}
            code = "raised" if raised[0].error_line is not None else "raised_somewhere"
            return _finding(code, {**facts, **told}, rung="parameters")
        if any(len(ours.calls.get(mode, ())) != self.count for mode in self.modes):
            return _finding("timed_out", {**facts, "done": len(calls)}, rung="parameters")
        return None

    def _find_misfits(self, ours: Sequence[CallReply], theirs: Sequence[CallReply]) -> list[Misfit]:
        pairs = ((our.output or NOTHING, their.output or NOTHING) for our, their in zip(ours, theirs, strict=True))
        found = (find_misfit(actual=our, expected=their, tolerance=self.tolerance) for our, their in pairs)
        return [misfit for misfit in found if misfit is not None]

    def _judge_wrong(
        self, wrong: Mapping[str, list[Misfit]], ours: ModuleReply, theirs: ModuleReply, *, facts: Facts
    ) -> Finding:
        """Some outputs are wrong; which, and what explains them, decides the sentence."""
        first = next(found[0] for found in wrong.values() if found)
        if first.code == "wrong":
            by_mode = self._explain_by_mode(wrong, ours, theirs)
            if by_mode is not None:
                verdict = Verdict.NEEDS_REVIEW if by_mode == "train_unclear" else Verdict.FAILED
                return _finding(by_mode, facts, rung="parameters", verdict=verdict)
            if self._differs_in_order_only(ours):
                return _finding("layer_order", facts, verdict=Verdict.NEEDS_REVIEW)
            activation = find_activation(actual=first.actual, expected=first.expected, tolerance=self.tolerance)
            if activation is not None:
                code, name = activation
                return _finding(code, {**facts, "activation": name}, rung="parameters")
            found = self._other_activations()
            if found is not None:
                code = "activation" if found else "no_activation"
                return _finding(code, {**facts, "found": found}, rung="parameters", misfit=first)
        code = first.code
        if code == "wrong":
            code = "item_wrong" if first.place else "all_wrong" if facts["right"] == 0 else "wrong"
        verdict = Verdict.MALFORMED if first.is_malformed else Verdict.FAILED
        return _finding(code, _facts_at(first, facts), rung="parameters", misfit=first, verdict=verdict)

    def _explain_by_mode(self, wrong: Mapping[str, list[Misfit]], ours: ModuleReply, theirs: ModuleReply) -> str | None:
        """What being wrong in one mode says: dropout and batch normalisation do different things in the two."""
        if set(self.modes) != {"train", "eval"} or (wrong["train"] and wrong["eval"]):
            return None
        are_ours_same, are_theirs_same = self._are_modes_same(ours.calls), self._are_modes_same(theirs.calls)
        if wrong["eval"]:
            return "active_in_eval" if are_ours_same and not are_theirs_same else "eval_wrong"
        if are_ours_same and not are_theirs_same:
            return "same_in_train"
        if are_theirs_same:
            return "mode_unasked"
        return "train_wrong" if theirs.buffers else "train_unclear"

    def _are_modes_same(self, calls: Replies) -> bool:
        return all(
            have_same_numbers(actual=one.output, expected=other.output, tolerance=self.tolerance)
            for one, other in zip(calls["train"], calls["eval"], strict=True)
        )

    def _differs_in_order_only(self, ours: ModuleReply) -> bool:
        """Under weights that are alike for all parameters of a shape both give the same."""
        mine, reference = self.alike
        if mine is None or reference is None or not have_twins(ours.parameters):
            return False
        pairs = [
            (our.output, their.output)
            for mode, calls in reference.calls.items()
            for our, their in zip(mine.calls.get(mode, ()), calls, strict=False)
        ]
        return bool(pairs) and all(
            have_same_numbers(actual=our, expected=their, tolerance=self.tolerance) for our, their in pairs
        )

    def _other_activations(self) -> str | None:
        """The activations that the student's class names, '' for none; None where the reference's are the same."""
        if self.written is None or self.model is None:
            return None
        own = self.written.activations
        if {fold(word) for word in own} == {fold(word) for word in self.model.activations}:
            return None
        return ", ".join(own[:_SHOWN])[:200]

    def _judge_changes(self, ours: Replies, theirs: Replies, *, facts: Facts) -> Finding | None:
        for mode in self.modes:
            for our, their in zip(ours[mode], theirs[mode], strict=True):
                changed = set(our.changed) - set(their.changed)
                if changed:
                    return _finding("changes_input", {**facts, "argument": min(changed) + 1}, rung="outputs")
        return None

    def _judge_gradients(self, ours: ModuleReply, theirs: ModuleReply, *, facts: Facts) -> Finding | None:
        names = counterparts(ours.parameters, theirs.parameters, by=self.by)
        order = list(names)
        pairs = [
            (_gradients(our, [names[name] for name in order]), _gradients(their, order))
            for mode in self.modes
            for our, their in zip(ours.calls[mode], theirs.calls[mode], strict=True)
        ]
        found = compare_derivatives(pairs, places=None, tolerance=self.tolerance)
        if found.are_right:
            return None
        told = {**facts, **found.counts}
        if found.is_none_at_all:
            return _finding("no_gradient", told, rung="outputs")
        cut = [names[order[place]] for place in found.without if place < len(order)]
        if cut:
            told["parameters"] = ", ".join(name[:80] for name in cut[:_SHOWN])
            return _finding("parameter_without_gradient", told, rung="outputs")
        if found.without:
            told["argument"] = found.without[0] - len(order) + 1
            return _finding("input_without_gradient", told, rung="outputs")
        return Finding(
            verdict=Verdict.FAILED,
            code="module.gradient_wrong",
            facts=told,
            rung="outputs",
            actual=found.actual,
            expected=found.expected,
        )


def _gradients(call: CallReply, order: Sequence[str]) -> list[Value | None]:
    """Those of the parameters in an order, then those of the arguments."""
    return [*(call.parameter_gradients.get(name) for name in order), *call.gradients]


def _finding(
    code: str,
    facts: Facts,
    *,
    rung: str | None = None,
    misfit: Misfit | None = None,
    verdict: Verdict = Verdict.FAILED,
) -> Finding:
    return Finding(
        verdict=verdict,
        code=f"module.{code}",
        facts=facts,
        rung=rung,
        actual=None if misfit is None else misfit.actual,
        expected=None if misfit is None else misfit.expected,
    )


def _facts_at(misfit: Misfit, facts: Facts) -> Facts:
    """With the place within a tuple, list or dict where it is only a part that does not fit."""
    if not misfit.place:
        return {**facts, **misfit.facts}
    return {**facts, **misfit.facts, "place": misfit.place}
