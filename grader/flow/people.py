"""People, courses, their members, and the tokens with which they sign in."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.domain.accounts import SessionId
from grader.domain.ids import CourseId, PersonId
from grader.domain.people import CountingPolicy, Course, Membership, Person, Role, Token, TokenId, TokenKind
from grader.domain.submission import Submission
from grader.errors import Forbidden, InvalidRequest, NotAdmittedYet, NotFound, NotSignedIn
from grader.flow.names import check_slug, new_id
from grader.flow.ports import Clock, Stores, Transaction
from grader.flow.secret import hash_secret, new_secret

_MOST_CHARACTERS = 255
_LONGEST_TITLE = 200
_LONGEST_NAME = 200
_SECRET_PREFIX = "grd_"  # noqa: S105 - lets secret scanners recognise a leaked token; is none itself


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, as found by `authenticate` or `find_caller`; every reading and writing step decides by it."""

    person: Person
    memberships: tuple[Membership, ...]
    token_id: TokenId | None = None
    session_id: SessionId | None = None

    def role_in(self, course_id: CourseId) -> Role | None:
        return next((entry.role for entry in self.memberships if entry.course_id == course_id), None)

    def is_staff_in(self, course_id: CourseId) -> bool:
        role = self.role_in(course_id)
        return self.person.is_admin or (role is not None and role.is_staff)

    def is_instructor_in(self, course_id: CourseId) -> bool:
        return self.person.is_admin or self.role_in(course_id) is Role.INSTRUCTOR

    def can_see(self, course_id: CourseId) -> bool:
        return self.person.is_admin or self.role_in(course_id) is not None


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """A new token with its secret, which is shown this once and kept nowhere."""

    token: Token
    secret: str


def create_person(login: str, *, name: str, stores: Stores, is_admin: bool = False) -> Person:
    """Add a person. For the operator: nobody is asked.

    Raises:
        Conflict: the login is taken.
        InvalidRequest: the login is empty or has blanks at its ends; or the name is none.
    """
    person = new_person(login, name=name, is_admin=is_admin, clock=stores.clock)
    with stores.storage.writing() as tx:
        tx.people.add(person)
    return person


def add_course(
    slug: str,
    *,
    title: str,
    stores: Stores,
    time_zone: str = "Asia/Tokyo",
    counting: CountingPolicy = CountingPolicy.BEST,
    by: Caller | None = None,
) -> Course:
    """Add a course.

    Args:
        slug: its name in addresses: small letters, digits, '-'.
        by: who asks; None is the operator at the machine. Only admins may.

    Raises:
        Conflict: the slug is taken.
        InvalidRequest: the slug, the title or the time zone is none.
        Forbidden: `by` is no admin.
    """
    if by is not None:
        check_may_add_course(by)
    check_slug(slug)
    check_title(title)
    check_zone(time_zone)
    course = Course(
        course_id=CourseId(new_id()),
        slug=slug,
        title=title,
        time_zone=time_zone,
        counting=counting,
        created_at=stores.clock.now(),
    )
    with stores.storage.writing() as tx:
        tx.courses.add(course)
    return course


@dataclass(frozen=True, kw_only=True)
class NewMember:
    """A line to add to a roster; `name` is used where the person is new, a login that exists keeps its name."""

    login: str
    name: str
    role: Role = Role.STUDENT
    student_number: str | None = None


def add_member(new: NewMember, *, course: str, stores: Stores, by: Caller | None = None) -> tuple[Person, Membership]:
    """Make a person a member of a course, creating the person where the login is new; or change the role.

    Args:
        course: slug of the course.
        by: who asks; None is the operator. Only the course's instructors and admins may.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin.
        Conflict: the student number belongs to another member.
        NotAdmittedYet: somebody signed up under this login with a join code.
        InvalidRequest: the login is empty or has blanks at its ends; or the name of somebody new is none.
    """
    login = plain_login(new.login)
    with stores.storage.writing() as tx:
        found = visible_course(tx, course, by)
        if by is not None and not by.is_instructor_in(found.course_id):
            raise Forbidden(needs="instructor")
        _check_login(login)
        if signed_up_alone(tx, login):
            # Their session waits: with the login of somebody expected they would have what was meant for that one.
            raise NotAdmittedYet(login=login)
        person = tx.people.find_by_login(login)
        if person is None:
            person = new_person(login, name=new.name, is_admin=False, clock=stores.clock)
            tx.people.add(person)
        membership = Membership(
            course_id=found.course_id,
            person_id=person.person_id,
            role=new.role,
            student_number=new.student_number,
        )
        tx.courses.put_member(membership)
    return person, membership


