"""Students by assignments: found, filtered, sorted and paged on the server."""

from dataclasses import replace

import pytest
from school import notebook_bytes

from grader.domain.people import Role
from grader.errors import InvalidRequest
from grader.flow import people
from grader.flow.table import MOST_ROWS, CellState, SortBy, TableQuery, read_table

RIGHT, WRONG = notebook_bytes(x=3, y=4), notebook_bytes(x=1, y=1)


@pytest.fixture
def course(school):
    """cat and dan besides ann and bob: ann has 15 points, cat none, bob waits, dan handed in nothing."""
    for login, name, number in (
        *(("ann", "ann", "A3"), ("bob", "bob", None)),
        *(("cat", "ねこ 太郎", "a1"), ("dan", "ＤＡＮ", "A2")),
    ):
        new = people.NewMember(login=login, name=name, role=Role.STUDENT, student_number=number)
        people.add_member(new, course="demo", stores=school.stores)
    school.submit("ann", RIGHT)
    school.submit("cat", WRONG)
    school.work_off()
    school.submit("bob", RIGHT)
    return school


def logins(school, **query):
    found = read_table("demo", query=TableQuery(**query), caller=school.caller("tom"), stores=school.stores)
    return [row.student.login for row in found.rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"sort": SortBy.LOGIN}, ["ann", "bob", "cat", "dan"], id="by login"),
        pytest.param({"sort": SortBy.LOGIN, "is_descending": True}, ["dan", "cat", "bob", "ann"], id="by login, back"),
        pytest.param({}, ["dan", "ann", "cat", "bob"], id="by number, those without one last"),
        pytest.param({"is_descending": True}, ["cat", "ann", "dan", "bob"], id="by number, back: they are last too"),
        pytest.param({"sort": SortBy.TOTAL}, ["cat", "ann", "dan", "bob"], id="by total, those without one last"),
        pytest.param(
            {"sort": SortBy.ASSIGNMENT, "assignment": "tiny", "is_descending": True},
            ["ann", "cat", "dan", "bob"],
            id="by one assignment, the best first",
        ),
        pytest.param({"search": "ＣＡＴ"}, ["cat"], id="found by a login in full width"),
        pytest.param({"search": "dan"}, ["dan"], id="found by a name that is written in full width"),
        pytest.param({"search": " 太郎 "}, ["cat"], id="found by part of a name"),
        pytest.param({"search": "a2"}, ["dan"], id="found by a number"),
        pytest.param({"search": "%"}, [], id="nobody found"),
        pytest.param({"state": CellState.NOT_HANDED_IN}, ["dan"], id="who has not handed in"),
        pytest.param({"state": CellState.WAITING, "assignment": "tiny"}, ["bob"], id="whose work waits"),
        pytest.param({"state": CellState.PENDING, "sort": SortBy.LOGIN}, ["ann", "cat"], id="whose points wait"),
        pytest.param({"state": CellState.PENDING, "search": "ann"}, ["ann"], id="both at once"),
        pytest.param({"state": CellState.DECIDED}, [], id="nobody is done"),
    ],
)
def test_students_are_found_and_sorted(course, query, expected):
    assert logins(course, **query) == expected


@pytest.mark.parametrize("sort", [SortBy.LOGIN, SortBy.TOTAL])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_pages_join_to_the_whole(course, sort, size):
    whole = logins(course, sort=sort, size=None)
    pages = -(-len(whole) // size)
    joined = [login for page in range(1, pages + 1) for login in logins(course, sort=sort, size=size, page=page)]
    assert joined == whole


def test_a_page_says_where_it_is(course):
    def read(**query):
        return read_table("demo", query=TableQuery(**query), caller=course.caller("tom"), stores=course.stores)

    last = read(page=99, size=3)
    assert (last.page, last.pages, last.matched, last.students, len(last.rows)) == (2, 2, 4, 4, 1)
    nobody = read(search="nobody")
    assert (nobody.page, nobody.pages, nobody.matched, nobody.rows) == (1, 1, 0, ())


def test_a_page_has_the_cells_of_the_whole(course):
    def rows(**query):
        found = read_table("demo", query=TableQuery(**query), caller=course.caller("tom"), stores=course.stores)
        return {row.student.login: row for row in found.rows}

    whole = rows(size=None, sort=SortBy.TOTAL)
    assert rows(size=2, page=1) | rows(size=2, page=2) == whole
    assert whole["ann"].total.score == 15


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"page": 0}, id="no page"),
        pytest.param({"size": 0}, id="no rows"),
        pytest.param({"size": MOST_ROWS + 1}, id="too many rows"),
        pytest.param({"assignment": "other"}, id="no such assignment"),
        pytest.param({"sort": SortBy.ASSIGNMENT}, id="no assignment to sort by"),
    ],
)
def test_what_cannot_be_shown_is_refused(course, query):
    with pytest.raises(InvalidRequest):
        logins(course, **query)


def test_who_has_left_is_in_no_table(course):
    with course.stores.storage.writing() as tx:
        cat = tx.people.find_by_login("cat")
        course_id = tx.courses.find_by_slug("demo").course_id
        membership = tx.courses.find_membership(course_id, cat.person_id)
        tx.courses.put_member(replace(membership, left_at=course.clock.now()))
    assert logins(course, sort=SortBy.TOTAL) == ["ann", "dan", "bob"]
