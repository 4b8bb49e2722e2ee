"""What the page that asks for login and password shows."""

from collections.abc import Mapping

from fastapi import Request

from grader.domain.text import Note
from grader.web.addresses import is_unprotected
from grader.web.resuming import KeptForm


def sign_in_facts(
    request: Request,
    *,
    provider: str | None,
    to: str = "/",
    kept: KeptForm | None = None,
    login: str = "",
    note: Note | None = None,
) -> Mapping[str, object]:
    """Of sign_in.html.

    Args:
        provider: what people call the identity provider; None where there is none.
        to: the page to go on to.
        kept: a form that was sent when nobody was signed in any more.
    """
    return {
        "next": to,
        "provider": provider,
        "kept": None if kept is None else kept.dump(),
        "login": login,
        "note": note,
        "is_unprotected": is_unprotected(request),
    }
