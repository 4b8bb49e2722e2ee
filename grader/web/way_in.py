"""What the page that asks for login and password shows."""

from collections.abc import Mapping

from fastapi import Request

from grader.domain.text import Note
from grader.web.addresses import is_unprotected
from grader.web.resuming import KeptForm
from grader.web.services import Services


def sign_in_facts(
    request: Request,
    *,
    services: Services,
    to: str = "/",
    kept: KeptForm | None = None,
    login: str = "",
    note: Note | None = None,
) -> Mapping[str, object]:
    """Of sign_in.html.

    Args:
        to: the page to go on to.
        kept: a form that was sent when nobody was signed in any more.
    """
    return {
        "next": to,
        "provider": services.provider_name,
        "kept": None if kept is None else kept.dump(),
        "login": login,
        "note": note,
        "is_unprotected": is_unprotected(request, services=services),
    }
