"""What an instructor changes about a course: its title, zone, which submission counts, and its switches."""

from dataclasses import dataclass, replace

from grader.domain.people import CountingPolicy, Course
from grader.flow.people import Caller, check_title, check_zone, taught_course
from grader.flow.ports import Stores
from grader.flow.standing import recount

_ALL = 1_000_000
"""More submissions than an assignment ever has."""


@dataclass(frozen=True, kw_only=True)
class CourseSettings:
    """A course's settings as a form has them."""

    title: str
    time_zone: str
    counting: CountingPolicy
    shows_at_risk: bool


@dataclass(frozen=True, kw_only=True)
class SettingsView:
    """A course as its instructors set it; `join_code` is None where nobody can ask to join."""

    course: Course
    settings: CourseSettings
    join_code: str | None


def read_settings(slug: str, *, stores: Stores, by: Caller) -> SettingsView:
    """How the course is set.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin.
    """
    with stores.storage.reading() as tx:
        course = taught_course(tx, slug, by)
        code = tx.joins.find_code(course.course_id)
    settings = CourseSettings(
        title=course.title,
        time_zone=course.time_zone,
        counting=course.counting,
        shows_at_risk=course.shows_at_risk,
    )
    return SettingsView(course=course, settings=settings, join_code=code)


def change_course(slug: str, settings: CourseSettings, *, stores: Stores, by: Caller | None = None) -> Course:
    """Change a course; with another policy, another of a student's submissions may count from now on.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin; None is the operator.
        InvalidRequest: the title or the time zone is none.
    """
    check_title(settings.title)
    check_zone(settings.time_zone)
    with stores.storage.writing() as tx:
        before = taught_course(tx, slug, by)
        course = replace(
            before,
            title=settings.title.strip(),
            time_zone=settings.time_zone,
            counting=settings.counting,
            shows_at_risk=settings.shows_at_risk,
        )
        tx.courses.change(course)
    if course.counting is not before.counting:
        _recount_all(course, stores=stores)
    return course


def _recount_all(course: Course, *, stores: Stores) -> None:
    with stores.storage.reading() as tx:
        offerings = tx.offerings.list_of(course.course_id)
    for offering in offerings:
        # A transaction each, so that uploads come in between.
        with stores.storage.writing() as tx:
            one_each = {each.person_id: each for each in tx.submissions.list_of(offering.offering_id, limit=_ALL)}
            for submission in one_each.values():
                recount(tx, submission)
