"""Which questions can feel a mistake in the reference, and what of the notebook they need in order to be graded."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from grader.authoring.mutants import Mutant
from grader.authoring.reach import find_reach
from grader.domain.assignment import Assignment, Question
from grader.domain.location import Location
from grader.domain.notebook import Notebook
from grader.flow.sources import plain_sources
from grader.notebook.magics import plain_python
from grader.notebook.names import imported_names

_WORD = re.compile(r"[^\W\d]\w*")


class Felt:
    """The reference, seen as who depends on whom. What is doubtful counts as depending."""

    def __init__(self, reference: Notebook, *, assignment: Assignment, location: Location) -> None:
        self.location = location
        self._reference = reference
        self._assignment = assignment
        self._sources = plain_sources(reference)

    def questions_behind(self, mutant: Mutant) -> tuple[Question, ...]:
        """The mutant's own question, and those that its mistake reaches.

        Answers are taken where their question ends: what ended before the mistake cannot feel it.
        """
        reach = find_reach(self._sources, cell=mutant.cell, source=plain_python(mutant.source))
        return tuple(
            question
            for question in self._assignment.questions
            if question.question_id == mutant.question_id
            or (
                max(self._cells(question), default=-1) >= mutant.cell
                and reach.touches(self._cells(question), names=words_in(settings_text(question)))
            )
        )

    def cut(self, mutant: Mutant, *, questions: Sequence[Question]) -> Notebook:
        """The notebook with the mistake, up to the last of these answers."""
        last = max(self._asked(questions))
        cells = mutant.in_notebook(self._reference).cells
        return replace(self._reference, cells=tuple(cell for cell in cells if cell.index <= last))

    def shorten(self, mutant: Mutant, *, questions: Sequence[Question]) -> Notebook:
        """The same without code that none of these answers can feel."""
        texts = list(map(settings_text, questions))
        notebook = self.cut(mutant, questions=questions)
        if any("scope='notebook'" in text for text in texts):
            return notebook
        idle = self._idle_cells(mutant, asked=self._asked(questions), names=words_in(" ".join(texts)))
        return replace(
            notebook,
            cells=tuple(replace(cell, source="") if cell.index in idle else cell for cell in notebook.cells),
        )

    def _idle_cells(self, mutant: Mutant, *, asked: Collection[int], names: Collection[str]) -> Collection[int]:
        """Cells that could as well not be there; not those with imports, which all need."""
        sources = {**self._sources, mutant.cell: plain_python(mutant.source)}
        return {
            index
            for index, source in sources.items()
            if index not in asked
            and not imported_names(source)
            and not find_reach(sources, cell=index, source=source).touches(asked, names=names)
        }

    def _asked(self, questions: Sequence[Question]) -> Collection[int]:
        return {index for question in questions for index in self._cells(question)}

    def _cells(self, question: Question) -> Collection[int]:
        return self.location.answers[question.question_id].code_cells


def settings_text(question: Question) -> str:
    """Everything that a question's checks were told, as text."""
    return " ".join(repr(check.logic) for check in question.checks)


def words_in(text: str) -> frozenset[str]:
    """Whatever in it may be a variable's name."""
    return frozenset(_WORD.findall(text))
