"""Cells in another order, where nothing that one of them does can be seen by the other."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.authoring.variants_effects import Effects, Surroundings
from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, LocatedAnswer, Location
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.magics import plain_python


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Cells that stay together."""

    cells: Sequence[Cell]
    effects: Effects


def reorder_answers(
    reference: Notebook, *, location: Location, asked: Mapping[QuestionId, Collection[str]]
) -> Notebook:
    """Turn round every run of neighbours that are independent of each other; the same where there is none.

    Answers change places as a whole, with their headings, and so do single cells of the set-up or of one answer.

    Args:
        reference: the author's solution.
        location: where it answers each question.
        asked: names that the checks of each question read.
    """
    starts = _starts(reference, location)
    if not starts:
        return reference
    surroundings = Surroundings([plain_python(cell.source) for cell in reference.code_cells])
    ends = [*list(starts.values())[1:], len(reference.cells)]
    answers = []
    for (question_id, start), end in zip(starts.items(), ends, strict=True):
        cells: Sequence[Cell] = reference.cells[start:end]
        effects = surroundings.effects(_sources(cells), asked=asked.get(question_id, ()))
        if _is_answer(cells, location.answers[question_id]):
            cells = _turn_cells(cells, surroundings=surroundings)
        answers.append(_Piece(cells=cells, effects=effects))
    first = min(starts.values())
    set_up = _turn_cells(reference.cells[:first], surroundings=surroundings)
    ordered = [*set_up, *(cell for piece in _turn(answers) for cell in piece.cells)]
    return replace(reference, cells=tuple(replace(cell, index=index) for index, cell in enumerate(ordered)))


def _starts(reference: Notebook, location: Location) -> Mapping[QuestionId, int]:
    """The cell that each answer begins with; {} where the notebook is not a sequence of answers with their marks."""
    starts: dict[QuestionId, int] = {}
    for question_id, answer in location.answers.items():
        start = _start(answer)
        if start is None:
            return {}
        starts[question_id] = start
    firsts = list(starts.values())
    ends = [*firsts[1:], len(reference.cells)]
    are_apart = all(
        start <= index < end
        for start, end, answer in zip(firsts, ends, location.answers.values(), strict=True)
        for index in answer.code_cells
    )
    return starts if are_apart else {}


def _start(answer: LocatedAnswer) -> int | None:
    if not answer.code_cells:
        return None
    above = [index for index in answer.markdown_cells if index < answer.code_cells[0]]
    return min(above, default=answer.code_cells[0] if answer.found_by is FoundBy.MARKER else None)


def _is_answer(cells: Sequence[Cell], answer: LocatedAnswer) -> bool:
    """All code in them is the answer's, and none of it bears the question's own mark."""
    code = [cell.index for cell in cells if cell.kind is CellKind.CODE]
    return answer.found_by is FoundBy.HEADING and code == list(answer.code_cells)


def _turn_cells(cells: Sequence[Cell], *, surroundings: Surroundings) -> Sequence[Cell]:
    """The code cells in another order, and words where they were."""
    code = [cell for cell in cells if cell.kind is CellKind.CODE]
    turned = _turn(
        [_Piece(cells=[cell], effects=surroundings.effects([cell.source])) for cell in code], keeps_shown=True
    )
    order = iter([cell for piece in turned for cell in piece.cells])
    return [next(order) if cell.kind is CellKind.CODE else cell for cell in cells]


def _turn(pieces: Sequence[_Piece], *, keeps_shown: bool = False) -> list[_Piece]:
    """Turn round neighbours; where `keeps_shown`, what they show keeps its order, which a check may ask for."""
    order: list[_Piece] = []
    run: list[_Piece] = []
    for piece in pieces:
        is_free = all(
            piece.effects.is_apart_from(other.effects)
            and not (keeps_shown and piece.effects.shows and other.effects.shows)
            for other in run
        )
        if not is_free:
            order += reversed(run)
            run = []
        run.append(piece)
    return [*order, *reversed(run)]


def _sources(cells: Sequence[Cell]) -> list[str]:
    return [cell.source for cell in cells if cell.kind is CellKind.CODE]
