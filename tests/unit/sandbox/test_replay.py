"""The replay of a question's code with a function bent, in a copy of the process."""

from types import SimpleNamespace

import pytest
import torch

from grader.domain.probe import PRINTED, ReplayBent
from grader.domain.values import ArrayValue, NamesReply, ScalarValue
from grader.sandbox import wire
from grader.sandbox.kernel import probe

F = "def f(x):\n    return 2*x**3 - 3*x**2 - 12*x + 1\n"
BACKWARD = "x = torch.tensor(1., requires_grad=True)\ny = f(x)\ny.backward()\n"
DIFFERENCES = """\
x = torch.tensor(1., requires_grad=True)
with torch.no_grad():
    slope = (f({x} + 0.25) - f({x} - 0.25)) / 0.5
(slope * x).backward()
"""
SQUARE, SLOPE = 100.0, 1000.0
MOVED = -12 + 2 * SQUARE + SLOPE


def replayed(source, *, names=("x", "g"), functions=("f",), seconds=5.0, **namespace):
    shell = SimpleNamespace(user_ns={"torch": torch, **namespace}, display_pub=None)
    before = dict(shell.user_ns)
    asked = ReplayBent(
        key="k", names=names, source=source, functions=functions, square=SQUARE, slope=SLOPE, seconds=seconds
    )
    key, reply = wire.read_reply(probe.answer(shell, *wire.request(asked)))
    assert key == "k"
    assert isinstance(reply, NamesReply)
    assert shell.user_ns == before
    return reply.values


def number(value):
    assert isinstance(value, ArrayValue)
    return torch.frombuffer(bytearray(value.data), dtype=torch.float32).item()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(F + BACKWARD, id="def"),
        pytest.param("f = lambda x: 2*x**3 - 3*x**2 - 12*x + 1\n" + BACKWARD, id="lambda"),
        pytest.param(
            "if True:\n    def f(x):\n        return 2*x**3 - 3*x**2 - 12*x + 1\n" + BACKWARD, id="conditional"
        ),
        pytest.param("1/0\n" + F + BACKWARD + "1/0", id="errors around it"),
    ],
)
def test_a_derivative_moves_with_its_function(source):
    assert number(replayed(source)["x"].grad) == MOVED


def test_a_function_defined_earlier_is_bent_too():
    assert number(replayed(BACKWARD, f=lambda x: 2 * x**3 - 3 * x**2 - 12 * x + 1)["x"].grad) == MOVED


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("g = torch.autograd.grad(f(torch.ones((), requires_grad=True)), ())", id="nothing asked"),
        pytest.param("x = torch.tensor(1., requires_grad=True)\n(x * -12).backward()", id="another function"),
        pytest.param("x = torch.tensor(1., requires_grad=True)\nx.grad = torch.tensor(-12.)", id="written down"),
        pytest.param("x = torch.tensor(0., requires_grad=True)\nf(x).backward()", id="another point"),
        pytest.param(DIFFERENCES.format(x="x"), id="differences passed through autograd"),
        pytest.param(DIFFERENCES.format(x="1.0"), id="differences of plain numbers"),
    ],
)
def test_what_is_no_derivative_of_it_there_does_not_move_so(source):
    values = replayed(F + source)

    gradient = getattr(values.get("x"), "grad", None)
    assert gradient is None or abs(number(gradient) - MOVED) > SQUARE


def test_what_is_printed_or_shown_is_told():
    printed = replayed(F + BACKWARD + "print('g:', x.grad.item())\nx.grad")[PRINTED]

    assert isinstance(printed, ScalarValue)
    assert printed.value == f"g: {MOVED}\ntensor({MOVED:.0f}.)\n"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import os; os._exit(0)", id="the copy ends itself"),
        pytest.param("while True: pass", id="the copy never ends"),
        pytest.param("def (", id="no Python"),
    ],
)
def test_a_replay_that_comes_to_nothing_is_an_empty_reply(source):
    assert replayed(source, seconds=1.0) == {}


def test_endless_printing_is_cut():
    printed = replayed("for i in range(100000): print('x' * 100)")[PRINTED]

    assert 0 < len(printed.value) <= 60_000
