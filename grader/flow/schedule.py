"""When an assignment opens, is due, closes and shows points, and what being late costs; changed at any time."""

from dataclasses import dataclass, replace
from enum import StrEnum

from grader.domain.people import Course
from grader.domain.publishing import Dates, LatePolicy, Offering, Release, Revision, Rules
from grader.errors import Forbidden, InvalidRequest, NotFound
from grader.flow.people import Caller, visible_course
from grader.flow.ports import Stores, Transaction
from grader.flow.publish import check_order
from grader.flow.standing import judge_arrivals

_MOST_GRACE_MINUTES = 7 * 24 * 60
_MOST_UPLOADS = 1000
"""Of one person in a short time: each of them is looked at when another one comes."""


class Part(StrEnum):
    """What of the results somebody releases."""

    POINTS = "points"
    DETAILS = "details"
    """And the points, without which there are none."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What an instructor sets for one assignment of a course."""

    course: Course
    offering: Offering
    revision: Revision


def read_schedule(course: str, slug: str, *, caller: Caller, stores: Stores) -> Schedule:
    """The dates and rules as they are.

    Raises:
        NotFound: no such course or assignment, or not for the caller.
        Forbidden: the caller is no instructor of the course.
    """
    with stores.storage.reading() as tx:
        return _read(tx, course, slug, caller)


def set_schedule(course: str, slug: str, *, dates: Dates, rules: Rules, caller: Caller, stores: Stores) -> Schedule:
    """Replace the dates and rules; what was handed in is judged by the new ones, and what counts is counted anew.

    Raises:
        NotFound: no such course or assignment, or not for the caller.
        Forbidden: the caller is no instructor of the course.
        InvalidRequest: the dates are in no order, or a number cannot be.
    """
    check_order(dates)
    _check_late(rules.late)
    if rules.uploads is not None and not 1 <= rules.uploads <= _MOST_UPLOADS:
        raise InvalidRequest(what="uploads", value=rules.uploads)
    with stores.storage.writing() as tx:
        before = _read(tx, course, slug, caller)
        offering_id = before.offering.offering_id
        tx.offerings.set_dates(offering_id, dates)
        tx.offerings.set_rules(offering_id, rules)
        after = replace(before, offering=tx.offerings.get(offering_id))
        if _counts_otherwise(before.offering, after.offering):
            judge_arrivals(tx, after.offering)
    return after


def release_now(course: str, slug: str, *, part: Part, caller: Caller, stores: Stores) -> Schedule:
    """Let students read points, or points and details, from this moment on, which is kept as that part's date.

    Raises as `read_schedule` does.
    """
    now = stores.clock.now()
    with stores.storage.writing() as tx:
        found = _read(tx, course, slug, caller)
        before = after = found.offering
        if not after.is_released(at=now):
            dates, rules = replace(after.dates, feedback_at=now), replace(after.rules, release=Release.BY_DATE)
            after = replace(after, dates=dates, rules=rules)
        if part is Part.DETAILS and not after.shows_details(at=now):
            dates, rules = replace(after.dates, details_at=now), replace(after.rules, details=Release.BY_DATE)
            after = replace(after, dates=dates, rules=rules)
        if after != before:
            tx.offerings.set_dates(after.offering_id, after.dates)
            tx.offerings.set_rules(after.offering_id, after.rules)
        return replace(found, offering=after)


def instructors_course(tx: Transaction, slug: str, caller: Caller) -> Course:
    """The course, for those who may change it.

    Raises:
        NotFound: no such course, or not for the caller.
        Forbidden: the caller is no instructor of it.
    """
    found = visible_course(tx, slug, caller)
    if not caller.is_instructor_in(found.course_id):
        raise Forbidden(needs="instructor")
    return found


def _read(tx: Transaction, course: str, slug: str, caller: Caller) -> Schedule:
    found = instructors_course(tx, course, caller)
    offering = tx.offerings.find(found.course_id, slug=slug)
    if offering is None:
        raise NotFound(what="assignment", name=slug)
    revision = tx.versions.get_revision(offering.version, number=offering.revision)
    return Schedule(course=found, offering=offering, revision=revision)


def _check_late(late: LatePolicy | None) -> None:
    if late is None:
        return
    for what, value, most in (
        ("percent", late.percent, 100),
        ("most_percent", late.most_percent, 100),
        ("grace_minutes", late.grace_minutes, _MOST_GRACE_MINUTES),
    ):
        if not 0 <= value <= most:
            raise InvalidRequest(what=what, value=value)


def _counts_otherwise(before: Offering, after: Offering) -> bool:
    """Can the change move what counts, or what it is worth?"""

    def matters(offering: Offering) -> tuple[object, ...]:
        return offering.dates.due_at, offering.dates.closes_at, offering.rules.late, offering.rules.counting

    return matters(before) != matters(after)
