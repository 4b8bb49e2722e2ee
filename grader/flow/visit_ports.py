"""What telling people of news needs of the database, as a Protocol; `ports.Transaction` has one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from grader.domain.ids import CourseId, OfferingId, PersonId


class Visits(Protocol):
    def put(self, offering_id: OfferingId, *, person_id: PersonId, at: datetime) -> None:
        """The person looked at the offering, or at a result of it."""

    def list_of(self, course_id: CourseId, *, person_id: PersonId) -> Mapping[OfferingId, datetime]:
        """When the person last looked, of those that the person looked at."""

    def list_changes(self, course_id: CourseId, *, person_id: PersonId) -> Mapping[OfferingId, datetime | None]:
        """Of all that the person handed in for: when a run or somebody else last changed a result; None before."""
