"""Which marks really name this homework's questions, and which only end a section."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice, takewhile, zip_longest

from grader.domain.location import FoundBy
from grader.notebook.clues import Clues
from grader.notebook.headings import NO_LEVEL, LabelKind
from grader.notebook.marks import Mark

_HOMEWORKS = 20
"""Homework headings that are tried, from the last one."""
_SUPPORT_CELLS = 20
"""Cells below a bare number that are searched for what the question asks for."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A place where the answer to one or more questions begins."""

    cell: int
    line: int
    numbers: tuple[int, ...]
    found_by: FoundBy
    level: int = NO_LEVEL
    part: int | None = None
    is_answer: bool = False
    title: str = ""
    written: int | None = None
    """The number that the heading says, where it must mean another one."""


@dataclass(frozen=True, kw_only=True)
class Break:
    """A heading that ends the answer before it if its level is as high; level 0 ends every answer."""

    cell: int
    line: int
    level: int


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The notebook as the search sees it: anchors and breaks in order, and where the homework begins."""

    events: tuple[Anchor | Break, ...]
    start: int | None = None
    """Cell of the homework's own heading, where one is followed by questions."""

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        return tuple(event for event in self.events if isinstance(event, Anchor))


def outline(marks: Sequence[Mark], numbers: frozenset[int], clues: Clues) -> Outline:
    """Choose the marks that count: those below the homework's heading, else the last consistent run of headings."""
    whole = _named(marks, numbers)
    tags = [mark for mark in whole if mark.found_by is FoundBy.TAG]
    for first in islice(_homework_starts(marks), _HOMEWORKS):
        inside = marks[first:]
        chosen = _named(inside, numbers)
        if not chosen or 2 * len(_numbers(chosen)) < len(_numbers(whole)):
            chosen = [] if chosen else _numbered_run(inside, numbers, clues)
        if chosen:
            return _outline(marks, [*tags, *chosen], start=marks[first].cell)
    run = _numbered_run(marks, numbers, clues)
    if len(_numbers(whole)) <= 1 and len(run) > 2 * len(_numbers(whole)):
        return _outline(marks, [*tags, *run], start=None)
    return _outline(marks, _without_earlier_runs(whole), start=None)


def crowded_cells(anchors: Sequence[Anchor]) -> dict[int, tuple[Anchor, ...]]:
    """Markdown cells with the headings of several questions: pasted prompts, or answers in words only."""
    crowds: dict[int, tuple[Anchor, ...]] = {}
    headings = (anchor for anchor in anchors if anchor.found_by is FoundBy.HEADING)
    for cell, group in groupby(headings, key=lambda anchor: anchor.cell):
        together = tuple(group)
        if len({anchor.numbers for anchor in together}) > 1:
            crowds[cell] = together
    return crowds


def _homework_starts(marks: Sequence[Mark]) -> Iterator[int]:
    """First mark of each homework named by a heading, the last homework first."""
    first: dict[tuple[int, ...], int] = {}
    last: dict[tuple[int, ...], int] = {}
    for index, mark in enumerate(marks):
        if mark.label.kind is LabelKind.HOMEWORK:
            first.setdefault(mark.label.numbers, index)
            last[mark.label.numbers] = index
    for homework in sorted(last, key=lambda homework: last[homework], reverse=True):
        yield first[homework]


# --- headings with a word: 問題1, Q1 ----------------------------------------------------------------------------------


def _named(marks: Sequence[Mark], numbers: frozenset[int]) -> list[Mark]:
    """Marks of questions that the assignment has; of several homeworks named in headings the last one counts."""
    found = _with_parts_read([mark for mark in marks if mark.label.kind is LabelKind.QUESTION])
    valid = [
        replace(mark, label=replace(mark.label, numbers=known))
        for mark in found
        if (known := tuple(number for number in mark.label.numbers if number in numbers))
    ]
    homeworks = [mark.label.homework for mark in valid if mark.label.homework is not None]
    return [mark for mark in valid if mark.label.homework is None or mark.label.homework == homeworks[-1]]


def _with_parts_read(marks: Sequence[Mark]) -> list[Mark]:
    """Read 問題8-1 as question 1 where every heading is like it and names the same 8, else as a part of question 8."""
    with_part = [mark.label for mark in marks if mark.label.part is not None]
    has_plain = any(mark.label.part is None and mark.found_by is FoundBy.HEADING for mark in marks)
    parents = {label.numbers for label in with_part}
    if has_plain or len(parents) != 1 or len({label.part for label in with_part}) == 1:
        return list(marks)
    return [
        replace(mark, label=replace(mark.label, numbers=(mark.label.part,), part=None)) if mark.label.part else mark
        for mark in marks
    ]


def _numbers(marks: Sequence[Mark]) -> set[int]:
    return {number for mark in marks for number in mark.label.numbers}


