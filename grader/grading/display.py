"""What a question shows, as text and item by item."""

import re
from itertools import groupby
from typing import TypeAlias

from grader.domain.execution import Evidence
from grader.grading.printed import PrintedNumbers, read_printed

Item: TypeAlias = PrintedNumbers | str
"""Numbers, or one of the words that count among numbers: None, or a dtype."""

MAX_CHARACTERS = 200_000
"""Of a student's output that are read, from the end."""
_SHOWN = frozenset({"stdout", "result", "display"})
_WORDS = re.compile(r"(?<![\w.])(?:None|torch\.(?:bool|u?int\d+|b?float\d+|complex\d+))(?![\w(])", re.ASCII)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def shown_text(evidence: Evidence) -> str:
    """All that the question's cells show, in order; what goes to stderr is no answer.

    Pieces of one stream are joined as they are, for the kernel cuts them anywhere; a new line parts all others.
    """
    per_cell = [run.outputs for run in evidence.cell_runs if run.outputs] or [evidence.outputs]
    blocks = []
    for outputs in per_cell:
        shown = [output for output in outputs if output.kind in _SHOWN]
        for kind, pieces in groupby(shown, key=lambda output: output.kind):
            blocks.append(("" if kind == "stdout" else "\n").join(piece.text for piece in pieces))
    return _ANSI.sub("", "\n".join(blocks))


def read_shown(text: str) -> tuple[Item, ...]:
    """The items that count, in order."""
    items: list[Item] = []
    for item in read_printed(text):
        if isinstance(item, PrintedNumbers):
            items.append(item)
        else:
            items += _WORDS.findall(item.text)
    return tuple(items)
