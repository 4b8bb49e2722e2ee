"""Where answers are by what a person says: the cells pointed at in place of those that were found."""

from collections.abc import Iterator, Mapping, Sequence

from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, LocatedAnswer, Location, Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Note
from grader.notebook.marks import split_lines
from grader.notebook.words import Prompts, code_words, has_picture, markdown_words, read_prompts

_LONGEST_WRITTEN_CHARS = 100_000
_UNLIKE_A_CHOICE = "locate.another_notebook"


def with_chosen(
    location: Location, notebook: Notebook, *, wanted: Sequence[Wanted], chosen: Mapping[QuestionId, Sequence[int]]
) -> Location:
    """The location with a person's cells where there are any; a choice that names no cell of the notebook is none.

    All words in the chosen cells count as the answer's, but for those of the prompts.

    Args:
        location: as `locate` gives it for this notebook.
        notebook: the one that the cells belong to.
        wanted: the same as `locate` was given.
        chosen: indexes into the notebook's cells.
    """
    prompts = read_prompts(tuple(prompt for one in wanted for prompt in one.prompts))
    answers = dict(location.answers)
    for one in wanted:
        cells = choosable(notebook, chosen.get(one.question_id, ()))
        if cells:
            answers[one.question_id] = _answer(one, cells, prompts=prompts)
    if answers == location.answers:
        return location
    notes = tuple(note for note in location.notes if note.code != _UNLIKE_A_CHOICE)
    return Location(answers=answers, notes=notes)


def choosable(notebook: Notebook, indexes: Sequence[int] | None = None) -> tuple[Cell, ...]:
    """The cells of the notebook that can answer something: those with text; of these indexes, if any are given."""
    wanted = None if indexes is None else frozenset(indexes)
    return tuple(
        cell
        for cell in notebook.cells
        if cell.kind is not CellKind.RAW and cell.source.strip() and (wanted is None or cell.index in wanted)
    )


def _answer(one: Wanted, cells: Sequence[Cell], *, prompts: Prompts) -> LocatedAnswer:
    texts = [cell for cell in cells if cell.kind is CellKind.MARKDOWN]
    code = [cell for cell in cells if cell.kind is CellKind.CODE]
    numbers = ", ".join(str(cell.number) for cell in code or texts)
    return LocatedAnswer(
        question_id=one.question_id,
        found_by=FoundBy.CHOSEN,
        code_cells=tuple(cell.index for cell in code),
        markdown_cells=tuple(cell.index for cell in texts),
        written=tuple(_words(cells, prompts)),
        has_attachments=any(cell.has_attachments or has_picture(cell.source) for cell in texts),
        notes=(Note(code="locate.chosen", facts={"number": one.number, "cells": numbers}),),
    )


def _words(cells: Sequence[Cell], prompts: Prompts) -> Iterator[str]:
    """The words of each cell in order, until more has come than anybody writes."""
    room = _LONGEST_WRITTEN_CHARS
    for cell in cells:
        for text in _words_of(cell, prompts):
            if room > 0 and text:
                yield text[:room]
                room -= len(text)
        if room <= 0:
            return


def _words_of(cell: Cell, prompts: Prompts) -> list[str]:
    if cell.kind is CellKind.CODE:
        return [text for _, text in code_words(cell.source, prompts)]
    return [markdown_words(split_lines(cell.source), prompts)]
