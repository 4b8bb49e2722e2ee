"""What pointing at cells needs of the database, as a Protocol; `ports.Transaction` has one."""

from datetime import datetime
from typing import Protocol

from grader.domain.choice import CellChoice
from grader.domain.ids import OfferingId, PersonId, SubmissionId


class CellChoices(Protocol):
    def add(self, choice: CellChoice) -> None:
        """From now on this one is valid; earlier ones are history."""

    def find_newest(self, submission_id: SubmissionId) -> CellChoice | None: ...

    def list_of(self, submission_id: SubmissionId) -> tuple[CellChoice, ...]:
        """Oldest first."""

    def list_moments(self, offering_id: OfferingId, *, person_id: PersonId, limit: int) -> tuple[datetime, ...]:
        """When the person chose anything in their own submissions for it, newest first."""
