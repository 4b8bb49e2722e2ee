"""Bringing a course's students in line with a roster file: first what would change, then the change."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from grader.domain.ids import CourseId
from grader.domain.people import Member, Membership, Role
from grader.domain.roster import RosterChange, RosterColumns, RosterLine, RosterPlan, RosterProblem
from grader.domain.text import Note
from grader.errors import Conflict, RosterRefused
from grader.flow.accounts import IssuedInvitation, can_sign_in, issue_invitation
from grader.flow.people import Caller, is_login, is_name, is_only_in, new_person, signed_up_alone, taught_course
from grader.flow.ports import Stores, Transaction
from grader.flow.roster_file import RosterFile, read_roster

_MOST_NUMBER = 64


@dataclass(frozen=True, kw_only=True)
class RosterPreview:
    """What an import would change, and a word by which `import_roster` knows that it still would change just that."""

    plan: RosterPlan
    seen: str


def preview_roster(
    data: bytes, *, course: str, stores: Stores, by: Caller | None = None, columns: RosterColumns | None = None
) -> RosterPreview:
    """What importing this file would change; changes nothing.

    Args:
        data: CSV or XLSX.
        course: slug of the course.
        by: who asks; None is the operator. Only the course's instructors and admins may.
        columns: headings that are not the usual ones.

    Raises:
        RosterRefused: the file cannot be read as a roster.
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin.
    """
    file = read_roster(data, columns=columns)
    with stores.storage.reading() as tx:
        found = taught_course(tx, course, by)
        plan = _plan(tx, file, course_id=found.course_id)
    return RosterPreview(plan=plan, seen=_fingerprint(plan))


def import_roster(
    data: bytes,
    *,
    course: str,
    seen: str,
    stores: Stores,
    by: Caller | None = None,
    columns: RosterColumns | None = None,
) -> RosterPlan:
    """Make the change that a preview has shown, all of it or nothing. Staff are left as they are.

    Args:
        seen: of the preview; the others as `preview_roster` has them.

    Raises:
        RosterRefused: as `preview_roster`; or the plan has problems.
        Conflict: it would change something else by now.
        NotFound, Forbidden: as `preview_roster`.
    """
    file = read_roster(data, columns=columns)
    with stores.storage.writing() as tx:
        found = taught_course(tx, course, by)
        plan = _plan(tx, file, course_id=found.course_id)
        if plan.problems:
            raise RosterRefused("has_problems", count=len(plan.problems))
        if _fingerprint(plan) != seen:
            raise Conflict(what="roster", name=course)
        _apply(tx, plan, course_id=found.course_id, stores=stores)
    return plan


def invite_newcomers(course: str, *, stores: Stores, by: Caller | None = None) -> tuple[IssuedInvitation, ...]:
    """A link for each student of the course who could not sign in yet; their earlier links are useless from now on.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin.
    """
    is_for_all = by is None or by.person.is_admin
    now = stores.clock.now()
    with stores.storage.writing() as tx:
        found = taught_course(tx, course, by)
        return tuple(
            issue_invitation(tx, member.person, at=now)
            for member in _students(tx.courses.list_roster(found.course_id))
            if member.membership.left_at is None
            and not can_sign_in(tx, member.person.person_id)
            # As for a single link: it must open nothing that `by` does not teach.
            and (is_for_all or (_is_here_alone(tx, member) and not member.person.is_admin))
        )


def _students(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(member for member in members if member.membership.role is Role.STUDENT)


def _plan(tx: Transaction, file: RosterFile, *, course_id: CourseId) -> RosterPlan:
    roster = tx.courses.list_roster(course_id)
    by_login = {member.person.login: member for member in roster}
    problems = tuple(_problems(tx, file.lines, by_login=by_login))
    added: list[RosterLine] = []
    changed: list[RosterChange] = []
    unchanged = 0
    for line in file.lines:
        member = by_login.get(line.login)
        if member is None:
            added.append(line)
        elif member.membership.role is Role.STUDENT and _differs(tx, member, line):
            changed.append(RosterChange(line=line, before=member, has_left=member.membership.left_at is not None))
        else:
            unchanged += 1
    named = {line.login for line in file.lines}
    left = [
        member for member in _students(roster) if member.person.login not in named and member.membership.left_at is None
    ]
    return RosterPlan(
        columns=file.columns,
        headings=file.headings,
        added=added,
        changed=changed,
        left=left,
        unchanged=unchanged,
        problems=problems,
    )


def _problems(
    tx: Transaction, lines: Iterable[RosterLine], *, by_login: Mapping[str, Member]
) -> Iterable[RosterProblem]:
    """At most one a line, the first that would stop it."""
    logins: dict[str, int] = {}
    numbers: dict[str, int] = {}
    holders = {member.membership.student_number: login for login, member in by_login.items()}
    named = {line.login for line in lines}
    for line in lines:
        number = line.student_number
        holder = None if number is None else holders.get(number)
        note = None
        if not is_login(line.login):
            note = Note(code="roster.no_login", facts={"login": line.login})
        elif not is_name(line.name):
            note = Note(code="roster.no_name", facts={"login": line.login})
        elif line.login in logins:
            note = Note(code="roster.login_twice", facts={"login": line.login, "line": logins[line.login]})
        elif number is not None and len(number) > _MOST_NUMBER:
            note = Note(code="roster.long_number", facts={"most": _MOST_NUMBER})
        elif number is not None and number in numbers:
            note = Note(code="roster.number_twice", facts={"number": number, "line": numbers[number]})
        elif holder is not None and holder != line.login and holder not in named:
            note = Note(code="roster.number_taken", facts={"number": str(number), "login": holder})
        elif line.login not in by_login and signed_up_alone(tx, line.login):
            note = Note(code="roster.signed_up", facts={"login": line.login})
        if note is not None:
            yield RosterProblem(line=line.line, note=note)
        logins.setdefault(line.login, line.line)
        if number is not None:
            numbers.setdefault(number, line.line)


def _differs(tx: Transaction, member: Member, line: RosterLine) -> bool:
    has_moved = member.membership.left_at is not None or member.membership.student_number != _number_of(member, line)
    return has_moved or _is_renamed(tx, member, line)


def _number_of(member: Member, line: RosterLine) -> str | None:
    """A file without numbers takes none away."""
    return line.student_number or member.membership.student_number


def _is_renamed(tx: Transaction, member: Member, line: RosterLine) -> bool:
    """Who is in another course too keeps the name that people know there."""
    has_name = line.name not in (line.login, member.person.name)
    return has_name and not member.person.is_admin and _is_here_alone(tx, member)


def _is_here_alone(tx: Transaction, member: Member) -> bool:
    return is_only_in(tx, member.person.person_id, member.membership.course_id)


def _fingerprint(plan: RosterPlan) -> str:
    changes = [plan.added, plan.changed, plan.left]
    return hashlib.sha256(repr(changes).encode("utf-8", "surrogatepass")).hexdigest()


def _apply(tx: Transaction, plan: RosterPlan, *, course_id: CourseId, stores: Stores) -> None:
    for member in plan.left:
        tx.courses.put_member(replace(member.membership, left_at=stores.clock.now()))
    for change in plan.changed:
        # First all numbers away: two students may have each other's.
        tx.courses.put_member(replace(change.before.membership, student_number=None))
    for change in plan.changed:
        number = _number_of(change.before, change.line)
        if _is_renamed(tx, change.before, change.line):
            tx.people.rename(change.before.person.person_id, name=change.line.name)
        tx.courses.put_member(replace(change.before.membership, student_number=number, left_at=None))
    for line in plan.added:
        person = tx.people.find_by_login(line.login)
        if person is None:
            person = new_person(line.login, name=line.name, is_admin=False, clock=stores.clock)
            tx.people.add(person)
        tx.courses.put_member(
            Membership(
                course_id=course_id, person_id=person.person_id, role=Role.STUDENT, student_number=line.student_number
            )
        )
