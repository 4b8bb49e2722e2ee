"""Which cells answer which question: by tag, else heading, else marker comment, else by what the cells define."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from grader.domain.location import FoundBy, LocatedAnswer, Location, Wanted
from grader.domain.notebook import CellKind, Notebook
from grader.domain.text import Fact, Note
from grader.notebook.anchors import Anchor, Outline, crowded_cells, outline
from grader.notebook.clues import Clues
from grader.notebook.fallback import Find, Known, find_by_clues
from grader.notebook.headings import LONGEST_LINE
from grader.notebook.marks import find_marks, split_lines
from grader.notebook.regions import Division, Region, Span
from grader.notebook.slips import with_slips_read
from grader.notebook.words import code_words, has_picture, markdown_words, read_prompts

_LONGEST_WRITTEN_CHARS = 100_000
_LONGEST_READ_CHARS = 500_000
_LONG_TITLE_CHARS = 15
_NOWHERE = 1 << 30
_STRENGTH = (FoundBy.TAG, FoundBy.HEADING, FoundBy.MARKER)


def locate(notebook: Notebook, wanted: Sequence[Wanted]) -> Location:
    """Find the cells and the words that answer each question.

    A code cell may belong to several answers, such as when all of them stand in one cell; each of those answers says
    so in a note, and its values are taken at the cell's end. Nothing is executed, and nothing is ever raised.
    """
    clues = Clues(notebook, wanted)
    numbers = frozenset(one.number for one in wanted)
    seen = with_slips_read(outline(find_marks(notebook, wanted), numbers, clues), numbers, clues)
    regions = _divide(notebook, seen, clues)
    answers = {one.number: _choose(one.number, regions, clues) for one in wanted}
    known = Known(
        seen=seen,
        code={number: answer.code for number, answer in answers.items() if answer.code},
        headed=frozenset(number for number, answer in answers.items() if answer.has_own_heading),
    )
    for number, find in find_by_clues(notebook, wanted, clues=clues, known=known).items():
        answers[number].take(find)
    writer = _Writer(notebook, wanted, answers, clues)
    located = {one.question_id: writer.answer(one) for one in wanted}
    if wanted and all(answer.found_by is FoundBy.NOT_FOUND for answer in located.values()):
        nothing = {question_id: replace(answer, notes=()) for question_id, answer in located.items()}
        return Location(answers=nothing, notes=(_note("another_notebook"),))
    return Location(answers=located, notes=_notes_on_crowds(seen, _answered(regions, clues)))


# --- regions to answers -----------------------------------------------------------------------------------------------


def _divide(notebook: Notebook, seen: Outline, clues: Clues) -> tuple[Region, ...]:
    """Cut the notebook, letting in markers and crowded headings only for questions that nothing better answers."""
    crowds = crowded_cells(seen.anchors)
    marked = {number for anchor in seen.anchors if anchor.found_by is FoundBy.MARKER for number in anchor.numbers}
    stronger = {number for anchor in seen.anchors if anchor.found_by is not FoundBy.MARKER for number in anchor.numbers}
    by_marker = marked - stronger
    owners: set[Anchor] = set()
    while True:
        events = [
            event
            for event in seen.events
            if not isinstance(event, Anchor)
            or event.found_by is not FoundBy.MARKER
            or not by_marker.isdisjoint(event.numbers)
        ]
        division = Division(notebook, clues=clues, crowded=frozenset(crowds), owners=frozenset(owners))
        regions = division.divide(events)
        answered = _answered(regions, clues)
        more = (marked - answered) - by_marker
        if more:
            by_marker |= more
            continue
        new_owners = {crowd[-1] for crowd in crowds.values() if _may_own(crowd, answered)} - owners
        if not new_owners:
            return regions
        owners |= new_owners


def _answered(regions: Iterable[Region], clues: Clues) -> frozenset[int]:
    return frozenset(
        number for region in regions if any(map(clues.has_code, region.code)) for number in region.anchor.numbers
    )


def _may_own(crowd: Sequence[Anchor], answered: frozenset[int]) -> bool:
    """The last of several headings in a cell owns the code below only if the others are answered elsewhere."""
    last = set(crowd[-1].numbers)
    others = {number for anchor in crowd for number in anchor.numbers} - last
    return others <= answered and not last <= answered


@dataclass(kw_only=True)
class _Answer:
    """What has been found for one question so far."""

    found_by: FoundBy = FoundBy.NOT_FOUND
    code: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    """Long words behind a label: an answer may stand on the heading's own line."""
    notes: list[Note] = field(default_factory=list)
    has_own_heading: bool = False

    def take(self, find: Find) -> None:
        """Set the cells that the fallback found, or what it left of those under the heading."""
        lost = set(self.code) - set(find.code)
        self.spans = [span for span in self.spans if span.cell not in lost]
        self.spans.extend(find.spans)
        self.notes.extend(find.notes)
        self.code = list(find.code)
        if find.is_new:
            self.found_by = FoundBy.DEFINITION


