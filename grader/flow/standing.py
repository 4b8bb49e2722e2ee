"""What stands: a run's result with people's decisions in it, and which of a student's submissions counts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.overview import Sums
from grader.domain.people import CountingPolicy
from grader.domain.publishing import Offering, Revision, Rubrics
from grader.domain.result import CheckResult, Points, QuestionResult, Result, Verdict
from grader.domain.review import WaitingCheck
from grader.domain.submission import Decision, DecisionKind, Run, RunState, Submission
from grader.domain.text import Note
from grader.flow.ports import Stores, Transaction
from grader.grading.score import deduct_late, late_percent, points_when_late, sum_points, sum_question, total

_AS_GRADED: Rubrics = {}
_AT_ONCE = 500
"""Others may write in between."""
_ALL = 100_000
"""More submissions than anyone makes for one assignment."""
_MOST_OF_A_COURSE = 1_000_000
_OVERRIDDEN, _SETTLED = "review.overridden", "review.settled"
_JUDGED = (DecisionKind.POINTS, DecisionKind.OVERRIDE)
"""Somebody has looked; points that go along with the same words, and comments, do not say that."""


def valid_decisions(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The newest for each question and check, without those that were taken back.

    Args:
        decisions: oldest first.
    """
    newest: dict[tuple[QuestionId, CheckId | None, bool], Decision] = {}
    for decision in decisions:
        # A comment stands beside whatever settles the question, and beside those on its other checks.
        newest[(decision.question_id, decision.check_id, decision.kind is DecisionKind.COMMENT)] = decision
    return tuple(decision for decision in newest.values() if decision.kind.settles or _is_said(decision))


def _is_said(decision: Decision) -> bool:
    return decision.kind is DecisionKind.COMMENT and bool(decision.comment)


def with_decisions(result: Result, decisions: Sequence[Decision], *, rubrics: Rubrics = _AS_GRADED) -> Result:
    """The result as it counts: points from people settle written checks, an override settles its whole question.

    Args:
        result: a run's own.
        decisions: a submission's history, oldest first. Those about questions the result lacks change nothing.
        rubrics: what written checks are worth by now, where that is not what the run says.
    """
    valid = valid_decisions(decisions)
    if not valid and not rubrics:
        return result
    questions = [_question(_weigh(question, rubrics), valid) for question in result.questions]
    return total(result.outcome, questions, result.notes)


def standing_result(tx: Transaction, run: Run) -> Result:
    """What counts of a run: with what people decided, and less what being late costs.

    Raises:
        NotFound: the run has no result.
    """
    submission = tx.submissions.get(run.submission_id)
    rubrics = revision_of(tx, run, offering=tx.offerings.get(submission.offering_id)).rubrics
    decisions = tx.decisions.list_of(run.submission_id)
    result = with_decisions(tx.runs.load_result(run.run_id), decisions, rubrics=rubrics)
    return deduct_late(result, percent=submission.late_percent)


def counting_run(tx: Transaction, submission_id: SubmissionId) -> Run:
    """The run whose result is the submission's, or the newest while there is no result."""
    return tx.runs.find_counting(submission_id) or tx.runs.get_newest(submission_id)


def revision_of(tx: Transaction, run: Run, *, offering: Offering) -> Revision:
    """The texts and rubrics that a run's result is read with."""
    return revision_for(tx, run.version, offering=offering)


def revision_for(tx: Transaction, version: VersionHash, *, offering: Offering) -> Revision:
    """The texts and rubrics that the offering's results of a version are read with: those published in its course."""
    is_offered = version == offering.version
    number = offering.revision if is_offered else tx.offerings.find_revision(offering.offering_id, version)
    return tx.versions.get_revision(version, number=number)


def is_held_up_by_us(tx: Transaction, run: Run) -> bool:
    """Has the run ended with points pending through our failure: no GPU here, a missing package, no grading at all?"""
    if run.state is RunState.FAILED:
        return True
    if run.state is not RunState.FINISHED:
        return False
    result = tx.runs.load_result(run.run_id)
    ours = (Verdict.NEEDS_GPU, Verdict.NEEDS_PACKAGE)
    return result.outcome is Outcome.SANDBOX_FAILED or any(
        check.verdict in ours for question in result.questions for check in question.checks
    )


def judge_arrival(submission: Submission, *, offering: Offering) -> Submission:
    """The submission with what its moment means by the offering's dates and rules."""
    due_at, policy, at = offering.dates.due_at, offering.rules.late, submission.received_at
    return replace(
        submission,
        is_late=offering.is_late(at=at),
        is_too_late=offering.dates.has_closed(at=at),
        late_percent=0 if due_at is None or policy is None else late_percent(at - due_at, policy),
    )


