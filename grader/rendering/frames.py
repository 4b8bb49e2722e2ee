"""HTML and SVG that a notebook put out, as documents of their own: for a sandboxed frame, never for a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final, TypeAlias

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
FRAME_HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/html; charset=utf-8",
    # `sandbox` without words: no script, no form, no origin, no navigation, also where it is opened by itself.
    "Content-Security-Policy": f"{_POLICY}; frame-ancestors 'self'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "X-Frame-Options": "SAMEORIGIN",
}
"""What the response with a frame's document must carry. The page shows it as `<iframe sandbox="">`, with `frame-src
'self'` in its own policy, which also keeps a link in the frame from leading elsewhere."""


FrameAddress: TypeAlias = Callable[[str], str]
"""Gives the address of our own origin that answers with the document of a frame, by the frame's name."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One output that may hold anything. The renderer leaves an element with `data-frame="{name}"` in its place."""

    name: str
    document: str = field(repr=False)
    """A whole HTML document, hostile; only for a response with FRAME_HEADERS."""


def make_frame(name: str, *, html: str) -> Frame:
    """Give what a cell put out as a document; the policy stands in it too, before anything of the student's."""
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    return Frame(name=name, document=f"<!doctype html><html><head>{head}</head><body>{html}</body></html>")


def write_frame(address: str, *, title: str) -> str:
    """The HTML of a frame without any right; `title` is HTML text already."""
    return f'<iframe sandbox="" loading="lazy" title="{title}" src="{escape(address)}"></iframe>'
