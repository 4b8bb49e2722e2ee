"""When points and details are shown: each at once, from a date on or by hand, and details never before the points."""

from datetime import timedelta

import pytest
from doubles import NOON

from grader.domain.ids import CourseId, OfferingId, VersionHash
from grader.domain.publishing import Dates, Offering, Release, Rules

HOUR = timedelta(hours=1)
EARLIER, LATER, LATEST = NOON - HOUR, NOON + HOUR, NOON + 2 * HOUR
BY_HAND = Release.BY_HAND


def offer(*, points=None, details=None):
    """An offering where each part is shown at once (None), from a moment on, or by hand."""
    dates = Dates(
        feedback_at=None if points is BY_HAND else points,
        details_at=None if details is BY_HAND else details,
    )
    rules = Rules(
        release=BY_HAND if points is BY_HAND else Release.BY_DATE,
        details=BY_HAND if details is BY_HAND else Release.BY_DATE,
    )
    return Offering(
        offering_id=OfferingId("o"),
        course_id=CourseId("c"),
        slug="tiny",
        version=VersionHash("v"),
        revision=1,
        dates=dates,
        rules=rules,
        created_at=NOON,
    )


@pytest.mark.parametrize(
    ("points", "details", "shown", "since"),
    [
        pytest.param(None, None, (True, True), (None, None), id="all at once"),
        pytest.param(EARLIER, None, (True, True), (EARLIER, EARLIER), id="a date that has come"),
        pytest.param(NOON, NOON, (True, True), (NOON, NOON), id="this very moment"),
        pytest.param(LATER, None, (False, False), (LATER, LATER), id="all from a date on"),
        pytest.param(LATER, EARLIER, (False, False), (LATER, LATER), id="details not before the points"),
        pytest.param(LATER, LATEST, (False, False), (LATER, LATEST), id="one after the other"),
        pytest.param(None, LATER, (True, False), (None, LATER), id="details from a date on"),
        pytest.param(None, BY_HAND, (True, False), (None, None), id="details by hand"),
        pytest.param(LATER, BY_HAND, (False, False), (LATER, None), id="points from a date on, details by hand"),
        pytest.param(BY_HAND, None, (False, False), (None, None), id="all by hand"),
        pytest.param(BY_HAND, EARLIER, (False, False), (None, None), id="a date of details opens no points"),
        pytest.param(BY_HAND, BY_HAND, (False, False), (None, None), id="both by hand"),
    ],
)
def test_each_part_is_shown_by_its_own_rule(points, details, shown, since):
    offering = offer(points=points, details=details)

    assert (offering.is_released(at=NOON), offering.shows_details(at=NOON)) == shown
    assert (offering.points_from, offering.details_from) == since
