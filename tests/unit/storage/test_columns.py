"""Column types: what goes in comes out, and what no database can hold never gets there."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from grader.storage.columns import PointsNumber, StudentText, UtcDateTime, dump_json, storable

facts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=[])), inner),
)


def through(column_type, value):
    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("x", column_type))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert().values(x=value))
        found = connection.execute(sa.select(table.c.x)).scalar_one()
    engine.dispose()
    return found


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3, minutes=-30))], ids=str
)
def test_a_moment_comes_back_as_the_same_moment_in_utc(zone):
    moment = datetime(2026, 11, 24, 23, 50, 1, 234567, tzinfo=zone)
    found = through(UtcDateTime(), moment)
    assert found == moment
    assert found.tzinfo is UTC


def test_a_time_without_a_zone_is_a_mistake_of_ours():
    with pytest.raises(sa.exc.StatementError, match="naive"):
        through(UtcDateTime(), datetime(2026, 11, 24))


@pytest.mark.parametrize(("points", "kind"), [(10, int), (10.0, int), (7.5, float), (0, int), (None, type(None))])
def test_whole_points_are_whole_numbers(points, kind):
    found = through(PointsNumber(), points)
    assert found == points
    assert type(found) is kind


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_of_a_student_can_be_stored(text):
    kept = storable(text)
    kept.encode("utf-8")
    assert "\0" not in kept
    assert len(kept) <= len(text)
    if text.isprintable():
        assert kept == text


def test_text_of_a_student_is_stored_as_it_can_be():
    assert through(StudentText(), "a\ud800b\0c\ud83d\ude00") == "a\ufffdb\ufffdc\U0001f600"


@given(facts)
def test_any_fact_becomes_json_that_every_reader_takes(fact):
    def refuse(word):
        raise AssertionError(word)

    text = dump_json(fact)
    assert text.encode("utf-8")
    json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "nan"), (float("inf"), "inf"), (-float("inf"), "-inf")])
def test_numbers_that_json_lacks_are_spelled_out(value, word):
    assert json.loads(dump_json({"gap": [value]})) == {"gap": [word]}
