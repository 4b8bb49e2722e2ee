"""Names of things: new identifiers, and which slugs are allowed."""

import re
import secrets

from grader.errors import InvalidRequest

_RESERVED = frozenset({"new"})
"""Pages have these in the place of a slug."""
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def new_id() -> str:
    """An identifier nobody can guess: 24 hex digits."""
    return secrets.token_hex(12)


def check_slug(slug: str) -> None:
    """Raises InvalidRequest unless it is 1 to 64 small letters, digits and inner hyphens, and no name of a page."""
    if slug in _RESERVED or not _SLUG.fullmatch(slug):
        raise InvalidRequest(what="slug", value=slug)
