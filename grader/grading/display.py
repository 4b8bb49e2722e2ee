"""What a question shows, as text and item by item."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from grader.domain.execution import Evidence, Output
from grader.grading.printed import PrintedNumbers, read_printed

Item: TypeAlias = PrintedNumbers | str
"""Numbers, or one of the words that count among numbers: None, or a dtype."""

MAX_CHARACTERS = 200_000
"""Of a student's output that are read, from the end."""
_SHOWN = frozenset({"stdout", "result", "display"})
_WORDS = re.compile(r"(?<![\w.])(?:None|torch\.(?:bool|u?int\d+|b?float\d+|complex\d+))(?![\w(])", re.ASCII)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def shown_text(evidence: Evidence) -> str:
    """All that the question's cells show, in order; what goes to stderr is no answer."""
    per_cell = [run.outputs for run in evidence.cell_runs if run.outputs] or [evidence.outputs]
    return "\n".join(block for outputs in per_cell for block in _blocks(outputs))


def text_of(outputs: Sequence[Output]) -> str:
    """What one cell shows."""
    return "\n".join(_blocks(outputs))


def _blocks(outputs: Sequence[Output]) -> Iterator[str]:
    """Pieces of one stream are joined as they are, for the kernel cuts them anywhere; a new line parts all others."""
    shown = [output for output in outputs if output.kind in _SHOWN]
    for kind, pieces in groupby(shown, key=lambda output: output.kind):
        yield _ANSI.sub("", ("" if kind == "stdout" else "\n").join(piece.text for piece in pieces))


def read_shown(text: str) -> tuple[Item, ...]:
    """The items that count, in order."""
    items: list[Item] = []
    for item in read_printed(text):
        if isinstance(item, PrintedNumbers):
            items.append(item)
        else:
            items += _WORDS.findall(item.text)
    return tuple(items)
