"""Join codes, and who asked to join with one, in the database."""

from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa

from grader.domain.accounts import JoinRequest, JoinRequestId
from grader.domain.ids import CourseId, PersonId
from grader.domain.people import Person
from grader.errors import NotFound
from grader.storage.rows import Rows
from grader.storage.tables import JoinCodeRow, JoinRequestRow, PersonRow

_RequestsQuery: TypeAlias = "sa.Select[str, str, str, datetime, str, str, str, bool, datetime]"

_ADD_CODE = sa.insert(JoinCodeRow)
_FORGET_CODE = sa.delete(JoinCodeRow).where(JoinCodeRow.course_id == sa.bindparam("of_course"))
_CODE = sa.select(JoinCodeRow.code).where(JoinCodeRow.course_id == sa.bindparam("course"))
_COURSE = sa.select(JoinCodeRow.course_id).where(JoinCodeRow.code == sa.bindparam("code"))

_ADD = sa.insert(JoinRequestRow)
_FORGET = sa.delete(JoinRequestRow).where(JoinRequestRow.request_id == sa.bindparam("of_request"))
_FORGET_EARLIER = sa.delete(JoinRequestRow).where(
    JoinRequestRow.course_id == sa.bindparam("of_course"), JoinRequestRow.person_id == sa.bindparam("of_person")
)
_REQUESTS = (
    sa.select(
        JoinRequestRow.request_id,
        JoinRequestRow.course_id,
        JoinRequestRow.student_number,
        JoinRequestRow.asked_at,
        PersonRow.person_id,
        PersonRow.login,
        PersonRow.name,
        PersonRow.is_admin,
        PersonRow.created_at,
    )
    .join(PersonRow, PersonRow.person_id == JoinRequestRow.person_id)
    .order_by(JoinRequestRow.asked_at, JoinRequestRow.request_id)
)
_BY_ID = _REQUESTS.where(JoinRequestRow.request_id == sa.bindparam("request"))
_IN_COURSE = (
    _REQUESTS.where(JoinRequestRow.course_id == sa.bindparam("course"))
    .offset(sa.bindparam("offset"))
    .limit(sa.bindparam("limit"))
)
_COUNT = sa.select(sa.func.count()).where(JoinRequestRow.course_id == sa.bindparam("course"))
_OF_PERSON = _REQUESTS.where(JoinRequestRow.person_id == sa.bindparam("person"))


class JoinsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put_code(self, course_id: CourseId, *, code: str | None) -> None:
        self._rows.write(_FORGET_CODE, of_course=course_id)
        if code is not None:
            self._rows.write(_ADD_CODE, course_id=course_id, code=code)

    def find_code(self, course_id: CourseId) -> str | None:
        return self._rows.scalar(_CODE, course=course_id)

    def find_course(self, code: str) -> CourseId | None:
        course_id = self._rows.scalar(_COURSE, code=code)
        return None if course_id is None else CourseId(course_id)

    def add(self, request: JoinRequest) -> None:
        self._rows.write(_FORGET_EARLIER, of_course=request.course_id, of_person=request.person.person_id)
        self._rows.write(
            _ADD,
            request_id=request.request_id,
            course_id=request.course_id,
            person_id=request.person.person_id,
            student_number=request.student_number,
            asked_at=request.asked_at,
        )

    def get(self, request_id: JoinRequestId) -> JoinRequest:
        found = self._read(_BY_ID, request=request_id)
        if not found:
            raise NotFound(what="join_request", name=request_id)
        return found[0]

    def list_in(self, course_id: CourseId, *, offset: int, limit: int) -> tuple[JoinRequest, ...]:
        return self._read(_IN_COURSE, course=course_id, offset=offset, limit=limit)

    def count_in(self, course_id: CourseId) -> int:
        return self._rows.scalar(_COUNT, course=course_id) or 0

    def list_of(self, person_id: PersonId) -> tuple[JoinRequest, ...]:
        return self._read(_OF_PERSON, person=person_id)

    def forget(self, request_id: JoinRequestId) -> None:
        self._rows.write(_FORGET, of_request=request_id)

    def _read(self, query: _RequestsQuery, **values: object) -> tuple[JoinRequest, ...]:
        return tuple(
            JoinRequest(
                request_id=JoinRequestId(request_id),
                course_id=CourseId(course_id),
                person=Person(
                    person_id=PersonId(person_id), login=login, name=name, is_admin=is_admin, created_at=created_at
                ),
                student_number=number,
                asked_at=asked_at,
            )
            for request_id, course_id, number, asked_at, person_id, login, name, is_admin, created_at in (
                self._rows.list_tuples(query, **values)
            )
        )
