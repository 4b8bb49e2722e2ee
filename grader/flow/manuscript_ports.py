"""What writing assignments needs of the database, as a Protocol; `ports.Transaction` has one."""

from typing import Protocol

from grader.domain.ids import CourseId
from grader.domain.manuscript import Manuscript, ManuscriptId, Progress


class Manuscripts(Protocol):
    def add(self, manuscript: Manuscript) -> None:
        """Raises Conflict: the course writes one of this slug already."""

    def get(self, manuscript_id: ManuscriptId) -> Manuscript:
        """Raises NotFound."""

    def find(self, course_id: CourseId, *, slug: str) -> Manuscript | None: ...

    def list_of(self, course_id: CourseId) -> tuple[Manuscript, ...]:
        """By slug."""

    def put(self, manuscript: Manuscript) -> None:
        """In place of what it was. Raises NotFound."""

    def set_progress(self, manuscript_id: ManuscriptId, progress: Progress) -> None: ...

    def forget(self, manuscript_id: ManuscriptId) -> None: ...
