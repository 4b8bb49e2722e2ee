"""Finds answers that no heading leads to, by what the cells define and show and by the order they stand in."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from grader.domain.location import Wanted
from grader.domain.notebook import CellKind, Notebook
from grader.domain.text import Note
from grader.notebook.anchors import Break, Outline
from grader.notebook.clues import STRONG, Clues
from grader.notebook.regions import Span
from grader.notebook.sequence import match_in_order

_UNDER_HEADING = 100
"""Weight of a cell under the question's heading: no other evidence outweighs it."""
_ANYWHERE = 1
"""Weight of any cell for a question that cannot be recognised: leaves a place for it between its neighbours."""
_CELLS_BEFORE = 5
"""Code cells above the first heading that may hold an answer whose heading is missing."""
_CELLS_WITHOUT_CLUE = 3
"""Cells between two answers that are taken together for the one question between them."""
_LECTURE_CELLS_PER_QUESTION = 4
"""A notebook without headings and with more code cells than this holds more than the homework."""


@dataclass(frozen=True, kw_only=True)
class Find:
    """The code cells of one question; for a question under a heading, those it keeps."""

    code: tuple[int, ...]
    spans: tuple[Span, ...] = ()
    notes: tuple[Note, ...] = ()
    is_new: bool = True


@dataclass(frozen=True, kw_only=True)
class Known:
    """What tags, headings and markers have found before."""

    seen: Outline
    code: Mapping[int, Sequence[int]]
    """By question number, questions with code only."""
    headed: frozenset[int]
    """Questions with a heading of their own, with or without code."""


def find_by_clues(notebook: Notebook, wanted: Sequence[Wanted], *, clues: Clues, known: Known) -> Mapping[int, Find]:
    """Find cells for the questions that have none yet; gives those found and those that lost cells to them."""
    numbers = sorted({one.number for one in wanted})
    if all(number in known.code for number in numbers):
        return {}
    search = _Search(notebook=notebook, numbers=numbers, clues=clues, known=known)
    chosen = search.choose()
    by_order = search.choose_by_order(chosen)
    shares = _Shares(known.code, chosen)
    for number in numbers:
        if number in known.code:
            continue
        if number in chosen:
            shares.give(number, chosen[number])
        elif number in by_order:
            shares.give_all(number, by_order[number])
    return search.finds(shares, by_order)