def _without_earlier_runs(named: Sequence[Mark]) -> list[Mark]:
    """Drop a lecture's own exercises: headings before the fullest run, where the rest names all that they name."""
    runs: list[list[Mark]] = []
    for mark in named:
        if mark.found_by is not FoundBy.HEADING:
            continue
        numbers = mark.label.numbers
        if not runs or numbers == runs[-1][0].label.numbers != runs[-1][-1].label.numbers:
            runs.append([])
        runs[-1].append(mark)
    fullest = max((len(_numbers(run)) for run in runs), default=0)
    earlier = list(takewhile(lambda run: len(_numbers(run)) < fullest, runs))
    dropped = {(mark.cell, mark.line) for run in earlier for mark in run}
    kept = [mark for mark in named if (mark.cell, mark.line) not in dropped]
    return kept if _numbers(kept) == _numbers(named) else list(named)


# --- bare numbers: 1., (1), ①, and 課題1 ------------------------------------------------------------------------------


def _numbered_run(marks: Sequence[Mark], numbers: frozenset[int], clues: Clues) -> list[Mark]:
    """The fullest and then last run 1, 2, 3... of one spelling whose cells show what the questions ask for."""
    shapes: dict[str, list[Mark]] = {}
    for mark in marks:
        label = mark.label
        if label.kind in (LabelKind.NUMBERED, LabelKind.HOMEWORK) and len(label.numbers) == 1:
            shapes.setdefault(label.shape, []).append(mark)
    runs = [run for same_shape in shapes.values() for run in _runs(same_shape)]
    fitting = [run for run in runs if _is_consistent(run, numbers) and _is_supported(run, clues)]
    return max(fitting, key=lambda run: (len(run), run[-1].cell, run[-1].line), default=[])


def _runs(marks: Sequence[Mark]) -> list[list[Mark]]:
    runs: list[list[Mark]] = []
    for mark in marks:
        if not runs or mark.label.numbers <= runs[-1][-1].label.numbers:
            runs.append([])
        runs[-1].append(mark)
    return runs


def _is_consistent(run: Sequence[Mark], numbers: frozenset[int]) -> bool:
    """It begins with the first question, leaves out few, and is not a list in one Markdown cell."""
    named = [mark.label.numbers[0] for mark in run]
    is_list = len(run) > 1 and run[0].found_by is FoundBy.HEADING and len({mark.cell for mark in run}) == 1
    return (
        not is_list
        and named[0] == min(numbers)
        and set(named) <= numbers
        and len(named) >= min(2, len(numbers))
        and 2 * len(named) > max(named) - min(numbers)
    )


def _is_supported(run: Sequence[Mark], clues: Clues) -> bool:
    """A third of the questions that can be recognised are recognised below their number; chapters are not."""
    known = supported = 0
    for mark, after in zip_longest(run, run[1:]):
        number = mark.label.numbers[0]
        if clues.can_know(number):
            known += 1
            first = mark.cell if mark.found_by is FoundBy.MARKER else mark.cell + 1
            end = min(first + _SUPPORT_CELLS, after.cell if after else first + _SUPPORT_CELLS)
            supported += any(number in clues.of(cell) for cell in clues.code_between(first, max(end, first + 1)))
    return 3 * supported >= known


# --- events -----------------------------------------------------------------------------------------------------------


def _outline(marks: Sequence[Mark], chosen: Sequence[Mark], *, start: int | None) -> Outline:
    """Put the chosen marks and what ends a section between them into one order."""
    counted = {(mark.cell, mark.line): mark for mark in chosen}
    default_level = _level_below_headings(marks, chosen)
    events: list[Anchor | Break] = []
    for mark in marks:
        place = (mark.cell, mark.line)
        if place in counted:
            events.append(_as_anchor(counted[place], default_level))
        elif (level := _ending_level(mark)) is not None:
            events.append(Break(cell=mark.cell, line=mark.line, level=level))
    return Outline(events=tuple(events), start=start)


def _level_below_headings(marks: Sequence[Mark], chosen: Sequence[Mark]) -> int:
    """Level of headings such as **問題1**: one below the Markdown heading that stands before the first of them."""
    level = 1
    first = next((mark for mark in chosen if mark.label.level == NO_LEVEL), None)
    for mark in marks:
        if first is None or (mark.cell, mark.line) >= (first.cell, first.line):
            break
        level = mark.label.level if mark.label.level < NO_LEVEL else level
    return level + 1


def _as_anchor(mark: Mark, default_level: int) -> Anchor:
    label = mark.label
    return Anchor(
        cell=mark.cell,
        line=mark.line,
        numbers=label.numbers,
        found_by=mark.found_by,
        level=label.level if label.level < NO_LEVEL else default_level,
        part=label.part,
        is_answer=label.is_answer,
        title=label.title,
    )


def _ending_level(mark: Mark) -> int | None:
    """Level at which a mark that names no question of ours ends a section.

    Neither comments in code do, nor ## (1) and the like, which stand for the parts of a question.
    """
    label = mark.label
    if mark.found_by is not FoundBy.HEADING:
        return None
    if label.kind in (LabelKind.QUESTION, LabelKind.HOMEWORK) or label.ends_all:
        return 0
    is_part = label.kind is LabelKind.NUMBERED and not (label.title and label.shape.startswith("dot"))
    return label.level if label.level < NO_LEVEL and not is_part else None
