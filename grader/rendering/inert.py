"""HTML that somebody wrote: the passive part of it as ours, all else as text that can be read and does nothing."""

import re
from collections.abc import Callable, Mapping
from html import escape, unescape

_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?P<attributes>(?:[\s/][^<>]*)?)>")
_LINK = re.compile(r"(?:https?://[^\s/?#\\]+|mailto:[^\s])[^\s\\]*", re.IGNORECASE)
_ATTRIBUTE = r"""(?:^|[\s"'/]){}\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
_HREF, _SRC = (re.compile(_ATTRIBUTE.format(name), re.IGNORECASE) for name in ("href", "src"))

_SAME = """
b blockquote br code dd del details div dl dt em hr i ins kbd li mark ol p pre q s samp small span strong sub summary
sup u ul var caption table tbody td tfoot th thead tr
"""
PASSIVE: Mapping[str, str] = {
    **{name: name for name in _SAME.split()},
    **{"center": "div", "font": "span", "strike": "s", "tt": "code", "section": "div", "article": "div"},
    **{"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6", "h6": "h6"},
}
"""Tags that do nothing, and how we write them: without attributes; headings below those of the page around them."""


def is_link(address: str) -> bool:
    """Whether a page may link there: another site or a mail address, nothing of ours and nothing that runs."""
    return _LINK.fullmatch(address) is not None


def render_inert(html: str, *, picture: Callable[[str], str]) -> str:
    """Give written HTML as HTML for a page; linear in its length. Tags may be unbalanced: nh3 closes them later.

    Args:
        html: as it was written.
        picture: makes the HTML of a picture from the address that was written.
    """
    pieces, end = [], 0
    for tag in _TAG.finditer(html):
        pieces.append(escape(html[end : tag.start()]))
        pieces.append(_render_tag(tag, picture=picture))
        end = tag.end()
    pieces.append(escape(html[end:]))
    return "".join(pieces)


def _render_tag(tag: re.Match[str], *, picture: Callable[[str], str]) -> str:
    name, is_end = tag["name"].lower(), bool(tag["end"])
    if name in PASSIVE:
        return f"<{tag['end']}{PASSIVE[name]}>"
    if name == "a" and is_end:
        return "</a>"
    if name == "a" and is_link(address := _find(_HREF, tag["attributes"])):
        return f'<a href="{escape(address)}">'
    if name == "img" and not is_end and (address := _find(_SRC, tag["attributes"])):
        return picture(address)
    return escape(tag[0])


def _find(attribute: re.Pattern[str], attributes: str) -> str:
    found = attribute.search(attributes)
    return "" if found is None else unescape(next(value for value in found.groups() if value is not None)).strip()
