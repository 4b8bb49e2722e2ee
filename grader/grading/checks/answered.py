"""The replies to a function's hidden calls beside the reference's, from what ends a comparison to what only spoils."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import CallReply, CallsReply, SequenceValue, Value
from grader.grading.checks.derivatives import Verdicts, compare_derivatives, find_cut, hear_witness
from grader.grading.checks.inputs import expand
from grader.grading.checks.returned import NOTHING, Misfit, find_misfit, have_same_numbers
from grader.grading.compare import Tolerance
from grader.grading.difference import find_numbers, plain_type_word

_TIMEOUT = "TimeoutError"
_RUNG = "outputs"
_FEWEST = 2
Facts: TypeAlias = Mapping[str, Fact]
Pair: TypeAlias = tuple[CallReply, CallReply]


def is_error(found: str | None, wanted: str) -> bool:
    """Whether a built-in exception is of the type asked for, or of one below it."""
    kind, asked = getattr(builtins, str(found), None), getattr(builtins, wanted, None)
    return isinstance(kind, type) and isinstance(asked, type) and issubclass(kind, asked)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What counts in a comparison of calls. The replies stand in the order inputs, errors, first input again, moved."""

    inputs: tuple[object, ...]
    """As settings."""
    errors: tuple[str, ...]
    """What each of the calls that must raise has to raise."""
    gradient: bool
    second: bool
    places: tuple[int, ...] | None
    """Of the arguments by which is differentiated; None: all."""
    finite_differences: bool
    call_s: float | None
    tolerance: Tolerance
    source: str
    """The question's code: where a cut may stand."""

    def judge(self, ours: CallsReply, theirs: CallsReply, *, facts: Facts) -> Finding | None:
        """The first thing that is wrong with a student's calls; None where nothing is.

        Args:
            ours: the student's, no more than were asked for.
            theirs: the reference's, which has an output for every input.
            facts: of every sentence.
        """
        count = sum(1 for _ in expand(self.inputs))
        done = ours.calls[:count]
        ended = self._judge_end(done, ours, count=count, facts=facts)
        if ended is not None:
            return ended
        pairs = list(zip(done, theirs.calls[:count], strict=True))
        misfits = [misfit for pair in pairs if (misfit := self._find_misfit(pair)) is not None]
        wrong = [misfit for misfit in misfits if not misfit.has_right_numbers]
        state = self._judge_state(ours.calls, theirs.calls, repeat=count + len(self.errors), facts=facts)
        if state is not None:
            return state
        if wrong:
            return _wrong_outputs(wrong[0], pairs, facts={**facts, "right": count - len(wrong)})
        moved_at = count + len(self.errors) + 1
        return (
            _judge_changes(pairs, facts=facts)
            or self._judge_gradients(pairs, ours.calls[moved_at:], theirs.calls[moved_at:], facts=facts)
            or self._judge_second(pairs, facts=facts)
            or (_wrong_type(misfits[0], facts=facts) if misfits else None)
            or self._judge_raising(ours.calls[count : count + len(self.errors)], facts=facts)
        )

    def _judge_end(self, done: Sequence[CallReply], ours: CallsReply, *, count: int, facts: Facts) -> Finding | None:
        """A call that raised or took too long leaves nothing to compare."""
        raised = [call for call in done if call.error is not None]
        if raised:
            first = raised[0]
            if self.call_s is not None and first.error == _TIMEOUT:
                late = sum(call.error == _TIMEOUT for call in raised)
                return _failed("call_timed_out", {**facts, "late": late, "seconds": self.call_s})
            code = "raised" if first.error_line is not None else "raised_somewhere"
            told: Facts = {"error": str(first.error)[:80], "line": first.error_line, "raised": len(raised)}
            return _failed(code, {**facts, **told})
        if len(done) < count or (ours.timed_out and len(ours.calls) < count + len(self.errors)):
            return _failed("timed_out", {**facts, "done": len(done)})
        return None

    def _find_misfit(self, pair: Pair) -> Misfit | None:
        our, their = (call.output or NOTHING for call in pair)
        return find_misfit(actual=our, expected=their, tolerance=self.tolerance)

    def _judge_state(
        self, ours: Sequence[CallReply], theirs: Sequence[CallReply], *, repeat: int, facts: Facts
    ) -> Finding | None:
        """The first call once more, at the end: another answer than before, though the reference gives the same."""
        if repeat >= min(len(ours), len(theirs)):
            return None
        if not self._are_same(theirs[repeat].output, theirs[0].output):
            return None
        if self._are_same(ours[repeat].output, ours[0].output):
            return None
        return _failed("keeps_state", facts)

    def _are_same(self, again: Value | None, before: Value | None) -> bool:
        return again == before or have_same_numbers(actual=again, expected=before, tolerance=self.tolerance)

    def _judge_gradients(
        self, pairs: Sequence[Pair], ours: Sequence[CallReply], theirs: Sequence[CallReply], *, facts: Facts
    ) -> Finding | None:
        """What is wrong with the derivatives of a function whose outputs are right."""
        if not self.gradient:
            return None
        found = compare_derivatives(
            [(our.gradients, their.gradients) for our, their in pairs],
            places=self.places,
            tolerance=self.tolerance,
        )
        if not found.total:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        witness = hear_witness(ours, theirs, self.inputs) if self.finite_differences else None
        if witness is not None and witness.is_available and not witness.confirms_reference:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.reference_differs", facts=facts)
        if found.are_right:
            return None
        if witness is not None and witness.confirms_student:
            return self._cut(found, facts=facts)
        if found.is_none_at_all:
            output = pairs[0][0].output
            word = "None" if output is None else plain_type_word(output)
            return _spoilt("no_gradient", {**facts, "type": word, **found.counts})
        if found.without:
            return _spoilt("no_gradient_for", {**facts, "argument": found.without[0] + 1, **found.counts})
        return _spoilt("gradient_wrong", {**facts, **found.counts}, values=found)

    def _cut(self, found: Verdicts, *, facts: Facts) -> Finding:
        """The function is right, only autograd does not see all of it."""
        cut = find_cut(self.source, name=str(facts["name"]))
        code = "autograd_cut" if found.is_none_at_all or found.without else "backward_wrong"
        if cut is None:
            return _spoilt(code, {**facts, **found.counts}, values=found)
        return _spoilt(f"{code}_by", {**facts, **found.counts, "cut": cut}, values=found)

    def _judge_second(self, pairs: Sequence[Pair], *, facts: Facts) -> Finding | None:
        if not self.second:
            return None
        found = compare_derivatives(
            [(our.second, their.second) for our, their in pairs],
            places=self.places,
            tolerance=self.tolerance,
        )
        if not found.total:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="function.no_expected")
        if found.are_right:
            return None
        code = "no_second" if found.are_all_missing else "second_wrong"
        return _spoilt(code, {**facts, **found.counts}, values=found)

    def _judge_raising(self, calls: Sequence[CallReply], *, facts: Facts) -> Finding | None:
        """The calls that must raise; only the type of an error is looked at."""
        for call, wanted in zip(calls, self.errors, strict=False):
            if call.error is None:
                return _spoilt("does_not_raise", {**facts, "expected_error": wanted})
            if not is_error(call.error, wanted):
                return _spoilt("raises_other", {**facts, "error": call.error[:80], "expected_error": wanted})
        return None


