"""Links with which people choose their passwords, as a file to mail out."""

import csv
import io
from collections.abc import Callable, Iterable

from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.accounts import IssuedInvitation
from grader.flow.sheet import harmless

_HEADINGS = ("course.links_login", "course.links_name", "course.links_link")


def write_links(issued: Iterable[IssuedInvitation], *, link_of: Callable[[str], str], language: Language) -> bytes:
    """A CSV that spreadsheets open right: login, name and link, a line each.

    Args:
        link_of: the address that a secret stands in.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow([sentence(Note(code=code), language) for code in _HEADINGS])
    for each in issued:
        person = each.invitation.person
        rows.writerow([harmless(person.login), harmless(person.name), link_of(each.secret)])
    return text.getvalue().encode("utf-8-sig")
