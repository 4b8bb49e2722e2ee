"""A course's table as a file that a spreadsheet opens right: CSV or XLSX, in the reader's language."""

import csv
import io
import unicodedata
from collections.abc import Sequence
from typing import TypeAlias

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from grader.domain.result import Points
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.table import Cell, CellState, Column, Table, TableRow

Entry: TypeAlias = str | Points | None
Line: TypeAlias = Sequence[Entry]

_ABOUT_STUDENT = ("table.number", "table.name", "table.login")
_ABOUT_TOTAL = ("table.score", "table.pending")
_WIDTHS = (14, 20, 26)
"""Of the columns about the student, in characters."""


def write_csv(table: Table, *, language: Language) -> bytes:
    """UTF-8 with the mark without which Excel takes it for the system's own encoding."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(make_lines(table, language=language))
    return text.getvalue().encode("utf-8-sig")


def write_xlsx(table: Table, *, language: Language) -> bytes:
    """One sheet; its heading and the students' columns stay in sight."""
    heading, *lines = make_lines(table, language=language)
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for place in range(len(heading)):
        sheet.column_dimensions[get_column_letter(place + 1)].width = _WIDTHS[place] if place < len(_WIDTHS) else 12
    sheet.freeze_panes = f"{get_column_letter(len(_ABOUT_STUDENT) + 1)}2"
    bold = [WriteOnlyCell(sheet, value=entry) for entry in heading]
    for cell in bold:
        cell.font = Font(bold=True)
    sheet.append(bold)
    for line in lines:
        sheet.append(line)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def make_lines(table: Table, *, language: Language) -> list[Line]:
    """The heading and a line for each student.

    Where there is no score, or nothing is decided yet, stands a word that says why: nobody takes it for a zero.
    """

    def word(code: str) -> str:
        return sentence(Note(code=code), language)

    heading = [
        *map(word, _ABOUT_STUDENT),
        *(_heading_of(column, language) for column in table.columns),
        *map(word, _ABOUT_TOTAL),
    ]
    scoreless = (CellState.NOT_HANDED_IN, CellState.WAITING, CellState.FAILED)
    words = {state: word(f"table.{state.value}") for state in scoreless}
    words[CellState.PENDING] = word("table.nothing_decided")
    return [list(map(harmless, heading)), *([harmless(entry) for entry in _line(row, words)] for row in table.rows)]


def _heading_of(column: Column, language: Language) -> str:
    title = column.title.ja if language is Language.JA else column.title.en
    return sentence(Note(code="table.assignment", facts={"title": title, "points": column.points}), language)


def _line(row: TableRow, words: dict[CellState, str]) -> Line:
    student = row.student
    return [
        *(student.student_number, student.name, student.login),
        *(_entry(cell, words) for cell in row.cells),
        *(row.total.score, row.total.pending),
    ]


def _entry(cell: Cell, words: dict[CellState, str]) -> Entry:
    if cell.sums is None or (cell.sums.pending and not cell.sums.decided):
        return words[cell.state]
    return cell.sums.score


def harmless(entry: Entry) -> Entry:
    """Text that a spreadsheet cannot take for a formula: a name is the student's to choose.

    Full-width signs count too, some programs read them as the others; so do signs behind blanks, which they trim.
    """
    if not isinstance(entry, str):
        return entry
    text = ILLEGAL_CHARACTERS_RE.sub("\ufffd", entry)
    first = unicodedata.normalize("NFKC", text.lstrip())[:1]
    return f"'{text}" if first in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text
