"""What a program wrote to a terminal, as HTML: colours become classes, everything else that steers one is left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape

MAX_SPANS = 5_000
"""Pieces of other looks in one text; what follows them is plain."""

_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)(?P<numbers>[0-?]*+)[ -/]*+(?P<final>[@-~]?)"  # colours, cursor
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)?"  # titles, links, the clipboard
    r"|\x1b[ -/]*+[0-~]?"  # character sets, resets
    r"|[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)
_MAX_NUMBERS = 32
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse"}
_ENDS = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}, 27: {"inverse"}}
_PALETTE = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255)),
    (255, 255, 255),
)
"""The 16 colours of a terminal; all others are shown as the nearest of them, because a class has to exist for each."""
_CUBE = (0, 95, 135, 175, 215, 255)
"""Steps of red, green and blue in the colours 16 to 231 of 256."""


@dataclass(frozen=True, kw_only=True)
class _Look:
    foreground: int | None = None
    background: int | None = None
    flags: frozenset[str] = frozenset()

    @property
    def classes(self) -> str:
        names = [f"ansi-{flag}" for flag in sorted(self.flags)]
        names += [] if self.foreground is None else [f"ansi-fg-{self.foreground}"]
        names += [] if self.background is None else [f"ansi-bg-{self.background}"]
        return " ".join(names)


_PLAIN = _Look()


def render_text(text: str) -> str:
    """Give the text as HTML: escaped, coloured by the classes `ansi-…`, lines as their last carriage return left them.

    Linear in the length of the text; the caller decides how much of a text is shown at all.
    """
    pieces: list[str] = []
    look, spans, end = _PLAIN, 0, 0
    text = _return_carriages(text)
    for found in _ESCAPE.finditer(text):
        if found.start() > end:
            pieces.append(_dress(text[end : found.start()], look))
        end = found.end()
        if found["final"] == "m" and spans < MAX_SPANS:
            look = _change(look, found["numbers"])
            spans += 1
        elif spans >= MAX_SPANS:
            look = _PLAIN
    pieces.append(_dress(text[end:], look))
    return "".join(pieces)


def strip_text(text: str) -> str:
    """The same without colours and without HTML: plain text."""
    return _ESCAPE.sub("", _return_carriages(text))


def _return_carriages(text: str) -> str:
    """A progress bar writes over its line again and again: only what was written last is seen."""
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _dress(text: str, look: _Look) -> str:
    classes = look.classes
    return f'<span class="{classes}">{escape(text)}</span>' if classes and text else escape(text)


def _change(look: _Look, written: str) -> _Look:
    numbers = iter([_read_number(part) for part in re.split("[;:]", written)[:_MAX_NUMBERS]])
    for number in numbers:
        if number == 0:
            look = _PLAIN
        elif number in _FLAGS:
            look = replace(look, flags=look.flags | {_FLAGS[number]})
        elif number in _ENDS:
            look = replace(look, flags=look.flags - _ENDS[number])
        elif 30 <= number <= 39:
            look = replace(look, foreground=_read_colour(number - 30, numbers))
        elif 40 <= number <= 49:
            look = replace(look, background=_read_colour(number - 40, numbers))
        elif 90 <= number <= 97:
            look = replace(look, foreground=number - 82)
        elif 100 <= number <= 107:
            look = replace(look, background=number - 92)
    return look


def _read_number(written: str) -> int:
    """What is left out counts as 0; what is no number, or one that nothing has, changes nothing."""
    if not written:
        return 0
    return int(written) if len(written) <= 3 and written.isdecimal() else 999


def _read_colour(number: int, following: Iterator[int]) -> int | None:
    """One of the eight (0 to 7), one of 256 or of red, green and blue (8), or the usual one again (9)."""
    if number != 8:
        return number if number < 8 else None
    kind = next(following, None)
    if kind == 5:
        return _of_256(next(following, 0))
    if kind == 2:
        red, green, blue = (next(following, 0) for _ in range(3))
        return _nearest(red, green=green, blue=blue)
    return None


def _of_256(number: int) -> int | None:
    if number < 16:
        return number
    if number < 232:
        red, rest = divmod(number - 16, 36)
        return _nearest(_CUBE[red], green=_CUBE[rest // 6], blue=_CUBE[rest % 6])
    grey = 8 + 10 * (number - 232)
    return _nearest(grey, green=grey, blue=grey) if number < 256 else None


@lru_cache(maxsize=4096)
def _nearest(red: int, *, green: int, blue: int) -> int:
    distances = [(r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2 for r, g, b in _PALETTE]
    return distances.index(min(distances))
