"""Finds in what a question showed the pieces that the source says come from autograd."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.domain.execution import CellRun, Output
from grader.grading.autograd.expressions import Shown
from grader.grading.autograd.follow import Provenance
from grader.grading.autograd.traces import Blended, Derived, Group, Trace, is_touched
from grader.grading.printed import PrintedNumbers, find_numbers

_MAX_LINES = 2000
_MAX_TEMPLATES = 50
"""Bounds on lines times prints; beyond them lines are taken as they are, for a person to look at."""


@dataclass(frozen=True, kw_only=True)
class ShownNumbers:
    """Numbers that were printed or displayed, and what the source says of them: Derived or Blended."""

    trace: Trace
    numbers: PrintedNumbers


def find_shown_derivatives(
    provenance: Provenance, *, outputs: Sequence[Output], cell_runs: Sequence[CellRun]
) -> tuple[ShownNumbers, ...]:
    """Every number in a question's output that may come from autograd.

    Args:
        provenance: of the question's source.
        outputs: of the question's cells, in order.
        cell_runs: of the question's cells, in order; tells which cell showed the last result.
    """
    printed = "".join(output.text for output in outputs if output.kind == "stdout").split("\n")[:_MAX_LINES]
    if printed and not printed[-1]:
        printed.pop()
    pieces = [*_in_lines(_lines_of(provenance.shown), printed)]
    pieces += _in_results(provenance, outputs=outputs, cell_runs=cell_runs)
    pieces += _in_texts(
        provenance.shown, [output.text for output in outputs if output.kind == "display"], how="display"
    )
    return tuple(found for trace, text in pieces for found in _numbers_in(trace, text))


@dataclass(frozen=True)
class _Line:
    parts: "tuple[str | Trace, ...]"
    is_once: bool


def _lines_of(shown: Sequence[Shown]) -> list[_Line]:
    """What the prints write, line by line."""
    lines: list[_Line] = []
    for event in shown:
        if event.how != "print":
            continue
        line: list[str | Trace] = []
        for part in event.wording.parts:
            pieces = part.split("\n") if isinstance(part, str) else [part]
            for number, piece in enumerate(pieces):
                if number:
                    lines.append(_Line(tuple(line), event.is_once))
                    line = []
                line.append(piece)
        lines.append(_Line(tuple(line), event.is_once))
    return lines


def _in_lines(lines: Sequence[_Line], printed: Sequence[str]) -> Iterator[tuple[Trace, str]]:
    """Lines beside the prints that wrote them: one by one where each print ran once, else by what fits."""
    is_aligned = len(lines) == len(printed) and all(line.is_once for line in lines)
    distinct = list(dict.fromkeys(lines))
    if len(distinct) > _MAX_TEMPLATES and not is_aligned:
        is_mixed = any(is_touched(trace) for line in distinct for trace in _traces(line.parts))
        yield from ((Blended(), text) for text in printed if is_mixed)
        return
    for number, text in enumerate(printed):
        candidates = [lines[number]] if is_aligned else distinct
        fitting = [(line, reading) for line in candidates if (reading := _read(line.parts, text)) is not None]
        if (is_aligned and fitting) or (
            fitting and all(not line.is_once and _is_derived(reading) for line, reading in fitting)
        ):
            yield from fitting[0][1]
        elif any(is_touched(t) for line in ([f[0] for f in fitting] or candidates) for t in _traces(line.parts)):
            yield Blended(), text


def _is_derived(reading: Sequence[tuple[Trace, str]]) -> bool:
    return bool(reading) and all(isinstance(trace, Derived) for trace, _ in reading)


def _in_results(
    provenance: Provenance, *, outputs: Sequence[Output], cell_runs: Sequence[CellRun]
) -> list[tuple[Trace, str]]:
    events = [event for event in provenance.shown if event.how == "result"]
    texts = [output.text for output in outputs if output.kind == "result"]
    if len(events) == len(texts) or not events or not texts:
        return _in_texts(provenance.shown, texts, how="result")
    last_outputs = cell_runs[-1].outputs if cell_runs else outputs
    if not provenance.ends_in_result or not any(output.kind == "result" for output in last_outputs):
        return _in_texts(provenance.shown, texts, how="result")
    pieces = _read(events[-1].wording.parts, texts[-1]) or []
    return [*pieces, *_in_texts(provenance.shown[:-1], texts[:-1], how="result")]


def _in_texts(shown: Sequence[Shown], texts: Sequence[str], *, how: str) -> list[tuple[Trace, str]]:
    """Texts beside the events that may have shown them: in order where there is one for each."""
    events = [event for event in shown if event.how == how]
    if len(events) == len(texts) and all(event.is_once for event in events):
        readings = [_read(event.wording.parts, text) for event, text in zip(events, texts, strict=True)]
        return [piece for reading in readings if reading for piece in reading]
    traces = [trace for event in events for trace in _traces(event.wording.parts)]
    if traces and all(isinstance(trace, Derived) for trace in traces):
        return [(traces[0], text) for text in texts]
    return [(Blended(), text) for text in texts] if any(is_touched(trace) for trace in traces) else []


def _read(parts: "Sequence[str | Trace]", text: str) -> list[tuple[Trace, str]] | None:
    """The pieces of a text that stand for values, where its literal parts fit; None where they do not.

    Values with nothing but blanks between them are one piece, a Group: what prints as `tensor([1., 2.])` has blanks of
    its own. Literals are looked for from left to right, without going back: time is linear in the text.
    """
    literals, runs = _runs(parts)
    if not text.startswith(literals[0]) or not text.endswith(literals[-1]):
        return None
    if not runs:
        return [] if text == literals[0] else None
    position, end = len(literals[0]), len(text) - len(literals[-1])
    pieces: list[tuple[Trace, str]] = []
    for run, literal in zip(runs, literals[1:], strict=True):
        is_last = run is runs[-1]
        stop = end if is_last else text.find(literal, position, end)
        if stop < position:
            return None
        pieces.append((run[0] if len(run) == 1 else Group(tuple(run)), text[position:stop]))
        position = stop + len(literal)
    return pieces


def _runs(parts: "Sequence[str | Trace]") -> tuple[list[str], list[list[Trace]]]:
    """Literals and runs of values in turn, beginning and ending with a literal."""
    literals: list[str] = [""]
    runs: list[list[Trace]] = []
    for part in parts:
        if isinstance(part, str):
            literals[-1] += part
        elif runs and not literals[-1].strip():
            literals[-1] = ""
            runs[-1].append(part)
        else:
            runs.append([part])
            literals.append("")
    return literals, runs


def _traces(parts: "Sequence[str | Trace]") -> list[Trace]:
    return [part for part in parts if not isinstance(part, str)]


def _numbers_in(trace: Trace, text: str) -> Iterator[ShownNumbers]:
    if not is_touched(trace):
        return
    numbers = find_numbers(text)
    if isinstance(trace, Group) and len(trace.items) == len(numbers):
        pairs = list(zip(trace.items, numbers, strict=True))
    elif isinstance(trace, Group) and not all(isinstance(item, Derived) for item in trace.items):
        pairs = [(Blended(), number) for number in numbers]
    else:
        pairs = [(trace.items[0] if isinstance(trace, Group) else trace, number) for number in numbers]
    for item, number in pairs:
        if isinstance(item, Derived | Blended):
            yield ShownNumbers(trace=item, numbers=number)
        elif is_touched(item):
            yield ShownNumbers(trace=Blended(), numbers=number)
