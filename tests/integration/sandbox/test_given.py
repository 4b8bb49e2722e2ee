"""A question can be given the reference's values: quietly, and for its own cells only from there on."""

import pytest

from grader.domain.execution import CellState, Given, Limits, Outcome, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.probe import TakeNames
from tests.integration.sandbox.conftest import notebook_of

Q2 = QuestionId("q2")


@pytest.fixture
def run(sandbox_runner):
    """Run sources as cells, of which the last is question 2 and is given something."""

    def run(*sources, source, names, seconds=5.0, take=(), limits=None):
        last = len(sources) - 1
        plan = QuestionPlan(
            question_id=Q2,
            code_cells=(last,),
            probes=(TakeNames(key="k", names=tuple(take)),) if take else (),
            given=Given(source=source, names=names, seconds=seconds),
        )
        return sandbox_runner.run(notebook_of(*sources), plan=[plan], limits=limits or Limits())

    return run


def shown(execution, index):
    return "".join(output.text for output in execution.cells[index].outputs)


def test_the_named_values_take_the_place_of_the_student_s(run):
    execution = run("t, u = 1, 2", "print(t, u)", source="t = 10\nu = 20\nv = 30", names=("t",))

    assert shown(execution, 1) == "10 2\n"
    assert execution.not_given == ()


def test_a_name_that_the_student_never_bound_is_there(run):
    execution = run("pass", "print(sum(t))", source="t = [1, 2, 3]", names=("t",))

    assert shown(execution, 1) == "6\n"


def test_values_are_given_before_the_cell_and_may_be_changed_by_it(run):
    execution = run("t = 1", "before = t\nt = 5", source="t = 10", names=("t",), take=("before", "t"))

    values = execution.replies["k"].values
    assert (values["before"].value, values["t"].value) == (10, 5)


def test_graphs_functions_classes_and_modules_come_along(run):
    reference = """
import math as m
import torch
class Net(torch.nn.Module):
    def forward(self, x):
        return helper(x) * m.pi
def helper(x):
    return x ** 2
x = torch.tensor(3., requires_grad=True)
y = helper(x)
"""
    answer = (
        "y.backward()\nprint(x.grad.item(), helper(2), round(Net()(1.), 2), m.pi == Net.forward.__globals__['m'].pi)"
    )

    execution = run("helper = None", answer, source=reference, names=("x", "y", "helper", "Net", "m"))

    assert shown(execution, 1) == "6.0 4 3.14 True\n"


def test_nothing_of_it_is_seen(run):
    reference = """
import sys, warnings
from matplotlib import pyplot as plt
print('a secret'); print('a secret', file=sys.stderr); display('a secret'); warnings.warn('a secret')
plt.plot([1, 2]); plt.show(); plt.figure(); plt.plot([3, 4])
t = 1
"""
    execution = run(
        "pass",
        "print(In, Out, [name for name in dir() if 'plt' in name or 'sys' in name])",
        source=reference,
        names=("t",),
    )

    assert [output.kind for output in execution.cells[1].outputs] == ["stdout"]
    assert "secret" not in execution.executed_notebook.decode()
    assert shown(execution, 1).endswith("{} []\n")


def test_random_state_and_gradient_mode_are_the_student_s(run):
    reference = "import torch, random, numpy\nrandom.seed(0); numpy.random.seed(0); torch.manual_seed(0)\nt = 1"
    draw = "print(random.random(), numpy.random.rand(), torch.rand(1).item(), torch.is_grad_enabled())"
    seed = (
        "import random, numpy, torch\nrandom.seed(7); numpy.random.seed(7); torch.manual_seed(7)\n"
        "_ = torch.set_grad_enabled(False)"
    )

    execution = run(seed, draw, source=reference, names=("t",))
    without = run(seed, draw, source="t = 1", names=("t",))

    assert shown(execution, 1) == shown(without, 1)
    assert shown(execution, 1).endswith("False\n")


@pytest.mark.parametrize(
    ("before", "source", "seconds"),
    [
        pytest.param("pass", "1 / 0", 5.0, id="it raises"),
        pytest.param("pass", "while True: pass", 0.3, id="it does not end"),
        pytest.param("import torch\ntorch.tensor = None", "import torch\nt = torch.tensor(1)", 5.0, id="broken torch"),
        pytest.param("pass", "raise SystemExit", 5.0, id="it exits"),
    ],
)
def test_what_cannot_be_given_is_told_and_the_notebook_goes_on(run, before, source, seconds):
    execution = run(before, "print('went on')", source=source, names=("t",), seconds=seconds)

    assert execution.not_given == (Q2,)
    assert shown(execution, 1) == "went on\n"


def test_a_student_who_replaced_builtins_does_not_reach_it(run):
    execution = run("import builtins\nbuiltins.sum = lambda _: 99", "print(t)", source="t = sum([1])", names=("t",))

    assert shown(execution, 1) == "1\n"


def test_giving_that_ends_the_kernel_is_told(run):
    execution = run("pass", "print(1)", source="import os\nos._exit(1)", names=("t",))

    assert execution.not_given == (Q2,)
    assert execution.outcome is Outcome.DIED


def test_a_kernel_that_the_student_ended_before_is_not_our_failure(run):
    execution = run("import os\nos._exit(1)", "print(1)", source="t = 1", names=("t",))

    assert execution.not_given == ()
    assert execution.cells[0].state is CellState.ENDED_KERNEL


def test_an_empty_first_cell_is_given_too(sandbox_runner):
    plan = QuestionPlan(question_id=Q2, code_cells=(0, 1), given=Given(source="t = 3", names=("t",), seconds=5.0))

    execution = sandbox_runner.run(notebook_of("", "print(t)"), plan=[plan], limits=Limits())

    assert shown(execution, 1) == "3\n"


def test_a_question_may_have_more_time_than_the_limits_say(sandbox_runner):
    def plan(budget_s):
        return [QuestionPlan(question_id=Q2, code_cells=(0,), budget_s=budget_s)]

    cells = notebook_of("import time\ntime.sleep(1)\nprint('whole')")
    short = sandbox_runner.run(cells, plan=plan(None), limits=Limits(question_s=0.3))
    longer = sandbox_runner.run(cells, plan=plan(20.0), limits=Limits(question_s=0.3))

    assert short.cells[0].state is CellState.TIMED_OUT
    assert shown(longer, 0) == "whole\n"