def _choose(number: int, regions: Sequence[Region], clues: Clues) -> _Answer:
    """The last region with code under the strongest evidence; words may stand in regions of their own, too."""
    own = [region for region in regions if number in region.anchor.numbers]
    coded = [region for region in own if any(map(clues.has_code, region.code))]
    strongest = min((_STRENGTH.index(region.anchor.found_by) for region in coded), default=None)
    equals = [region for region in coded if _STRENGTH.index(region.anchor.found_by) == strongest]
    tagged = strongest == _STRENGTH.index(FoundBy.TAG)
    counted = equals if tagged else equals[-1:]
    wordy = [region for region in own if not any(map(clues.has_code, region.code))]
    if any(not region.is_crowded for region in (*counted, *wordy)):
        # Headings pasted together above an answer bring its prompt; below it they may bring its explanation.
        end = counted[-1].anchor.cell if counted else _NOWHERE
        wordy = [region for region in wordy if not region.is_crowded or region.anchor.cell > end]
    kept = sorted((*counted, *wordy), key=lambda region: (region.anchor.cell, region.anchor.line))
    best = min(kept, key=lambda region: _STRENGTH.index(region.anchor.found_by), default=None)
    answer = _Answer(
        code=sorted({cell for region in counted for cell in region.code}),
        spans=[span for region in kept for span in region.spans],
        headings=[region.anchor.cell for region in kept if region.anchor.found_by is FoundBy.HEADING],
        titles=[region.anchor.title for region in kept if len(region.anchor.title) >= _LONG_TITLE_CHARS],
        has_own_heading=any(not region.is_crowded for region in own),
    )
    if counted:
        answer.found_by = counted[-1].anchor.found_by
    elif best is not None:
        answer.found_by = best.anchor.found_by
    slips = [region.anchor for region in counted if region.anchor.written is not None]
    answer.notes.extend(
        _note("heading_slipped", cell=anchor.cell + 1, number=number, written=anchor.written) for anchor in slips
    )
    answer.notes.extend(_notes_on_several(number, own, equals if not tagged else []))
    return answer


def _notes_on_several(number: int, own: Sequence[Region], coded: Sequence[Region]) -> list[Note]:
    """Tell which of several answers counts, by the cells of their headings."""
    if not coded:
        return []
    counted = coded[-1].anchor.cell
    notes = []
    if len(coded) > 1:
        earlier = _cell_numbers(region.anchor.cell for region in coded[:-1])
        notes.append(_note("last_counts", number=number, cell=counted + 1, earlier=earlier))
    later = [
        region.anchor.cell
        for region in own
        if region.anchor.cell > counted and not region.code and not region.spans and not region.is_crowded
    ]
    if later:
        notes.append(_note("empty_is_passed_over", number=number, cell=counted + 1, empty=_cell_numbers(later)))
    return notes


def _note(code: str, **facts: Fact) -> Note:
    return Note(code=f"locate.{code}", facts=facts)


def _cell_numbers(positions: Iterable[int]) -> str:
    """Cell numbers as people count them, from 1."""
    return ", ".join(str(position + 1) for position in sorted(set(positions)))


# --- words and notes --------------------------------------------------------------------------------------------------