@dataclass(frozen=True, kw_only=True)
class _Search:
    notebook: Notebook
    numbers: Sequence[int]
    clues: Clues
    known: Known

    def choose(self) -> dict[int, int]:
        """The cell that shows the answer, for every question that one can be told for, headed ones included."""
        cells = self._eligible()
        weights = [self._weights(number, cells) for number in self.numbers]
        matched = match_in_order(weights, places=len(cells))
        chosen = {
            number: cells[place]
            for number, place in zip(self.numbers, matched, strict=True)
            if place is not None and (number in self.known.code or self.clues.can_know(number))
        }
        return chosen if self.known.seen.anchors or self._is_convincing(chosen, cells) else {}

    def choose_by_order(self, chosen: Mapping[int, int]) -> dict[int, list[int]]:
        """Cells for questions between two found ones, where there are just as many cells as questions."""
        found: dict[int, list[int]] = {}
        if not chosen:
            return found
        groups = groupby(self.numbers, key=lambda number: number in chosen or number in self.known.code)
        before: int | None = None
        for is_found, group in groups:
            members = list(group)
            if is_found:
                before = members[-1]
                continue
            after = next((number for number in self.numbers if number > members[-1]), None)
            around = chosen.get(before, -1) if before is not None else -1
            if after is not None and around == chosen.get(after):
                found |= {number: [around] for number in members if not self.clues.can_know(number)}
                continue
            gap = self._gap(members, before, after, chosen)
            if len(gap) == len(members):
                found |= {number: [cell] for number, cell in zip(members, gap, strict=True)}
            elif len(members) == 1 and not self.clues.can_know(members[0]) and 0 < len(gap) <= _CELLS_WITHOUT_CLUE:
                found[members[0]] = gap
        return found

    def finds(self, shares: "_Shares", by_order: Mapping[int, list[int]]) -> dict[int, Find]:
        finds: dict[int, Find] = {}
        for number in self.numbers:
            code = shares.code.get(number)
            if code is None:
                continue
            if number in self.known.code:
                if code != list(self.known.code[number]):
                    finds[number] = Find(code=tuple(code), is_new=False)
                continue
            if number not in shares.shared:
                code = self._extended(code, shares)
            note = Note(
                code="locate.by_order" if number in by_order else "locate.by_definition",
                facts={"number": number, "cells": ", ".join(str(cell + 1) for cell in code)},
            )
            finds[number] = Find(code=tuple(code), spans=self._spans(code, shares), notes=(note,))
        return finds

    def _eligible(self) -> list[int]:
        first = self._first_cell()
        cells = range(first, len(self.notebook.cells))
        return [cell for cell in cells if self._is_code(cell) and self.clues.has_code(cell)]

    def _first_cell(self) -> int:
        """Where the homework begins: at its heading, else a little above the first heading of a question."""
        seen = self.known.seen
        if seen.start is not None:
            return seen.start
        if not seen.anchors:
            return 0
        first = seen.anchors[0].cell
        section = max(
            (event.cell for event in seen.events if isinstance(event, Break) and event.cell < first), default=0
        )
        above = [cell for cell in range(section, first) if self._is_code(cell)]
        return min(above[-_CELLS_BEFORE:], default=first)

    def _weights(self, number: int, cells: Sequence[int]) -> dict[int, int]:
        under = self.known.code.get(number)
        if under is not None:
            inside = frozenset(under)
            return {
                place: _UNDER_HEADING + self.clues.of(cell).get(number, 0)
                for place, cell in enumerate(cells)
                if cell in inside
            }
        if not self.clues.can_know(number):
            return dict.fromkeys(range(len(cells)), _ANYWHERE)
        least = STRONG if number in self.known.headed else 1
        found = ((place, self.clues.of(cell).get(number, 0)) for place, cell in enumerate(cells))
        return {place: weight for place, weight in found if weight >= least}

    def _is_convincing(self, chosen: Mapping[int, int], cells: Sequence[int]) -> bool:
        """Without any heading one name in common is no evidence, and in a whole lecture two are none."""
        knowable = [number for number in self.numbers if self.clues.can_know(number)]
        if len(cells) <= _LECTURE_CELLS_PER_QUESTION * len(self.numbers) + _CELLS_BEFORE:
            return len(chosen) >= min(2, len(knowable))
        weight = sum(self.clues.of(cell).get(number, 0) for number, cell in chosen.items())
        return 2 * weight > STRONG * len(knowable)

    def _gap(
        self, members: Sequence[int], before: int | None, after: int | None, chosen: Mapping[int, int]
    ) -> list[int]:
        """Cells that may belong to the members: between their neighbours, of nobody, more than imports."""
        under = self.known.code
        taken = {cell for cells in under.values() for cell in cells} | set(chosen.values())
        low = self._first_cell() - 1
        if before is not None:
            low = under[before][-1] if before in under else chosen[before]
        is_pasted = after is not None and self._is_pasted(members, after, chosen)
        if not is_pasted and not self.known.headed.isdisjoint(members):
            return []
        if after is None:
            high = self._next_event(low)
        elif after not in under:
            high = chosen[after]
        elif is_pasted:
            high = chosen[after]
            taken -= set(under[after])
        else:
            high = under[after][0]
        cells = range(low + 1, high)
        return [
            cell
            for cell in cells
            if self._is_code(cell) and cell not in taken and self.clues.has_code(cell) and not self.clues.is_setup(cell)
        ]

    def _is_pasted(self, members: Sequence[int], after: int, chosen: Mapping[int, int]) -> bool:
        """All prompts in cells of their own, then all code: the last heading owns the code of the others, too."""
        if after not in self.known.code or after not in chosen:
            return False
        shows = self.clues.of(chosen[after]).get(after, 0) >= STRONG
        return shows and self.known.headed.issuperset(members)

    def _next_event(self, cell: int) -> int:
        events = [event.cell for event in self.known.seen.events]
        place = bisect_left(events, cell + 1)
        return events[place] if place < len(events) else len(self.notebook.cells)

    def _extended(self, code: Sequence[int], shares: "_Shares") -> list[int]:
        """With the cells of nobody that follow, up to the next heading or answer."""
        extended = list(code)
        for cell in range(code[-1] + 1, self._next_event(code[-1])):
            if cell in shares.owner:
                break
            if self._is_code(cell):
                extended.append(cell)
        return extended

    def _spans(self, code: Sequence[int], shares: "_Shares") -> tuple[Span, ...]:
        """The code cells and the Markdown that follows each of them."""
        own = frozenset(code)
        spans = []
        for cell in range(code[0], self._next_event(code[-1])):
            if self._is_code(cell) and cell not in own:
                if cell > code[-1]:
                    break
                continue
            spans.append(Span(cell=cell))
        return tuple(spans)

    def _is_code(self, cell: int) -> bool:
        return self.notebook.cells[cell].kind is CellKind.CODE


@dataclass
class _Shares:
    """Who has which code cell, while cells go from questions under a heading to those without."""

    under_headings: Mapping[int, Sequence[int]]
    chosen: Mapping[int, int]
    code: dict[int, list[int]] = field(init=False)
    owner: dict[int, int] = field(init=False)
    shared: set[int] = field(default_factory=set)
    """Questions whose only cell is another's, too."""

    def __post_init__(self) -> None:
        self.code = {number: list(cells) for number, cells in self.under_headings.items()}
        self.owner = {cell: number for number, cells in self.code.items() for cell in cells}

    def give(self, number: int, cell: int) -> None:
        """Give a question the cell that shows its answer, with its owner's cells up to the next answer."""
        owner = self.owner.get(cell)
        if owner is None:
            self.give_all(number, [cell])
            return
        own = self.code[owner]
        end = min((place for place in self.chosen.values() if place > cell), default=own[-1] + 1)
        if number < owner:
            part = [place for place in own if place < end] if end <= own[-1] else [cell]
        else:
            part = [place for place in own if cell <= place < end]
        left = [place for place in own if place not in part]
        if left and (number < owner or cell > own[0]):
            self.code[owner] = left
            self.give_all(number, part)
        else:
            self.code[number] = [cell]
            self.shared.add(number)

    def give_all(self, number: int, cells: Sequence[int]) -> None:
        """Give a question all these cells; a cell that is its owner's only one is shared."""
        for cell in cells:
            before = self.owner.get(cell)
            if before is not None and before != number and cell in self.code[before] and len(self.code[before]) > 1:
                self.code[before].remove(cell)
            elif before is not None and before != number:
                self.shared.add(number)
            self.owner[cell] = number
        self.code[number] = list(cells)
