"""Headings with a slip in their number: 問題3 twice and 問題4 nowhere, where the second 問題3 stands for 問題4."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.domain.location import FoundBy
from grader.notebook.anchors import Anchor, Outline
from grader.notebook.clues import Clues

_ONCE_MORE = re.compile(
    r"再|やり直|やりなお|修正|訂正|続き|つづき|その[2-9２-９二三]|again|redo|retry|cont|correct", re.IGNORECASE
)
"""In a heading that repeats its number on purpose."""
_NOWHERE = 1 << 30


def with_slips_read(seen: Outline, numbers: frozenset[int], clues: Clues) -> Outline:
    """Give headings the number they must mean: of two neighbours with one number, that of the question left out.

    It is done only where the order of all headings asks for it and what the cells show does not speak against it; at
    the end of a notebook, where no later heading confirms the order, the cells have to speak for it.
    """
    named = {number for anchor in seen.anchors for number in anchor.numbers}
    headings = [anchor for anchor in seen.anchors if anchor.found_by is FoundBy.HEADING]
    meant: dict[Anchor, int] = {}
    for place in range(len(headings) - 1):
        first, second = headings[place : place + 2]
        if not _are_twins(first, second, headings):
            continue
        number = first.numbers[0]
        left_out = [one for one in (number - 1, number + 1) if one in numbers and one not in named]
        around = (_number(headings, place - 1, otherwise=0), _number(headings, place + 2, otherwise=_NOWHERE))
        if len(left_out) != 1 or not around[0] < min(number, *left_out) <= max(number, *left_out) < around[1]:
            continue
        slipped, last_cell = (first, second.cell) if left_out[0] < number else (second, _end(headings, place + 1))
        weights = _weights(clues, slipped.cell, last_cell)
        for_it, against = weights.get(left_out[0], 0), weights.get(number, 0)
        is_last = slipped is second and around[1] == _NOWHERE
        both_answer = _has_code(clues, first.cell, second.cell) and _has_code(
            clues, second.cell, _end(headings, place + 1)
        )
        if both_answer and for_it >= against + is_last:
            meant[slipped] = left_out[0]
    return replace(
        seen, events=tuple(_renamed(event, meant) if isinstance(event, Anchor) else event for event in seen.events)
    )


def _renamed(anchor: Anchor, meant: Mapping[Anchor, int]) -> Anchor:
    if anchor not in meant:
        return anchor
    return replace(anchor, numbers=(meant[anchor],), written=anchor.numbers[0])


def _are_twins(first: Anchor, second: Anchor, headings: Sequence[Anchor]) -> bool:
    """Two headings alike in cells of their own, and no third one; parts and answers of a question repeat its number."""
    return (
        first.numbers == second.numbers
        and len(first.numbers) == 1
        and first.cell != second.cell
        and first.level == second.level
        and first.part is second.part is None
        and not (first.is_answer or second.is_answer)
        and not (_ONCE_MORE.search(first.title) or _ONCE_MORE.search(second.title))
        and sum(heading.numbers == first.numbers for heading in headings) == 2
    )


def _number(headings: Sequence[Anchor], place: int, *, otherwise: int) -> int:
    return headings[place].numbers[0] if 0 <= place < len(headings) else otherwise


def _end(headings: Sequence[Anchor], place: int) -> int:
    return headings[place + 1].cell if place + 1 < len(headings) else _NOWHERE


def _weights(clues: Clues, first: int, end: int) -> dict[int, int]:
    """The strongest evidence for each question in the cells between."""
    weights: dict[int, int] = {}
    for cell in clues.code_between(first, end):
        for number, weight in clues.of(cell).items():
            weights[number] = max(weights.get(number, 0), weight)
    return weights


def _has_code(clues: Clues, first: int, end: int) -> bool:
    return any(map(clues.has_code, clues.code_between(first, end)))
