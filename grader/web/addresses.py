"""Addresses of ours as people send them to each other."""

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.routing import iter_route_contexts

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


def path_back(request: Request) -> str:
    """What a reader can open to see again what is shown to them: after a form was sent, the page that it stood on."""
    if request.method == "GET":
        return path_of(request)
    came_from = path_within(request.headers.get("referer", ""))
    own, of_page = request.url.path, came_from.partition("?")[0]
    # Where both are one page, the address that it was opened by knows more, such as the code that somebody was sent.
    if own != of_page and _is_page(own, request):
        return path_of(request)
    return came_from if _is_page(of_page, request) else "/"


def path_of(request: Request) -> str:
    """What the reader asked for, so that a form can lead back to it."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _is_page(path: str, request: Request) -> bool:
    """Can it be opened? Not where only a form is sent to it, which another page's address may take for a name."""
    answering: dict[str, str | None] = {}
    for route in iter_route_contexts(request.app.routes):
        if route.path_regex.match(path):
            for method in route.methods or ():
                answering.setdefault(method, route.path)
    return "GET" in answering and answering.get("POST", answering["GET"]) == answering["GET"]


def is_unprotected(request: Request, *, services: Services) -> bool:
    """Can others on the network read what travels? Not so over https, nor where browser and service are one machine."""
    # Behind a proxy that nobody named as trusted a request looks like plain http, whatever the reader's browser spoke.
    is_https = services.is_https or request.url.scheme == "https"
    return not is_https and request.url.hostname not in _HERE
