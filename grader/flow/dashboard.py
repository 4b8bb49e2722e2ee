"""An assignment's dashboard: how scores lie, what people get wrong, when they hand in, and who has not."""

import statistics
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from grader.domain.ids import CheckId, QuestionId, SubmissionId, VersionHash
from grader.domain.overview import (
    Arrival,
    Attendance,
    CheckGroup,
    Counted,
    QuestionTotals,
    Ruling,
    Scope,
    Student,
    Sums,
)
from grader.domain.people import Course
from grader.domain.publishing import Offering, Revision
from grader.domain.result import Points, Verdict
from grader.domain.text import Note
from grader.errors import NotFound
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.settle import Ruled, Weights, gives_points, settle_question, settle_verdict, valid_rulings
from grader.flow.standing import revision_for
from grader.flow.table import CellState, staff_course, state_of
from grader.grading.score import sum_points

Judged: TypeAlias = tuple[Ruling, Verdict]
"""A check that somebody gave points for, and what it comes to."""
Settled: TypeAlias = tuple[Sums, Sums]
"""What a run found about a question that somebody decided something about, and what it comes to."""
BARS = 10
"""Of the distribution."""
RISKY_MISSES, RISKY_SHARE = 2, 0.5
"""So many assignments not handed in, or less than this part of the points, and somebody may fail."""
_EXAMPLES, _MOST_EXAMPLES = 12, 200
"""Of what people get wrong: at first, and when somebody asks for all."""
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_LONGEST_BY = {_HOUR: timedelta(days=3), _DAY: timedelta(days=120), _WEEK: timedelta.max}
"""Up to which span arrivals are counted by hours, days and weeks."""
_MOST_EMPTY = 30
"""So many steps may lie between what arrived and the due date, for that to be drawn with it."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """How many scores lie from `least` up to, but not including, `below`; in the last bar up to all points."""

    least: float
    below: float
    count: int


@dataclass(frozen=True, kw_only=True)
class QuestionShare:
    """What all earned for one question together."""

    question_id: QuestionId
    score: Points
    decided: Points
    full: int
    """Students with all its points."""
    none: int
    """Students with none, all of it decided."""
    waiting: int
    """Students some of whose points wait."""
    results: int

    @property
    def share(self) -> float | None:
        """Earned of what is decided; None while nothing is."""
        return self.score / self.decided if self.decided else None


@dataclass(frozen=True, kw_only=True)
class CheckShare:
    """How one check came out for all."""

    question_id: QuestionId
    check_id: CheckId
    kind: str
    verdicts: Mapping[Verdict, int]

    @property
    def share(self) -> float | None:
        """Passed of those that are decided; None while none is."""
        decided = sum(count for verdict, count in self.verdicts.items() if not verdict.is_pending)
        return self.verdicts.get(Verdict.PASSED, 0) / decided if decided else None


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Those who got the same thing wrong: the same check ended with the same code and the same recognised mistake."""

    question_id: QuestionId
    check_id: CheckId
    verdict: Verdict
    code: str
    diagnosis: str | None
    count: int
    sample: SubmissionId
    finding: Note | None = None
    """What the sample's student reads of it; only of the most frequent ones."""
    mistake: Note | None = None
    """The mistake that was recognised in the sample."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """What was handed in from `start` up to, but not including, `end`, both in the course's time zone."""

    start: datetime
    end: datetime
    in_time: int
    late: int


@dataclass(frozen=True, kw_only=True)
class AtRisk:
    """A student who may fail, by all of the course's assignments that were due."""

    student: Student
    missed: int
    share: float | None
    """Earned of what is decided; None while nothing is."""


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """Everything counts one submission of each student, but for the arrivals, which are all that was handed in."""

    course: Course
    offering: Offering
    revision: Revision
    students: int
    states: Mapping[CellState, int]
    """How far the students are; every state stands in it."""
    distribution: tuple[Bar, ...]
    """Of what is earned so far, by those who have a result."""
    mean: float | None
    median: float | None
    questions: tuple[QuestionShare, ...]
    """The hardest first, those of which nothing is decided last."""
    checks: tuple[CheckShare, ...]
    """The same."""
    failures: tuple[FailureGroup, ...]
    """The most frequent first."""
    arrivals: tuple[Bucket, ...]
    """By hours, days or weeks, whichever the whole span asks for, with the due date where it is not too far away;
    empty ones stand too."""
    not_handed_in: tuple[Student, ...]
    """By login."""
    at_risk: tuple[AtRisk, ...] | None
    """None where the course does not want to know."""


