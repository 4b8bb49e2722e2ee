"""A replay behind the last cell has the kernel to itself: it says what a copy says, and its end costs nothing."""

import pytest

from grader.domain.execution import CellState, Outcome
from grader.domain.probe import PRINTED, ReplayBent, ReplayShifted, TakeNames

F = "def f(x):\n    return x ** 3\n"
DERIVED = "import torch\nx = torch.tensor(1.0, requires_grad=True)\nf(x).backward()\nprint(x.grad)"


def bent(source, *, seconds=5.0):
    names = ("x",)
    return ReplayBent(key="b", names=names, source=source, functions=("f",), square=8.0, slope=4.0, seconds=seconds)


def shifted(source):
    return ReplayShifted(key="s", names=("x",), source=source, shifted=(), seed=1, scale=2.0, seconds=5.0)


def only_at_a_replay(action):
    return f"calls = globals().get('calls', 0) + 1\nif calls > 1:\n    {action}\n"


@pytest.fixture
def ask(run_cells):
    """Ask behind the second of the cells; with a cell after it, that is not the end."""

    def ask(source, *probes, after=()):
        return run_cells(F, source, *after, questions={"q1": (1,)}, probes={"q1": probes})

    return ask


@pytest.mark.parametrize("probe", [bent(DERIVED), shifted(DERIVED)], ids=["bent", "shifted"])
@pytest.mark.parametrize("after", [(), ("", "  \n")], ids=["the last cell", "empty cells behind it"])
def test_the_kernel_itself_says_what_a_copy_says(ask, probe, after):
    in_a_copy = ask(DERIVED, probe, after=("done = True",))

    in_the_kernel = ask(DERIVED, probe, after=after)

    assert in_the_kernel.outcome is Outcome.COMPLETED
    assert in_the_kernel.replies == in_a_copy.replies
    assert {"x", PRINTED} <= in_the_kernel.replies[probe.key].values.keys()


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        pytest.param("__import__('os')._exit(0)", 5.0, id="the process ends"),
        pytest.param("__import__('ctypes').string_at(0)", 5.0, id="it crashes"),
        pytest.param("while True: pass", 0.3, id="it does not come to an end"),
    ],
)
def test_what_happens_then_is_no_part_of_the_run(ask, action, seconds):
    source = only_at_a_replay(action) + DERIVED
    asked = bent(source, seconds=seconds)

    execution = ask(source, TakeNames(key="n", names=("calls",)), asked)

    assert execution.outcome is Outcome.COMPLETED
    assert [cell.state for cell in execution.cells] == [CellState.OK, CellState.OK]
    assert execution.replies["n"].values["calls"].value == 1
    assert not execution.replies["b"].values


def test_answers_are_read_before_it_changes_them(ask):
    asked = (bent(DERIVED), TakeNames(key="n", names=("x",)))

    execution = ask(DERIVED, *asked)

    assert execution.replies["n"].values["x"].grad != execution.replies["b"].values["x"].grad


def test_a_later_cell_sees_nothing_of_it(run_cells, printed):
    execution = run_cells(F, DERIVED, "print(f(2))", questions={"q1": (1,)}, probes={"q1": (bent(DERIVED),)})

    assert printed(execution, 2) == "8\n"
