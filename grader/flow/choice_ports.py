"""What pointing at cells needs of the database, as a Protocol; `ports.Transaction` has one."""

from typing import Protocol

from grader.domain.choice import CellChoice
from grader.domain.ids import SubmissionId


class CellChoices(Protocol):
    def add(self, choice: CellChoice) -> None:
        """From now on this one is valid; earlier ones are history."""

    def find_newest(self, submission_id: SubmissionId) -> CellChoice | None: ...

    def list_of(self, submission_id: SubmissionId) -> tuple[CellChoice, ...]:
        """Oldest first."""
