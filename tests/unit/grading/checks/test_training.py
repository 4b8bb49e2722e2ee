"""The `training` kind on evidence of loops that ran in this process: which part is told, its rung, and its settings."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from grader.domain.execution import CellError, CellRun, CellState, Evidence
from grader.domain.probe import CallFunction, CallModule, TakeNames
from grader.domain.result import Verdict
from grader.domain.values import CallReply, CallsReply, ModuleReply, NamesReply
from grader.grading.arrays import find_array
from grader.grading.checks.training import TrainingCheck, Updates

LOOP = """\
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for _ in range(60):
    optimizer.zero_grad()
    loss = ((model(x) - 3 * x) ** 2).mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""
BEFORE = "import torch\ntorch.manual_seed(0)\nx = torch.linspace(-2, 2, 20).reshape(-1, 1)\n"
SETTINGS = {
    "losses": "losses",
    "parameters": ["model.weight"],
    "predict": {"name": "model", "inputs": {"uniform": [-1, 1], "shape": [4, 1]}, "like": "reference"},
    "optimizer": "SGD",
}


@pytest.fixture
def ask(wire):
    """The evidence of a loop with the answers to a check's probes, as a kernel would give them."""

    def answer(probe, namespace):
        if isinstance(probe, TakeNames):
            values = {}
            for name in probe.names:
                try:
                    values[name] = wire(eval(name, dict(namespace)))  # noqa: S307 - expressions of our own
                except Exception:  # noqa: BLE001, S112 - as in a kernel, what raises is missing
                    continue
            return NamesReply(values=values)
        name = next((name for name in probe.names if name in namespace), None)
        found = namespace.get(name)
        is_module = isinstance(found, torch.nn.Module)
        if isinstance(probe, CallModule) and not is_module:
            return ModuleReply(name=name, error=None if name is None else "NotAModule")
        arguments = [torch.from_numpy(find_array(value).copy()) for value in probe.calls[0]]
        call = CallReply(output=wire(found(*arguments).detach()))
        if isinstance(probe, CallFunction):
            return CallsReply(name=name, calls=(call,))
        return ModuleReply(name=name, calls={"eval": (call,)})

    def ask(check, code, *, raised=None):
        namespace = {}
        exec(BEFORE + code, namespace)  # noqa: S102 - loops of our own
        inputs = check.draw_inputs(1)
        probes = check.probes(source=code, notebook_source=BEFORE + code, inputs=inputs)
        run = CellRun(index=3, state=CellState.OK if raised is None else CellState.RAISED, error=raised)
        return Evidence(
            source=code,
            notebook_source=BEFORE + code,
            outputs=(),
            cell_runs=(run,),
            replies={probe.key: answer(probe, namespace) for probe in probes},
        )

    return ask


@pytest.fixture
def judge(ask):
    def judge(code, *, raised=None, noise=None, **settings):
        check = TrainingCheck.model_validate(SETTINGS | settings)
        expected = replace(ask(check, LOOP), overshoot=noise)
        return check.evaluate(actual=ask(check, code, raised=raised), expected=expected)

    return judge


def changed(old, new):
    assert old in LOOP
    return LOOP.replace(old, new)


def test_the_reference_passes(judge):
    assert judge(LOOP).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("code", "rung", "said"),
    [
        pytest.param(changed(".SGD(", ".ASGD("), "optimizer", "other_optimizer", id="another optimizer"),
        pytest.param(changed("losses.append(loss.item())", "losses.append(1.0)"), "losses", "loss_equal", id="losses"),
        pytest.param(LOOP + "model = torch.nn.Linear(1, 1)\nmodel(x)\n", None, "other_parameters", id="everything"),
        pytest.param(
            LOOP + "weight = model.weight\nclass Holder: pass\nheld = Holder()\nheld.weight = weight + 1\n"
            "net, model = model, held\ndef predict(x):\n    return net(x)\n",
            None,
            "predict_missing",
            id="two parts, of which one is missing",
        ),
        pytest.param(changed("3 * x", "2 * x"), None, "parameter_far", id="parameters and predictions"),
    ],
)
def test_the_first_part_that_is_wrong_is_told_and_its_rung_where_it_is_the_only_one(judge, code, rung, said):
    finding = judge(code)
    assert (finding.code, finding.rung) == (f"training.{said}", rung)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(LOOP + "losses = [9.0, 4.0, 0.5, 0.1, 0.01]\n", "losses_written", id="losses"),
        pytest.param("class SGD(torch.optim.SGD): pass\n" + LOOP, "own_optimizer", id="a class made of one"),
        pytest.param("class SGD(torch.optim.Optimizer): pass\n" + LOOP, "own_optimizer", id="a class of its own"),
        pytest.param(LOOP + "torch.optim.SGD.step = torch.optim.SGD.step\n", "own_optimizer", id="a change"),
    ],
)
def test_what_may_only_look_like_training_waits_for_a_person(judge, code, said):
    finding = judge(code)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, f"training.{said}")


