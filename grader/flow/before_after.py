"""What a regrade does to people: which submissions it has to grade, and what would count before and after."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from grader.domain.ids import PersonId, QuestionId, SubmissionId
from grader.domain.overview import Scope, Sums
from grader.domain.publishing import Offering
from grader.domain.regrading import PassedOver, PersonChange, Regrade, RegradeLine
from grader.domain.result import Points
from grader.domain.submission import Submission
from grader.flow.ports import Transaction
from grader.flow.standing import choose, counting_policy, earned_by, hoped_by, those_that_may_count
from grader.grading.score import sum_points

OwnOf: TypeAlias = Mapping[PersonId, Sequence[Submission]]

_MOST_OF_A_PERSON = 30
"""Different notebooks that a regrade runs: few hand in as many, and staff wait until all of them are graded."""
_ALL = 1_000_000
"""More submissions than a course makes for one assignment."""


def list_meant(tx: Transaction, offering: Offering, *, question_id: QuestionId | None) -> Sequence[SubmissionId]:
    """Whatever may count of every student's, or of those who lack points in a question, as far as a regrade goes.

    Not only what counts: points by other rules than those of a regrade must not win against its points.
    """
    return _list_meant(tx, offering, group_own(tx, offering), question_id=question_id)


def _list_meant(
    tx: Transaction, offering: Offering, own_of: OwnOf, *, question_id: QuestionId | None
) -> Sequence[SubmissionId]:
    scope = Scope(course_id=offering.course_id, offering_id=offering.offering_id)
    people = {each.person_id: each.submission_id for each in tx.overview.list_counted(scope)}
    if question_id is not None:
        lines = [line for line in tx.overview.list_questions(scope) if line.question_id == question_id]
        lacking = {line.submission_id for line in lines if line.found.score < line.found.points}
        people = {person: counting for person, counting in people.items() if counting in lacking}
    return [one.submission_id for person, own in own_of.items() if person in people for one in _take(tx, own)]


def _take(tx: Transaction, own: Sequence[Submission]) -> Sequence[Submission]:
    """Of one person's that may count those that a regrade grades: with most points, of equals the newest.

    A copy of one of them costs no kernel of its own.
    """
    if len({one.notebook for one in own}) <= _MOST_OF_A_PERSON:
        return own
    earned = earned_by(tx, own)
    counting = choose(own, earned=earned)
    best_first = sorted(own, key=lambda one: (one is counting, earned[one.submission_id], one.number), reverse=True)
    taken = set(islice(dict.fromkeys(one.notebook for one in best_first), _MOST_OF_A_PERSON))
    return [one for one in own if one.notebook in taken]


def list_left_out(
    tx: Transaction, offering: Offering, regrade: Regrade, *, lines: Sequence[RegradeLine], own_of: OwnOf
) -> Sequence[SubmissionId]:
    """What may count by another version and has no points in a regrade of everybody.

    It came later, or we failed, or it was passed over and would win by its old points.
    """
    if not regrade.is_of_everybody:
        return []
    after = {line.submission_id: line.after for line in lines if line.after is not None}
    meant = _list_meant(tx, offering, own_of, question_id=None)
    winning = [each for own in own_of.values() for each in _list_winning(tx, own, after=after)]
    others = [each for each in dict.fromkeys((*meant, *winning)) if each not in after]
    graded = {each: run.version for each, run in tx.runs.list_counting(others).items()}
    return [each for each in others if regrade.version not in (graded.get(each), tx.runs.get_newest(each).version)]


def _list_winning(
    tx: Transaction, own: Sequence[Submission], *, after: Mapping[SubmissionId, Sums]
) -> Sequence[SubmissionId]:
    """Of one person's that a regrade passed over those with more points than all that it graded, best first."""
    if not any(one.submission_id in after for one in own) or len(_take(tx, own)) == len(own):
        return []
    standing = tx.standings.list_of([one.submission_id for one in own])
    besides = hoped_by(tx, [own])
    sums = {**standing, **after}
    earned = {each: sum_points((sums[each].score, besides.get(each, 0))) for each in sums}
    best = max(earned[one.submission_id] for one in own if one.submission_id in after)
    winning = [one.submission_id for one in own if earned.get(one.submission_id, best) > best]
    return sorted(winning, key=lambda each: earned[each], reverse=True)[:_MOST_OF_A_PERSON]


