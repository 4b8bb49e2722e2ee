"""A solved notebook in sections: each heading with its words and code, a candidate for one question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from grader.domain.location import FoundBy
from grader.domain.notebook import CellKind, Notebook
from grader.notebook.headings import Label, LabelKind
from grader.notebook.marks import Mark, find_marks, split_lines


@dataclass(kw_only=True)
class Section:
    """What stands under one heading. `heading` is None for what belongs to no question."""

    heading: Label | None
    text: list[str] = field(default_factory=list)
    """Markdown before the first code cell, without the heading."""
    code_cells: list[int] = field(default_factory=list)
    """Indexes into Notebook.cells."""
    words: list[str] = field(default_factory=list)
    """Markdown after the first code cell."""

    @property
    def prompt(self) -> str:
        return "\n\n".join(part for part in self.text if part)

    @property
    def answer(self) -> str:
        return "\n\n".join(part for part in self.words if part)


def split_sections(notebook: Notebook) -> tuple[Section, ...]:
    """Cut a notebook at its headings, in order; nothing of it is lost.

    Where lines name questions (問題1, Q1), only these begin a question, and a heading of their own level or above ends
    it. In a notebook without any, every heading begins one.
    """
    marks = [mark for mark in find_marks(notebook, ()) if mark.found_by is not FoundBy.TAG and mark.line >= 0]
    has_questions = any(_names_question(mark.label) for mark in marks)
    sections = [Section(heading=None)]
    for index, cell in enumerate(notebook.cells):
        if cell.kind is CellKind.CODE:
            sections[-1].code_cells.append(index)
            continue
        own = [mark for mark in marks if mark.cell == index and _may_divide(mark.label)]
        for mark, text in _chunks(split_lines(cell.source), own):
            if mark is not None and (section := _begun_by(mark.label, sections[-1], has_questions=has_questions)):
                sections.append(section)
                text = text.partition("\n")[2]
            _add(sections[-1], text)
    return tuple(section for section in sections if section.code_cells or section.prompt or section.heading)


def _names_question(label: Label) -> bool:
    return label.kind is LabelKind.QUESTION and len(label.numbers) == 1 and not label.is_answer


def _may_divide(label: Label) -> bool:
    return _names_question(label) or label.kind in (LabelKind.SECTION, LabelKind.HOMEWORK)


def _begun_by(label: Label, current: Section, *, has_questions: bool) -> Section | None:
    """The section a heading begins; None where it only stands inside the current one."""
    if _names_question(label) or not has_questions:
        return Section(heading=label)
    if current.heading is not None and (label.level <= current.heading.level or label.ends_all):
        return Section(heading=None)
    return None


def _chunks(lines: Sequence[str], marks: Sequence[Mark]) -> Iterator[tuple[Mark | None, str]]:
    """The cell's text cut before each mark, each piece with the mark it begins with."""
    starts = sorted({mark.line: mark for mark in marks}.items())
    first = starts[0][0] if starts else len(lines)
    if first > 0:
        yield None, "\n".join(lines[:first])
    for place, (line, mark) in enumerate(starts):
        end = starts[place + 1][0] if place + 1 < len(starts) else len(lines)
        yield mark, "\n".join(lines[line:end])


def _add(section: Section, text: str) -> None:
    stripped = text.strip()
    if stripped:
        (section.words if section.code_cells else section.text).append(stripped)
