"""Everything in a notebook that may name a question: tags, headings in Markdown, marker comments in code."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.domain.location import FoundBy, Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.headings import Around, Label, LabelKind, read_line

LONGEST_CELL_LINES = 2_000
"""Lines of a cell that are searched for labels; the rest counts as one long line."""
_ALL_LINES = 60_000
"""Lines of a notebook that are searched; of a longer one each cell gets an equal share."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A label at its place. `cell` is a position in `Notebook.cells`, `line` counts from 0, -1 for a cell's tag."""

    cell: int
    line: int
    label: Label
    found_by: FoundBy


def find_marks(notebook: Notebook, wanted: Sequence[Wanted]) -> tuple[Mark, ...]:
    """All labels, in the notebook's order."""
    numbers = {one.question_id.casefold(): one.number for one in wanted}
    is_long = sum(cell.source.count("\n") + 1 for cell in notebook.cells) > _ALL_LINES
    longest = min(LONGEST_CELL_LINES, _ALL_LINES // len(notebook.cells)) if is_long else LONGEST_CELL_LINES
    marks: list[Mark] = []
    for position, cell in enumerate(notebook.cells):
        lines = split_lines(cell.source)[:longest]
        marks.extend(_of_tags(cell, position, numbers))
        marks.extend(_of_code(lines, position) if cell.kind is CellKind.CODE else _of_text(lines, position))
    return tuple(marks)


def split_lines(source: str) -> list[str]:
    """The cell's lines, at most LONGEST_CELL_LINES and one with all the rest."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.split("\n", LONGEST_CELL_LINES)


_TAG = re.compile(r"(?:(?:answer|solution)[-_ ]?)?(?:q|question|problem|exercise|問題|問)[-_ ]?(\d{1,3})")


def _of_tags(cell: Cell, position: int, numbers: dict[str, int]) -> Iterator[Mark]:
    tagged: list[int] = []
    for tag in cell.tags[:100]:
        name = unicodedata.normalize("NFKC", tag[:50]).strip().casefold()
        match = _TAG.fullmatch(name)
        number = numbers.get(name) or (int(match[1]) if match else None)
        if number is not None and number in numbers.values():
            tagged.append(number)
    if tagged:
        label = Label(kind=LabelKind.QUESTION, numbers=tuple(dict.fromkeys(tagged)))
        yield Mark(cell=position, line=-1, label=label, found_by=FoundBy.TAG)


# --- Markdown and raw cells -------------------------------------------------------------------------------------------

_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_UNDERLINE = re.compile(r" {0,3}(?:(={1,200})|-{2,200})\s*")
_BLOCK_END = tuple("。．.!?！？:：)）]】>`|*_")


def _of_text(lines: Sequence[str], position: int) -> Iterator[Mark]:
    previous: str | None = None
    after_heading = False
    for number, line, below in _visible_lines(lines):
        starts_block = previous is None or not previous.strip() or after_heading
        around = Around(
            starts_cell=previous is None,
            starts_block=starts_block or (previous is not None and previous.rstrip().endswith(_BLOCK_END)),
            underline=_underline_level(line, below) if starts_block else None,
        )
        label = read_line(line, around)
        if label is not None:
            yield Mark(cell=position, line=number, label=label, found_by=FoundBy.HEADING)
        after_heading = label is not None
        if previous is not None or line.strip():
            previous = line


def _visible_lines(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Lines that are no code block and no HTML comment, each with its number and the line below it."""
    fence = ""
    in_comment = False
    for number, line in enumerate(lines):
        opening = _FENCE.match(line[:200]) if not in_comment else None
        if fence:
            if opening and opening[1].startswith(fence) and not line.strip().strip("`~"):
                fence = ""
        elif opening:
            fence = opening[1]
        elif in_comment or line.lstrip().startswith("<!--"):
            in_comment = "-->" not in line
        else:
            yield number, line, lines[number + 1][:200] if number + 1 < len(lines) else ""


def _underline_level(line: str, below: str) -> int | None:
    """1 or 2 for a short line above === or ---; below a sentence --- is meant as a rule."""
    match = _UNDERLINE.fullmatch(below)
    if match is None or len(line) > 60 or not line.strip() or line.rstrip().endswith(("。", "|")):
        return None
    return 1 if match[1] else 2


# --- code cells -------------------------------------------------------------------------------------------------------

_PRINTED = re.compile(r"print\(\s{0,3}f?(?P<quote>[\"'])(?P<text>[^\"'\\]{1,60})(?P=quote)\s{0,3}\)\s{0,3};?")
_QUOTES = "\"'"
"""An opening triple quote alone on its line has the label on the next one."""


def _of_code(lines: Sequence[str], position: int) -> Iterator[Mark]:
    starts_cell, in_string = True, False
    for number, line in enumerate(lines):
        text = line[:1_000].strip()
        if not text or (starts_cell and text.startswith("%%")):
            continue
        label = _read_comment(f"# {text}" if in_string else text, starts_cell=starts_cell)
        if label is not None:
            yield Mark(cell=position, line=number, label=label, found_by=FoundBy.MARKER)
        in_string = starts_cell and not text.strip(_QUOTES)
        starts_cell = in_string


def _read_comment(text: str, *, starts_cell: bool) -> Label | None:
    """The label of a comment, of print("問題1"), or of a bare string that opens the cell."""
    printed = _PRINTED.fullmatch(text)
    if text.startswith("#"):
        words = text
    elif printed:
        words = printed["text"]
    elif starts_cell and text[0] in _QUOTES:
        words = text.strip(_QUOTES)
    else:
        return None
    label = read_line(words, Around(starts_cell=starts_cell, in_code=True))
    if label is None or label.kind is LabelKind.SECTION:
        return None
    return None if printed and (label.title or label.kind is not LabelKind.QUESTION) else label