def make_token(
    login: str,
    *,
    label: str,
    stores: Stores,
    lifetime_s: float | None = None,
    by: Caller | None = None,
) -> IssuedToken:
    """Issue a personal token.

    Args:
        login: for whom.
        label: what it is for, in its list.
        lifetime_s: how long it is valid; None for until it is revoked.
        by: who asks; None is the operator. Admins may for everyone, an instructor for the students of own courses,
            staff for themselves; students cannot.

    Raises:
        NotFound: no such person, or not for `by`.
        Forbidden: `by` may not.
    """
    with stores.storage.writing() as tx:
        person = tx.people.find_by_login(login)
        if person is None:
            raise NotFound(what="person", name=login)
        if by is not None:
            _check_may_issue(tx, by, person)
        return _issue(tx, person, label=label, lifetime_s=lifetime_s, at=stores.clock.now())


def revoke_token(token_id: TokenId, *, stores: Stores, by: Caller | None = None) -> None:
    """Make a token useless from now on; one's own, or as admin or operator anyone's.

    Raises:
        NotFound: no such token, or not for `by`.
    """
    with stores.storage.writing() as tx:
        token = tx.tokens.find(token_id)
        if token is None or (by is not None and not by.person.is_admin and token.person_id != by.person.person_id):
            raise NotFound(what="token", name=token_id)
        tx.tokens.revoke(token_id, at=stores.clock.now())


def authenticate(secret: str, *, stores: Stores) -> Caller:
    """Who shows this token.

    Raises:
        NotSignedIn: unknown, revoked or expired; which of them is not told.
    """
    with stores.storage.reading() as tx:
        token = tx.tokens.find_by_hash(hash_secret(secret))
        if token is None or not token.is_valid(at=stores.clock.now()):
            raise NotSignedIn
        return Caller(
            person=tx.people.get(token.person_id),
            memberships=tx.courses.list_memberships(token.person_id),
            token_id=token.token_id,
        )


def ensure_admin(*, login: str, stores: Stores) -> IssuedToken | None:
    """At the first start: make an admin and a token for it, both or neither. None when there is an admin already."""
    person = new_person(login, name=login, is_admin=True, clock=stores.clock)
    with stores.storage.writing() as tx:
        if tx.people.has_admin():
            return None
        tx.people.add(person)
        return _issue(tx, person, label="first start", lifetime_s=None, at=stores.clock.now())


def visible_course(tx: Transaction, slug: str, caller: Caller | None) -> Course:
    """The course, if `caller` may know of it (None, the operator, may).

    Raises:
        NotFound: it does not exist, or `caller` is no member: the two look the same from outside.
    """
    course = tx.courses.find_by_slug(slug)
    if course is None or (caller is not None and not caller.can_see(course.course_id)):
        raise NotFound(what="course", name=slug)
    return course


def staffed_course(tx: Transaction, slug: str, caller: Caller | None) -> Course:
    """Raises NotFound as `visible_course`; Forbidden: `caller` is a student."""
    course = visible_course(tx, slug, caller)
    if caller is not None and not caller.is_staff_in(course.course_id):
        raise Forbidden(needs="staff")
    return course


def taught_course(tx: Transaction, slug: str, caller: Caller | None) -> Course:
    """Raises NotFound as `visible_course`; Forbidden: `caller` is neither instructor nor admin."""
    course = visible_course(tx, slug, caller)
    if caller is not None and not caller.is_instructor_in(course.course_id):
        raise Forbidden(needs="instructor")
    return course


def judges_own(submission: Submission, *, course_id: CourseId, caller: Caller) -> bool:
    """Would this caller judge what they handed in themselves?

    A TA may have been a student of the same course, or become one, and points given meanwhile would stand. Instructors
    and admins could give them in any case.
    """
    return submission.person_id == caller.person.person_id and not caller.is_instructor_in(course_id)


