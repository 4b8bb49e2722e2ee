"""A course's table of students by assignments, for staff: as a page, and as a file for spreadsheets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from grader.flow.sheet import write_csv, write_xlsx
from grader.flow.table import CellState, SortBy, TableQuery, read_table
from grader.web.access import AppServices, PageCaller
from grader.web.language import request_language
from grader.web.templating import render_page

router = APIRouter(include_in_schema=False)

_BEST_FIRST = (SortBy.TOTAL, SortBy.ASSIGNMENT)
"""What people first want from the other end."""


class SheetFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


_WRITERS = {SheetFormat.CSV: write_csv, SheetFormat.XLSX: write_xlsx}
_MEDIA_TYPES = {
    SheetFormat.CSV: "text/csv; charset=utf-8",
    SheetFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def _read_query(
    sort: SortBy = SortBy.NUMBER,
    order: Literal["up", "down"] = "up",
    q: Annotated[str, Query(max_length=200)] = "",
    assignment: Annotated[str, Query(max_length=64)] = "",
    state: CellState | Literal[""] = "",
    page: int = 1,
) -> TableQuery:
    """What an address asks for; a form sends nothing as an empty text."""
    # Without an assignment there is nothing to sort by: the form's list of assignments was set back to all of them.
    is_aimless = sort is SortBy.ASSIGNMENT and not assignment
    return TableQuery(
        sort=SortBy.NUMBER if is_aimless else sort,
        is_descending=order == "down",
        search=q,
        assignment=assignment or None,
        state=state or None,
        page=page,
    )


Asked = Annotated[TableQuery, Depends(_read_query)]


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the same table stands, sorted in another way or at another page."""

    root: str
    query: TableQuery

    def sorted_by(self, sort: str, assignment: str | None) -> str:
        """By another column, or by the same one from its other end."""
        is_again = self.is_sorted_by(sort, assignment)
        is_descending = not self.query.is_descending if is_again else sort in _BEST_FIRST
        changed = replace(self.query, sort=SortBy(sort), is_descending=is_descending, page=1)
        return self._address(changed if assignment is None else replace(changed, assignment=assignment))

    def is_sorted_by(self, sort: str, assignment: str | None) -> bool:
        return self.query.sort == sort and (assignment is None or self.query.assignment == assignment)

    def at_page(self, page: int) -> str:
        return self._address(replace(self.query, page=page))

    def as_file(self, file_format: str) -> str:
        return self._address(replace(self.query, page=1), suffix=f".{file_format}")

    def _address(self, query: TableQuery, *, suffix: str = "") -> str:
        said = urlencode(_parameters(query))
        return f"{self.root}{suffix}?{said}" if said else f"{self.root}{suffix}"


def _parameters(query: TableQuery) -> Mapping[str, str]:
    """As `_read_query` reads them, without what it takes for granted."""
    said = {
        "sort": "" if query.sort is SortBy.NUMBER else query.sort.value,
        "order": "down" if query.is_descending else "",
        "q": query.search,
        "assignment": query.assignment or "",
        "state": "" if query.state is None else query.state.value,
        "page": "" if query.page == 1 else str(query.page),
    }
    return {name: value for name, value in said.items() if value}


@router.get("/courses/{course}/table")
def get_table(course: str, request: Request, services: AppServices, caller: PageCaller, query: Asked) -> Response:
    """One page of the table, with a form that narrows it down."""
    table = read_table(course, query=query, caller=caller, stores=services.stores)
    facts = {
        "course": table.course,
        "role": caller.role_in(table.course.course_id),
        "here": "table",
        "table": table,
        "query": query,
        "go": Addresses(root=request.url.path, query=query),
        "states": tuple(CellState),
    }
    return render_page("table.html", request, caller=caller, facts=facts)


@router.get("/courses/{course}/table.{file_format}")
def get_sheet(
    course: str, file_format: SheetFormat, request: Request, services: AppServices, caller: PageCaller, query: Asked
) -> Response:
    """All rows that the query asks for, as a file."""
    table = read_table(course, query=replace(query, page=1, size=None), caller=caller, stores=services.stores)
    language = request_language(request)
    body = _WRITERS[file_format](table, language=language)
    headers = {
        "Content-Disposition": f'attachment; filename="{table.course.slug}.{file_format}"',
        "Content-Language": language.value,
    }
    return Response(body, media_type=_MEDIA_TYPES[file_format], headers=headers)
