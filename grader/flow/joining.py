"""Joining a course with its code: students say who they are, staff say whether it is so."""

import secrets
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from grader.domain.accounts import JoinRequest, JoinRequestId, SessionLifetimes
from grader.domain.ids import CourseId
from grader.domain.people import Course, Member, Membership, Person, Role
from grader.errors import Conflict, InvalidRequest, NotFound
from grader.flow.accounts import DEFAULT_LIFETIMES, IssuedSession, can_sign_in, start_session
from grader.flow.names import new_id
from grader.flow.passwords import check_password, hash_password
from grader.flow.people import Caller, new_person, staffed_course, taught_course
from grader.flow.ports import Stores, Transaction
from grader.flow.tries import check_may_try, count_try, forget_tries

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Those that nobody mistakes for another when a code is read from a slide."""
_LENGTH = 8
_MOST_NUMBER = 64
_PER_PAGE = 20
# Tries to sign in are counted by login, and no login begins with a blank.
_GUESSES = " join code, guessed by "
_REQUESTS = " join, asked by "


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """What somebody types who has a join code and no account yet."""

    login: str
    name: str
    student_number: str
    password: str


@dataclass(frozen=True, kw_only=True)
class PendingJoin:
    """A request as staff see it; `expected` is whom the roster has under this student number."""

    request: JoinRequest
    expected: Member | None


@dataclass(frozen=True, kw_only=True)
class PendingPage:
    """Some of those who ask to join a course, the oldest first: strangers ask, and as many as like to."""

    joins: tuple[PendingJoin, ...]
    count: int
    """Of all."""
    page: int
    pages: int
    fitting: int
    """Of all, how many `admit_fitting` would let in."""


def renew_join_code(course: str, *, stores: Stores, by: Caller | None = None) -> str:
    """A new code with which people ask to join; an earlier one is useless from now on.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin; None is the operator.
    """
    code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    with stores.storage.writing() as tx:
        tx.joins.put_code(taught_course(tx, course, by).course_id, code=code)
    return code


def close_joining(course: str, *, stores: Stores, by: Caller | None = None) -> None:
    """The course has no code any more; requests that wait stay. Raises as `renew_join_code`."""
    with stores.storage.writing() as tx:
        tx.joins.put_code(taught_course(tx, course, by).course_id, code=None)


def find_join_code(course: str, *, stores: Stores, by: Caller | None = None) -> str | None:
    """The course's code, for its staff. Raises as `list_pending`."""
    with stores.storage.reading() as tx:
        return tx.joins.find_code(staffed_course(tx, course, by).course_id)


def read_join_code(code: str, *, asker: str, stores: Stores) -> Course:
    """Which course the code is for.

    Args:
        asker: under what wrong guesses are counted: who is signed in, or else the address they come from. Many share
            one, so that a right code is the end of it.

    Raises:
        NotFound: no course has this code.
        TooManyTries: there were too many wrong ones; this one was not looked at.
    """
    whose, now = _GUESSES + asker, stores.clock.now()
    with stores.storage.reading() as tx:
        guesses = check_may_try(tx, whose, at=now)
        course = _find_course(tx, code)
    # To write makes everybody else who writes wait: not for a right code.
    if course is None or guesses:
        with stores.storage.writing() as tx:
            if course is None:
                count_try(tx, whose, at=now)
            else:
                forget_tries(tx, whose)
    if course is None:
        raise NotFound(what="join_code", name=_plain(code))
    return course


def join(
    code: str, new: NewAccount, *, stores: Stores, lifetimes: SessionLifetimes = DEFAULT_LIFETIMES
) -> IssuedSession:
    """Make an account and ask to join; the course stays closed to it until staff admit it.

    Raises:
        NotFound: no course has this code.
        Conflict: the login is taken; whose it is may sign in and ask then.
        InvalidRequest: no login, or no student number.
        PasswordRefused: not good enough.
    """
    with stores.storage.reading() as tx:
        _course_of(tx, code)  # without a code nobody makes us hash
    person = new_person(new.login.strip(), name=new.name.strip(), is_admin=False, clock=stores.clock)
    check_password(new.password, person=person)
    hashed = hash_password(new.password)
    with stores.storage.writing() as tx:
        course = _course_of(tx, code)
        tx.people.add(person)
        tx.accounts.put_password(person.person_id, hashed=hashed)
        _ask(tx, person, course_id=course.course_id, student_number=new.student_number, stores=stores)
        return start_session(tx, person, lifetimes=lifetimes, at=stores.clock.now())


