"""The gaps of a text: `{{expression}}`, in whose place stands what the expression prints."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

_OPENS, _CLOSES = "{{", "}}"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One gap, and where it stands."""

    expression: str
    start: int
    end: int


def find_gaps(text: str) -> Iterator[Gap]:
    """The gaps in their order, in time linear in the text: a pattern would look for the end from every brace anew."""
    end = 0
    while (start := text.find(_OPENS, end)) >= 0:
        inside = start + len(_OPENS)
        closing = text.find(_CLOSES, inside + 1)  # {{}} is no gap
        if closing < 0:
            return
        end = closing + len(_CLOSES)
        yield Gap(expression=text[inside:closing].strip(), start=start, end=end)


def fill_gaps(text: str, fill: Callable[[Gap], str]) -> str:
    """The text with something else in the place of each gap."""
    pieces, end = [], 0
    for gap in find_gaps(text):
        pieces += [text[end : gap.start], fill(gap)]
        end = gap.end
    return "".join((*pieces, text[end:]))
