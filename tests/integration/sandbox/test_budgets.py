"""Time is budgeted per question, once for everything outside, and in all."""

import pytest

from grader.domain.execution import CellState, Limits, Outcome
from grader.domain.probe import CallFunction, TakeNames
from grader.domain.values import ScalarValue

OK, RAISED, TIMED_OUT = CellState.OK, CellState.RAISED, CellState.TIMED_OUT
ENDED_KERNEL, NOT_RUN = CellState.ENDED_KERNEL, CellState.NOT_RUN


def _states(execution):
    return [cell.state for cell in execution.cells]


def _taken(execution, key):
    return {name: value.value for name, value in execution.replies[key].values.items()}


def test_question_that_runs_out_of_time_costs_only_its_own_cells(run_cells):
    execution = run_cells(
        "x = 1",
        "while True: pass",
        "x = 2",
        "y = x",
        limits=Limits(question_s=0.5),
        questions={"q1": (1, 2), "q2": (3,)},
        probes={"q1": (TakeNames(key="q1", names=("x",)),), "q2": (TakeNames(key="q2", names=("y",)),)},
    )

    assert _states(execution) == [OK, TIMED_OUT, NOT_RUN, OK]
    assert execution.outcome is Outcome.COMPLETED
    assert _taken(execution, "q1") == {"x": 1}
    assert _taken(execution, "q2") == {"y": 1}
    assert [note.code for note in execution.notes] == ["execution.cell_timed_out"]


def test_training_loop_outside_does_not_eat_the_answers_time(run_cells):
    execution = run_cells(
        "import time; time.sleep(0.4)",
        "a = 1",
        "time.sleep(60)",
        "b = 1",
        "c = a",
        limits=Limits(outside_s=0.8),
        questions={"q1": (1,), "q2": (4,)},
    )

    assert _states(execution) == [OK, OK, TIMED_OUT, NOT_RUN, OK]


def test_cell_that_cannot_be_interrupted_ends_the_kernel_and_earlier_answers_stay(run_cells):
    execution = run_cells(
        "x = 1",
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "z = 1",
        limits=Limits(question_s=0.5),
        questions={"q1": (0,), "q2": (1,), "q3": (2,)},
        probes={"q1": (TakeNames(key="q1", names=("x",)),), "q3": (TakeNames(key="q3", names=("z",)),)},
    )

    assert _states(execution) == [OK, ENDED_KERNEL, NOT_RUN]
    assert execution.outcome is Outcome.TIMED_OUT
    assert set(execution.replies) == {"q1"}


def test_total_time_ends_everything(run_cells):
    execution = run_cells("import time; time.sleep(60)", "x = 1", limits=Limits(total_s=0.5), questions={"q1": (1,)})

    assert _states(execution) == [TIMED_OUT, NOT_RUN]
    assert execution.outcome is Outcome.TIMED_OUT
    assert execution.notes[-1].code == "execution.total_time_over"


@pytest.mark.parametrize(
    ("last_cell", "state"),
    [
        pytest.param("1 / 0", RAISED, id="raised"),
        pytest.param("while True: pass", TIMED_OUT, id="timed out"),
        pytest.param("   \n", OK, id="empty"),
        pytest.param("def f(:", RAISED, id="no Python"),
        pytest.param("await __import__('asyncio').sleep(60)", TIMED_OUT, id="awaiting"),
        pytest.param("!sleep 60", TIMED_OUT, id="waiting for a shell command"),
    ],
)
def test_probes_are_asked_however_the_last_cell_ended(last_cell, state, run_cells):
    execution = run_cells(
        "x = 7",
        last_cell,
        limits=Limits(question_s=0.5),
        questions={"q": (0, 1)},
        probes={"q": (TakeNames(key="k", names=("x", "absent")),)},
    )

    assert execution.cells[1].state is state
    assert _taken(execution, "k") == {"x": 7}


def test_values_are_taken_at_the_end_of_their_question_because_names_are_reused(run_cells):
    execution = run_cells(
        "x = 1",
        "x = 2",
        questions={"q1": (0,), "q2": (1,)},
        probes={name: (TakeNames(key=name, names=("x",)),) for name in ("q1", "q2")},
    )

    assert (_taken(execution, "q1"), _taken(execution, "q2")) == ({"x": 1}, {"x": 2})


def test_hidden_calls_get_their_own_time_and_leave_no_name(run_cells, printed):
    three = ScalarValue(type_name="int", value=3)
    execution = run_cells(
        "def double(x): return 2 * x\nbefore = set(dir())",
        "print(sorted(set(dir()) - before - {'before'}))",
        limits=Limits(question_s=1.0),
        questions={"q": (0,)},
        probes={"q": (CallFunction(key="k", names=("double",), calls=((three,),), gradients=False, seconds=2.0),)},
    )

    assert execution.replies["k"].calls[0].output == ScalarValue(type_name="int", value=6)
    assert [name for name in eval(printed(execution, 1)) if not name.startswith("_")] == []  # noqa: S307


def test_function_that_never_returns_does_not_end_the_kernel(run_cells):
    one = ScalarValue(type_name="int", value=1)
    execution = run_cells(
        "def f(x):\n    while True: pass",
        "'alive'",
        questions={"q": (0,)},
        probes={"q": (CallFunction(key="k", names=("f",), calls=((one,),), gradients=False, seconds=0.5),)},
    )

    assert _states(execution) == [OK, OK]
    assert execution.replies["k"].timed_out


def test_numbers_in_brackets_count_as_under_jupyter(run_cells):
    import json

    written = json.loads(run_cells("1", "", "1 / 0", "3").executed_notebook)

    assert [cell["execution_count"] for cell in written["cells"]] == [1, None, 2, 3]
