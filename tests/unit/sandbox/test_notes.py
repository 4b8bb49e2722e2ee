# ruff: noqa: E501 - one row of a table each
"""What a student is told about an execution."""

import pytest

from grader.domain.execution import CellError, CellRun, CellState, Limits, Outcome, Output, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Language, Note
from grader.feedback.catalogue import known_codes, sentence
from grader.sandbox.notes import explain_execution


def explain(run, *, source="x", in_question=False, outcome=Outcome.COMPLETED, late=False):
    notebook = Notebook(cells=(Cell(index=0, kind=CellKind.CODE, source=source, cell_id="c"),))
    plan = [QuestionPlan(question_id=QuestionId("q"), code_cells=(0,))] if in_question else []
    return explain_execution(notebook, [run], plan=plan, limits=Limits(), outcome=outcome, ran_out_of_time=late)


def run(state=CellState.OK, *, error=None, **fields):
    told = CellError(name=error, message="") if error else None
    return CellRun(index=0, state=state, error=told, **fields)


def refused_pip():
    return run(outputs=(Output(kind="stdout", text="ERROR: No matching distribution found for x"),))


@pytest.mark.parametrize(
    ("cell", "options", "codes"),
    [
        pytest.param(run(), {}, [], id="nothing happened"),
        pytest.param(run(CellState.RAISED, error="E"), {}, ["cell_failed_outside"], id="failed outside"),
        pytest.param(run(CellState.RAISED, error="E"), {"in_question": True}, [], id="failed in a question"),
        pytest.param(run(CellState.RAISED, error="StdinNotImplementedError"), {"in_question": True}, ["no_input"], id="input"),
        pytest.param(run(missing_package="p"), {"in_question": True}, ["missing_package"], id="package"),
        pytest.param(run(CellState.RAISED, error="E", needs_gpu=True), {}, ["needs_gpu"], id="GPU"),
        pytest.param(run(CellState.TIMED_OUT, error="KeyboardInterrupt"), {}, ["cell_timed_out"], id="time"),
        pytest.param(run(CellState.ENDED_KERNEL), {"outcome": Outcome.OUT_OF_MEMORY}, ["ended_out_of_memory"], id="memory"),
        pytest.param(run(CellState.NOT_RUN), {"late": True}, ["total_time_over"], id="all time"),
        pytest.param(refused_pip(), {"source": "!pip install x"}, ["pip_refused"], id="pip"),
        pytest.param(refused_pip(), {"source": "x = 1\n  %pip install x"}, ["pip_refused"], id="pip magic"),
        pytest.param(refused_pip(), {"source": "!python3 -m pip install x"}, ["pip_refused"], id="pip module"),
        pytest.param(refused_pip(), {"source": "# pip install x"}, [], id="pip in a comment"),
        pytest.param(run(), {"source": "!pip install torch"}, [], id="pip for what is there"),
    ],
)  # fmt: skip
def test_each_event_has_its_note(cell, options, codes):
    assert [note.code for note in explain(cell, **options)] == [f"execution.{code}" for code in codes]


def test_endless_failures_do_not_make_endless_notes():
    cells = tuple(Cell(index=n, kind=CellKind.CODE, source="x", cell_id=f"c{n}") for n in range(500))
    error = CellError(name="E", message="")
    runs = [CellRun(index=n, state=CellState.RAISED, error=error) for n in range(500)]

    notes = explain_execution(
        Notebook(cells=cells), runs, plan=[], limits=Limits(), outcome=Outcome.COMPLETED, ran_out_of_time=True
    )

    assert len(notes) == 2
    assert notes[0].facts == {"cells": list(range(1, 501)), "what": "E"}
    assert notes[-1].code == "execution.total_time_over"


FACTS = {"cells": [3, 5], "what": "p", "seconds": 120.0, "size_kb": 9}


@pytest.mark.parametrize("language", Language)
def test_every_code_has_a_sentence_in_both_languages(language):
    ends = {f"execution.ended_{outcome.value}" for outcome in Outcome} - {
        "execution.ended_completed",
        "execution.ended_sandbox_failed",
    }
    codes = ends | {
        f"execution.{code}"
        for code in (
            *("missing_package", "pip_refused", "no_input", "needs_gpu", "cell_failed_outside"),
            *("cell_timed_out", "total_time_over", "output_left_out"),
        )
    }

    assert {code for code in known_codes(language) if code.startswith("execution.")} == codes
    for code in codes:
        assert "{" not in sentence(Note(code=code, facts=FACTS), language)
