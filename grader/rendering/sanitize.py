"""The last word on which tags and attributes reach a page: nh3, which reads HTML as browsers do."""

import re
from collections import Counter
from collections.abc import Collection

import nh3

from grader.rendering.inert import PASSIVE, is_link

_TABLE_WORDS = """
b br caption code col colgroup div em i p span strong sub sup table tbody td tfoot th thead tr
"""
_TABLE_TAGS = set(_TABLE_WORDS.split())
_TEXT_TAGS = {*PASSIVE.values(), "a", "h3", "h4", "h5", "h6", "img"}
_SPAN = re.compile(r"[1-9][0-9]{0,2}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_VALUES = {
    "class": re.compile(r"(?:hl-|nb-|math)[a-z0-9-]*(?: math-block)?"),
    "height": _NUMBER,
    "loading": re.compile("lazy"),
    "start": _NUMBER,
    "tabindex": re.compile("0"),
    "width": _NUMBER,
}
_WRITTEN_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*)")
_LEFT_OUT = {"style"}
_OPTIONAL_END = {"br", "col", "p", "td", "th", "tr", "tbody", "thead", "tfoot", "colgroup", "caption"}
_MAX_TABLE_TAGS = 20_000
_MAX_DEPTH = 64


def clean_text(html: str, *, addresses: Collection[str]) -> str:
    """Give rendered Markdown with every tag closed, and only tags, attributes and classes that we write ourselves.

    Args:
        html: what was rendered.
        addresses: those that pictures may have, as given by the caller of the renderer.
    """

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "href":
            return value if is_link(value) else None
        if attribute == "src":
            return value if value in addresses else None
        pattern = _VALUES.get(attribute)
        return value if pattern is None or pattern.fullmatch(value) else None

    return nh3.clean(
        html,
        tags=_TEXT_TAGS,
        attributes={
            **{tag: {"class"} for tag in ("code", "span", "td", "th")},
            **{tag: {"class", "tabindex"} for tag in ("div", "pre")},
            "a": {"href"},
            "img": {"alt", "class", "height", "loading", "src", "width"},
            "ol": {"start"},
        },
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "data", "blob"},
        link_rel="nofollow noopener noreferrer",
    )


def clean_table(html: str) -> str:
    """Give an HTML table (pandas') without all that is not a table: no styles, classes, links or ids."""
    return nh3.clean(
        html,
        tags=_TABLE_TAGS,
        attributes={"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
        attribute_filter=lambda tag, attribute, value: value if _SPAN.fullmatch(value) else None,
        link_rel=None,
    )


def is_table(html: str) -> bool:
    """Whether this is a table and little else, so that cleaning loses nothing but looks; linear in its length.

    Deep nesting is none: reading it takes time with the square of its depth.
    """
    still_open: Counter[str] = Counter()
    for count, tag in enumerate(_WRITTEN_TAG.finditer(html)):
        name = tag[2].lower()
        if count >= _MAX_TABLE_TAGS or name not in _TABLE_TAGS | _LEFT_OUT:
            return False
        still_open[name] = max(0, still_open[name] + (-1 if tag[1] else 1))
        if name not in _OPTIONAL_END and still_open[name] > _MAX_DEPTH:
            return False
    return "table" in still_open