def test_losses_that_start_with_a_written_number_are_no_written_losses(judge):
    code = changed("losses = []", "losses = [9.0]")
    assert judge(code).verdict is Verdict.PASSED


@pytest.mark.parametrize("expression", ["model.weight", "model.weight.item()", "model.weight.tolist()"])
def test_parameters_may_be_given_in_any_form(judge, expression):
    assert judge(LOOP.replace("model", "net"), parameters=[expression]).verdict is Verdict.PASSED


def test_the_noise_of_the_reference_widens_a_measured_tolerance(judge):
    away = LOOP + "with torch.no_grad():\n    model.weight += 0.3\n"
    only = {"predict": None, "optimizer": None, "parameters": ["model.weight"]}
    assert judge(away, **only).code == "training.parameter_far"
    assert judge(away, tolerance="measured", noise=0.1, **only).code == "training.parameter_far"
    assert judge(away, tolerance="measured", noise=1.0, **only).verdict is Verdict.PASSED


def test_two_runs_that_lie_apart_are_measured_in_units_of_the_tolerance(ask):
    check = TrainingCheck(parameters=["model.weight"], rtol=0.0, atol=0.1)
    here, there = ask(check, LOOP), ask(check, LOOP + "with torch.no_grad():\n    model.weight += 0.2\n")
    assert check.overshoot(actual=here, expected=here) == 0
    assert check.overshoot(actual=there, expected=here) == pytest.approx(2, rel=1e-3)
    assert TrainingCheck(losses="losses").overshoot(actual=here, expected=here) is None


def test_an_error_is_told_before_what_follows_from_it(judge):
    finding = judge("losses = 3\n", raised=CellError(name="NameError", message="secret"))
    assert finding.verdict is Verdict.MISSING
    assert finding.code == "training.missing_after_error"
    assert finding.facts == {"name": "losses", "cell": 4, "error": "NameError"}


def test_an_optimizer_that_keeps_a_state_shows_that_it_never_stepped(judge):
    code = changed(".SGD(", ".Adam(").replace("optimizer.step()", "other.step()")
    code = "class Other:\n    def step(self): pass\nother = Other()\n" + code
    assert judge(code, optimizer="Adam").code == "training.never_stepped"


def test_an_optimizer_of_other_parameters_keeps_no_state_but_is_told_as_that(judge):
    code = changed(".SGD(model", ".Adam(torch.nn.Linear(1, 1)")
    assert judge(code, optimizer="Adam").code == "training.other_parameters"


def test_a_step_without_any_gradient_is_told_as_the_missing_backward(judge):
    code = changed(".SGD(", ".Adam(").replace("loss.backward()", "pass")
    assert judge(code, optimizer="Adam").code == "training.no_backward"


def test_what_no_probe_answered_decides_nothing(judge, ask):
    check = TrainingCheck.model_validate(SETTINGS)
    empty = replace(ask(check, LOOP), replies={})
    assert check.evaluate(actual=ask(check, LOOP), expected=empty).verdict is Verdict.NEEDS_REVIEW
    assert check.evaluate(actual=empty, expected=ask(check, LOOP)).verdict is Verdict.MISSING


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        pytest.param({}, "training_of_nothing", id="nothing"),
        pytest.param({"falls": True}, "training_of_nothing", id="nothing but a word"),
        pytest.param({"parameters": ["w"], "below": 1}, "below_without_losses", id="a bound of no losses"),
        pytest.param({"losses": "for x in y"}, "bad_expression", id="no expression"),
        pytest.param({"losses": "l", "optimizer": "sgd"}, "literal_error", id="no class"),
        pytest.param({"losses": "l", "seconds": 0}, "greater_than", id="no time"),
        pytest.param({"losses": "l", "rtol": 1}, "one_tolerance", id="half a tolerance"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, code):
    with pytest.raises(ValidationError) as caught:
        TrainingCheck.model_validate(settings)
    assert [error["type"] for error in caught.value.errors()] == [code]


def test_every_optimizer_of_torch_may_be_asked_for():
    known = {name for name, value in vars(torch.optim).items() if isinstance(value, type)} - {"Optimizer"}
    assert set(get_args(Updates)) == known | {"any", "by_hand"}


def test_only_a_given_budget_replaces_the_limit():
    assert TrainingCheck(losses="l").budget_s is None
    assert TrainingCheck(losses="l", seconds=20).budget_s == 20


def test_names_of_an_answer_are_those_that_are_names():
    check = TrainingCheck.model_validate(SETTINGS | {"parameters": ["w", "model.weight"]})
    assert check.answer_names == ("losses", "w", "model")