def check_is_anothers(submission: Submission, *, course_id: CourseId, caller: Caller) -> None:
    """Raises Forbidden: what TAs handed in somebody else judges."""
    if judges_own(submission, course_id=course_id, caller=caller):
        raise Forbidden(needs="another_reviewer")


def is_only_in(tx: Transaction, person_id: PersonId, course_id: CourseId) -> bool:
    """Is the person a member of no other course? Then the course's staff may act for them."""
    return all(entry.course_id == course_id for entry in tx.courses.list_memberships(person_id))


def check_may_add_course(by: Caller) -> None:
    """Raises Forbidden: `by` is no admin."""
    if not by.person.is_admin:
        raise Forbidden(needs="admin")


def check_title(title: str) -> None:
    """Raises InvalidRequest: empty, too long, or more than one line."""
    if not title.strip() or len(title) > _LONGEST_TITLE or not title.isprintable():
        raise InvalidRequest(what="course_title", value=title[:_LONGEST_TITLE])


def check_name(name: str) -> str:
    """A person's name on one line. Raises InvalidRequest: empty, too long, or with what cannot be printed."""
    plain = " ".join(name.split())
    if not is_name(plain):
        raise InvalidRequest(what="person_name", value=plain[:_LONGEST_NAME])
    return plain


def is_name(plain: str) -> bool:
    """Can people read it, and is it short enough to be one?"""
    return 0 < len(plain) <= _LONGEST_NAME and plain.isprintable()


def check_zone(time_zone: str) -> None:
    """Raises InvalidRequest: no time zone that this machine knows."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest(what="time_zone", value=time_zone) from error


def plain_login(login: str) -> str:
    """A login in the width in which it is kept: typed full-width it is the same person's."""
    return unicodedata.normalize("NFKC", login)


def is_login(login: str) -> bool:
    """Can people type it, and does the database take it?"""
    return 0 < len(login) <= _MOST_CHARACTERS and login == login.strip() and login.isprintable()


def new_person(login: str, *, name: str, is_admin: bool, clock: Clock) -> Person:
    """Who is called nothing is called by the login.

    Raises:
        InvalidRequest: the login or the name is none.
    """
    login = plain_login(login)
    _check_login(login)
    return Person(
        person_id=PersonId(new_id()),
        login=login,
        name=check_name(name) if name.strip() else login,
        is_admin=is_admin,
        created_at=clock.now(),
    )


def signed_up_alone(tx: Transaction, login: str) -> bool:
    """Did somebody take this login with a join code, and nobody has said yet that they are who they say?

    Nothing but their request must let them in: the login may be that of somebody else, who was slower.
    """
    person = tx.people.find_by_login(login)
    return (
        person is not None
        and not person.is_admin
        and tx.accounts.find_password(person.person_id) is not None
        and not tx.courses.was_ever_member(person.person_id)
    )


def _check_login(login: str) -> None:
    if not is_login(login):
        raise InvalidRequest(what="login", value=login[:_MOST_CHARACTERS])


def _issue(tx: Transaction, person: Person, *, label: str, lifetime_s: float | None, at: datetime) -> IssuedToken:
    secret = _SECRET_PREFIX + new_secret()
    token = Token(
        token_id=TokenId(new_id()),
        person_id=person.person_id,
        kind=TokenKind.PERSONAL,
        label=label,
        created_at=at,
        expires_at=None if lifetime_s is None else at + timedelta(seconds=lifetime_s),
    )
    tx.tokens.add(token, secret_hash=hash_secret(secret))
    return IssuedToken(token=token, secret=secret)


def _check_may_issue(tx: Transaction, by: Caller, person: Person) -> None:
    if by.person.is_admin:
        return
    own = {entry.course_id for entry in by.memberships if entry.role is Role.INSTRUCTOR}
    if person.person_id == by.person.person_id:
        if any(entry.role.is_staff for entry in by.memberships):
            return
        raise Forbidden(needs="staff")
    theirs = tx.courses.list_memberships(person.person_id)
    if not any(entry.course_id in own for entry in theirs):
        raise NotFound(what="person", name=person.login)
    # A token lets its holder act everywhere the person may, and see what they handed in to courses that they left:
    # never more than a student, never beyond own courses.
    ever = tx.courses.list_memberships_ever(person.person_id)
    if person.is_admin or any(entry.role.is_staff or entry.course_id not in own for entry in ever):
        raise Forbidden(needs="admin")
