"""A course's roster as its staff work with it: find somebody, change what they may do, let them go and come back."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from grader.domain.ids import CourseId, PersonId
from grader.domain.people import Course, Member, Role
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound
from grader.flow.accounts import can_sign_in, check_may_invite
from grader.flow.people import Caller, check_name, is_only_in, staffed_course, taught_course
from grader.flow.ports import Stores, Transaction

_PER_PAGE = 50
_LONGEST_NUMBER = 64
_ROLES = tuple(reversed(Role))


@dataclass(frozen=True, kw_only=True)
class RosterEntry:
    """A line of the roster, and what the one who reads it may do with it."""

    member: Member
    can_sign_in: bool
    can_be_invited: bool
    """May the reader make a link with which this person chooses a password?"""


@dataclass(frozen=True, kw_only=True)
class RosterView:
    """One page of those who were found, staff first, then by login."""

    course: Course
    entries: tuple[RosterEntry, ...]
    found: int
    page: int
    pages: int
    present: int
    """Members, whether or not they were looked for."""
    left: int


@dataclass(frozen=True, kw_only=True)
class MemberView:
    course: Course
    entry: RosterEntry
    can_be_renamed: bool
    """Who is in another course too keeps the name that people know there."""


@dataclass(frozen=True, kw_only=True)
class MemberChange:
    """A member's line as a form has it."""

    name: str
    role: Role
    student_number: str | None


def list_people(
    course: str, *, by: Caller, stores: Stores, search: str = "", has_left: bool = False, page: int = 1
) -> RosterView:
    """A page of a course's members, or of those who have left.

    Args:
        search: words that login, name or student number must hold, in any width and case; empty for all.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is a student.
    """
    words = _plain(search).split()
    with stores.storage.reading() as tx:
        found = staffed_course(tx, course, by)
        roster = tx.courses.list_roster(found.course_id)
        left = sum(1 for member in roster if member.membership.left_at is not None)
        wanted = [
            member for member in roster if (member.membership.left_at is not None) == has_left and _holds(member, words)
        ]
        wanted.sort(key=lambda member: _ROLES.index(member.membership.role))
        pages = max(1, -(-len(wanted) // _PER_PAGE))
        page = min(max(1, page), pages)
        shown = wanted[(page - 1) * _PER_PAGE : page * _PER_PAGE]
        entries = tuple(_entry(tx, member, by=by) for member in shown)
    return RosterView(
        course=found,
        entries=entries,
        found=len(wanted),
        page=page,
        pages=pages,
        present=len(roster) - left,
        left=left,
    )


def read_member(person_id: PersonId, *, course: str, by: Caller, stores: Stores) -> MemberView:
    """One who is or was a member.

    Raises:
        NotFound: no such course or member, or not for `by`.
        Forbidden: `by` is a student.
    """
    with stores.storage.reading() as tx:
        found = staffed_course(tx, course, by)
        member = _get_member(tx, found.course_id, person_id)
        return MemberView(course=found, entry=_entry(tx, member, by=by), can_be_renamed=_can_be_renamed(tx, member))


def change_member(person_id: PersonId, change: MemberChange, *, course: str, by: Caller, stores: Stores) -> None:
    """Give a member another name, role or student number.

    Raises:
        NotFound: no such course or member, or not for `by`.
        Forbidden: `by` is neither instructor nor admin; or an instructor would change their own role.
        Conflict: the number is another member's, or the name is known in other courses too.
        InvalidRequest: no name, or no number.
    """
    number = _number_of(change.student_number)
    name = check_name(change.name)
    with stores.storage.writing() as tx:
        found = taught_course(tx, course, by)
        member = _get_member(tx, found.course_id, person_id)
        if change.role is not member.membership.role:
            _check_is_not_own(by, member)
        if name != member.person.name:
            if not _can_be_renamed(tx, member):
                raise Conflict(what="person_name", name=member.person.name)
            tx.people.rename(person_id, name=name)
        tx.courses.put_member(replace(member.membership, role=change.role, student_number=number))


def remove_member(person_id: PersonId, *, course: str, by: Caller, stores: Stores) -> None:
    """They are no member any more; what they handed in stays, and they can be taken back.

    Raises:
        NotFound: no such course or member, or not for `by`.
        Forbidden: `by` is neither instructor nor admin, or would remove themself.
    """
    with stores.storage.writing() as tx:
        found = taught_course(tx, course, by)
        member = _get_member(tx, found.course_id, person_id)
        _check_is_not_own(by, member)
        left_at = member.membership.left_at or stores.clock.now()
        tx.courses.put_member(replace(member.membership, left_at=left_at))


def take_back(person_id: PersonId, *, course: str, by: Caller, stores: Stores) -> None:
    """Who has left is a member again, with the role and number of before. Raises as `remove_member`."""
    with stores.storage.writing() as tx:
        found = taught_course(tx, course, by)
        member = _get_member(tx, found.course_id, person_id)
        tx.courses.put_member(replace(member.membership, left_at=None))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _holds(member: Member, words: Iterable[str]) -> bool:
    known = _plain(f"{member.person.login} {member.person.name} {member.membership.student_number or ''}")
    return all(word in known for word in words)


def _entry(tx: Transaction, member: Member, *, by: Caller) -> RosterEntry:
    is_ready = can_sign_in(tx, member.person.person_id)
    try:
        check_may_invite(tx, by, member.person)
    except (NotFound, Forbidden):
        return RosterEntry(member=member, can_sign_in=is_ready, can_be_invited=False)
    return RosterEntry(member=member, can_sign_in=is_ready, can_be_invited=True)


def _get_member(tx: Transaction, course_id: CourseId, person_id: PersonId) -> Member:
    for member in tx.courses.list_roster(course_id):
        if member.person.person_id == person_id:
            return member
    raise NotFound(what="person", name=person_id)


def _can_be_renamed(tx: Transaction, member: Member) -> bool:
    return not member.person.is_admin and is_only_in(tx, member.person.person_id, member.membership.course_id)


def _check_is_not_own(by: Caller, member: Member) -> None:
    """A course whose last instructor stepped back by mistake would be nobody's."""
    if by.person.person_id == member.person.person_id and not by.person.is_admin:
        raise Forbidden(needs="another_instructor")


def _number_of(typed: str | None) -> str | None:
    number = unicodedata.normalize("NFKC", typed or "").strip()
    if len(number) > _LONGEST_NUMBER or not number.isprintable():
        raise InvalidRequest(what="student_number", value=number[:_LONGEST_NUMBER])
    return number or None
