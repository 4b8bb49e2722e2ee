"""A notebook cut into regions, each of them the cells and lines from one anchor to where its answer ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

from grader.domain.location import FoundBy
from grader.domain.notebook import CellKind, Notebook
from grader.notebook.anchors import Anchor, Break
from grader.notebook.clues import Clues
from grader.notebook.marks import split_lines

CELL_END = 1 << 30
"""Line after the last line of any cell."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Lines of one cell, `last` excluded."""

    cell: int
    first: int = 0
    last: int = CELL_END


@dataclass(frozen=True, kw_only=True)
class Region:
    """What stands under one anchor."""

    anchor: Anchor
    code: tuple[int, ...] = ()
    spans: tuple[Span, ...] = ()
    """The words: lines of Markdown and raw cells without the heading, and whole code cells."""
    follows: bool = False
    """Nothing stands between this region and the one before it."""
    is_crowded: bool = False
    """Its heading stands together with those of other questions."""


@dataclass(kw_only=True)
class _Open:
    """The region that is being read."""

    anchor: Anchor
    follows: bool
    is_crowded: bool
    code: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def close(self) -> Region:
        return Region(
            anchor=self.anchor,
            code=tuple(self.code),
            spans=tuple(self.spans),
            follows=self.follows,
            is_crowded=self.is_crowded,
        )


class Division:
    """Walks through the cells once; `crowded` cells give their last anchor no code below unless it is in `owners`."""

    def __init__(self, notebook: Notebook, *, clues: Clues, crowded: frozenset[int], owners: frozenset[Anchor]) -> None:
        self._notebook = notebook
        self._clues = clues
        self._crowded = crowded
        self._owners = owners
        self._current: _Open | None = None
        self._regions: list[_Open] = []

    def divide(self, events: Sequence[Anchor | Break]) -> tuple[Region, ...]:
        by_cell: dict[int, list[Anchor | Break]] = {}
        for event in events:
            by_cell.setdefault(event.cell, []).append(event)
        for position, cell in enumerate(self._notebook.cells):
            here = by_cell.get(position, [])
            if cell.kind is CellKind.CODE:
                self._read_code(position, here)
            else:
                self._read_text(position, here)
        return tuple(_joined([region.close() for region in self._regions], self._clues))

    def _read_code(self, position: int, events: Sequence[Anchor | Break]) -> None:
        anchors = [event for event in events if isinstance(event, Anchor)]
        if any(anchor.found_by is FoundBy.TAG for anchor in anchors):
            anchors = [anchor for anchor in anchors if anchor.found_by is FoundBy.TAG]
        first = anchors[0].line if anchors else CELL_END
        starts_with_answer = not anchors or (first > 0 and not self._clues.is_setup(position, before_line=first))
        if self._current and starts_with_answer:
            self._add(Span(cell=position, last=first), code=position)
        for anchor, line_after in _with_ends(anchors):
            self._open(anchor)
            self._add(Span(cell=position, first=max(anchor.line, 0), last=line_after), code=position)

    def _read_text(self, position: int, events: Sequence[Anchor | Break]) -> None:
        lines = split_lines(self._notebook.cells[position].source) if events else []
        if self._current and not events:
            self._add(Span(cell=position))
        elif self._current:
            self._add_text(position, lines, last=events[0].line)
        for event, line_after in _with_ends(events):
            start = event.line + 1
            if isinstance(event, Anchor):
                self._open(event)
            elif self._current and event.level <= self._current.anchor.level:
                self._current = None
            else:
                start = event.line
            if self._current:
                self._add_text(position, lines, first=start, last=line_after)
        if position in self._crowded and self._current and self._current.anchor not in self._owners:
            self._current = None

    def _open(self, anchor: Anchor) -> None:
        crowded = anchor.cell in self._crowded and anchor.found_by is FoundBy.HEADING
        self._current = _Open(anchor=anchor, follows=self._current is not None, is_crowded=crowded)
        self._regions.append(self._current)

    def _add_text(self, position: int, lines: Sequence[str], *, first: int = 0, last: int) -> None:
        if any(line and not line.isspace() for line in lines[first:last]):
            self._add(Span(cell=position, first=first, last=last))

    def _add(self, span: Span, *, code: int | None = None) -> None:
        if self._current:
            self._current.spans.append(span)
            if code is not None:
                self._current.code.append(code)


_Event = TypeVar("_Event", bound=Anchor | Break)


def _with_ends(events: Sequence[_Event]) -> Iterator[tuple[_Event, int]]:
    """Each event of a cell with the line of the next one."""
    yield from ((event, after.line) for event, after in pairwise(events))
    if events:
        yield events[-1], CELL_END


def _joined(regions: Sequence[Region], clues: Clues) -> Iterator[Region]:
    """Put together neighbours that are one answer: 問題1 and 解答1, a prompt and a marker, two parts, tagged cells."""
    together: list[Region] = []
    has_code = False
    for region in regions:
        brings_code = any(map(clues.has_code, region.code))
        if together and not (region.follows and _continues(together[-1], region, has_both=has_code and brings_code)):
            yield _as_one(together)
            together, has_code = [], False
        together.append(region)
        has_code = has_code or brings_code
    if together:
        yield _as_one(together)


def _continues(before: Region, region: Region, *, has_both: bool) -> bool:
    first, second = before.anchor, region.anchor
    if first.numbers != second.numbers or before.is_crowded != region.is_crowded:
        return False
    if first.found_by is FoundBy.TAG and second.found_by is FoundBy.TAG:
        return True
    is_same_cell = before.code[-1:] == region.code[:1]
    return not has_both or is_same_cell or second.is_answer or first.part != second.part


def _as_one(regions: Sequence[Region]) -> Region:
    """Under the first one's heading."""
    return replace(
        regions[0],
        code=tuple(dict.fromkeys(cell for region in regions for cell in region.code)),
        spans=tuple(span for region in regions for span in region.spans),
    )
