"""Replays for a whole pool are made in one copy of the kernel, and come out as if each had had its own."""

import pytest

from grader.domain.execution import Limits, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.probe import PRINTED, CallFunction, ReplayBent, ReplayShifted, TakeNames
from grader.domain.values import NamesReply, ScalarValue
from tests.integration.sandbox.conftest import notebook_of

FIRST = """\
import torch
torch.manual_seed(0)
def f(x):
    return x ** 3
w = torch.tensor(2.0, requires_grad=True)
losses, seen = [], {}
"""


@pytest.fixture
def replies(sandbox_runner):
    """Run two cells and ask probes behind the second, as a pool or one by one."""

    def replies(second, probes, *, is_pool, first=FIRST):
        plan = QuestionPlan(question_id=QuestionId("q"), code_cells=(1,), probes=tuple(probes), is_pool=is_pool)
        return sandbox_runner.run(notebook_of(first, second), plan=[plan], limits=Limits()).replies

    return replies


def bent(source, *, names=(), count=6):
    return [
        ReplayBent(
            key=f"bent/{draw}",
            names=names,
            source=source,
            functions=("f",),
            square=float(draw),
            slope=float(draw % 3),
            seconds=5.0,
        )
        for draw in range(count)
    ]


def shifted(source, *, names=(), count=6):
    return [
        ReplayShifted(
            key=f"shifted/{draw}", names=names, source=source, shifted=(), seed=draw, scale=1.0 + draw, seconds=5.0
        )
        for draw in range(count)
    ]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param(
            "x = torch.tensor(1.0, requires_grad=True)\ny = f(x)\ny.backward()\nprint(x.grad)",
            ("x", "y"),
            id="own leaf",
        ),
        pytest.param("f(w).backward()\nprint(w.grad)", ("w",), id="leaf of an earlier cell, gradients add up"),
        pytest.param("losses.append(f(2.0))\nseen[len(seen)] = 1\nprint(losses, seen)", ("losses",), id="containers"),
        pytest.param("def f(x):\n    return x ** 2\nprint(f(3.0))", (), id="the function is defined again"),
        pytest.param("with torch.no_grad():\n    w += f(w)\nprint(w)", ("w",), id="numbers in place"),
        pytest.param("print(torch.rand(2), f(torch.rand(1)))", (), id="random numbers"),
        pytest.param("del w\nw2 = f(1.0)\nprint('w' in globals(), w2)", ("w2", "w"), id="names that go"),
        pytest.param("print(f(1.0))\n1 / 0\nprint(f(2.0))", (), id="a statement that raises"),
    ],
)
def test_a_pool_says_what_single_replays_say(replies, source, names):
    asked = [*bent(source, names=names), *shifted(source, names=names)]

    together = replies(source, asked, is_pool=True)

    assert together == replies(source, asked, is_pool=False)
    assert together.keys() == {probe.key for probe in asked}
    assert len({repr(reply) for reply in together.values()}) > 2


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("f.count = getattr(f, 'count', 0) + 1\nprint(f.count, f(1.0))", id="an attribute"),
        pytest.param("import math\nmath.n = getattr(math, 'n', 0) + 1\nprint(math.n, f(1.0))", id="a module"),
        pytest.param("seen.setdefault('l', [0])[0] += 1\nprint(seen, f(1.0))", id="inside a container"),
    ],
)
def test_what_one_replay_leaves_behind_does_not_reach_the_next(replies, source):
    """Nobody can list all that may be left behind: it is noticed, and each replay gets a copy of its own."""
    first = FIRST + "seen['l'] = [0]\n"

    together = replies("pass", bent(source), is_pool=True, first=first)

    assert together == replies("pass", bent(source), is_pool=False, first=first)
    assert all(
        " 1 " in f" {reply.values[PRINTED].value} " or "[1]" in reply.values[PRINTED].value
        for reply in together.values()
    )


def test_a_replay_that_ends_its_process_costs_only_its_own_answer(replies):
    source = "if f(0.5) > 1.0:\n    import os\n    os._exit(1)\nprint('alive')"

    together = replies("pass", bent(source), is_pool=True)

    assert together == replies("pass", bent(source), is_pool=False)
    printed = [reply.values.get(PRINTED) for reply in together.values()]
    assert None in printed
    assert ScalarValue(type_name="str", value="alive\n") in printed


def test_a_pool_changes_nothing_for_what_is_asked_after_it(replies):
    asked = [
        *bent("f(w).backward()\nlosses.append(1)"),
        TakeNames(key="names", names=("w", "losses")),
        CallFunction(
            key="calls",
            names=("f",),
            calls=((ScalarValue(type_name="float", value=2.0),),),
            gradients=False,
            seconds=5.0,
        ),
    ]

    found = replies("pass", asked, is_pool=True)

    names = found["names"]
    assert isinstance(names, NamesReply)
    assert names.values["w"].grad is None
    assert names.values["losses"].items == ()
    assert found["calls"].calls[0].output.value == 8.0
