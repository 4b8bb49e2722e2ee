"""How people reached us, as a reverse proxy that we trust says; from anybody else it is no news but a trick."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

_TOLD = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")
_SCHEMES = frozenset({"http", "https"})


class TrustedProxies:
    """Puts what a trusted proxy says of a request in the place of what we see, and takes away what others say."""

    def __init__(self, app: ASGIApp, *, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = tuple(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = Headers(scope=scope)
            if self._is_trusted((scope.get("client") or ("", 0))[0]):
                self._believe(scope, told)
            kept = [(name, value) for name, value in scope["headers"] if name.decode("latin-1") not in _TOLD]
            scope["headers"] = kept
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope, told: Headers) -> None:
        scheme = told.get("x-forwarded-proto", "").split(",")[-1].strip().lower()
        if scheme in _SCHEMES:
            scope["scheme"] = scheme
        host = told.get("x-forwarded-host", "").split(",")[-1].strip()
        if host and host.isprintable() and not set(host) & set(" /?#@\\"):
            scope["headers"] = list(scope["headers"])
            MutableHeaders(scope=scope)["host"] = host
        # Each proxy adds whom it heard from at the end: the last whom we do not trust is the reader.
        for hop in reversed(told.get("x-forwarded-for", "").split(",")):
            if not self._is_trusted(hop.strip()):
                if _read(hop.strip()) is not None:
                    scope["client"] = (hop.strip(), 0)
                break

    def _is_trusted(self, text: str) -> bool:
        address = _read(text)
        return address is not None and any(address in network for network in self._networks)


def _read(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
