"""The dashboard of an assignment, for staff: how it goes, and what to look at next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import APIRouter, Request, Response

from grader.domain.assignment import Assignment, Question
from grader.domain.ids import QuestionId
from grader.domain.result import Verdict
from grader.domain.text import Language
from grader.flow.dashboard import Bucket, CheckShare, Dashboard, read_dashboard
from grader.flow.progress import read_readiness, read_workers
from grader.web.access import AppServices, PageCaller
from grader.web.language import request_language
from grader.web.readiness import tell_missing
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

CHART_HEIGHT, COLUMN_WIDTH = 100, 10
"""Of the chart of arrivals, in its own units."""
MOST_NAMES = 60
"""Of students who have not handed in; the table has the rest."""


@router.get("/courses/{course}/assignments/{slug}/dashboard")
def get_dashboard(
    course: str, slug: str, request: Request, services: AppServices, caller: PageCaller, mistakes: str = ""
) -> Response:
    """Scores, questions, checks, mistakes, arrivals, who is missing, and whether grading works."""
    stores = services.stores
    seen = read_dashboard(course, slug, caller=caller, stores=stores, tells_all=mistakes == "all")
    loaded = services.assignments.load(seen.offering.version, revision=seen.offering.revision)
    language = request_language(request)
    names = name_questions(loaded.assignment, language)
    health = read_readiness(stores=stores)
    # What other assignments lack is not the matter here.
    own = tuple(each for each in health.ungradable if each.version == seen.offering.version)
    health = replace(health, ungradable=own)
    facts = {
        "course": seen.course,
        "role": caller.role_in(seen.course.course_id),
        "here": "dashboard",
        "now": stores.clock.now(),
        "seen": seen,
        "results": sum(bar.count for bar in seen.distribution),
        "tallest": max((bar.count for bar in seen.distribution), default=0),
        "name_of": lambda question_id: names.get(question_id, question_id),
        "percent": percent,
        "tally": tally,
        "shows_all": mistakes == "all",
        "chart": draw_arrivals(seen),
        "names": seen.not_handed_in[:MOST_NAMES],
        "health": health,
        "missing": tell_missing(health, language),
    }
    return render_page("dashboard.html", request, caller=caller, facts=facts)


@router.get("/workers")
def get_workers(request: Request, services: AppServices, caller: PageCaller) -> Response:
    """Whether grading works, and what waits, for admins."""
    stores = services.stores
    health = read_workers(caller=caller, stores=stores)
    facts = {
        "now": stores.clock.now(),
        "health": health,
        "missing": tell_missing(health, request_language(request)),
    }
    return render_page("workers.html", request, caller=caller, facts=facts)


def name_questions(assignment: Assignment, language: Language) -> Mapping[QuestionId, str]:
    """What people call each question."""
    return {question.question_id: _name(question, language) for question in assignment.questions}


def _name(question: Question, language: Language) -> str:
    title = question.title.in_language(language)
    return title if str(question.number) in title else f"{question.number}. {title}"


def percent(share: float | None) -> int | None:
    return None if share is None else round(100 * share)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How a check came out, in three numbers that people compare."""

    passed: int
    wrong: int
    waiting: int


def tally(check: CheckShare) -> Tally:
    """Partly right counts as wrong: those are the ones to look at."""
    waiting = sum(count for verdict, count in check.verdicts.items() if verdict.is_pending)
    passed = check.verdicts.get(Verdict.PASSED, 0)
    return Tally(passed=passed, wrong=sum(check.verdicts.values()) - passed - waiting, waiting=waiting)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One bar of the chart, in the chart's own units, from the top left."""

    left: float
    in_time_top: float
    in_time_height: float
    late_top: float
    late_height: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Arrivals over time; what came late stands on top of what came in time."""

    columns: tuple[Column, ...]
    width: float
    height: float
    due: float | None
    """Where the due date lies; None where there is none among what is drawn."""


def draw_arrivals(seen: Dashboard) -> Chart | None:
    """The chart of what was handed in when; None where nothing was."""
    buckets = seen.arrivals
    if not buckets:
        return None
    tallest = max(bucket.in_time + bucket.late for bucket in buckets)
    scale = CHART_HEIGHT / tallest
    columns = []
    for place, bucket in enumerate(buckets):
        in_time, late = bucket.in_time * scale, bucket.late * scale
        columns.append(
            Column(
                left=place * COLUMN_WIDTH,
                in_time_top=round(CHART_HEIGHT - in_time, 2),
                in_time_height=round(in_time, 2),
                late_top=round(CHART_HEIGHT - in_time - late, 2),
                late_height=round(late, 2),
            )
        )
    return Chart(
        columns=tuple(columns),
        width=len(buckets) * COLUMN_WIDTH,
        height=CHART_HEIGHT,
        due=_place_of(seen.offering.dates.due_at, buckets),
    )


def _place_of(at: datetime | None, buckets: Sequence[Bucket]) -> float | None:
    """Where a moment lies on the chart; None where it lies on none of it."""
    if at is None:
        return None
    for place, bucket in enumerate(buckets):
        if bucket.start <= at < bucket.end:
            within = (at.astimezone(bucket.start.tzinfo) - bucket.start) / (bucket.end - bucket.start)
            return round((place + within) * COLUMN_WIDTH, 2)
    return None
