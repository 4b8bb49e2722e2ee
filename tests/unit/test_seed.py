"""The courses that `scripts/seed` makes up: the same every time, and such as the service itself would have left."""

import importlib
import re
import runpy
import sqlite3
from pathlib import Path

import pytest
from route_rules import list_routes

from grader.domain.assignment import Visibility
from grader.domain.regrading import RegradeState
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.adopting import read_effect
from grader.flow.people import Caller
from grader.flow.progress import read_result
from grader.flow.standing import recount
from grader.flow.table import CellState, SortBy, TableQuery, read_table
from grader.settings import Settings
from grader.wiring.data_folder import open_stores

CHECKOUT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(CHECKOUT / "scripts" / "seed"))
STUDENTS, ASSIGNMENTS, SUBMISSIONS = 12, 3, 60


def fill(folder):
    settings = Settings(data_folder=folder)
    size = SCRIPT["Size"](students=STUDENTS, assignments=ASSIGNMENTS, submissions=SUBMISSIONS)
    SCRIPT["seed"](settings, courses=1, size=size)
    return settings


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("seeded") / "data")


@pytest.fixture
def stores(seeded):
    with open_stores(seeded) as stores:
        yield stores


def rows_of(settings):
    """Everything but the queue, whose jobs have names that nobody can guess."""
    connection = sqlite3.connect(settings.database_path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names if name != "jobs"}  # noqa: S608
    connection.close()
    return rows


def test_the_same_numbers_give_the_same_rows(seeded, tmp_path):
    again = rows_of(fill(tmp_path / "data"))
    first = rows_of(seeded)
    assert again == first
    assert (len(first["submissions"]), len(first["offerings"])) == (SUBMISSIONS, ASSIGNMENTS)
    assert len(first["memberships"]) == STUDENTS + 1
    assert len(first["check_results"]) > 5 * SUBMISSIONS


def test_what_counts_is_what_the_service_would_count(stores):
    with stores.storage.writing() as tx:
        course = tx.courses.find_by_slug("course-1")
        for offering in tx.offerings.list_of(course.course_id):
            for submission in tx.submissions.list_of(offering.offering_id, limit=SUBMISSIONS):
                counting = tx.submissions.find_counting(offering.offering_id, person_id=submission.person_id)
                awaited = tx.standings.list_awaited([submission.submission_id])
                recount(tx, submission)
                assert tx.standings.list_awaited([submission.submission_id]) == awaited
                again = tx.submissions.find_counting(offering.offering_id, person_id=submission.person_id)
                assert again == counting


def test_every_finding_has_its_sentences(stores):
    with stores.storage.reading() as tx:
        course = tx.courses.find_by_slug("course-1")
        submissions = [
            submission
            for offering in tx.offerings.list_of(course.course_id)
            for submission in tx.submissions.list_of(offering.offering_id, limit=SUBMISSIONS)
        ]
        runs = tx.runs.list_counting([each.submission_id for each in submissions]).values()
        results = [tx.runs.load_result(run.run_id) for run in runs]
    checks = [check for result in results for question in result.questions for check in question.checks]
    for check in checks:
        for language in Language:
            for visibility in Visibility:
                note = Note(code=check.code, facts=check.facts)
                assert sentence(note, language, visibility=visibility)


@pytest.fixture
def caller(stores):
    with stores.storage.reading() as tx:
        tutor = tx.people.find_by_login("ta-1")
        return Caller(person=tutor, memberships=tx.courses.list_memberships(tutor.person_id))


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(TableQuery(size=5, page=2), id="by number"),
        pytest.param(
            TableQuery(size=5, page=2, sort=SortBy.ASSIGNMENT, assignment="activations"), id="by one assignment"
        ),
        pytest.param(TableQuery(state=CellState.DECIDED, assignment="activations"), id="filtered by one assignment"),
        pytest.param(TableQuery(state=CellState.PENDING), id="filtered by all"),
    ],
)
def test_a_row_is_the_same_on_every_page(stores, caller, query):
    whole = read_table("course-1", query=TableQuery(size=None), caller=caller, stores=stores)
    part = read_table("course-1", query=query, caller=caller, stores=stores)
    assert part.rows
    assert [row for row in part.rows if row not in whole.rows] == []


def test_the_table_has_the_points_of_every_result(stores, caller):
    """With decisions that were taken back, and questions that were settled as a whole."""
    query = TableQuery(sort=SortBy.TOTAL, size=None)
    table = read_table("course-1", query=query, caller=caller, stores=stores)
    cells = [cell for row in table.rows for cell in row.cells if cell.sums is not None]
    assert len(cells) > STUDENTS
    for cell in cells:
        result = read_result(cell.submission_id, caller=caller, stores=stores).result
        assert tuple(cell.sums) == (result.score, result.decided, result.pending, result.points)


NO_PAGES = re.compile(
    r"/(healthz|readyz|static/.*|api/v1/openapi.json)"
    r"|/sign-in/provider(/back)?"
    r"|.*/(template|download|events|table\.{file_format}|files/{path:path})"
    r"|.*/{kept}/(frames|images)/.*"
    r"|/api/v1/submissions/{submission_id}/(notebook|executed)"
)
"""Files, signs of life and ways to somebody else's sign-in."""


def test_the_benchmark_asks_for_every_page_and_list(stores, monkeypatch):
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    pages = importlib.import_module("pages")
    routes = {route.removeprefix("GET ") for route in list_routes() if route.startswith("GET ")}
    wanted = {route for route in routes if not NO_PAGES.fullmatch(route)}

    with pages.open_visitor(stores) as visitor:
        addresses = [address.partition("?")[0] for address, _ in visitor.addresses.values()]
        for ask in visitor.asks.values():
            ask()

    assert len(wanted) > 40
    forms = {route: re.compile(re.sub(r"{\w+}", "[^/]+", route)) for route in wanted}
    assert {route for route, form in forms.items() if not any(map(form.fullmatch, addresses))} == set()
    assert {address for address in addresses if not any(form.fullmatch(address) for form in forms.values())} == set()


def test_a_regrade_waits_for_somebody_to_apply_it(stores):
    with stores.storage.reading() as tx:
        course = tx.courses.find_by_slug("course-1")
        (offering,) = [each for each in tx.offerings.list_of(course.course_id) if tx.regrades.list_of(each.offering_id)]
        (regrade,) = tx.regrades.list_of(offering.offering_id)
        admin = tx.people.find_by_login("admin")
    caller = Caller(person=admin, memberships=())

    effect = read_effect("course-1", offering.slug, regrade.version, caller=caller, stores=stores)

    assert (effect.is_offered, effect.is_unasked, effect.regrade.state) == (False, False, RegradeState.READY)
    assert effect.regrade.left_out == []
    assert effect.regrade.gaining
    assert effect.regrade.losing


def test_a_folder_that_is_there_is_left_alone(seeded, monkeypatch):
    monkeypatch.setattr("sys.argv", ["seed", str(seeded.data_folder)])
    with pytest.raises(SystemExit):
        SCRIPT["main"]()
