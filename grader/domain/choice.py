"""Which cells a person says answer a submission's questions, where the grader found others or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from grader.domain.ids import PersonId, QuestionId, SubmissionId

ChoiceId = NewType("ChoiceId", str)


@dataclass(frozen=True, kw_only=True)
class CellChoice:
    """Belongs to a submission and to no run, so it survives every regrade. Of several the newest is valid."""

    choice_id: ChoiceId
    submission_id: SubmissionId
    cells: Mapping[QuestionId, tuple[int, ...]]
    """Indexes into Notebook.cells of all cells of an answer, by question; questions that are missing are left to the
    grader, so an empty mapping takes back whatever was chosen before."""
    chosen_by: PersonId
    chosen_at: datetime
