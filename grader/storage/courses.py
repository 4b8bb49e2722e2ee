"""Courses and their members in the database."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import CourseId, PersonId
from grader.domain.people import CountingPolicy, Course, Member, Membership, Role
from grader.errors import Conflict, NotFound
from grader.storage.people import read_person
from grader.storage.tables import CourseRow, MembershipRow, PersonRow


class CoursesTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, course: Course) -> None:
        if self.find_by_slug(course.slug) is not None:
            raise Conflict(what="course", name=course.slug)
        self._session.add(
            CourseRow(
                course_id=course.course_id,
                slug=course.slug,
                title=course.title,
                time_zone=course.time_zone,
                counting=course.counting.value,
                created_at=course.created_at,
            )
        )
        self._session.flush()

    def get(self, course_id: CourseId) -> Course:
        row = self._session.get(CourseRow, course_id)
        if row is None:
            raise NotFound(what="course", name=course_id)
        return _read(row)

    def find_by_slug(self, slug: str) -> Course | None:
        row = self._session.scalar(sa.select(CourseRow).where(CourseRow.slug == slug))
        return None if row is None else _read(row)

    def list_all(self) -> tuple[Course, ...]:
        return tuple(_read(row) for row in self._session.scalars(sa.select(CourseRow).order_by(CourseRow.slug)))

    def list_of(self, person_id: PersonId) -> tuple[Course, ...]:
        query = (
            sa.select(CourseRow)
            .join(MembershipRow, MembershipRow.course_id == CourseRow.course_id)
            .where(MembershipRow.person_id == person_id)
            .order_by(CourseRow.slug)
        )
        return tuple(_read(row) for row in self._session.scalars(query))

    def put_member(self, membership: Membership) -> None:
        number = membership.student_number
        if number is not None:
            holder = self._session.scalar(
                sa.select(MembershipRow.person_id).where(
                    MembershipRow.course_id == membership.course_id, MembershipRow.student_number == number
                )
            )
            if holder is not None and holder != membership.person_id:
                raise Conflict(what="student_number", name=number)
        row = self._session.get(MembershipRow, (membership.course_id, membership.person_id))
        if row is None:
            row = MembershipRow(course_id=membership.course_id, person_id=membership.person_id)
            self._session.add(row)
        row.role = membership.role.value
        row.student_number = number
        self._session.flush()

    def find_membership(self, course_id: CourseId, person_id: PersonId) -> Membership | None:
        row = self._session.get(MembershipRow, (course_id, person_id))
        return None if row is None else _read_membership(row)

    def list_memberships(self, person_id: PersonId) -> tuple[Membership, ...]:
        query = sa.select(MembershipRow).where(MembershipRow.person_id == person_id).order_by(MembershipRow.course_id)
        return tuple(_read_membership(row) for row in self._session.scalars(query))

    def list_members(self, course_id: CourseId, *, after: str | None, limit: int) -> tuple[Member, ...]:
        query = (
            sa.select(PersonRow, MembershipRow)
            .join(MembershipRow, MembershipRow.person_id == PersonRow.person_id)
            .where(MembershipRow.course_id == course_id)
            .order_by(PersonRow.login)
            .limit(limit)
        )
        if after is not None:
            query = query.where(PersonRow.login > after)
        return tuple(
            Member(person=read_person(person), membership=_read_membership(membership))
            for person, membership in self._session.execute(query)
        )


def _read(row: CourseRow) -> Course:
    return Course(
        course_id=CourseId(row.course_id),
        slug=row.slug,
        title=row.title,
        time_zone=row.time_zone,
        counting=CountingPolicy(row.counting),
        created_at=row.created_at,
    )


def _read_membership(row: MembershipRow) -> Membership:
    return Membership(
        course_id=CourseId(row.course_id),
        person_id=PersonId(row.person_id),
        role=Role(row.role),
        student_number=row.student_number,
    )
