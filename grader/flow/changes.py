"""What changed between two texts of one person, for who has read the first."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

_TOKENS = re.compile(r"[A-Za-z0-9_]+|\s+|.", re.DOTALL)
_MOST_TOKENS = 800
"""Comparing takes time with their square: longer texts are compared line by line."""
_MOST_LINES = 500
"""Still longer ones are told whole: with four times as many, some texts take seconds."""
_ALIKE = 0.3
"""Texts that have less in common are told whole: scattered letters would say nothing."""


class Change(StrEnum):
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


class Piece(NamedTuple):
    change: Change
    text: str


def compare_texts(*, before: str, after: str) -> tuple[Piece, ...]:
    """Both texts in one: the pieces without those that were added are `before`, without those removed `after`."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    if max(len(old), len(new)) > _MOST_TOKENS:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matcher = SequenceMatcher(None, old, new)
    if max(len(old), len(new)) > _MOST_LINES or matcher.quick_ratio() < _ALIKE or matcher.ratio() < _ALIKE:
        return _pieces([(Change.REMOVED, [before]), (Change.ADDED, [after])])
    found: list[tuple[Change, Sequence[str]]] = []
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            found.append((Change.SAME, old[old_start:old_end]))
        else:
            found.append((Change.REMOVED, old[old_start:old_end]))
            found.append((Change.ADDED, new[new_start:new_end]))
    return _pieces(found)


def _pieces(found: Sequence[tuple[Change, Sequence[str]]]) -> tuple[Piece, ...]:
    return tuple(Piece(change, "".join(tokens)) for change, tokens in found if any(tokens))