def ask_to_join(code: str, *, student_number: str, caller: Caller, stores: Stores) -> JoinRequest:
    """Ask with the account one has; asking again replaces what was asked before.

    Raises:
        NotFound: no course has this code.
        Conflict: the caller is a member already.
        InvalidRequest: no student number.
        TooManyTries: the caller has asked too often.
    """
    with stores.storage.writing() as tx:
        count_try(tx, _REQUESTS + caller.person.person_id, at=stores.clock.now())
        course = _course_of(tx, code)
        if tx.courses.find_membership(course.course_id, caller.person.person_id) is not None:
            raise Conflict(what="member", name=caller.person.login)
        return _ask(tx, caller.person, course_id=course.course_id, student_number=student_number, stores=stores)


def list_asked(*, caller: Caller, stores: Stores) -> tuple[Course, ...]:
    """The courses that the caller has asked to join and that have not answered."""
    with stores.storage.reading() as tx:
        return tuple(tx.courses.get(request.course_id) for request in tx.joins.list_of(caller.person.person_id))


def list_pending(course: str, *, stores: Stores, by: Caller | None = None) -> tuple[PendingJoin, ...]:
    """Everybody who asks to join, oldest first, each with whom the roster has under their number.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is a student.
    """
    with stores.storage.reading() as tx:
        course_id = staffed_course(tx, course, by).course_id
        return _pending(tx, course_id, offset=0, limit=tx.joins.count_in(course_id))


