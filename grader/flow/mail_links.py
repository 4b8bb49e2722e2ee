"""Sending the links with which people choose their passwords."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from grader.domain.mail import Mail, is_address
from grader.domain.people import Person
from grader.domain.text import Language, Note
from grader.errors import InvalidRequest
from grader.feedback.catalogue import sentence
from grader.flow.people import Caller, taught_course
from grader.flow.ports import Stores
from grader.flow.roster import invite_newcomers


class Mailer(Protocol):
    def send(self, mails: Iterable[Mail]) -> frozenset[str]:
        """Send them; gives the addresses that nothing can be sent to.

        Raises:
            MailRefused: nothing can be sent.
        """


@dataclass(frozen=True, kw_only=True)
class Post:
    """How mail goes out; `domain` follows the @ of those whose login has none, None where they get no mail."""

    mailer: Mailer
    domain: str | None


@dataclass(frozen=True, kw_only=True)
class MailReport:
    sent: int
    missed: tuple[Person, ...]
    """Whom no mail reaches; their link is to be made and passed on by hand."""


def mail_links(
    course: str, *, post: Post | None, link_of: Callable[[str], str], stores: Stores, by: Caller
) -> MailReport:
    """Send each student of the course who has no password yet a new link.

    Args:
        link_of: the address that a secret stands in.

    Raises:
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin.
        InvalidRequest: there is no mail server.
        MailRefused: the server takes no mail; sending again does no harm.
    """
    with stores.storage.reading() as tx:
        title = taught_course(tx, course, by).title
    if post is None:
        raise InvalidRequest(what="mail_server")
    issued = invite_newcomers(course, stores=stores, by=by)
    addresses = {each.invitation.person.login: _address_of(each.invitation.person, post=post) for each in issued}
    mails = [
        _write(each.invitation.person, to=to, course=title, link=link_of(each.secret))
        for each in issued
        if (to := addresses[each.invitation.person.login]) is not None
    ]
    refused = post.mailer.send(mails) if mails else frozenset()
    missed = tuple(
        each.invitation.person
        for each in issued
        if (to := addresses[each.invitation.person.login]) is None or to in refused
    )
    return MailReport(sent=len(issued) - len(missed), missed=missed)


def _address_of(person: Person, *, post: Post) -> str | None:
    address = person.login if "@" in person.login or post.domain is None else f"{person.login}@{post.domain}"
    return address if is_address(address) else None


def _write(person: Person, *, to: str, course: str, link: str) -> Mail:
    """In both languages: nobody knows yet which of them the reader prefers."""

    def both(code: str, between: str) -> str:
        facts = {"name": person.name, "login": person.login, "course": course, "link": link}
        return between.join(sentence(Note(code=code, facts=facts), language) for language in Language)

    return Mail(to=to, subject=both("mail.link_subject", " / "), text=both("mail.link", "\n\n----\n\n") + "\n")