def read_dashboard(
    course: str, assignment: str, *, caller: Caller, stores: Stores, tells_all: bool = False
) -> Dashboard:
    """How an assignment goes, for staff: of each student what counts, with what people decided.

    Args:
        course: its short name.
        assignment: the same.
        caller: who asks.
        stores: where it is read.
        tells_all: give an example of up to 200 mistakes, not of the most frequent dozen only.

    Raises:
        NotFound: no such course or assignment, or not for the caller.
        Forbidden: the caller is a student.
    """
    with stores.storage.reading() as tx:
        found = staff_course(tx, course, caller)
        offering = tx.offerings.find(found.course_id, slug=assignment)
        if offering is None:
            raise NotFound(what="assignment", name=assignment)
        revision = tx.versions.get_revision(offering.version, number=offering.revision)
        students = tx.overview.list_students(found.course_id)
        scope = Scope(course_id=found.course_id, offering_id=offering.offering_id)
        counted = tx.overview.list_counted(scope)
        weights = _read_weights(tx, counted, offering=offering)
        rulings = valid_rulings(tx.overview.list_rulings(scope))
        totals = tx.overview.add_up_questions(scope)
        groups = tx.overview.group_checks(scope)
        judged = _judge(rulings, weights)
        failures = _with_examples(tx, _list_failures(groups, judged), most=_MOST_EXAMPLES if tells_all else _EXAMPLES)
        arrivals = tx.overview.list_arrivals(found.course_id, offering_id=offering.offering_id)
        at_risk = _find_at_risk(tx, found, students, at=stores.clock.now()) if found.shows_at_risk else None
    scores = [each.sums.score for each in counted if each.sums is not None]
    handed_in = {each.person_id for each in counted}
    not_handed_in = tuple(student for student in students if student.person_id not in handed_in)
    states = Counter(map(state_of, counted))
    states[CellState.NOT_HANDED_IN] = len(not_handed_in)
    return Dashboard(
        course=found,
        offering=offering,
        revision=revision,
        students=len(students),
        states={state: states[state] for state in CellState},
        distribution=_distribute(scores, points=revision.points),
        mean=statistics.fmean(scores) if scores else None,
        median=statistics.median(scores) if scores else None,
        questions=_share_questions(totals, _settle_questions(rulings, weights)),
        checks=_share_checks(groups, judged),
        failures=failures,
        arrivals=_bucket(arrivals, due_at=offering.dates.due_at, zone=ZoneInfo(found.time_zone)),
        not_handed_in=not_handed_in,
        at_risk=at_risk,
    )


def _find_at_risk(tx: Transaction, course: Course, students: Sequence[Student], *, at: datetime) -> tuple[AtRisk, ...]:
    """Who has missed assignments or has less than half of the points, those who missed most first."""
    dues = [each for each in tx.offerings.list_of(course.course_id) if each.dates.is_late(at=at)]
    attendance = tx.standings.list_attendance([each.offering_id for each in dues])
    found = []
    for student in students:
        own = attendance.get(student.person_id, Attendance(handed_in=0, score=0, decided=0))
        missed = len(dues) - own.handed_in
        share = own.score / own.decided if own.decided else None
        if missed >= RISKY_MISSES or (share is not None and share < RISKY_SHARE):
            found.append(AtRisk(student=student, missed=missed, share=share))
    return tuple(sorted(found, key=lambda each: (-each.missed, 1 if each.share is None else each.share)))


def _read_weights(tx: Transaction, counted: Sequence[Counted], *, offering: Offering) -> Mapping[SubmissionId, Weights]:
    """Of every submission that has a result, from the revision that it is read with, as `standing` has it."""
    weights: dict[VersionHash, Weights] = {}
    found = {}
    for each in counted:
        if each.version is not None:
            if each.version not in weights:
                weights[each.version] = Weights.of_revision(revision_for(tx, each.version, offering=offering))
            found[each.submission_id] = weights[each.version]
    return found


def _settle_questions(
    rulings: Mapping[SubmissionId, Ruled], weights_of: Mapping[SubmissionId, Weights]
) -> Mapping[QuestionId, Sequence[Settled]]:
    """Of every question all that somebody decided something about."""
    settled: defaultdict[QuestionId, list[Settled]] = defaultdict(list)
    for submission_id, ruled in rulings.items():
        for question_id, of_question in ruled.items():
            found = of_question[0].found_question
            settled[question_id].append((found, settle_question(found, of_question, weights=weights_of[submission_id])))
    return settled


def _judge(rulings: Mapping[SubmissionId, Ruled], weights_of: Mapping[SubmissionId, Weights]) -> Sequence[Judged]:
    return [
        (ruling, settle_verdict(ruling, weights=weights_of[submission_id]))
        for submission_id, ruled in rulings.items()
        for of_question in ruled.values()
        for ruling in of_question
        if gives_points(ruling)
    ]


def _distribute(scores: Sequence[Points], *, points: Points) -> tuple[Bar, ...]:
    """Bars of equal width from nothing to all points, whether or not any score lies in them."""
    if not points:
        return ()
    counts = Counter(min(int(score * BARS / points), BARS - 1) for score in scores)
    return tuple(
        Bar(least=points * place / BARS, below=points * (place + 1) / BARS, count=counts[place])
        for place in range(BARS)
    )


