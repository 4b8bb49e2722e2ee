"""Signing in with what an identity provider says of somebody: whose account here that is, once and for all."""

from grader.domain.accounts import Identified, SessionLifetimes
from grader.domain.people import Person
from grader.errors import IdentityRefused
from grader.flow.accounts import DEFAULT_LIFETIMES, IssuedSession, start_session
from grader.flow.people import is_login, is_name, new_person, plain_login, signed_up_alone
from grader.flow.ports import Stores, Transaction


def sign_in_identified(
    somebody: Identified, *, stores: Stores, lifetimes: SessionLifetimes = DEFAULT_LIFETIMES
) -> IssuedSession:
    """Start a session for whom the provider knows; the first time, for who has the login that it says.

    A login that nobody has becomes an account that is in no course yet.

    Raises:
        IdentityRefused: the account is not one that a provider's word opens.
    """
    now = stores.clock.now()
    with stores.storage.writing() as tx:
        person_id = tx.identities.find_person(somebody.identity)
        person = _meet(tx, somebody, stores=stores) if person_id is None else tx.people.get(person_id)
        return start_session(tx, person, lifetimes=lifetimes, at=now)


def _meet(tx: Transaction, somebody: Identified, *, stores: Stores) -> Person:
    login = plain_login(somebody.login).strip()
    if not is_login(login):
        raise IdentityRefused("no_login")
    person = tx.people.find_by_login(login)
    if person is None:
        name = " ".join(somebody.name.split())
        # There they may be called anything: whoever has no name that we could show is called by the login.
        person = new_person(login, name=name if is_name(name) else "", is_admin=False, clock=stores.clock)
        tx.people.add(person)
    elif person.is_admin:
        # Whoever can choose a name at the provider could choose this one.
        raise IdentityRefused("is_admin")
    elif signed_up_alone(tx, login):
        # Somebody took the login with a join code, and nobody has said yet that it is theirs.
        raise IdentityRefused("signed_up", login=login)
    elif somebody.identity.issuer in tx.identities.list_issuers(person.person_id):
        # Accounts are given to others when their owners leave.
        raise IdentityRefused("other_person", login=login)
    tx.identities.add(somebody.identity, person_id=person.person_id)
    return person
