"""Two small arrays element by element, the wrong ones marked: as much of them as a student may read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.domain.assignment import Visibility
from grader.domain.result import CheckResult
from grader.domain.text import Fact


@dataclass(frozen=True, kw_only=True)
class GridElement:
    actual: str
    expected: str | None
    """None where it may not be shown, or is the same."""
    is_wrong: bool


@dataclass(frozen=True, kw_only=True)
class GridRow:
    """All elements along the last axis. `index` is where they stand, such as '[0, 1]'; '' in a vector."""

    index: str
    elements: tuple[GridElement, ...]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An array as rows of its last axis."""

    name: str
    """What the student calls it; '' where it has no short name."""
    rows: tuple[GridRow, ...]
    columns: int


def visible_grid(result: CheckResult, visibility: Visibility) -> Grid | None:
    """The elements that a check compared, where it kept them: at FULL with what is expected of the wrong ones, at
    HINT the student's own; at VERDICT none.

    Of two truth values the wrong one tells the right one, so at HINT an array of them is not shown.
    """
    kept = result.facts.get("grid")
    if not isinstance(kept, dict) or visibility is Visibility.VERDICT:
        return None
    shape, wrong = _numbers(kept.get("shape")), frozenset(_numbers(kept.get("wrong")))
    actual, expected = _list(kept.get("actual")), _list(kept.get("expected"))
    is_full = visibility is Visibility.FULL
    if not shape or len(actual) != math.prod(shape) or len(expected) != len(actual):
        return None
    if not is_full and any(isinstance(element, bool) for element in expected):
        return None
    elements = [
        GridElement(
            actual=_spell(ours),
            expected=_spell(theirs) if is_full and place in wrong else None,
            is_wrong=place in wrong,
        )
        for place, (ours, theirs) in enumerate(zip(actual, expected, strict=True))
    ]
    name = result.facts.get("name")
    columns = shape[-1]
    rows = tuple(
        GridRow(index=_spell_index(outer), elements=tuple(elements[at * columns : (at + 1) * columns]))
        for at, outer in enumerate(np.ndindex(*shape[:-1]))
    )
    return Grid(name=name if isinstance(name, str) else "", rows=rows, columns=columns)


def _list(fact: Fact) -> Sequence[Fact]:
    return fact if isinstance(fact, list) else ()


def _numbers(fact: Fact) -> list[int]:
    return [number for number in _list(fact) if isinstance(number, int)]


def _spell(element: Fact) -> str:
    return f"{element:.10g}" if isinstance(element, float) else str(element)


def _spell_index(outer: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, outer))}]" if outer else ""
