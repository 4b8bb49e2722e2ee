"""Cells that a person points at take the place of those that were found, for just the questions that are meant."""

import pytest

from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.chosen import choosable, with_chosen
from grader.notebook.locate import locate

Q1, Q2 = QuestionId("q1"), QuestionId("q2")
WANTED = (
    Wanted(question_id=Q1, number=1, names=("x",), prompts=("Make x.",)),
    Wanted(question_id=Q2, number=2, names=("y",)),
)


def make(*sources):
    kinds = {"#": CellKind.MARKDOWN, "r": CellKind.RAW}
    return Notebook(
        cells=tuple(
            Cell(index=index, kind=kinds.get(source[:1], CellKind.CODE), source=source, cell_id=str(index))
            for index, source in enumerate(sources)
        )
    )


NOTEBOOK = make(
    "## 問題1", "x = 1", "## 問題2", "y = 2", "# Why\nBecause it is so.\nMake x.", "x = 3  # the third", "", "raw"
)
FOUND = locate(NOTEBOOK, WANTED)


def choose(**cells):
    return with_chosen(FOUND, NOTEBOOK, wanted=WANTED, chosen={QuestionId(key): value for key, value in cells.items()})


def test_only_the_question_that_is_meant_changes():
    location = choose(q1=[5, 4])

    assert location.answers[Q2] == FOUND.answers[Q2]
    answer = location.answers[Q1]
    assert (answer.found_by, answer.code_cells, answer.markdown_cells) == (FoundBy.CHOSEN, (5,), (4,))
    assert [(note.code, note.facts) for note in answer.notes] == [
        ("locate.chosen", {"number": 1, "cells": "6"}),
    ]


def test_the_words_in_chosen_cells_are_the_answers_but_not_the_prompts():
    words = "\n".join(choose(q1=[4, 5]).answers[Q1].written)

    assert "Because it is so." in words
    assert "the third" in words
    assert "Make x." not in words


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([], id="none"),
        pytest.param([99, -1], id="not there"),
        pytest.param([6], id="empty"),
        pytest.param([7], id="of a kind that answers nothing"),
    ],
)
def test_what_names_no_cell_leaves_the_answer_to_the_grader(cells):
    assert choose(q1=cells) == FOUND


def test_pointing_at_a_cell_ends_the_suspicion_that_it_is_another_notebook():
    other = make("a = 1")
    location = locate(other, WANTED)
    assert [note.code for note in location.notes] == ["locate.another_notebook"]

    assert with_chosen(location, other, wanted=WANTED, chosen={Q1: [0]}).notes == ()


def test_words_of_any_length_are_cut():
    long = make(*[f"# {number}\n{'word ' * 4000}" for number in range(20)])

    answer = with_chosen(locate(long, WANTED), long, wanted=WANTED, chosen={Q1: range(20)}).answers[Q1]

    assert 50_000 < sum(map(len, answer.written)) <= 100_000


def test_all_cells_with_something_in_them_can_be_chosen():
    assert [cell.index for cell in choosable(NOTEBOOK)] == [0, 1, 2, 3, 4, 5]
