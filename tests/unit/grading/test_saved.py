"""Saved outputs that differ from ours: told when stale, not told when it may be chance or noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.execution import CellRun, CellState, Output
from grader.domain.notebook import SAVED_CHARACTERS
from grader.domain.text import Note
from grader.grading.saved import compare_saved


def compare(
    saved: str, fresh: str, *, source: str = "print(x)", before: str = "", state: CellState = CellState.OK
) -> tuple[Note, ...]:
    run = CellRun(index=4, state=state, outputs=(Output(kind="stdout", text=fresh),))
    return compare_saved({4: saved}, runs=[run], source=source, notebook_source=f"{before}\n{source}")


def told(saved: str, fresh: str, **given: str) -> tuple[object, ...] | None:
    notes = compare(saved, fresh, **given)
    assert all(note.code == "saved.differs" and note.facts["cell"] == 5 for note in notes)
    return (notes[0].facts["saved"], notes[0].facts["fresh"]) if notes else None


@pytest.mark.parametrize(
    ("saved", "fresh", "pair"),
    [
        pytest.param("tensor(-24.)", "tensor(-12.)", ("-24", "-12"), id="backward ran twice before"),
        pytest.param("x = 3\ny = 4", "x = 3\ny = 5", ("4", "5"), id="the second of two"),
        pytest.param("tensor([1, 2, 3])", "tensor([1, 9, 3])", ("2", "9"), id="one element"),
        pytest.param("tensor([1, 2])", "tensor([1, 2, 3])", ("tensor (2,)", "tensor (3,)"), id="another shape"),
        pytest.param("tensor([1., 2.])", "tensor([1, 2])", ("float32", "int64"), id="another dtype"),
        pytest.param("0.123456789", "0.523456789", ("0.123457", "0.523457"), id="short words"),
        pytest.param("True", "False", ("True", "False"), id="a truth"),
        pytest.param("nan", "1.5", ("nan", "1.5"), id="not a number any more"),
    ],
)
def test_other_numbers_are_told(saved: str, fresh: str, pair: tuple[str, str]) -> None:
    assert told(saved, fresh) == pair


@pytest.mark.parametrize(
    ("saved", "fresh"),
    [
        pytest.param("tensor(-12.)", "tensor(-12.)", id="the same"),
        pytest.param("tensor(0.31712)", "tensor(0.3171)", id="fewer digits"),
        pytest.param("tensor(0.12345)", "tensor(0.12346)", id="another machine"),
        pytest.param("tensor([1], device='cuda:0')", "tensor([1])", id="another device"),
        pytest.param("tensor(1., grad_fn=<A object at 0x7f3a12>)", "tensor(1., grad_fn=<A>)", id="an address"),
        pytest.param("<f at 0x7f00000000012>", "<f at 0x7f00000000034>", id="only addresses"),
        pytest.param("Wall time: 3 ms\n5", "Wall time: 9 ms\n5", id="timings"),
        pytest.param("took 3.2 s", "took 4.1 s", id="a duration among words"),
        pytest.param("100%|███| 5/5 [00:01<00:00, 3.1it/s]\n5", "5", id="a progress bar"),
        pytest.param("Epoch 3/3 0.5\n5", "Epoch 3/3 0.7\n5", id="progress lines"),
        pytest.param("", "5", id="cleared before handing in"),
        pytest.param("words", "5", id="words"),
        pytest.param("5", "words", id="numbers became words"),
        pytest.param("1 2", "1 2 3", id="a print more"),
        pytest.param("9" + " " * SAVED_CHARACTERS, "5", id="cut somewhere"),
    ],
)
def test_noise_and_what_is_not_there_is_not_told(saved: str, fresh: str) -> None:
    assert told(saved, fresh) is None


@pytest.mark.parametrize("state", [CellState.RAISED, CellState.TIMED_OUT, CellState.NOT_RUN, CellState.ENDED_KERNEL])
def test_a_cell_that_did_not_end_has_a_note_of_its_own(state: CellState) -> None:
    assert compare("5", "6", state=state) == ()


@pytest.mark.parametrize(
    ("source", "before"),
    [
        pytest.param("print(torch.rand(3))", "", id="drawn here"),
        pytest.param("print(x)", "x = torch.randn(3)", id="drawn before"),
        pytest.param("print(y)", "x = np.random.rand(3)\ny = x * 2", id="drawn before that"),
        pytest.param("print(f())", "def f():\n    return torch.randint(3, (2,))", id="in a function"),
        pytest.param("print(net(1))", "net = nn.Linear(3, 4)", id="initial weights"),
        pytest.param("print(w)", "w = torch.empty(3)\nw.uniform_()", id="in place"),
        pytest.param("print(time.perf_counter())", "import time", id="a clock"),
        pytest.param("print(acc)", "for x in DataLoader(d):\n    acc = x", id="shuffled data"),
    ],
)
def test_chance_is_not_told(source: str, before: str) -> None:
    assert told("0.25", "0.75", source=source, before=before) is None


@pytest.mark.parametrize(
    ("source", "before"),
    [
        pytest.param("print(x)", "torch.manual_seed(0)\nx = torch.rand(3)", id="seeded"),
        pytest.param("print(x)", "x = 5\nother = torch.rand(3)\nnet = nn.Linear(1, 2)", id="chance in other things"),
        pytest.param(
            "print(x.grad)", "import torch\nz = torch.rand(1)\nx = torch.tensor(1.)", id="torch used for both"
        ),
    ],
)
def test_chance_elsewhere_does_not_hide_what_is_stale(source: str, before: str) -> None:
    assert told("0.25", "0.75", source=source, before=before) == ("0.25", "0.75")


def test_one_note_a_question_is_enough() -> None:
    runs = [CellRun(index=i, state=CellState.OK, outputs=(Output(kind="result", text="1"),)) for i in range(4)]
    notes = compare_saved({1: "1", 2: "7", 3: "8"}, runs=runs, source="x", notebook_source="x")
    assert [note.facts for note in notes] == [{"cell": 3, "saved": "7", "fresh": "1"}]


@given(st.text(alphabet="[](), 12.-e\ntensorarynif", max_size=60), st.text(alphabet="[](), 12.-e\ntensor", max_size=60))
def test_any_two_texts_can_be_compared_and_a_text_is_itself(saved: str, fresh: str) -> None:
    compare(saved, fresh)
    assert compare(fresh, fresh) == ()
