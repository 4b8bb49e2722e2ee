"""Our sentences on a page: code is shown as code, places are links, and everything else is the text that it is."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup, escape

from grader.feedback.catalogue import MENTION


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a sentence names: a cell, perhaps with a line of it, or a question, by its number."""

    kind: str
    number: int
    line: int | None = None


_CELL_ID = re.compile(r'id="(cell-[0-9]+(?:-line-[0-9]+)?)"')
FindPlace: TypeAlias = Callable[[Place], str | None]
"""Gives the address of a place; None where the reader cannot be led there."""


@dataclass(frozen=True, kw_only=True)
class PagePlaces:
    """Where a page has what its sentences name."""

    cell_ids: Collection[str]
    """Of the cells that the page shows, and of their lines."""
    questions: Mapping[int, str]
    """The ids of its questions, by their numbers."""
    notebook: str | None
    """The page that shows all cells."""

    def find(self, place: Place, *, own: int | None = None) -> str | None:
        """The address of a place; none of the question that the sentence itself stands in (`own`)."""
        if place.kind == "question":
            is_other = place.number in self.questions and place.number != own
            return f"#{self.questions[place.number]}" if is_other else None
        cell = f"cell-{place.number}"
        line = f"{cell}-line-{place.line}"
        if cell in self.cell_ids:
            return f"#{line if line in self.cell_ids else cell}"
        return None if self.notebook is None else f"{self.notebook}#{cell if place.line is None else line}"


def find_cell_ids(html: str) -> frozenset[str]:
    """Of the cells that were rendered into this, and of their lines."""
    return frozenset(_CELL_ID.findall(html))


def mark_code(text: str) -> Markup:
    """The text as HTML, with code between backticks; backticks without a partner stay what they are."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    # The format of a Markup escapes whatever it is given.
    marked = (Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece) for at, piece in enumerate(pieces))
    return Markup("").join(marked)


def link_places(text: str, *, find: FindPlace) -> Markup:
    """The same of a sentence of `catalogue.point_out`, with a link to each place that can be found."""
    html = mark_code(text)
    # All of it was escaped there; a slice of a Markup is one, and the marks around a place cannot come from a student.
    pieces, end = [], 0
    for mention in MENTION.finditer(html):
        line = int(mention["line"]) if mention["line"] else None
        address = find(Place(kind=mention["kind"], number=int(mention["number"]), line=line))
        words = html[mention.start("words") : mention.end("words")]
        pieces += [html[end : mention.start()], words if address is None else _link(address, words)]
        end = mention.end()
    return Markup("").join([*pieces, html[end:]])


def _link(address: str, words: Markup) -> Markup:
    # The format of a Markup escapes the address, and leaves words that are HTML already.
    return Markup('<a href="{}">{}</a>').format(address, words)
