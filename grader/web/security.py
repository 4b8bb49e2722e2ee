"""What holds for every request and response: headers that bind the browser, no changes asked by other sites."""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For documents that no browser shows."""
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""For pages: everything from this origin, nothing inline, no frames."""
FRAMING_POLICY = f"{PAGE_POLICY}; frame-src 'self'"
"""For pages with frames of this origin's own."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
"""What a browser says of a request that our own page, or a person's bookmark, made."""

_COOKIE_LIFETIME_S = 365 * 24 * 3600

Refusal = Callable[[Request], ASGIApp]


def own_path(wanted: str) -> str:
    """Where to go on to, if it lies on this site; the first page otherwise: a link of ours never leads elsewhere."""
    # Browsers read a backslash as a slash and skip control characters, so that "/\\evil" and "/\t/evil" are addresses.
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted or not wanted.isprintable():
        return "/"
    return wanted


def keep_choice(response: Response, *, name: str, value: str, is_https: bool) -> None:
    """Remember in the browser what its reader chose."""
    response.set_cookie(
        name, value, max_age=_COOKIE_LIFETIME_S, httponly=True, samesite="lax", secure=is_https, path="/"
    )


class SafeHeaders:
    """Headers of every response that sets none itself: nothing is sniffed, framed, kept or told to other sites."""

    _HEADERS = (
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        # Not no-referrer: browsers would then hide from us, too, which site a form was sent from.
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("content-security-policy", API_POLICY),
        ("cache-control", "no-store"),
    )

    # Half a year in which a browser that has read us over https asks for us in no other way.
    _HTTPS_ONLY = ("strict-transport-security", f"max-age={180 * 24 * 3600}")

    def __init__(self, app: ASGIApp, *, own_address: str | None) -> None:
        self._app = app
        is_https = own_address is not None and own_address.startswith("https://")
        self._headers = (*self._HEADERS, self._HTTPS_ONLY) if is_https else self._HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses a change that another site makes a signed-in person's browser ask for (cross-site request forgery).

    Browsers say where a request comes from: in Sec-Fetch-Site over https, in Origin everywhere. A program sends
    neither, and has no cookie that it could be tricked into sending.
    """

    def __init__(self, app: ASGIApp, *, refuse: Refusal, own_host: str | None) -> None:
        self._app = app
        self._refuse = refuse
        self._own_host = own_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            request = Request(scope)
            if not self._is_ours(request):
                app = self._refuse(request)
        await app(scope, receive, send)

    def _is_ours(self, request: Request) -> bool:
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            return site in _OWN_SITES
        if origin is None:
            return True
        # A sandboxed frame, such as one that shows a student's output, has the origin "null", which is no host.
        return urlsplit(origin).netloc.lower() in {self._own_host, request.headers.get("host", "").lower()} - {None, ""}
