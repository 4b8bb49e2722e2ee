"""Signing in and out: passwords, sessions, and the links with which people choose their first password or a new one."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from grader.domain.accounts import Invitation, Session, SessionId, SessionLifetimes
from grader.domain.ids import PersonId
from grader.domain.people import Person
from grader.errors import Forbidden, InvitationEnded, NotFound, NotSignedIn, SignInRefused, StorageFull
from grader.flow.names import new_id
from grader.flow.passwords import check_password, hash_password, is_password, should_hash_anew
from grader.flow.people import Caller, check_name, plain_login
from grader.flow.ports import Stores, Transaction
from grader.flow.secret import hash_secret, new_secret
from grader.flow.tries import count_try, forget_tries

_INVITATION_S = 14 * 24 * 3600
_TOUCH_EVERY = timedelta(minutes=1)
DEFAULT_LIFETIMES = SessionLifetimes()


@dataclass(frozen=True, kw_only=True)
class IssuedSession:
    """A new session with its secret, which goes into a cookie and is kept nowhere."""

    session: Session
    secret: str


@dataclass(frozen=True, kw_only=True)
class IssuedInvitation:
    """A new invitation with its secret, which goes into a link and is kept nowhere."""

    invitation: Invitation
    secret: str


def sign_in(
    login: str, password: str, *, stores: Stores, lifetimes: SessionLifetimes = DEFAULT_LIFETIMES
) -> IssuedSession:
    """Start a session; takes as long whether or not the login exists.

    Raises:
        SignInRefused: no such login, or not its password.
        TooManyTries: under this login, whether or not it exists; the password was not looked at.
    """
    person = _check_credentials(plain_login(login).strip(), password, stores=stores)
    with stores.storage.writing() as tx:
        return start_session(tx, person, lifetimes=lifetimes, at=stores.clock.now())


def find_caller(secret: str, *, stores: Stores) -> Caller:
    """Who shows the secret of a session.

    Raises:
        NotSignedIn: unknown, signed out or expired; which of them is not told.
    """
    now = stores.clock.now()
    caller, session = _read_session(secret, stores=stores, at=now)
    if now - session.used_at >= _TOUCH_EVERY:
        # Pages can still be read when the disk is full.
        with suppress(StorageFull), stores.storage.writing() as tx:
            tx.sessions.touch(session.session_id, at=now)
    return caller


def look_for_caller(secret: str, *, stores: Stores) -> Caller:
    """The same of a page that only stays open: that is no use of a session, and prolongs none."""
    caller, _ = _read_session(secret, stores=stores, at=stores.clock.now())
    return caller


def _read_session(secret: str, *, stores: Stores, at: datetime) -> tuple[Caller, Session]:
    with stores.storage.reading() as tx:
        session = tx.sessions.find_by_hash(hash_secret(secret))
        if session is None or not session.is_valid(at=at):
            raise NotSignedIn
        caller = Caller(
            person=tx.people.get(session.person_id),
            memberships=tx.courses.list_memberships(session.person_id),
            session_id=session.session_id,
        )
    return caller, session


def sign_out(secret: str, *, stores: Stores) -> None:
    """End this session; nothing happens where there is none."""
    with stores.storage.writing() as tx:
        tx.sessions.end(hash_secret(secret))


def sign_out_everywhere(person_id: PersonId, *, stores: Stores) -> None:
    """End all sessions of a person, this one too; tokens stay."""
    with stores.storage.writing() as tx:
        tx.sessions.end_all(person_id)


def may_rename_self(caller: Caller) -> bool:
    """Students are known to their teachers by the name on the roster; all others choose how they are called."""
    return all(entry.role.is_staff for entry in caller.memberships)


def rename_self(caller: Caller, name: str, *, stores: Stores) -> None:
    """Be called otherwise from now on.

    Raises:
        Forbidden: the caller is a student somewhere.
        InvalidRequest: no name.
    """
    if not may_rename_self(caller):
        raise Forbidden(needs="staff")
    plain = check_name(name)
    with stores.storage.writing() as tx:
        tx.people.rename(caller.person.person_id, name=plain)


def can_sign_in(tx: Transaction, person_id: PersonId) -> bool:
    """Have they a password, or signed in at an identity provider before?"""
    return tx.accounts.find_password(person_id) is not None or bool(tx.identities.list_issuers(person_id))


def has_password(caller: Caller, *, stores: Stores) -> bool:
    """Not so where one has always signed in through an identity provider."""
    with stores.storage.reading() as tx:
        return tx.accounts.find_password(caller.person.person_id) is not None


def set_password(caller: Caller, *, current: str, new: str, stores: Stores) -> None:
    """Choose another password; all other sessions end.

    Raises:
        SignInRefused: `current` is not the caller's password.
        TooManyTries: to sign in under this login, or to guess `current`.
        PasswordRefused: `new` is not good enough.
    """
    check_password(new, person=caller.person)
    person = _check_credentials(caller.person.login, current, stores=stores)
    hashed = hash_password(new)
    with stores.storage.writing() as tx:
        _change_password(tx, person, hashed=hashed, keep=caller.session_id)


def invite(login: str, *, stores: Stores, by: Caller | None = None) -> IssuedInvitation:
    """Issue a link with which the person chooses a password, once; an earlier link is useless from now on.

    Args:
        by: who asks; None is the operator. Admins may for everyone; TAs for students and instructors for students
            and TAs who are in no other course.

    Raises:
        NotFound: no such person, or not for `by`.
        Forbidden: `by` may not.
    """
    with stores.storage.writing() as tx:
        person = tx.people.find_by_login(login)
        if person is None:
            raise NotFound(what="person", name=login)
        if by is not None:
            check_may_invite(tx, by, person)
        return issue_invitation(tx, person, at=stores.clock.now())


def issue_invitation(tx: Transaction, person: Person, *, at: datetime) -> IssuedInvitation:
    """The same in a transaction of somebody who has asked whether it is allowed."""
    secret = new_secret()
    invitation = Invitation(person=person, expires_at=at + timedelta(seconds=_INVITATION_S))
    tx.accounts.put_invitation(invitation, secret_hash=hash_secret(secret))
    return IssuedInvitation(invitation=invitation, secret=secret)


def read_invitation(secret: str, *, stores: Stores) -> Invitation:
    """Whom the link is for. Looking at it does not use it up: mail programs look at links, too.

    Raises:
        InvitationEnded: used, replaced, expired or unknown; which of them is not told.
    """
    with stores.storage.reading() as tx:
        return _get_invitation(tx, secret, at=stores.clock.now())


def accept_invitation(
    secret: str, password: str, *, stores: Stores, lifetimes: SessionLifetimes = DEFAULT_LIFETIMES
) -> IssuedSession:
    """Use the link up: the person has this password now and is signed in here and nowhere else.

    Raises:
        InvitationEnded: used, replaced, expired or unknown.
        PasswordRefused: not good enough; the link can still be used.
    """
    check_password(password, person=read_invitation(secret, stores=stores).person)
    hashed = hash_password(password)
    now = stores.clock.now()
    with stores.storage.writing() as tx:
        # Read anew: of two who use the link at the same moment one is too late.
        person = _get_invitation(tx, secret, at=now).person
        _change_password(tx, person, hashed=hashed, keep=None)
        return start_session(tx, person, lifetimes=lifetimes, at=now)


def _check_credentials(login: str, password: str, *, stores: Stores) -> Person:
    """The person whose login and password these are."""
    with stores.storage.writing() as tx:
        # Counted before the password is looked at, so that a thousand tries at once are a thousand tries.
        count_try(tx, login, at=stores.clock.now())
        # What no login can be made of, no database need be asked for.
        person = tx.people.find_by_login(login) if login.isprintable() else None
        hashed = None if person is None else tx.accounts.find_password(person.person_id)
    if not is_password(password, hashed=hashed) or person is None or hashed is None:
        raise SignInRefused
    renewed = hash_password(password) if should_hash_anew(hashed) else None
    with stores.storage.writing() as tx:
        if tx.accounts.find_password(person.person_id) != hashed:
            raise SignInRefused  # it was changed meanwhile
        forget_tries(tx, login)
        if renewed is not None:
            tx.accounts.put_password(person.person_id, hashed=renewed)
    return person


def start_session(tx: Transaction, person: Person, *, lifetimes: SessionLifetimes, at: datetime) -> IssuedSession:
    """For somebody who has proved to be this person."""
    tx.sessions.forget_ended(at=at)
    session = Session(
        session_id=SessionId(new_id()),
        person_id=person.person_id,
        created_at=at,
        used_at=at,
        expires_at=at + timedelta(seconds=lifetimes.total_s),
        idle_s=lifetimes.idle_s,
    )
    secret = new_secret()
    tx.sessions.add(session, secret_hash=hash_secret(secret))
    return IssuedSession(session=session, secret=secret)


def _change_password(tx: Transaction, person: Person, *, hashed: str, keep: SessionId | None) -> None:
    """Whoever knew the old password or holds a link is out."""
    tx.accounts.put_password(person.person_id, hashed=hashed)
    tx.accounts.forget_invitation(person.person_id)
    forget_tries(tx, person.login)
    tx.sessions.end_all(person.person_id, but=keep)


def _get_invitation(tx: Transaction, secret: str, *, at: datetime) -> Invitation:
    invitation = tx.accounts.find_invitation(hash_secret(secret))
    if invitation is None or at >= invitation.expires_at:
        raise InvitationEnded
    return invitation


def check_may_invite(tx: Transaction, by: Caller, person: Person) -> None:
    """A link lets its holder act everywhere the person may: it must be nowhere that `by` may not act for them.

    Raises:
        NotFound, Forbidden: as `invite`.
    """
    if by.person.is_admin:
        return
    theirs = tx.courses.list_memberships(person.person_id)
    if not any(by.is_staff_in(entry.course_id) for entry in theirs):
        raise NotFound(what="person", name=person.login)
    if person.is_admin:
        raise Forbidden(needs="admin")
    if can_sign_in(tx, person.person_id) or tx.tokens.list_of(person.person_id):
        # What they handed in elsewhere stays theirs when they leave.
        theirs = tx.courses.list_memberships_ever(person.person_id)
    for entry in theirs:
        role = by.role_in(entry.course_id)
        if role is None or not role.outranks(entry.role):
            raise Forbidden(needs="admin")
