"""An assignment's dates, what being late costs, which submission counts, and when points and details may be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from grader.domain.people import CountingPolicy
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Release, Rules
from grader.domain.text import Note
from grader.errors import InvalidRequest
from grader.flow.people import Caller
from grader.flow.schedule import Part, Schedule, read_schedule, release_now, set_schedule
from grader.web.access import AppServices, PageCaller
from grader.web.services import Services
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

AT_ONCE, AT_A_MOMENT, BY_HAND = "at_once", "at_a_moment", "by_hand"
_AS_COURSE = "course"
_NO_COST = "none"
_MOST_DIGITS = 6
_TYPED_AS = "%Y-%m-%dT%H:%M"
_REFUSED: Mapping[str, tuple[str, str]] = {
    "percent": ("percent", "authoring_page.wrong_number"),
    "most_percent": ("most", "authoring_page.wrong_number"),
    "grace_minutes": ("grace", "authoring_page.wrong_number"),
    "uploads": ("uploads", "authoring_page.wrong_uploads"),
}
"""The field and the sentence of what a rule may not be."""


class ScheduleForm(BaseModel):
    """The fields as somebody typed them."""

    opens: str = ""
    due: str = ""
    closes: str = ""
    feedback: str = ""
    release: str = AT_ONCE
    details_from: str = ""
    details: str = AT_ONCE
    unit: str = _NO_COST
    percent: str = "10"
    grace: str = "0"
    most: str = "100"
    counting: str = _AS_COURSE
    uploads: str = ""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """What is wrong with one field."""

    field: str
    note: Note


@router.get("/courses/{course}/assignments/{slug}/dates")
def get_dates(course: str, slug: str, request: Request, services: AppServices, caller: PageCaller) -> Response:
    """The dates and rules as they are, in a form."""
    schedule = read_schedule(course, slug, caller=caller, stores=services.stores)
    return _show(request, schedule, form=_form_of(schedule), caller=caller, services=services)


@router.post("/courses/{course}/assignments/{slug}/dates")
def post_dates(
    course: str,
    slug: str,
    form: Annotated[ScheduleForm, Form()],
    request: Request,
    services: AppServices,
    caller: PageCaller,
) -> Response:
    """Keep them; otherwise show the form as it was typed and say what is wrong."""
    schedule = read_schedule(course, slug, caller=caller, stores=services.stores)
    reading = ScheduleReading(form, zone=ZoneInfo(schedule.course.time_zone))
    dates, rules = reading.dates(), reading.rules()
    if not reading.wrong:
        try:
            set_schedule(course, slug, dates=dates, rules=rules, caller=caller, stores=services.stores)
        except InvalidRequest as error:
            field, code = _REFUSED.get(str(error.facts["what"]), ("due", "authoring_page.wrong_order"))
            reading.wrong.append(Wrong(field=field, note=Note(code=code)))
    if reading.wrong:
        return _show(request, schedule, form=form, caller=caller, services=services, wrong=reading.wrong)
    return RedirectResponse(f"{request.url.path}?saved=1", HTTPStatus.SEE_OTHER)


@router.post("/courses/{course}/assignments/{slug}/release")
def post_release(
    course: str, slug: str, services: AppServices, caller: PageCaller, part: Annotated[Part, Form()] = Part.DETAILS
) -> Response:
    """Let students read points, or details too, from now on."""
    release_now(course, slug, part=part, caller=caller, stores=services.stores)
    return RedirectResponse(f"/courses/{course}/assignments/{slug}/dates?released=1", HTTPStatus.SEE_OTHER)


def _show(
    request: Request,
    schedule: Schedule,
    *,
    form: ScheduleForm,
    caller: Caller,
    services: Services,
    wrong: Sequence[Wrong] = (),
) -> Response:
    now = services.stores.clock.now()
    facts = {
        "course": schedule.course,
        "role": caller.role_in(schedule.course.course_id),
        "here": "authoring",
        "schedule": schedule,
        "form": form,
        "wrong": {each.field: each.note for each in wrong},
        "is_published": "published" in request.query_params,
        "is_saved": not wrong and "saved" in request.query_params,
        "was_released": not wrong and "released" in request.query_params,
        "is_released": schedule.offering.is_released(at=now),
        "shows_details": schedule.offering.shows_details(at=now),
        "now": now,
        "limit": services.intake.limit,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return render_page("dates.html", request, caller=caller, status=status, facts=facts)


def _form_of(schedule: Schedule) -> ScheduleForm:
    dates, rules = schedule.offering.dates, schedule.offering.rules
    zone = ZoneInfo(schedule.course.time_zone)

    def typed(moment: datetime | None) -> str:
        return "" if moment is None else moment.astimezone(zone).strftime(_TYPED_AS)

    def chosen(release: Release, since: datetime | None) -> str:
        if release is Release.BY_HAND:
            return BY_HAND
        return AT_ONCE if since is None else AT_A_MOMENT

    form = ScheduleForm(
        opens=typed(dates.opens_at),
        due=typed(dates.due_at),
        closes=typed(dates.closes_at),
        feedback=typed(dates.feedback_at),
        release=chosen(rules.release, dates.feedback_at),
        details_from=typed(dates.details_at),
        details=chosen(rules.details, dates.details_at),
        uploads="" if rules.uploads is None else str(rules.uploads),
        counting=_AS_COURSE if rules.counting is None else rules.counting.value,
    )
    if rules.late is None:
        return form
    late = {
        "unit": rules.late.unit.value,
        "percent": f"{rules.late.percent:g}",
        "grace": str(rules.late.grace_minutes),
        "most": f"{rules.late.most_percent:g}",
    }
    return form.model_copy(update=late)


class ScheduleReading:
    """Typed fields as dates and rules; what cannot be read is noted beside its field."""

    def __init__(self, form: ScheduleForm, *, zone: ZoneInfo) -> None:
        self._form = form
        self._zone = zone
        self.wrong: list[Wrong] = []

    def dates(self) -> Dates:
        form = self._form
        return Dates(
            opens_at=self._moment("opens", form.opens),
            due_at=self._moment("due", form.due),
            closes_at=self._moment("closes", form.closes),
            feedback_at=self._since("feedback", form.feedback, chosen=form.release),
            details_at=self._since("details_from", form.details_from, chosen=form.details),
        )

    def rules(self) -> Rules:
        form = self._form
        late = None
        if form.unit in tuple(LateUnit):
            late = LatePolicy(
                percent=self._number("percent", form.percent),
                unit=LateUnit(form.unit),
                grace_minutes=int(self._number("grace", form.grace)),
                most_percent=self._number("most", form.most),
            )
        return Rules(
            late=late,
            counting=CountingPolicy(form.counting) if form.counting in tuple(CountingPolicy) else None,
            release=Release.BY_HAND if form.release == BY_HAND else Release.BY_DATE,
            details=Release.BY_HAND if form.details == BY_HAND else Release.BY_DATE,
            uploads=self._uploads(form.uploads.strip()),
        )

    def _uploads(self, typed: str) -> int | None:
        if typed.isdecimal() and len(typed) <= _MOST_DIGITS:
            return int(typed)
        if typed:
            self._refuse("uploads", "authoring_page.wrong_uploads")
        return None

    def _since(self, field: str, typed: str, *, chosen: str) -> datetime | None:
        """The moment from which on something is shown, where one was chosen."""
        if chosen != AT_A_MOMENT:
            return None
        if not typed.strip():
            self._refuse(field, "authoring_page.moment_missing")
        return self._moment(field, typed)

    def _moment(self, field: str, typed: str) -> datetime | None:
        if not typed.strip():
            return None
        try:
            local = datetime.fromisoformat(typed.strip())
            return (local if local.tzinfo else local.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            self._refuse(field, "authoring_page.not_a_moment")
            return None

    def _number(self, field: str, typed: str) -> float:
        try:
            number = round(float(typed.strip() or "0"), 2)
            whole = int(number)  # of what is finite
            return whole if whole == number else number
        except (ValueError, OverflowError):
            self._refuse(field, "authoring_page.wrong_number")
            return 0

    def _refuse(self, field: str, code: str) -> None:
        self.wrong.append(Wrong(field=field, note=Note(code=code)))
