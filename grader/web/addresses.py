"""Addresses of ours as people send them to each other."""

from fastapi import Request

from grader.web.services import Services

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def public_address(path: str, request: Request, *, services: Services) -> str:
    """A page's whole address: under the public one, or where nobody said which that is, as the asker reached us."""
    return (services.public_url or str(request.base_url).rstrip("/")) + path


def invitation_address(secret: str, request: Request, *, services: Services) -> str:
    """Where the person whom the secret is for chooses a password."""
    return public_address(f"/invitation/{secret}", request, services=services)


def is_unprotected(request: Request) -> bool:
    """Can others on the network read what travels? Not so over https, nor where browser and service are one machine."""
    return request.url.scheme != "https" and request.url.hostname not in _HERE
