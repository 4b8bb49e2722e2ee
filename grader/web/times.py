"""Moments as people of a course read them: in its zone, with the date written out."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from grader.domain.text import Language

_THIS_YEAR = {Language.JA: "M月d日(E) HH:mm", Language.EN: "EEE d MMM, HH:mm"}
_ANOTHER_YEAR = {Language.JA: "y年M月d日(E) HH:mm", Language.EN: "EEE d MMM y, HH:mm"}


def write_moment(at: datetime, *, zone: str, language: Language, now: datetime) -> str:
    """Such as '11月24日(火) 23:50' and 'Tue 24 Nov, 23:50'; with the year where it is not the present one.

    Args:
        at: an aware moment.
        zone: the course's, an IANA name.
        now: an aware moment.
    """
    there = ZoneInfo(zone)
    is_this_year = at.astimezone(there).year == now.astimezone(there).year
    pattern = (_THIS_YEAR if is_this_year else _ANOTHER_YEAR)[language]
    return format_datetime(at, pattern, tzinfo=there, locale=language.value)
