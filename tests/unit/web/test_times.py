from datetime import UTC, datetime

import pytest

from grader.domain.text import Language
from grader.web.times import write_moment

DUE = datetime(2026, 11, 24, 14, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "year", "ja", "en"),
    [
        pytest.param("Asia/Tokyo", 2026, "11月24日(火) 23:50", "Tue 24 Nov, 23:50", id="this year"),
        pytest.param("Asia/Tokyo", 2027, "2026年11月24日(火) 23:50", "Tue 24 Nov 2026, 23:50", id="another year"),
        pytest.param("Pacific/Auckland", 2026, "11月25日(水) 03:50", "Wed 25 Nov, 03:50", id="the next day there"),
    ],
)
def test_a_moment_is_written_out_in_the_courses_zone(zone, year, ja, en):
    now = datetime(year, 6, 1, tzinfo=UTC)

    assert write_moment(DUE, zone=zone, language=Language.JA, now=now) == ja
    assert write_moment(DUE, zone=zone, language=Language.EN, now=now) == en


def test_the_year_is_that_of_the_courses_zone():
    new_year_in_tokyo = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)

    words = write_moment(new_year_in_tokyo, zone="Asia/Tokyo", language=Language.EN, now=DUE)

    assert words == "Fri 1 Jan 2027, 00:30"
