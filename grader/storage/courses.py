"""Courses and their members in the database."""

from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa

from grader.domain.ids import CourseId, PersonId
from grader.domain.people import CountingPolicy, Course, Member, Membership, Person, Role
from grader.errors import Conflict, NotFound
from grader.storage.rows import Rows
from grader.storage.tables import CourseRow, MembershipRow, PersonRow

_MembersQuery: TypeAlias = "sa.Select[str, str, str, bool, datetime, str, str | None, datetime | None]"

_IS_MEMBER = MembershipRow.left_at.is_(None)

_ADD = sa.insert(CourseRow)
_CHANGE = sa.update(CourseRow).where(CourseRow.course_id == sa.bindparam("of_course"))
_BY_ID = sa.select(CourseRow).where(CourseRow.course_id == sa.bindparam("course"))
_BY_SLUG = sa.select(CourseRow).where(CourseRow.slug == sa.bindparam("slug"))
_ALL = sa.select(CourseRow).order_by(CourseRow.slug)
_OF_PERSON = _ALL.join(MembershipRow, MembershipRow.course_id == CourseRow.course_id).where(
    MembershipRow.person_id == sa.bindparam("person"), _IS_MEMBER
)

_ADD_MEMBER = sa.insert(MembershipRow)
_CHANGE_MEMBER = sa.update(MembershipRow).where(
    MembershipRow.course_id == sa.bindparam("of_course"), MembershipRow.person_id == sa.bindparam("of_person")
)
_HOLDER_OF_NUMBER = sa.select(MembershipRow.person_id).where(
    MembershipRow.course_id == sa.bindparam("course"), MembershipRow.student_number == sa.bindparam("number")
)
_MEMBERSHIP = sa.select(MembershipRow).where(
    MembershipRow.course_id == sa.bindparam("course"), MembershipRow.person_id == sa.bindparam("person"), _IS_MEMBER
)
_MEMBERSHIPS_EVER = (
    sa.select(MembershipRow).where(MembershipRow.person_id == sa.bindparam("person")).order_by(MembershipRow.course_id)
)
_MEMBERSHIPS = _MEMBERSHIPS_EVER.where(_IS_MEMBER)
_EVER_MEMBER = sa.select(MembershipRow.course_id).where(MembershipRow.person_id == sa.bindparam("person")).limit(1)
_ROSTER = (
    sa.select(
        PersonRow.person_id,
        PersonRow.login,
        PersonRow.name,
        PersonRow.is_admin,
        PersonRow.created_at,
        MembershipRow.role,
        MembershipRow.student_number,
        MembershipRow.left_at,
    )
    .join(MembershipRow, MembershipRow.person_id == PersonRow.person_id)
    .where(MembershipRow.course_id == sa.bindparam("course"))
    .order_by(PersonRow.login)
)
_STAFF = _ROSTER.where(_IS_MEMBER, MembershipRow.role != Role.STUDENT.value)
_MEMBERS = _ROSTER.where(_IS_MEMBER).limit(sa.bindparam("most"))
_MEMBERS_AFTER = _MEMBERS.where(PersonRow.login > sa.bindparam("after"))


class CoursesTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, course: Course) -> None:
        if self.find_by_slug(course.slug) is not None:
            raise Conflict(what="course", name=course.slug)
        self._rows.write(
            _ADD,
            course_id=course.course_id,
            slug=course.slug,
            title=course.title,
            time_zone=course.time_zone,
            counting=course.counting.value,
            created_at=course.created_at,
            shows_at_risk=course.shows_at_risk,
        )

    def change(self, course: Course) -> None:
        values = {"title": course.title, "time_zone": course.time_zone, "counting": course.counting.value}
        if not self._rows.write(_CHANGE, of_course=course.course_id, shows_at_risk=course.shows_at_risk, **values):
            raise NotFound(what="course", name=course.slug)

    def get(self, course_id: CourseId) -> Course:
        row = self._rows.find(_BY_ID, course=course_id)
        if row is None:
            raise NotFound(what="course", name=course_id)
        return _read(row)

    def find_by_slug(self, slug: str) -> Course | None:
        row = self._rows.find(_BY_SLUG, slug=slug)
        return None if row is None else _read(row)

    def list_all(self) -> tuple[Course, ...]:
        return tuple(map(_read, self._rows.list(_ALL)))

    def list_of(self, person_id: PersonId) -> tuple[Course, ...]:
        return tuple(map(_read, self._rows.list(_OF_PERSON, person=person_id)))

    def put_member(self, membership: Membership) -> None:
        course, person = membership.course_id, membership.person_id
        number = membership.student_number
        values = {"role": membership.role.value, "student_number": number, "left_at": membership.left_at}
        if number is not None:
            holder = self._rows.scalar(_HOLDER_OF_NUMBER, course=course, number=number)
            if holder is not None and holder != person:
                raise Conflict(what="student_number", name=number)
        if not self._rows.write(_CHANGE_MEMBER, of_course=course, of_person=person, **values):
            self._rows.write(_ADD_MEMBER, course_id=course, person_id=person, **values)

    def find_membership(self, course_id: CourseId, person_id: PersonId) -> Membership | None:
        row = self._rows.find(_MEMBERSHIP, course=course_id, person=person_id)
        return None if row is None else _read_membership(row)

    def list_memberships(self, person_id: PersonId) -> tuple[Membership, ...]:
        return tuple(map(_read_membership, self._rows.list(_MEMBERSHIPS, person=person_id)))

    def list_memberships_ever(self, person_id: PersonId) -> tuple[Membership, ...]:
        return tuple(map(_read_membership, self._rows.list(_MEMBERSHIPS_EVER, person=person_id)))

    def list_members(self, course_id: CourseId, *, after: str | None, limit: int) -> tuple[Member, ...]:
        query, place = (_MEMBERS, {}) if after is None else (_MEMBERS_AFTER, {"after": after})
        return self._read_members(query, course_id, most=limit, **place)

    def list_roster(self, course_id: CourseId) -> tuple[Member, ...]:
        return self._read_members(_ROSTER, course_id)

    def list_staff(self, course_id: CourseId) -> tuple[Member, ...]:
        return self._read_members(_STAFF, course_id)

    def was_ever_member(self, person_id: PersonId) -> bool:
        return self._rows.scalar(_EVER_MEMBER, person=person_id) is not None

    def _read_members(self, query: _MembersQuery, course_id: CourseId, **bounds: object) -> tuple[Member, ...]:
        return tuple(
            Member(
                person=Person(
                    person_id=PersonId(person_id), login=login, name=name, is_admin=is_admin, created_at=created_at
                ),
                membership=Membership(
                    course_id=course_id,
                    person_id=PersonId(person_id),
                    role=Role(role),
                    student_number=number,
                    left_at=left_at,
                ),
            )
            for person_id, login, name, is_admin, created_at, role, number, left_at in self._rows.list_tuples(
                query, course=course_id, **bounds
            )
        )


def _read(row: CourseRow) -> Course:
    return Course(
        course_id=CourseId(row.course_id),
        slug=row.slug,
        title=row.title,
        time_zone=row.time_zone,
        counting=CountingPolicy(row.counting),
        created_at=row.created_at,
        shows_at_risk=row.shows_at_risk,
    )


def _read_membership(row: MembershipRow) -> Membership:
    return Membership(
        course_id=CourseId(row.course_id),
        person_id=PersonId(row.person_id),
        role=Role(row.role),
        student_number=row.student_number,
        left_at=row.left_at,
    )