def judge_arrivals(tx: Transaction, offering: Offering) -> None:
    """What each arrival means by the dates and rules of now, and which of each person's submissions counts by it."""
    newest: dict[PersonId, Submission] = {}
    changed = []
    for submission in tx.submissions.list_of(offering.offering_id, limit=_MOST_OF_A_COURSE):
        judged = judge_arrival(submission, offering=offering)
        newest.setdefault(submission.person_id, judged)
        if judged != submission:
            changed.append(judged)
    tx.submissions.mark_late(changed)
    for submission in changed:
        settle(tx, submission.submission_id)
    for submission in newest.values():
        recount(tx, submission)


def settle(tx: Transaction, submission_id: SubmissionId) -> None:
    """Keep what stands of a submission, so that courses are added up without its result and decisions.

    What would stand with runs that staff look at first is kept up with it: the two are compared.
    """
    for run_id in tx.regrades.list_open_runs(submission_id):
        tx.regrades.put_after(run_id, standing_sums(tx, tx.runs.get(run_id)))
    run = tx.runs.find_counting(submission_id)
    if run is None:
        tx.standings.forget(submission_id)
        return
    result = standing_result(tx, run)
    percent = tx.submissions.get(submission_id).late_percent
    awaited = points_when_late(points_awaited(result), percent=percent)
    tx.standings.put(submission_id, _sums(result), awaited=awaited, waiting=list_waiting_checks(result))


def standing_sums(tx: Transaction, run: Run) -> Sums:
    """`standing_result` in one line."""
    return _sums(standing_result(tx, run))


def _sums(result: Result) -> Sums:
    return Sums(score=result.score, decided=result.decided, pending=result.pending, points=result.points)


def points_awaited(result: Result) -> Points:
    """Of words that have arrived and wait to be read; what was not found, is empty, or failed by us is no such."""
    return sum_points(
        [
            check.pending
            for question in result.questions
            if question.pending
            for check in question.checks
            if check.kind == "written" and check.verdict is Verdict.NEEDS_REVIEW and check.code != "written.empty"
        ]
    )


def list_waiting_checks(result: Result) -> tuple[WaitingCheck, ...]:
    """What of a result that stands waits for a person or for us, unless nothing hangs on it any more."""
    if not result.pending:
        return ()
    return tuple(
        WaitingCheck(question.question_id, check.check_id, check.kind, check.verdict, check.code)
        for question in result.questions
        if not any(note.code == _OVERRIDDEN for note in question.notes)
        for check in question.checks
        if check.verdict.is_pending
    )


def settle_missing(*, stores: Stores) -> int:
    """Keep what stands of results that an earlier release left. Returns how many there were."""
    count = 0
    while True:
        with stores.storage.writing() as tx:
            missing = tx.standings.list_missing(limit=_AT_ONCE)
            for submission_id in missing:
                settle(tx, submission_id)
        count += len(missing)
        if len(missing) < _AT_ONCE:
            return count


def recount(tx: Transaction, submission: Submission) -> None:
    """Point at the submission that counts for this person and offering, by the offering's rules or else the course's.

    Best means most points, earned so far or asked for by words that nobody has read yet; of equals the newer one. One
    that has no result yet has none. What arrived after closing never counts; what is late counts where it raises the
    total, or where nothing came in time.
    Call it whenever a submission's result may stand otherwise: it keeps what stands, too.
    """
    settle(tx, submission.submission_id)
    offering = tx.offerings.get(submission.offering_id)
    everything = tx.submissions.list_of(offering.offering_id, person_id=submission.person_id, limit=_ALL)
    own = those_that_may_count(everything, policy=counting_policy(tx, offering))
    if not own:
        tx.submissions.clear_counting(submission)
    elif len(own) == 1:
        tx.submissions.set_counting(own[0])
    else:
        tx.submissions.set_counting(choose(own, earned=earned_by(tx, own)))


def counting_policy(tx: Transaction, offering: Offering) -> CountingPolicy:
    """The offering's own rule, or else its course's."""
    return offering.rules.counting or tx.courses.get(offering.course_id).counting


def those_that_may_count(own: Sequence[Submission], *, policy: CountingPolicy) -> Sequence[Submission]:
    """Of one person's submissions those whose points decide: of what comes last, one in time and one that is late."""
    not_too_late = [one for one in own if not one.is_too_late]
    if policy is not CountingPolicy.LAST:
        return not_too_late
    newest = {one.is_late: one for one in sorted(not_too_late, key=lambda one: one.number)}
    return tuple(newest.values())


