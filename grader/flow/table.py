"""A course's table: students by assignments, sorted, filtered, searched and cut into pages on the server."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

from grader.domain.ids import OfferingId, PersonId, SubmissionId
from grader.domain.overview import Counted, HowFar, Scope, Student, Sums
from grader.domain.people import Course
from grader.domain.publishing import Offering, Revision
from grader.domain.result import Points
from grader.domain.submission import RunState
from grader.domain.text import Text
from grader.errors import Forbidden, InvalidRequest
from grader.flow.people import Caller, visible_course
from grader.flow.ports import Stores, Transaction
from grader.grading.score import sum_points

T = TypeVar("T")

MOST_ROWS = 500
"""Of one page."""
_NOTHING = Sums(score=0, decided=0, pending=0, points=0)


class CellState(StrEnum):
    """How far one student is with one assignment."""

    NOT_HANDED_IN = "not_handed_in"
    WAITING = "waiting"
    """There is no result yet."""
    FAILED = "failed"
    """We could not grade it; never a zero."""
    PENDING = "pending"
    """Graded; some of the points wait for a person or for us."""
    DECIDED = "decided"


class SortBy(StrEnum):
    NUMBER = "number"
    NAME = "name"
    LOGIN = "login"
    TOTAL = "total"
    ASSIGNMENT = "assignment"
    """The one that the query names."""


@dataclass(frozen=True, kw_only=True)
class TableQuery:
    """What to show of the table, and in which order."""

    sort: SortBy = SortBy.NUMBER
    is_descending: bool = False
    search: str = ""
    """Part of a name, login or student number; full-width or half-width, small or capital."""
    assignment: str | None = None
    """Slug of the assignment that is sorted by, or whose state is filtered by."""
    state: CellState | None = None
    """Only students who are so far with the assignment; with any of them where none is named."""
    page: int = 1
    size: int | None = 50
    """Rows of a page; None for all."""


@dataclass(frozen=True, kw_only=True)
class Column:
    offering_id: OfferingId
    slug: str
    title: Text
    points: Points
    due_at: datetime | None


class Cell(NamedTuple):
    """`sums` are None where there is no result; the submission is None where nothing was handed in."""

    state: CellState
    sums: Sums | None = None
    submission_id: SubmissionId | None = None
    number: int | None = None
    is_late: bool = False


@dataclass(frozen=True, kw_only=True)
class TableRow:
    student: Student
    cells: tuple[Cell, ...]
    """In the order of the columns."""
    total: Sums
    """Of all that has a result. `points` are those of the results, not of the course."""


@dataclass(frozen=True, kw_only=True)
class Table:
    course: Course
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    students: int
    """In the course."""
    matched: int
    """Of them, those that were asked for, on all pages."""
    page: int
    pages: int


_NOT_HANDED_IN = Cell(state=CellState.NOT_HANDED_IN)
Cells: TypeAlias = Mapping[tuple[PersonId, OfferingId], Cell]
"""By student and assignment; where there is none, nothing was handed in."""


def read_table(course: str, *, query: TableQuery, caller: Caller, stores: Stores) -> Table:
    """One page of the table, for staff: of each student what counts, with what people decided.

    A page behind the last one is the last one: filters change under the reader's hands.

    Raises:
        NotFound: no such course, or not for the caller.
        Forbidden: the caller is a student.
        InvalidRequest: no such assignment, no such page.
    """
    _check_page(query)
    with stores.storage.reading() as tx:
        found = staff_course(tx, course, caller)
        offerings = tx.offerings.list_of(found.course_id)
        revisions = {
            each.offering_id: tx.versions.get_revision(each.version, number=each.revision) for each in offerings
        }
        columns = tuple(_column(each, revisions[each.offering_id]) for each in offerings)
        place = _place_of(query, columns)
        everybody = tx.overview.list_students(found.course_id)
        students = _search(everybody, query.search)
        scores: Mapping[PersonId, Points] | None = None
        if query.state is not None or query.sort is SortBy.ASSIGNMENT:
            # One assignment's cells are enough where the choice or the order follows from that assignment alone.
            one = None if place is None else columns[place].offering_id
            scope = _scope(found, offering_id=one)
            lines = tx.overview.list_how_far(scope, only_pending=query.state is CellState.PENDING)
            if query.state is not None:
                students = _choose(students, query.state, lines, of=len(columns) if place is None else 1)
            scores = {line.person_id: line.score for line in lines if line.score is not None}
        if query.sort is SortBy.TOTAL:
            scores = _totals_of(tx, found)
        students = _sort_students(students, query, scores=scores)
        page, pages = _page_of(query, len(students))
        # Only whom the page shows: a course of thousands costs no more than one of fifty.
        shown = _cut(students, query, page=page)
        cells = _read_cells(tx, _scope(found, students=shown))
        rows = tuple(_row(each, _cells_of(each, cells, list(revisions))) for each in shown)
    return Table(
        course=found,
        columns=columns,
        rows=rows,
        students=len(everybody),
        matched=len(students),
        page=page,
        pages=pages,
    )


def staff_course(tx: Transaction, slug: str, caller: Caller) -> Course:
    """The course, for its staff.

    Raises:
        NotFound: no such course, or not for the caller.
        Forbidden: the caller is a student.
    """
    found = visible_course(tx, slug, caller)
    if not caller.is_staff_in(found.course_id):
        raise Forbidden(needs="staff")
    return found


def state_of(counted: Counted) -> CellState:
    """How far a submission that counts is."""
    return _state(counted.state, pending=None if counted.sums is None else counted.sums.pending)


def _state(run: RunState | None, *, pending: Points | None) -> CellState:
    if pending is None:
        return CellState.FAILED if run is RunState.FAILED else CellState.WAITING
    return CellState.PENDING if pending else CellState.DECIDED


def _scope(
    course: Course, *, offering_id: OfferingId | None = None, students: Sequence[Student] | None = None
) -> Scope:
    """All of the course, one offering, or some students; so many that their names would fill a statement are all."""
    people = None if students is None or len(students) > MOST_ROWS else [each.person_id for each in students]
    return Scope(course_id=course.course_id, offering_id=offering_id, people=people)


def _read_cells(tx: Transaction, scope: Scope) -> Cells:
    return {
        (each.person_id, each.offering_id): Cell(
            state_of(each), each.sums, each.submission_id, each.number, each.is_late
        )
        for each in tx.overview.list_counted(scope)
    }


def _cells_of(student: Student, cells: Cells, offering_ids: Sequence[OfferingId]) -> list[Cell]:
    return [cells.get((student.person_id, offering_id), _NOT_HANDED_IN) for offering_id in offering_ids]


def _row(student: Student, cells: Sequence[Cell]) -> TableRow:
    results = [cell.sums for cell in cells if cell.sums is not None]
    total = Sums(*map(sum_points, zip(*results, strict=True))) if results else _NOTHING
    return TableRow(student=student, cells=tuple(cells), total=total)


def _column(offering: Offering, revision: Revision) -> Column:
    return Column(
        offering_id=offering.offering_id,
        slug=offering.slug,
        title=revision.title,
        points=revision.points,
        due_at=offering.dates.due_at,
    )


def _check_page(query: TableQuery) -> None:
    if query.page < 1:
        raise InvalidRequest(what="page", value=str(query.page))
    if query.size is not None and not 1 <= query.size <= MOST_ROWS:
        raise InvalidRequest(what="size", value=str(query.size), most=MOST_ROWS)


def _place_of(query: TableQuery, columns: Sequence[Column]) -> int | None:
    """Of the assignment that the query names, among the columns."""
    slugs = [column.slug for column in columns]
    if query.assignment is None:
        if query.sort is SortBy.ASSIGNMENT:
            raise InvalidRequest(what="assignment", value="")
        return None
    if query.assignment not in slugs:
        raise InvalidRequest(what="assignment", value=query.assignment)
    return slugs.index(query.assignment)


def _search(students: Sequence[Student], search: str) -> list[Student]:
    wanted = _folded(search).strip()
    if not wanted:
        return list(students)
    return [
        student
        for student in students
        if any(wanted in _folded(text) for text in (student.name, student.login, student.student_number or ""))
    ]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


_STUDENT_KEYS: Mapping[SortBy, Callable[[Student], tuple[bool, str, str]]] = {
    SortBy.NUMBER: lambda student: (student.student_number is not None, student.student_number or "", student.login),
    SortBy.NAME: lambda student: (bool(student.name), _folded(student.name), student.login),
    SortBy.LOGIN: lambda student: (True, student.login, ""),
}
"""Whether there is something to sort by; what; and what decides between equals."""


def _sort_students(
    students: Sequence[Student], query: TableQuery, *, scores: Mapping[PersonId, Points] | None
) -> list[Student]:
    """In the query's order; who has nothing to be sorted by comes last either way.

    Args:
        students: whom to sort.
        query: by what.
        scores: of those who have one, where the query sorts by scores; equal ones by student number.
    """
    if query.sort in (SortBy.TOTAL, SortBy.ASSIGNMENT) and scores is not None:
        by_number = sorted(students, key=_STUDENT_KEYS[SortBy.NUMBER])
        by_number.sort(key=lambda student: student.student_number is None)
        sign = -1 if query.is_descending else 1
        by_score = sorted(by_number, key=lambda student: sign * scores.get(student.person_id, 0))
        return sorted(by_score, key=lambda student: student.person_id not in scores)
    key = _STUDENT_KEYS[query.sort]
    in_order = sorted(students, key=key, reverse=query.is_descending)
    return sorted(in_order, key=lambda student: not key(student)[0])


def _totals_of(tx: Transaction, course: Course) -> Mapping[PersonId, Points]:
    totals = tx.standings.add_up(course.course_id)
    return {person_id: sum_points((sums.score,)) for person_id, sums in totals.items()}


def _choose(students: Sequence[Student], state: CellState, lines: Sequence[HowFar], *, of: int) -> list[Student]:
    """Those who are so far with any of the assignments, which are `of` in number."""
    if state is CellState.NOT_HANDED_IN:
        handed_in = Counter(line.person_id for line in lines)
        return [student for student in students if handed_in[student.person_id] < of]
    chosen = {line.person_id for line in lines if _state(line.state, pending=line.pending) is state}
    return [student for student in students if student.person_id in chosen]


def _page_of(query: TableQuery, count: int) -> tuple[int, int]:
    """The page that is shown, of how many; there is always one."""
    pages = 1 if query.size is None else max(1, -(-count // query.size))
    return min(query.page, pages), pages


def _cut(items: Sequence[T], query: TableQuery, *, page: int) -> list[T]:
    if query.size is None:
        return list(items)
    return list(items[(page - 1) * query.size : page * query.size])
