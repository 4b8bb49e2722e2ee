"""Who a notebook says wrote it: read from a roll-call cell without running it, a hint and never a proof."""

import ast
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from grader.domain.notebook import Cell, CellKind, IdentityHint
from grader.domain.python import parse_expression


def find_identity(cells: Sequence[Cell]) -> IdentityHint:
    """Find the student's name and number.

    Assignments such as `Name = '…' #@param` and `学籍番号 = 87654321` count before lines of text such as `氏名: …` in
    Markdown and comments; of several the first counts. Words that lectures use for other things (`name = …`, "名前：")
    are read only in a form field or in a cell that tells a student number too.
    """
    likely = [cell for cell in cells if _MENTION.search(cell.source, 0, _CELL_CHARS)][:_CELLS]
    found: dict[str, str] = {}
    for cell in likely:
        if cell.kind is CellKind.CODE:
            found = _sure(_assigned(cell.source)) | found
    for cell in likely:
        if cell.kind is not CellKind.RAW:
            found = _sure(_labelled(cell)) | found
    return IdentityHint(name=found.get("name"), student_number=found.get("number"))


@dataclass(frozen=True, kw_only=True)
class _Hit:
    key: str
    value: str
    is_doubtful: bool


def _sure(hits: Iterable[_Hit]) -> dict[str, str]:
    """The first hit of each key in one cell."""
    in_cell = list(hits)
    has_number = any(hit.key == "number" for hit in in_cell)
    return {hit.key: hit.value for hit in reversed(in_cell) if has_number or not hit.is_doubtful}


_MENTION = re.compile(r"氏名|名前|学籍番号|学生番号|name|student", re.IGNORECASE)
_CELLS = 200
_CELL_CHARS = 20_000
_CELL_LINES = 100
_LINE_CHARS = 300
_LABELS = 8
"""Nothing longer is a roll call. The bounds keep the cost of any upload small: this runs while a student waits."""


def _lines(source: str) -> Iterator[str]:
    return (line for line in source[:_CELL_CHARS].split("\n")[:_CELL_LINES] if len(line) <= _LINE_CHARS)


# --- assignments ------------------------------------------------------------------------------------------------------

_ASSIGNMENT = re.compile(
    r"""
    \s*(?: (?P<number>学籍番号|学生番号|student_?(?:id|number|no)) | (?P<name>氏名|名前|(?:student_?|full_?)?name) )
    \s*=\s*(?P<value> u?'(?:[^'\\]|\\.)*' | u?"(?:[^"\\]|\\.)*" | \d+ )
    \s*;?\s*(?P<comment>\#.*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPES = re.compile(r"(?:[^\\]|\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[\\'\"nt]))*")
"""Only these; Python warns of unknown ones, and a warning in the service's log is of no use to anyone."""


def _assigned(source: str) -> Iterator[_Hit]:
    for line in _lines(source):
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            continue
        key = "number" if match["number"] else "name"
        value = _tidy(_literal(match["value"]), key=key)
        if value is not None:
            yield _Hit(key=key, value=value, is_doubtful=match["name"] == "name" and "@param" not in line)


def _literal(code: str) -> str:
    if code.isdigit():
        return code
    if _ESCAPES.fullmatch(code) is None:
        return ""
    return str(ast.literal_eval(parse_expression(code)))


# --- lines of text ----------------------------------------------------------------------------------------------------

_LABEL = re.compile(
    r"""
    (?: (?P<number>学籍番号|学生番号|\bstudent[ ]?(?:id|number|no\.?))
      | (?P<name>お?名前|氏名|\b(?:student[ ]|full[ ])?name) )
    (?:[ （(]+[^:：|（）()]{0,20}[)）])?
    [*_`\s]*[:：|][*_`\s]*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_END_OF_VALUE = re.compile(r"[|,，、<]|<br")
_DOUBTFUL_LABELS = ("名前", "Name", "name")
_STUDENT_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,}")


def _labelled(cell: Cell) -> Iterator[_Hit]:
    for line in _lines(cell.source):
        text = " ".join(line.split())
        if cell.kind is CellKind.CODE and not text.startswith("#"):
            continue
        labels = list(islice(_LABEL.finditer(text), _LABELS))
        ends = [label.start() for label in labels[1:]] + [len(text)]
        for label, end in zip(labels, ends, strict=False):
            key = "number" if label["number"] else "name"
            value = _tidy(_END_OF_VALUE.split(text[label.end() : end], maxsplit=1)[0], key=key)
            if value is not None and (key == "name" or _STUDENT_NUMBER.fullmatch(value)):
                yield _Hit(key=key, value=value, is_doubtful=label["name"] in _DOUBTFUL_LABELS)


# --- values -----------------------------------------------------------------------------------------------------------

_MAX_CHARS = {"name": 80, "number": 40}


def _tidy(written: str, *, key: str) -> str | None:
    """One line that can be shown, without control, format and private characters; None when nothing is left."""
    # Torn pairs such as \ud83d\ude00 are one character to Python only after this round trip.
    text = written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if key == "number":
        text = unicodedata.normalize("NFKC", text)
    text = "".join(" " if char.isspace() else char for char in text)
    shown = "".join(char for char in text if not unicodedata.category(char).startswith("C"))
    return " ".join(shown.strip(" *_`").split())[: _MAX_CHARS[key]].strip() or None
