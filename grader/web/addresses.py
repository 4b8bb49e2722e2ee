"""Addresses of ours as people send them to each other."""

from urllib.parse import urlsplit

from fastapi import Request

from grader.web.security import own_path
from grader.web.services import Services

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def public_address(path: str, request: Request, *, services: Services) -> str:
    """A page's whole address: under the public one, or where nobody said which that is, as the asker reached us."""
    return (services.public_url or str(request.base_url).rstrip("/")) + path


def invitation_address(secret: str, request: Request, *, services: Services) -> str:
    """Where the person whom the secret is for chooses a password."""
    return public_address(f"/invitation/{secret}", request, services=services)


def path_within(address: str) -> str:
    """What our own part of an address asks for; the first page where that cannot be read."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    return own_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def is_unprotected(request: Request, *, services: Services) -> bool:
    """Can others on the network read what travels? Not so over https, nor where browser and service are one machine."""
    # Behind a proxy that nobody named as trusted a request looks like plain http, whatever the reader's browser spoke.
    is_https = services.is_https or request.url.scheme == "https"
    return not is_https and request.url.hostname not in _HERE
