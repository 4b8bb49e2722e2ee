"""What regrades need of the database, as a Protocol."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from grader.domain.ids import OfferingId, PersonId, RunId, SubmissionId
from grader.domain.overview import Sums
from grader.domain.regrading import QuestionChange, Regrade, RegradeId, RegradeLine


class Regrades(Protocol):
    def add(self, regrade: Regrade) -> None: ...

    def get(self, regrade_id: RegradeId) -> Regrade:
        """Raises NotFound."""

    def list_of(self, offering_id: OfferingId) -> tuple[Regrade, ...]:
        """Newest first."""

    def add_run(self, regrade_id: RegradeId, *, run_id: RunId, submission_id: SubmissionId) -> None: ...

    def list_lines(self, regrade_id: RegradeId) -> tuple[RegradeLine, ...]:
        """By login and number."""

    def list_open_runs(self, submission_id: SubmissionId) -> tuple[RunId, ...]:
        """The finished runs of the submission in regrades that nobody has applied."""

    def list_changes(self, regrade_id: RegradeId, submission_ids: Sequence[SubmissionId]) -> tuple[QuestionChange, ...]:
        """What the runs of these submissions change, in the assignment's order."""

    def put_after(self, run_id: RunId, sums: Sums) -> None:
        """What would stand with this run; nothing happens if it belongs to no regrade."""

    def put_before(self, run_id: RunId, sums: Sums | None, *, replaced: RunId | None) -> None:
        """From now on this run counts, in place of another one."""

    def set_applied(self, regrade_id: RegradeId, *, by: PersonId, at: datetime) -> None: ...

    def set_undone(self, regrade_id: RegradeId, *, at: datetime) -> None: ...