def read_pending(course: str, *, page: int, stores: Stores, by: Caller | None = None) -> PendingPage:
    """Some of them. Raises as `list_pending`."""
    with stores.storage.reading() as tx:
        course_id = staffed_course(tx, course, by).course_id
        count = tx.joins.count_in(course_id)
        pages = max(1, -(-count // _PER_PAGE))
        page = min(max(1, page), pages)
        everybody = _pending(tx, course_id, offset=0, limit=count)
        joins = everybody[(page - 1) * _PER_PAGE : page * _PER_PAGE]
        return PendingPage(joins=joins, count=count, page=page, pages=pages, fitting=len(_fitting(tx, everybody)))


def admit(request_id: JoinRequestId, *, course: str, stores: Stores, by: Caller | None = None) -> Membership:
    """They are who they say: a student of the course under this number from now on.

    Whom the roster had under the number makes room, if that account was never used: it was made from the roster, and
    this is the same student.

    Raises:
        NotFound: no such course or request, or not for `by`.
        Forbidden: `by` is a student.
        Conflict: the number is that of a member who has signed in.
    """
    with stores.storage.writing() as tx:
        request = _request_in(tx, staffed_course(tx, course, by), request_id)
        return _admit(tx, request, roster=tx.courses.list_roster(request.course_id), stores=stores)


def admit_fitting(course: str, *, stores: Stores, by: Caller | None = None) -> int:
    """Admit everybody whom the roster has by number and name, and tell how many; the others go on waiting.

    Who asks with the number or the name of somebody else, of a member who has signed in, or with the number that
    another one asks with, is left to somebody's eyes.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is a student.
    """
    with stores.storage.writing() as tx:
        course_id = staffed_course(tx, course, by).course_id
        roster = tx.courses.list_roster(course_id)
        fitting = _fitting(tx, _pending(tx, course_id, offset=0, limit=tx.joins.count_in(course_id)))
        for request in fitting:
            _admit(tx, request, roster=roster, stores=stores)
    return len(fitting)


def decline(request_id: JoinRequestId, *, course: str, stores: Stores, by: Caller | None = None) -> None:
    """They are not who they say, or do not belong here. Raises NotFound, Forbidden as `admit`."""
    with stores.storage.writing() as tx:
        _request_in(tx, staffed_course(tx, course, by), request_id)
        tx.joins.forget(request_id)


def _ask(tx: Transaction, person: Person, *, course_id: CourseId, student_number: str, stores: Stores) -> JoinRequest:
    number = unicodedata.normalize("NFKC", student_number).strip()
    if not number or len(number) > _MOST_NUMBER or not number.isprintable():
        raise InvalidRequest(what="student_number")
    request = JoinRequest(
        request_id=JoinRequestId(new_id()),
        course_id=course_id,
        person=person,
        student_number=number,
        asked_at=stores.clock.now(),
    )
    tx.joins.add(request)
    return request


def _admit(tx: Transaction, request: JoinRequest, *, roster: Iterable[Member], stores: Stores) -> Membership:
    for member in roster:
        is_other = member.person.person_id != request.person.person_id
        if is_other and member.membership.student_number == request.student_number:
            _make_room(tx, member, stores=stores)
    held = tx.courses.find_membership(request.course_id, request.person.person_id)
    membership = Membership(
        course_id=request.course_id,
        person_id=request.person.person_id,
        role=Role.STUDENT if held is None else held.role,
        student_number=request.student_number,
    )
    tx.courses.put_member(membership)
    tx.joins.forget(request.request_id)
    return membership


def _fitting(tx: Transaction, everybody: Sequence[PendingJoin]) -> tuple[JoinRequest, ...]:
    """Those that nobody needs to look at, of all who ask to join a course."""
    askers = Counter(each.request.student_number for each in everybody)
    return tuple(
        each.request
        for each in everybody
        if each.expected is not None
        and askers[each.request.student_number] == 1
        and _is_waited_for(tx, each.expected, name=each.request.person.name)
    )


def _is_waited_for(tx: Transaction, member: Member, *, name: str) -> bool:
    """Is this a student of that name, whose account nobody has used?"""
    return (
        member.membership.role is Role.STUDENT
        and member.membership.left_at is None
        and _comparable(member.person.name) == _comparable(name)
        and not can_sign_in(tx, member.person.person_id)
    )


def _comparable(name: str) -> str:
    """However it was typed: full-width, in small letters, with or without a blank between its parts."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _make_room(tx: Transaction, member: Member, *, stores: Stores) -> None:
    membership = member.membership
    if membership.role.is_staff or can_sign_in(tx, member.person.person_id):
        raise Conflict(what="student_number", name=str(membership.student_number))
    left_at = membership.left_at or stores.clock.now()
    tx.courses.put_member(replace(membership, student_number=None, left_at=left_at))


def _course_of(tx: Transaction, code: str) -> Course:
    course = _find_course(tx, code)
    if course is None:
        raise NotFound(what="join_code", name=_plain(code))
    return course


def _find_course(tx: Transaction, code: str) -> Course | None:
    plain = _plain(code)
    course_id = tx.joins.find_course(plain) if len(plain) == _LENGTH else None
    return None if course_id is None else tx.courses.get(course_id)


def _plain(code: str) -> str:
    """However it was typed: small letters, full-width ones, in two halves."""
    typed = unicodedata.normalize("NFKC", code).upper()
    return "".join(letter for letter in typed if letter in _LETTERS)[: 2 * _LENGTH]


def _pending(tx: Transaction, course_id: CourseId, *, offset: int, limit: int) -> tuple[PendingJoin, ...]:
    by_number = {member.membership.student_number: member for member in tx.courses.list_roster(course_id)}
    return tuple(
        PendingJoin(request=request, expected=by_number.get(request.student_number))
        for request in tx.joins.list_in(course_id, offset=offset, limit=limit)
    )


def _request_in(tx: Transaction, course: Course, request_id: JoinRequestId) -> JoinRequest:
    request = tx.joins.get(request_id)
    if request.course_id != course.course_id:
        raise NotFound(what="join_request", name=request_id)
    return request
