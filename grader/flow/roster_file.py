"""A roster's bytes, CSV or XLSX as Japanese and English offices save them, to its lines."""

import csv
import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from grader.domain.roster import RosterColumns, RosterLine
from grader.errors import RosterRefused

MOST_BYTES = 5 * 1024**2
_MOST_UNPACKED = 20 * 1024**2
_MOST_LINES = 10_000
_MOST_COLUMNS = 100
_TITLES_ABOVE = 20
"""Offices put a title, the course's name and the date above the headings."""
_LOOKED_AT = 4096
"""Characters that tell by what the columns are parted."""

_LOGINS = """
login loginid loginname userid username user account email emailaddress mail mailaddress
ログイン ログイン名 ログインid ユーザー ユーザーid ユーザー名 ユーザid ユーザ名 利用者id アカウント アカウント名
メール メールアドレス eメール eメールアドレス 電子メール
"""
_NAMES = """
name fullname studentname 氏名 名前 姓名 学生氏名 学生名 漢字氏名 氏名(漢字) 受講者名
"""
_NUMBERS = """
studentnumber studentno studentid number idnumber 学籍番号 学生番号 学生証番号 学生id 学生no 学番
"""
_USUAL: Mapping[str, frozenset[str]] = {
    "login": frozenset(_LOGINS.split()),
    "name": frozenset(_NAMES.split()),
    "student_number": frozenset(_NUMBERS.split()),
}
"""Headings as `_plain_heading` leaves them."""
_IGNORED = re.compile(r"[\s_.:：\-]+")

_XLSX_STUMBLES = (
    zipfile.BadZipFile,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    zlib.error,
)
"""openpyxl checks little: it raises whatever it stumbles over in a file that is damaged or made to hurt."""


@dataclass(frozen=True, kw_only=True)
class RosterFile:
    """The lines of a file, and how they were read."""

    columns: RosterColumns
    headings: tuple[str, ...]
    lines: tuple[RosterLine, ...]


def read_roster(data: bytes, *, columns: RosterColumns | None = None) -> RosterFile:
    """The students of the file's first sheet, every line as it stands.

    Args:
        columns: headings that are not the usual ones.

    Raises:
        RosterRefused: too large, neither CSV nor XLSX, or without a column that says who somebody is.
    """
    if len(data) > MOST_BYTES:
        raise RosterRefused("too_large", limit_mb=MOST_BYTES // 1024**2)
    rows = _read_xlsx(data) if data.startswith(b"PK\x03\x04") else _read_csv(data)
    if len(rows) > _MOST_LINES:
        raise RosterRefused("too_many_lines", most=_MOST_LINES)
    place, found = _find_headings(rows, wanted=columns or RosterColumns())
    headings = rows[place]
    lines = (_read_line(cells, line=n, found=found) for n, cells in enumerate(rows[place + 1 :], start=place + 2))
    return RosterFile(
        columns=RosterColumns(**{field: None if at is None else headings[at] for field, at in found.items()}),
        headings=tuple(heading for heading in headings if heading),
        lines=tuple(line for line in lines if line is not None),
    )


def _find_headings(rows: Sequence[Sequence[str]], *, wanted: RosterColumns) -> tuple[int, Mapping[str, int | None]]:
    """In which row they stand, and each column's place in it."""
    for place, row in enumerate(rows[:_TITLES_ABOVE]):
        found = _find_columns(row, wanted=wanted)
        if found["login"] is not None or found["student_number"] is not None:
            return place, found
    first = next((row for row in rows if any(row)), ())
    raise RosterRefused("no_columns", headings=[heading for heading in first if heading])


def _find_columns(row: Sequence[str], *, wanted: RosterColumns) -> dict[str, int | None]:
    """Where each column stands; a heading that was asked for must be there."""
    plain = [_plain_heading(cell) for cell in row]
    found: dict[str, int | None] = {}
    for field, usual in _USUAL.items():
        asked = getattr(wanted, field)
        names = usual if asked is None else {_plain_heading(asked)}
        found[field] = next((at for at, heading in enumerate(plain) if heading in names), None)
        if asked is not None and found[field] is None:
            return dict.fromkeys(_USUAL)
    return found


def _plain_heading(cell: str) -> str:
    return _IGNORED.sub("", unicodedata.normalize("NFKC", cell).casefold())


def _read_line(cells: Sequence[str], *, line: int, found: Mapping[str, int | None]) -> RosterLine | None:
    """None for a line that is empty where it would say who it is."""
    values = {field: "" if at is None or at >= len(cells) else cells[at] for field, at in found.items()}
    # Digits and letters that were typed full-width are the same person's.
    number = unicodedata.normalize("NFKC", values["student_number"]).strip()
    login = unicodedata.normalize("NFKC", values["login"]).strip() or number
    if not login and not values["name"]:
        return None
    return RosterLine(line=line, login=login, name=values["name"] or login, student_number=number or None)


def _read_csv(data: bytes) -> list[tuple[str, ...]]:
    text = _decode(data)
    delimiter = max(",\t;", key=text[:_LOOKED_AT].count)
    try:
        # One more than there may be is enough to know.
        return [_clean(row) for row in islice(csv.reader(io.StringIO(text), delimiter=delimiter), _MOST_LINES + 1)]
    except csv.Error as error:
        raise RosterRefused("unreadable") from error


def _decode(data: bytes) -> str:
    """UTF-8, what Excel calls Unicode text, or what Japanese Windows writes."""
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RosterRefused("unreadable")


def _read_xlsx(data: bytes) -> list[tuple[str, ...]]:
    # It takes a while to import, and of all processes and commands few ever read a roster.
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # A few kilobytes can be made to unpack to gigabytes.
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise RosterRefused("too_large", limit_mb=_MOST_UNPACKED // 1024**2)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            rows = sheet.iter_rows(max_row=_MOST_LINES + 1, max_col=_MOST_COLUMNS, values_only=True)
            return _without_empty_end([_clean(map(_as_text, row)) for row in rows])
        finally:
            book.close()
    except _XLSX_STUMBLES as error:
        raise RosterRefused("unreadable") from error


def _without_empty_end(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Sheets end far below their last line where somebody once coloured a cell."""
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a student number in a cell of numbers
    if isinstance(value, datetime):
        return value.date().isoformat()
    return str(value)


def _clean(row: Iterable[str]) -> tuple[str, ...]:
    """Cells on one line, without blanks at their ends."""
    return tuple(" ".join(cell.split()) for cell in row)[:_MOST_COLUMNS]