def count_passed_over(regrade: Regrade, *, lines: Sequence[RegradeLine], own_of: OwnOf) -> PassedOver:
    """What was there when somebody asked, of those who are in the regrade, and is not in it."""
    known = {line.submission_id for line in lines}
    counts = [
        sum(one.submission_id not in known and one.received_at <= regrade.asked_at for one in own)
        for own in own_of.values()
        if len({one.notebook for one in own}) > _MOST_OF_A_PERSON and any(one.submission_id in known for one in own)
    ]
    if regrade.submission_id is not None:
        counts = []
    return PassedOver(submissions=sum(counts), people=sum(map(bool, counts)), most=_MOST_OF_A_PERSON)


def compare(
    tx: Transaction, regrade: Regrade, *, lines: Sequence[RegradeLine], own_of: OwnOf
) -> tuple[PersonChange, ...]:
    """What each person has who is in a regrade, before and after it, by login.

    Of one submission that was asked for alone it is that one's points, whatever counts.
    """
    if regrade.submission_id is not None:
        return tuple(map(_alone, lines))
    line_of = {line.submission_id: line for line in lines}
    everybodys = [own for own in own_of.values() if any(one.submission_id in line_of for one in own)]
    others = [one.submission_id for own in everybodys for one in own if one.submission_id not in line_of]
    before = {**tx.standings.list_of(others), **{each: line.before for each, line in line_of.items()}}
    after = {**before, **{each: line.after for each, line in line_of.items() if _has_effect(line, regrade)}}
    # A new run finds the same words as the one before it.
    besides = hoped_by(tx, everybodys)
    changes = []
    for own in everybodys:
        named = next(line_of[one.submission_id] for one in own if one.submission_id in line_of)
        old, new = (_choose(own, sums=sums, besides=besides) for sums in (before, after))
        change = PersonChange(
            person_name=named.person_name,
            login=named.login,
            submission_id=new.submission_id,
            number=new.number,
            number_before=old.number,
            before=before.get(old.submission_id),
            after=after.get(new.submission_id),
        )
        changes.append(change)
    return tuple(sorted(changes, key=lambda change: change.login))


def group_own(tx: Transaction, offering: Offering, *, until: datetime | None = None) -> OwnOf:
    """Each person's submissions that may count, of those that had arrived."""
    policy = counting_policy(tx, offering)
    own_of: defaultdict[PersonId, list[Submission]] = defaultdict(list)
    for submission in tx.submissions.list_of(offering.offering_id, limit=_ALL):
        if until is None or submission.received_at <= until:
            own_of[submission.person_id].append(submission)
    return {person: those_that_may_count(own, policy=policy) for person, own in own_of.items()}


def _has_effect(line: RegradeLine, regrade: Regrade) -> bool:
    return line.after is not None and (line.is_applied or regrade.applied_at is None)


def _choose(
    own: Sequence[Submission],
    *,
    sums: Mapping[SubmissionId, Sums | None],
    besides: Mapping[SubmissionId, Points],
) -> Submission:
    def earned(submission_id: SubmissionId) -> Points:
        found = sums.get(submission_id)
        return -1 if found is None else sum_points((found.score, besides.get(submission_id, 0)))

    return choose(own, earned={one.submission_id: earned(one.submission_id) for one in own})


def _alone(line: RegradeLine) -> PersonChange:
    return PersonChange(
        person_name=line.person_name,
        login=line.login,
        submission_id=line.submission_id,
        number=line.number,
        number_before=line.number,
        before=line.before,
        after=line.after,
    )
