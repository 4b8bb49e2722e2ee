"""Which cells answer which question."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grader.domain.ids import QuestionId
from grader.domain.text import Note


class FoundBy(StrEnum):
    TAG = "tag"
    HEADING = "heading"
    MARKER = "marker"
    """A comment such as `# 問題1` inside a code cell."""
    DEFINITION = "definition"
    """No heading: the cell defines the name the question asks for, or shows what it asks to be shown."""
    CHOSEN = "chosen"
    """A person pointed at the cells."""
    NOT_FOUND = "not_found"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What `locate` may know of a question: its id, the number in headings, and what an answer defines or contains."""

    question_id: QuestionId
    number: int
    """The n of 問題n: the question's place in the assignment, from 1."""
    names: tuple[str, ...] = ()
    """Names an answer binds (variables, functions)."""
    patterns: tuple[str, ...] = ()
    """Python expressions an answer contains, such as `t[:, -1, :]`; compared by syntax tree, not by spelling."""
    prompts: tuple[str, ...] = ()
    """The question's prompt in each language: text of the author's, so not the student's written answer."""


@dataclass(frozen=True, kw_only=True)
class LocatedAnswer:
    """The cells of one question, as indexes into `Notebook.cells`, in the notebook's order."""

    question_id: QuestionId
    found_by: FoundBy
    code_cells: tuple[int, ...] = ()
    markdown_cells: tuple[int, ...] = ()
    written: tuple[str, ...] = ()
    """Words of the student's under this question: Markdown, comments and bare strings, without the prompt."""
    has_attachments: bool = False
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Location:
    """One answer for every question asked for (found or not), and what the student is told about the search."""

    answers: Mapping[QuestionId, LocatedAnswer]
    notes: tuple[Note, ...] = field(default=())

    def question_of(self, cell_index: int) -> QuestionId | None:
        """The question a code cell belongs to; None for cells outside all questions."""
        for question_id, answer in self.answers.items():
            if cell_index in answer.code_cells:
                return question_id
        return None