class _Writer:
    """Turns what was found into the answers that are handed on."""

    def __init__(self, notebook: Notebook, wanted: Sequence[Wanted], answers: dict[int, _Answer], clues: Clues) -> None:
        self._cells = notebook.cells
        self._answers = answers
        self._clues = clues
        self._prompts = read_prompts(tuple(prompt for one in wanted for prompt in one.prompts))
        self._lines: dict[int, list[str]] = {}
        self._words: dict[int, list[tuple[int, str]]] = {}
        self._owners: dict[int, list[int]] = {}
        for number, answer in sorted(answers.items()):
            for position in answer.code:
                self._owners.setdefault(position, []).append(number)

    def answer(self, one: Wanted) -> LocatedAnswer:
        found = self._answers[one.number]
        written = self._written(found)
        texts = sorted(
            {span.cell for span in found.spans if self._cells[span.cell].kind is not CellKind.CODE}
            | set(found.headings)
        )
        code = tuple(position for position in found.code if self._cells[position].source.strip())
        code = code if any(map(self._clues.has_code, code)) else ()
        if not code and not written:
            written = tuple(filter(None, (markdown_words([title], self._prompts) for title in found.titles)))
        has_attachments = any(map(self._has_attachment, found.spans))
        found_by = found.found_by
        if not (code or written or has_attachments or found.has_own_heading):
            found_by = FoundBy.NOT_FOUND
        return LocatedAnswer(
            question_id=one.question_id,
            found_by=found_by,
            code_cells=code,
            markdown_cells=tuple(texts) if found_by is not FoundBy.NOT_FOUND else (),
            written=written,
            has_attachments=has_attachments,
            notes=(*found.notes, *self._own_notes(one, found_by, code, written, texts)),
        )

    def _written(self, found: _Answer) -> tuple[str, ...]:
        kept: list[str] = []
        room = _LONGEST_WRITTEN_CHARS
        for piece in self._pieces(found.spans):
            kept.append(piece[:room])
            room -= len(kept[-1])
            if room <= 0:
                break
        return tuple(kept)

    def _pieces(self, spans: Iterable[Span]) -> Iterator[str]:
        """The words of each cell in order, until more has been read than anybody writes."""
        room = _LONGEST_READ_CHARS
        for span in sorted(set(spans), key=lambda span: (span.cell, span.first)):
            lines = self._lines_of(span)
            if self._cells[span.cell].kind is CellKind.CODE:
                yield from (text for line, text in self._words_of(span.cell) if span.first <= line < span.last)
            elif words := markdown_words(lines, self._prompts):
                yield words
            room -= sum(min(len(line), LONGEST_LINE) for line in lines)
            if room <= 0:
                break

    def _lines_of(self, span: Span) -> list[str]:
        if span.cell not in self._lines:
            self._lines[span.cell] = split_lines(self._cells[span.cell].source)
        return self._lines[span.cell][span.first : span.last]

    def _words_of(self, position: int) -> list[tuple[int, str]]:
        if position not in self._words:
            self._words[position] = code_words(self._cells[position].source, self._prompts)
        return self._words[position]

    def _has_attachment(self, span: Span) -> bool:
        cell = self._cells[span.cell]
        if cell.kind is CellKind.CODE:
            return False
        return cell.has_attachments or any(map(has_picture, self._lines_of(span)))

    def _own_notes(
        self, one: Wanted, found_by: FoundBy, code: Sequence[int], written: Sequence[str], texts: Sequence[int]
    ) -> list[Note]:
        if found_by is FoundBy.NOT_FOUND:
            return [_note("not_found", number=one.number)]
        if not code:
            cells = _cell_numbers(texts)
            return [_note("only_words", number=one.number, cell=cells)] if written and texts else []
        notes = []
        for position in code:
            owners = self._owners[position]
            if len(owners) > 1:
                shared = ", ".join(map(str, owners))
                notes.append(_note("shared_cell", cell=position + 1, numbers=shared))
        return notes


def _notes_on_crowds(seen: Outline, answered: frozenset[int]) -> tuple[Note, ...]:
    """Name the cells whose several headings could lead to no code."""
    return tuple(
        _note("headings_together", cell=cell + 1)
        for cell, crowd in crowded_cells(seen.anchors).items()
        if not answered.issuperset(number for anchor in crowd for number in anchor.numbers)
    )
