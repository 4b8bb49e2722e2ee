"""Roster files that somebody looks at before importing them, in the database: they leave it with the import."""

from datetime import datetime

import sqlalchemy as sa

from grader.domain.ids import CourseId, PersonId
from grader.domain.roster import RosterUpload
from grader.storage.rows import Rows
from grader.storage.tables import RosterUploadRow

_ADD = sa.insert(RosterUploadRow)
_FIND = sa.select(RosterUploadRow).where(
    RosterUploadRow.course_id == sa.bindparam("course"), RosterUploadRow.person_id == sa.bindparam("person")
)
_FORGET = sa.delete(RosterUploadRow).where(
    RosterUploadRow.course_id == sa.bindparam("of_course"), RosterUploadRow.person_id == sa.bindparam("of_person")
)
_FORGET_BEFORE = sa.delete(RosterUploadRow).where(RosterUploadRow.uploaded_at < sa.bindparam("of_moment"))


class RosterUploadsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, upload: RosterUpload) -> None:
        self.forget(upload.course_id, person_id=upload.person_id)
        self._rows.write(
            _ADD,
            course_id=upload.course_id,
            person_id=upload.person_id,
            file_name=upload.file_name,
            data=upload.data,
            uploaded_at=upload.uploaded_at,
        )

    def find(self, course_id: CourseId, *, person_id: PersonId) -> RosterUpload | None:
        row = self._rows.find(_FIND, course=course_id, person=person_id)
        if row is None:
            return None
        return RosterUpload(
            course_id=course_id,
            person_id=person_id,
            file_name=row.file_name,
            data=row.data,
            uploaded_at=row.uploaded_at,
        )

    def forget(self, course_id: CourseId, *, person_id: PersonId) -> None:
        self._rows.write(_FORGET, of_course=course_id, of_person=person_id)

    def forget_before(self, moment: datetime) -> None:
        self._rows.write(_FORGET_BEFORE, of_moment=moment)