def _share_questions(
    totals: Sequence[QuestionTotals], settled: Mapping[QuestionId, Sequence[Settled]]
) -> tuple[QuestionShare, ...]:
    """What the runs found, and on top of it what people's decisions change."""
    shares = []
    for each in totals:
        own = settled.get(each.question_id, ())
        shares.append(
            QuestionShare(
                question_id=each.question_id,
                score=sum_points([each.score, *(now.score - found.score for found, now in own)]),
                decided=sum_points([each.decided, *(now.decided - found.decided for found, now in own)]),
                full=each.full + sum(_has_full(now) - _has_full(found) for found, now in own),
                none=each.none + sum(_has_none(now) - _has_none(found) for found, now in own),
                waiting=each.waiting + sum(bool(now.pending) - bool(found.pending) for found, now in own),
                results=each.results,
            )
        )
    return tuple(sorted(shares, key=lambda each: (each.share is None, each.share or 0)))


def _has_full(sums: Sums) -> bool:
    return sums.score >= sums.points


def _has_none(sums: Sums) -> bool:
    return not sums.score and not sums.pending


def _share_checks(groups: Sequence[CheckGroup], judged: Sequence[Judged]) -> tuple[CheckShare, ...]:
    verdicts: defaultdict[tuple[QuestionId, CheckId], Counter[Verdict]] = defaultdict(Counter)
    kinds = {}
    for group in groups:
        kinds[group.question_id, group.check_id] = group.kind
        verdicts[group.question_id, group.check_id][group.verdict] += group.students
    for ruling, verdict in judged:
        counts = verdicts[ruling.question_id, ruling.found_check]
        counts[ruling.found_verdict] -= 1
        counts[verdict] += 1
    shares = [
        CheckShare(question_id=question_id, check_id=check_id, kind=kind, verdicts=+verdicts[question_id, check_id])
        for (question_id, check_id), kind in kinds.items()
    ]
    return tuple(sorted(shares, key=lambda each: (each.share is None, each.share or 0)))


def _list_failures(groups: Sequence[CheckGroup], judged: Sequence[Judged]) -> tuple[FailureGroup, ...]:
    """All that the runs found to be wrong, where no person has decided otherwise since.

    What waits for a person, or for us, is no mistake of anybody.
    """
    overruled = Counter(
        (each.question_id, each.found_check, each.found_verdict, each.found_code, each.found_diagnosis)
        for each, _ in judged
    )
    failures = [
        FailureGroup(
            question_id=group.question_id,
            check_id=group.check_id,
            verdict=group.verdict,
            code=group.code,
            diagnosis=group.diagnosis,
            count=group.students
            - overruled[group.question_id, group.check_id, group.verdict, group.code, group.diagnosis],
            sample=group.sample,
        )
        for group in groups
        if group.verdict is not Verdict.PASSED and not group.verdict.is_pending
    ]
    return tuple(sorted((each for each in failures if each.count), key=lambda each: -each.count))


def _with_examples(tx: Transaction, failures: Sequence[FailureGroup], *, most: int) -> tuple[FailureGroup, ...]:
    """The most frequent ones with what their sample says: each is looked up by itself."""
    told = []
    for each in failures[:most]:
        check = tx.overview.find_check(each.sample, question_id=each.question_id, check_id=each.check_id)
        if check is not None:
            each = replace(each, finding=Note(code=check.code, facts=check.facts), mistake=check.diagnosis)
        told.append(each)
    return (*told, *failures[most:])


def _bucket(arrivals: Sequence[Arrival], *, due_at: datetime | None, zone: ZoneInfo) -> tuple[Bucket, ...]:
    """Counts by hour, day or week of the course's clock."""
    if not arrivals:
        return ()
    first, last = (arrivals[place].received_at.astimezone(zone) for place in (0, -1))
    first, last, step = _reach(first, last, due_at=None if due_at is None else due_at.astimezone(zone))
    start = first.replace(minute=0, second=0, microsecond=0)
    if step > _HOUR:
        start = start.replace(hour=0)
    # Steps of the wall clock: a day begins at midnight on the days that have 23 or 25 hours too.
    starts = [start]
    while starts[-1] + step <= last:
        starts.append(starts[-1] + step)
    # They are in order: a bucket is a slice, found by where it starts, and no arrival is looked at by itself.
    moments = [arrival.received_at for arrival in arrivals]
    places = [bisect_left(moments, start.astimezone(UTC)) for start in starts]
    buckets = []
    for start, place, end in zip(starts, places, [*places[1:], len(arrivals)], strict=True):
        late = sum(arrival.is_late for arrival in arrivals[place:end])
        buckets.append(Bucket(start=start, end=start + step, in_time=end - place - late, late=late))
    return tuple(buckets)


def _reach(first: datetime, last: datetime, *, due_at: datetime | None) -> tuple[datetime, datetime, timedelta]:
    """From when to when is counted, and by which step: as far as the due date in the finest that is not mostly empty,
    and without it where it is too far from what arrived even for weeks."""
    if due_at is not None:
        start, end = min(first, due_at), max(last, due_at)
        for step, longest in _LONGEST_BY.items():
            if end - start <= longest and max(end - last, first - start) <= _MOST_EMPTY * step:
                return start, end, step
    return first, last, next(step for step, longest in _LONGEST_BY.items() if last - first <= longest)