def choose(own: Sequence[Submission], *, earned: Mapping[SubmissionId, Points]) -> Submission:
    """Which of those that may count does.

    Args:
        own: at least one, as `those_that_may_count` gave them.
        earned: by each.
    """

    def rank(one: Submission) -> tuple[Points, int]:
        return earned[one.submission_id], one.number

    in_time, late = ([one for one in own if one.is_late is is_late] for is_late in (False, True))
    chosen = max(in_time or late, key=rank)
    if in_time and late:
        other = max(late, key=rank)
        if earned[other.submission_id] > earned[chosen.submission_id]:
            return other
    return chosen


def earned_by(tx: Transaction, submissions: Sequence[Submission]) -> Mapping[SubmissionId, Points]:
    """What each has earned so far, less what being late costs; -1 while it has no result.

    Words that wait to be read count in full: else better ones would never reach anybody. Those of submissions before
    one that somebody has judged count for nothing: nobody reads all that a student ever wrote.

    Args:
        tx: to read in.
        submissions: one person's for one assignment.
    """
    ids = [one.submission_id for one in submissions]
    standing, hoped = tx.standings.list_of(ids), hoped_by(tx, [submissions])
    return {each: sum_points((standing[each].score, hoped.get(each, 0))) if each in standing else -1 for each in ids}


def hoped_by(tx: Transaction, everybodys: Sequence[Sequence[Submission]]) -> Mapping[SubmissionId, Points]:
    """What `earned_by` counts for words that wait to be read, of many people at once; nothing is left out.

    Args:
        tx: to read in.
        everybodys: of each person those for one assignment.
    """
    ids = [one.submission_id for own in everybodys for one in own]
    awaited = {each: points for each, points in tx.standings.list_awaited(ids).items() if points}
    judged = tx.decisions.list_decided(ids, kinds=_JUDGED) if awaited else frozenset()
    hoped = {}
    for own in everybodys:
        last = max((one.number for one in own if one.submission_id in judged), default=0)
        for one in own:
            if one.number >= last and one.submission_id in awaited:
                hoped[one.submission_id] = awaited[one.submission_id]
    return hoped


def _question(question: QuestionResult, decisions: Sequence[Decision]) -> QuestionResult:
    own = [decision for decision in decisions if decision.question_id == question.question_id]
    by_check = {each.check_id: each for each in own if each.check_id is not None and each.kind.settles}
    checks = tuple(_check(check, by_check.get(check.check_id)) for check in question.checks)
    said = tuple(
        Note(code="review.commented", facts={"comment": decision.comment})
        for decision in own
        if decision.kind is DecisionKind.COMMENT
    )
    override = next((decision for decision in own if decision.kind is DecisionKind.OVERRIDE), None)
    if override is not None:
        points = min(override.points or 0, question.points)
        note = Note(code=_OVERRIDDEN, facts={"points": points, "comment": override.comment})
        notes = (*question.notes, note, *said)
        # Nobody waits for these any more, whatever the run said of them.
        checks = tuple(replace(each, code=_SETTLED, facts={}) if each.pending else each for each in checks)
        return replace(question, checks=checks, score=points, decided=question.points, pending=0, notes=notes)
    return sum_question(question.question_id, checks, notes=(*question.notes, *said), cells=question.cells)


def _weigh(question: QuestionResult, rubrics: Rubrics) -> QuestionResult:
    """The question with its written checks worth what their rubrics say; no machine has decided anything of those."""
    rubric_of = rubrics.get(question.question_id, {})
    if not rubric_of:
        return question
    checks = []
    for check in question.checks:
        if check.check_id in rubric_of:
            points = sum_points(rubric_of[check.check_id].values())
            check = replace(check, score=0, decided=0, pending=points, points=points)
        checks.append(check)
    return sum_question(question.question_id, checks, notes=question.notes, cells=question.cells)


def _check(check: CheckResult, decision: Decision | None) -> CheckResult:
    if decision is None or decision.points is None:
        return check
    points = min(decision.points, check.points)
    verdict = Verdict.PASSED if points >= check.points else Verdict.PARTIAL if points > 0 else Verdict.FAILED
    facts = {"points": points, "of": check.points, "comment": decision.comment}
    return replace(
        check,
        verdict=verdict,
        score=points,
        decided=check.points,
        pending=0,
        code="review.points",
        facts=facts,
        diagnosis=None,
    )