def _failed(code: str, facts: Facts) -> Finding:
    return Finding(verdict=Verdict.FAILED, code=f"function.{code}", facts=facts)


def _spoilt(code: str, facts: Facts, *, values: Verdicts | None = None) -> Finding:
    """A finding of a function whose outputs have the right numbers."""
    return Finding(
        verdict=Verdict.FAILED,
        code=f"function.{code}",
        facts=facts,
        rung=_RUNG,
        actual=None if values is None else values.actual,
        expected=None if values is None else values.expected,
    )


def _wrong_outputs(misfit: Misfit, pairs: Sequence[Pair], *, facts: Facts) -> Finding:
    """Some outputs are wrong; what they have in common decides the sentence."""
    whole = None if misfit.place else _side_by_side(pairs)
    actual, expected = whole or (misfit.actual, misfit.expected)
    code = misfit.code
    if code == "wrong" and misfit.place:
        code = "item_wrong"
    elif code == "wrong" and facts["right"] == 0:
        code = "all_wrong"
    return Finding(
        verdict=Verdict.MALFORMED if misfit.is_malformed else Verdict.FAILED,
        code=f"function.{code}",
        facts=_facts_at(misfit, facts),
        actual=actual,
        expected=expected,
    )


def _side_by_side(pairs: Sequence[Pair]) -> tuple[Value, Value] | None:
    """The single numbers of all calls in a row: of one alone nearly every mistake fits by chance."""
    sides = list(zip(*((our.output, their.output) for our, their in pairs), strict=True))
    if len(pairs) < _FEWEST or not all(
        output is not None and _is_one_number(output) for side in sides for output in side
    ):
        return None
    ours, theirs = (
        SequenceValue(type_name="list", items=tuple(output for output in side if output is not None)) for side in sides
    )
    return ours, theirs


def _is_one_number(value: Value) -> bool:
    numbers = find_numbers(value)
    return numbers is not None and numbers.size == 1 and numbers.dtype.kind != "b"


def _wrong_type(misfit: Misfit, *, facts: Facts) -> Finding:
    """Every number is right, only what holds them is not."""
    return _spoilt(misfit.code, _facts_at(misfit, facts))


def _facts_at(misfit: Misfit, facts: Facts) -> Facts:
    """With the place within a tuple, list or dict where it is only a part that does not fit."""
    if not misfit.place:
        return {**facts, **misfit.facts}
    return {**facts, **misfit.facts, "place": misfit.place, "name": f"{facts['name']}(…){misfit.place}"}


def _judge_changes(pairs: Sequence[Pair], *, facts: Facts) -> Finding | None:
    """Arguments that the function changes, though the reference leaves them alone, or the other way round."""
    for our, their in pairs:
        changed, wanted = set(our.changed), set(their.changed)
        if changed - wanted:
            return _spoilt("changes_input", {**facts, "argument": min(changed - wanted) + 1})
        if wanted - changed:
            return _spoilt("leaves_input", {**facts, "argument": min(wanted - changed) + 1})
    return None
