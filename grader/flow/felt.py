"""Which questions can feel a mistake in the reference, and what of the notebook they need in order to be graded."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from grader.authoring.mutants import Mutant
from grader.authoring.reach import Reach, find_reach
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

    def shorten(self, notebook: Notebook, *, questions: Sequence[Question]) -> Notebook:
        """The notebook up to the last of these answers, without the code that none of them can feel."""
        asked = {index for question in questions for index in self._cells(question)}
        texts = list(map(settings_text, questions))
        names = frozenset().union(*map(words_in, texts))
        reads_everything = any("scope='notebook'" in text for text in texts)
        idle = {index for index, reach in self._reaches.items() if not reach.touches(asked, names=names)}
        return replace(
            notebook,
            cells=tuple(
                replace(cell, source="") if cell.index in idle - asked and not reads_everything else cell
                for cell in notebook.cells
                if cell.index <= max(asked)
            ),
        )

    @cached_property
    def _reaches(self) -> Mapping[int, Reach]:
        """How far each cell can be felt; those with imports are left out, since all need them."""
        return {
            index: find_reach(self._sources, cell=index, source=source)
            for index, source in self._sources.items()
            if not imported_names(source)
        }

    def _cells(self, question: Question) -> Collection[int]:
        return self.location.answers[question.question_id].code_cells


def settings_text(question: Question) -> str:
    """Everything that a question's checks were told, as text."""
    return " ".join(repr(check.logic) for check in question.checks)


def words_in(text: str) -> frozenset[str]:
    """Whatever in it may be a variable's name."""
    return frozenset(_WORD.findall(text))
