"""Gradients by name, of modules and those that must be None, with a second run from moved inputs as the witness."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from grader.domain.probe import ReplayBent, ReplayShifted, TakeNames
from grader.domain.result import Finding, Verdict
from grader.domain.values import NamesReply
from grader.grading.checks.gradient import GradientCheck

LINE = "x = torch.tensor(3.)\nw = torch.tensor(4., requires_grad=True)\nb = torch.tensor(5., requires_grad=True)\n"
RIGHT = LINE + "(w*x + b).backward()"
NET = (
    "torch.manual_seed(0)\nmodel = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))\n"
)
RUN = "model(torch.ones(1, 2)).sum().backward()"


@pytest.fixture
def judge(play: Callable[..., Any]) -> Callable[..., Finding]:
    def judged(
        reference: str, answer: str, *, check: GradientCheck, before: tuple[str, ...] = ("import torch",)
    ) -> Finding:
        inputs = check.draw_inputs(5)
        expected = play([reference], before=before).asked(check, inputs)
        return check.evaluate(actual=play([answer], before=before).asked(check, inputs), expected=expected)

    return judged


PAIR = GradientCheck(of=("w", "b"))
SHARES = {
    "both": (RIGHT, Verdict.PASSED, None),
    "one": (LINE + "(w*x + 2*b).backward()", Verdict.FAILED, 0.5),
    "none": (LINE + "(2*w*x + 2*b).backward()", Verdict.FAILED, 0.0),
    "one has none": (LINE + "(w*x).backward()", Verdict.FAILED, 0.5),
    "one by autograd and one by hand": (
        LINE + "(w*x + 2*b).backward()\nw.grad = torch.tensor(3.)",
        Verdict.FAILED,
        None,
    ),
    "one stuck": (LINE + "(w*3 + 2*b).backward()", Verdict.FAILED, 0.5),
}


@pytest.mark.parametrize(
    ("answer", "verdict", "share"), [pytest.param(*case, id=name) for name, case in SHARES.items()]
)
def test_the_share_counts_what_autograd_gave(answer, verdict, share, judge):
    finding = judge(RIGHT, answer, check=PAIR)

    assert (finding.verdict, finding.share) == (verdict, share), finding


def test_every_name_is_told_by_what_is_wrong_with_it(judge):
    names = ("a", "b", "c", "d", "e")
    make = "".join(f"{name} = torch.tensor([2., 3.], requires_grad=True)\n" for name in names)
    reference = make + "(a + b*2 + c*3 + d*4 + e*5).sum().backward()"
    answer = make.replace("e =", "f =").replace("d = torch.tensor([2., 3.]", "d = torch.tensor([2., 3., 4.]")
    answer += "(a.sum() + (b*3).sum() + d.sum()).backward()"

    finding = judge(reference, answer, check=GradientCheck(of=names))

    assert finding.code == "gradient.several"
    assert {name: finding.facts[name] for name in ("right", "wrong", "none", "shape", "missing")} == {
        "right": ["a"],
        "wrong": ["b"],
        "none": ["c"],
        "shape": ["d"],
        "missing": ["e"],
    }
    assert (finding.facts["count"], finding.facts["total"], finding.share) == (1, 5, 0.2)


def test_the_first_wrong_pair_goes_to_diagnosis(judge):
    finding = judge(RIGHT, LINE + "(w*x + 2*b).backward()", check=PAIR)

    assert (finding.code, finding.facts["name"]) == ("gradient.some_wrong", ["b"])
    assert finding.actual is not None
    assert finding.expected is not None


def test_no_fact_holds_an_expected_number(judge):
    reference = LINE.replace("3.", "31337.") + "(w*x + b).backward()"

    finding = judge(reference, LINE.replace("3.", "31337.") + "(w*x*2 + b*2).backward()", check=PAIR)

    assert "313" not in str(finding.facts)


X = "x = torch.tensor([1., 2.], requires_grad=True)\n"
SQUARES = X + "(x**2).sum().backward()"
WITNESSED = {
    "written down before a real pass": (X + "(x**2).sum().backward()\nx.grad = torch.tensor([2., 4.])", "doubtful"),
    "a linear function with the same slope": (X + "(x * torch.tensor([2., 4.])).sum().backward()", "not_moved"),
    "a fixed direction": (X + "x.sum().backward(torch.tensor(1.))\nx.grad *= torch.tensor([2., 4.])", "doubtful"),
    "a replay that ends itself": (
        "import os\n" + X + "(x**2).sum().backward()\ntry:\n    again\n    os._exit(0)\n"
        "except NameError:\n    again = 1",
        "not_moved",
    ),
    "a formula in a backward of its own": (
        "class F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
        "        ctx.save_for_backward(x)\n        return (x**2).sum()\n    @staticmethod\n"
        "    def backward(ctx, g):\n        return g * 2 * ctx.saved_tensors[0]\n" + X + "F.apply(x).backward()",
        "doubtful",
    ),
}


@pytest.mark.parametrize(("answer", "code"), [pytest.param(*case, id=name) for name, case in WITNESSED.items()])
def test_right_numbers_that_were_not_computed_wait_for_a_person(answer, code, judge):
    finding = judge(SQUARES, answer, check=GradientCheck(of="x"))

    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, f"gradient.{code}")


SEEN = {
    "zeroed by assigning": X + "x.grad = torch.zeros_like(x)\n(x**2).sum().backward()",
    "zeroed by filling": X + "(x**3).sum().backward()\nx.grad.fill_(0.)\n(x**2).sum().backward()",
    "scaled on purpose": X + "(x**2).sum().backward(torch.tensor(2.))\nx.grad /= 2",
    "a hook that looks": X + "x.register_hook(lambda g: print(g))\n(x**2).sum().backward()",
    "a hook that changes": X + "x.register_hook(lambda g: g * 2)\n((x**2).sum() / 2).backward()",
    "a printed list": X + "(x**2).sum().backward()\nprint([round(g, 2) for g in x.grad.tolist()])\ndel x",
}


@pytest.mark.parametrize("answer", [pytest.param(answer, id=name) for name, answer in SEEN.items()])
def test_what_moves_as_it_must_passes_though_the_source_leaves_doubts(answer, judge):
    assert judge(SQUARES, answer, check=GradientCheck(of="x")).verdict is Verdict.PASSED


def test_other_inputs_than_the_references_are_judged_by_the_source_alone(judge):
    answer = (
        "a = torch.tensor([[1.], [2.]], requires_grad=True)\nx = a.squeeze()\nx.retain_grad()\n(x**2).sum().backward()"
    )

    assert judge(SQUARES, answer, check=GradientCheck(of="x")).verdict is Verdict.PASSED


def test_a_leaf_of_an_earlier_cell_serves_as_well(judge):
    before = ("import torch", X)

    finding = judge("(x**2).sum().backward()", SQUARES, check=GradientCheck(of="x"), before=before)

    assert finding.verdict is Verdict.PASSED


def test_the_gradient_at_the_end_counts_and_not_one_on_the_way(judge):
    once = X + "(x**2).sum().backward()\nprint(x.grad)\n"
    twice = once + "(x**2).sum().backward()\nprint(x.grad)"

    assert judge(once, twice, check=GradientCheck(of="x")).code == "gradient.wrong"
    assert judge(once, twice.replace("x", "a"), check=GradientCheck(of="x")).code == "gradient.wrong"
    assert judge(twice, twice.replace("x", "a"), check=GradientCheck(of="x")).verdict is Verdict.PASSED


MODULE = GradientCheck(module="model")
OWN = (
    "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.a = torch.nn.Linear(2, 3)\n        self.b = torch.nn.Linear(3, 1)\n"
    "    def forward(self, x):\n        return self.b(torch.tanh(self.a(x)))\ntorch.manual_seed(0)\nmodel = Net()\n"
)
MODULES = {
    "as the reference": (NET + RUN, "passed"),
    "another name": ((NET + RUN).replace("model", "net"), "passed"),
    "other parameter names": (OWN + RUN, "passed"),
    "an optimizer's step afterwards": (NET + RUN + "\ntorch.optim.SGD(model.parameters(), lr=0.1).step()", "passed"),
    "twice": (NET + RUN + "\n" + RUN, "some_wrong"),
    "never": (NET + "model(torch.ones(1, 2)).sum()", "no_backward"),
    "frozen": (NET + "model[0].requires_grad_(False)\n" + RUN, "some_none"),
    "a parameter less": ((NET + RUN).replace("Linear(2, 3)", "Linear(2, 3, bias=False)"), "several"),
    "a parameter more": ((NET + RUN).replace("Linear(3, 1))", "Linear(3, 1), torch.nn.PReLU())"), "extra_parameters"),
    "no module": ("model = 1", "no_module"),
}


@pytest.mark.parametrize(("answer", "code"), [pytest.param(*case, id=name) for name, case in MODULES.items()])
def test_all_parameters_of_a_module_are_compared_by_name(answer, code, judge):
    finding = judge(NET + RUN, answer, check=MODULE)

    assert finding.code == f"gradient.{code}", finding.facts


def test_a_parameter_that_has_no_gradient_in_the_reference_must_have_none(judge):
    frozen = NET + "model[0].requires_grad_(False)\n" + RUN

    assert judge(frozen, frozen, check=MODULE).verdict is Verdict.PASSED
    finding = judge(frozen, NET + RUN, check=MODULE)
    assert (finding.code, finding.facts["name"]) == ("gradient.some_wrong", ["0.weight", "0.bias"])


def test_a_reference_without_gradients_decides_nothing(judge):
    assert judge(LINE, RIGHT, check=PAIR).code == "gradient.no_expected"
    assert judge(NET, NET + RUN, check=MODULE).code == "gradient.no_expected"
    assert judge(RIGHT, RIGHT, check=GradientCheck(of="w", none=True)).code == "gradient.no_expected"
    assert judge(RIGHT, RIGHT, check=GradientCheck(of=("w", "oops"))).code == "gradient.no_expected"


def test_a_gradient_that_is_none_cannot_be_had_by_doing_nothing(judge):
    check = GradientCheck(of="x", none=True)
    earlier = ("import torch", LINE)

    assert judge(RIGHT, RIGHT, check=check).code == "gradient.none_passed"
    assert judge("(w*x + b).backward()", "pass", check=check, before=earlier).code == "gradient.missing_name"


def test_a_matching_number_of_names_is_probed_and_run_again():
    check = GradientCheck(of=("w", "model.weight"))

    taken, shifted = check.probes(source="z = w * 2", notebook_source="z = w * 2", inputs=check.draw_inputs(1))

    assert isinstance(taken, TakeNames)
    assert taken.names == ("w", "model.weight", "z")
    assert isinstance(shifted, ReplayShifted)
    assert (shifted.names, shifted.shifted) == (taken.names, ("w", "model"))


def test_a_function_is_bent_and_a_gradient_that_is_none_is_taken_once():
    bent, once = GradientCheck(of="x", function="f"), GradientCheck(of="x", none=True)

    assert isinstance(bent.probes(source="", notebook_source="", inputs=bent.draw_inputs(1))[1], ReplayBent)
    assert len(once.probes(source="", notebook_source="", inputs=once.draw_inputs(1))) == 1
    assert (bent.has_hidden_inputs, once.has_hidden_inputs) == (True, False)


def test_moved_inputs_come_in_few_kinds_that_publishing_can_afford():
    draws = {str(PAIR.draw_inputs(seed)) for seed in range(64)}

    assert 4 <= len(draws) <= 8
    assert PAIR.draw_inputs(3) == PAIR.draw_inputs(3)


def test_the_gap_between_two_runs_is_measured_over_all_names(play):
    one = play([RIGHT]).asked(PAIR)
    other = play([RIGHT.replace("3.", "3.00039")]).asked(PAIR)

    assert PAIR.overshoot(actual=one, expected=one) == 0
    assert PAIR.overshoot(actual=other, expected=one) == pytest.approx(28, rel=0.2)
    assert PAIR.overshoot(actual=play(["w = 1"]).asked(PAIR), expected=one) is None
    module = play([NET + RUN]).asked(MODULE)
    assert MODULE.overshoot(actual=module, expected=module) == 0
    assert GradientCheck(of="x", none=True).overshoot(actual=one, expected=one) is None


def test_an_answer_whose_second_run_is_lost_is_not_trusted(play):
    inputs = PAIR.draw_inputs(1)
    expected = play([RIGHT]).asked(PAIR, inputs)
    lost = {**expected.replies, "shifted": NamesReply(values={})}
    actual = type(expected)(
        source=expected.source,
        notebook_source=expected.notebook_source,
        outputs=(),
        cell_runs=expected.cell_runs,
        replies=lost,
    )

    assert PAIR.evaluate(actual=actual, expected=expected).code == "gradient.not_moved"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        pytest.param("w", {"of": "w"}, id="a name"),
        pytest.param("model.weight", {"of": ["model.weight"]}, id="a place"),
        pytest.param({"of": "w"}, {"of": ["w"]}, id="a list of one"),
    ],
)
def test_short_forms_mean_the_same(short, long):
    assert GradientCheck.model_validate(short) == GradientCheck.model_validate(long)


def test_a_single_name_is_stored_as_it_always_was():
    dumped = GradientCheck(of="x", at=1.0, function="f").model_dump(mode="json", exclude_defaults=True)

    assert dumped == {"of": "x", "at": 1.0, "function": "f"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param({}, "of_or_module", id="nothing"),
        pytest.param({"of": "x", "module": "m"}, "of_or_module", id="both"),
        pytest.param({"of": []}, "of_or_module", id="no name"),
        pytest.param({"of": ["x", "y"], "at": 1.0}, "one_gradient", id="several at a point"),
        pytest.param({"of": ["x", "y"], "none": True}, "one_gradient", id="several that are None"),
        pytest.param({"module": "m", "function": "f"}, "one_gradient", id="a module's function"),
        pytest.param({"of": "x", "none": True, "at": 1.0}, "none_or_point", id="None at a point"),
        pytest.param({"of": "x[i]"}, "string_pattern_mismatch", id="an index that is no number"),
        pytest.param({"of": "f()"}, "string_pattern_mismatch", id="a call"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, kind):
    with pytest.raises(ValidationError) as refused:
        GradientCheck.model_validate(given)
    assert [error["type"] for error in refused.value.errors()] == [kind]
