"""Dates as an instructor types them on the command line."""

from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from grader.domain.publishing import Dates
from grader.errors import InvalidRequest
from grader.flow.ports import Stores


def parse_dates(
    course: str,
    stores: Stores,
    *,
    opens: str | None,
    due: str | None,
    closes: str | None,
    feedback: str | None,
    details: str | None = None,
) -> Dates:
    """Dates as an instructor types them, in the course's time zone.

    Raises:
        InvalidRequest: not a date.
        NotFound: no such course.
    """
    with stores.storage.reading() as tx:
        found = tx.courses.find_by_slug(course)
    zone = ZoneInfo(found.time_zone) if found else ZoneInfo("UTC")
    when = partial(_parse_date, zone=zone)
    return Dates(
        opens_at=when("--opens", opens),
        due_at=when("--due", due),
        closes_at=when("--closes", closes),
        feedback_at=when("--feedback", feedback),
        details_at=when("--details", details),
    )


def _parse_date(option: str, text: str | None, *, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        local = datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(what=option, value=text) from error
