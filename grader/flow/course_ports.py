"""What importing a roster and signing in elsewhere need of the database, as Protocols."""

from datetime import datetime
from typing import Protocol

from grader.domain.accounts import Identity
from grader.domain.ids import CourseId, PersonId
from grader.domain.roster import RosterUpload


class RosterUploads(Protocol):
    def put(self, upload: RosterUpload) -> None:
        """The person's earlier one for this course is gone."""

    def find(self, course_id: CourseId, *, person_id: PersonId) -> RosterUpload | None: ...

    def forget(self, course_id: CourseId, *, person_id: PersonId) -> None: ...

    def forget_before(self, moment: datetime) -> None:
        """Whosever they are."""


class Identities(Protocol):
    def add(self, identity: Identity, *, person_id: PersonId) -> None: ...

    def find_person(self, identity: Identity) -> PersonId | None: ...

    def list_issuers(self, person_id: PersonId) -> tuple[str, ...]:
        """Which providers have signed the person in before."""
