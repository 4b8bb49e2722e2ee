"""The function kind beyond one number in and one out: several arguments, what else a call does, finite differences."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.values import CallReply, SequenceValue
from grader.grading.checks.function import FunctionCheck

X = {"uniform": [-2, 2], "shape": [3]}
XY = {"arguments": [X, X], "times": 3}


def check(*inputs: Any, **more: Any) -> FunctionCheck:
    return FunctionCheck.model_validate({"name": "f", "inputs": inputs or [XY], **more})


@pytest.fixture
def asked(play: Callable[..., Any]) -> Callable[..., Evidence]:
    def answered(check: FunctionCheck, source: str, *, seed: int = 5) -> Evidence:
        return play([source], before=["import torch, numpy as np\nfrom torch import nn"]).asked(
            check, check.draw_inputs(seed)
        )

    return answered


@pytest.fixture
def judge(asked: Callable[..., Evidence]) -> Callable[..., Finding]:
    def judged(check: FunctionCheck, source: str, *, reference: str, seed: int = 5) -> Finding:
        return check.evaluate(actual=asked(check, source, seed=seed), expected=asked(check, reference, seed=seed))

    return judged


FORMS = {
    "a tuple for a tuple": ("return x + y, x.sum()", "return x + y, x.sum()", "passed"),
    "a list for a tuple": ("return x + y, x.sum()", "return [y + x, x.sum()]", "passed"),
    "one part wrong": ("return x + y, x.sum()", "return x + y, x.mean()", "item_wrong"),
    "parts the wrong way round": ("return x + y, x - y", "return x - y, x + y", "item_wrong"),
    "a part too few": ("return x, y", "return (x,)", "length"),
    "one thing for two": ("return x, y", "return x", "type"),
    "a part that is nothing": ("return x, y", "return x, None", "returns_none"),
    "a dict": ("return {'s': x + y, 'n': 3}", "return {'n': 3, 's': y + x}", "passed"),
    "a dict with another key": ("return {'s': x + y}", "return {'t': x + y}", "keys"),
    "a dict with a wrong part": ("return {'s': x + y}", "return {'s': x}", "item_wrong"),
    "no dict": ("return {'s': x + y}", "return x + y", "type"),
    "true for true": ("return bool(x.sum() > -99)", "return bool((x**2).sum() >= 0)", "passed"),
    "1 for true": ("return bool(x.sum() > -99)", "return 1", "dtype"),
    "a word": ("return 'up'", "return 'up'", "passed"),
    "another word": ("return 'up'", "return 'down'", "all_wrong"),
    "nothing for nothing": ("print(x)", "pass", "passed"),
    "something for nothing": ("print(x)", "return 'x'", "type"),
    "a Python number": ("return x.sum().item()", "return float(sum(x))", "passed"),
    "a tensor for a Python number": ("return x.sum().item()", "return x.sum()", "type"),
    "an int for a float": ("return 2.0", "return 2", "passed"),
    "float64 for float32": ("return x + y", "return x.double() + y.double()", "passed"),
    "float16 for float32": ("return x * 0 + 1", "return (x * 0 + 1).half()", "dtype"),
    "int32 for int64": ("return (x > 0).sum()", "return (x > 0).sum().int()", "passed"),
    "floats for integers": ("return (x > 0).sum()", "return (x > 0).sum().float()", "dtype"),
    "integers for truths": ("return x > 0", "return (x > 0).int()", "dtype"),
    "an array for a tensor": ("return x + y", "return (x + y).numpy()", "not_tensor"),
    "an array for an array": ("return (x + y).numpy()", "return np.add(x.numpy(), y.numpy())", "passed"),
    "a tensor for an array": ("return (x + y).numpy()", "return x + y", "type"),
    "a column for a row": ("return x + y", "return (x + y)[:, None]", "shape"),
    "a module": ("return x + y", "return nn.ReLU()", "opaque"),
    "a list of words": ("return x + y", "return ['a']", "type"),
}


@pytest.mark.parametrize(("right", "answer", "code"), [pytest.param(*case, id=name) for name, case in FORMS.items()])
def test_what_is_returned_is_compared_in_its_form(
    right: str, answer: str, code: str, judge: Callable[..., Finding]
) -> None:
    finding = judge(check(), f"def f(x, y):\n    {answer}", reference=f"def f(x, y):\n    {right}")
    assert finding.code == f"function.{code}"
    assert (finding.verdict is Verdict.PASSED) == (code == "passed")


def test_a_wrong_part_is_told_by_its_place(judge: Callable[..., Finding]) -> None:
    reference = "def f(x, y):\n    return x, {'a': [x, y]}"
    finding = judge(check(), "def f(x, y):\n    return x, {'a': [x, x]}", reference=reference)
    assert finding.facts["place"] == "[1]['a'][1]"


def test_right_numbers_in_another_form_have_the_rung(judge: Callable[..., Finding]) -> None:
    for answer in ("(x + y).numpy()", "(x + y).half().float().double().tolist()"):
        finding = judge(check(), f"def f(x, y):\n    return {answer}", reference="def f(x, y):\n    return x + y")
        assert finding.rung == ("outputs" if "numpy" in answer else None)


def test_a_reference_that_returns_what_cannot_be_compared_decides_nothing(judge: Callable[..., Finding]) -> None:
    finding = judge(check(), "def f(x, y):\n    return x", reference="def f(x, y):\n    return nn.ReLU()")
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "function.no_expected")


PYTHON = {
    "lists and numbers": ([[{"uniform": [0, 1], "shape": [3], "as": "list"}, 3]], "return sum(x) * y", "passed"),
    "an array": ([[{"normal": [0, 1], "shape": [3], "as": "numpy"}, 2.0]], "return np.sum(x) * float(y)", "passed"),
    "a word": ([[[1.0, 2.0], "mean"]], "return getattr(x, y)()", "passed"),
    "an int": ([[[1.0, 2.0], {"integers": [0, 1], "as": "number"}]], "return x[y]", "passed"),
}


@pytest.mark.parametrize(("inputs", "body", "code"), [pytest.param(*case, id=name) for name, case in PYTHON.items()])
def test_arguments_need_not_be_tensors(inputs: Any, body: str, code: str, judge: Callable[..., Finding]) -> None:
    source = f"def f(x, y):\n    {body}"
    assert judge(check(*inputs), source, reference=source).code == f"function.{code}"


def test_a_function_without_arguments_is_called(judge: Callable[..., Finding]) -> None:
    reference = "def f():\n    return torch.eye(2)"
    assert (
        judge(check([]), "def g():\n    return torch.eye(2)", reference=reference).code == "function.passed_other_name"
    )


PRODUCT = "def f(x, y):\n    return x**2 * y"
GRADIENTS = {
    "another formula": ("return y * x * x", True, "passed"),
    "detached": ("return (x**2 * y).detach()", True, "no_gradient"),
    "the second argument detached": ("return x**2 * y.detach()", True, "no_gradient_for"),
    "the second argument does not count": ("return x**2 * y.detach()", [0], "passed"),
    "the second argument alone counts": ("return x**2 * y.detach()", [1], "no_gradient_for"),
    "a factor detached": ("return x * x.detach() * y", True, "gradient_wrong"),
}


@pytest.mark.parametrize(
    ("body", "gradient", "code"), [pytest.param(*case, id=name) for name, case in GRADIENTS.items()]
)
def test_derivatives_by_each_argument_count(body: str, gradient: Any, code: str, judge: Callable[..., Finding]) -> None:
    finding = judge(check(gradient=gradient), f"def f(x, y):\n    {body}", reference=PRODUCT)
    assert finding.code == f"function.{code}"
    assert finding.facts.get("argument") == (2 if code == "no_gradient_for" else None)


def test_no_derivative_is_as_good_as_one_of_zero_beside_others(judge: Callable[..., Finding]) -> None:
    reference = "def f(x, y):\n    return x**2 + 0 * y"
    assert judge(check(gradient=True), "def f(x, y):\n    return x**2", reference=reference).code == "function.passed"


def test_an_argument_that_the_reference_does_not_derive_by_cannot_be_asked_for(judge: Callable[..., Finding]) -> None:
    source = "def f(x, y):\n    return x**2 * y.detach()"
    assert judge(check(gradient=[1]), source, reference=source).code == "function.no_expected"


SECOND = {
    "another formula": ("return y * x * x * x", "passed"),
    "the first derivative's graph cut": (
        "class Cube(torch.autograd.Function):\n"
        "        @staticmethod\n"
        "        def forward(ctx, a):\n            ctx.save_for_backward(a)\n            return a**3\n"
        "        @staticmethod\n"
        "        def backward(ctx, g):\n            (a,) = ctx.saved_tensors\n            return 3 * g * a.data**2\n"
        "    return Cube.apply(x) * y",
        "second_wrong",
    ),
}


@pytest.mark.parametrize(("body", "code"), [pytest.param(*case, id=name) for name, case in SECOND.items()])
def test_second_derivatives_count_where_asked(body: str, code: str, judge: Callable[..., Finding]) -> None:
    asked = check({"arguments": [X, X]}, gradient=[0], second=True)
    finding = judge(asked, f"def f(x, y):\n    {body}", reference="def f(x, y):\n    return x**3 * y")
    assert finding.code == f"function.{code}"
    if code != "passed":
        assert finding.rung == "outputs"


def test_a_derivative_that_cannot_be_derived_again_is_told(asked: Callable[..., Evidence]) -> None:
    twice = check(gradient=True, second=True)
    expected = asked(twice, "def f(x, y):\n    return x**3 * y")
    reply = expected.replies["calls"]
    once = replace(reply, calls=tuple(replace(call, second=(None, None)) for call in reply.calls))
    finding = twice.evaluate(actual=replace(expected, replies={"calls": once}), expected=expected)
    assert (finding.code, finding.rung) == ("function.no_second", "outputs")


CHANGES = {
    "in place": ("x.mul_(2)\n    return x + y", "changes_input", 1),
    "in place after the answer": ("z = 2 * x + y\n    y[0] = 0\n    return z", "changes_input", 2),
    "through a view": ("x.data *= 2\n    return x + y", "changes_input", 1),
    "on a copy": ("z = x.clone()\n    z.mul_(2)\n    return z + y", "passed", None),
}


@pytest.mark.parametrize(("body", "code", "place"), [pytest.param(*case, id=name) for name, case in CHANGES.items()])
@pytest.mark.parametrize("gradient", [False, True], ids=["outputs", "gradients"])
def test_arguments_that_were_changed_are_told(
    body: str, code: str, place: int | None, gradient: bool, judge: Callable[..., Finding]
) -> None:
    reference = "def f(x, y):\n    return 2 * x + y"
    finding = judge(check(gradient=gradient), f"def f(x, y):\n    {body}", reference=reference)
    assert finding.code == f"function.{code}"
    assert finding.facts.get("argument") == place


def test_a_reference_that_changes_its_argument_asks_for_that(judge: Callable[..., Finding]) -> None:
    reference = "def f(x, y):\n    x.add_(y)\n    return x"
    assert judge(check(), reference, reference=reference).code == "function.passed"
    assert judge(check(), "def f(x, y):\n    return x + y", reference=reference).code == "function.leaves_input"


STATE = {
    "a counter": "n = 0\ndef f(x, y):\n    global n\n    n += 1\n    return x + y * n",
    "a default that grows": "def f(x, y, seen=[]):\n    seen.append(1)\n    return x + y * len(seen)",
    "random numbers": "def f(x, y):\n    return x + y + torch.randn(3)",
    "right until it is called again": ("n = 0\ndef f(x, y):\n    global n\n    n += 1\n    return x + y + (n > 3)"),
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in STATE.items()])
def test_another_answer_to_the_same_input_is_told(source: str, judge: Callable[..., Finding]) -> None:
    finding = judge(check(), source, reference="def f(x, y):\n    return x + y")
    assert (finding.verdict, finding.code) == (Verdict.FAILED, "function.keeps_state")


def test_a_function_that_only_counts_its_calls_passes(judge: Callable[..., Finding]) -> None:
    source = "calls = []\ndef f(x, y):\n    calls.append(x)\n    return x + y"
    assert judge(check(), source, reference="def f(x, y):\n    return x + y").code == "function.passed"


def test_a_reference_that_keeps_state_asks_for_no_other(judge: Callable[..., Finding]) -> None:
    source = STATE["a counter"]
    assert judge(check(), source, reference=source).code == "function.passed"


def test_expected_answers_of_before_the_first_input_came_twice_still_serve(asked: Callable[..., Evidence]) -> None:
    source = "def f(x, y):\n    return x + y"
    expected = asked(check(), source)
    reply = expected.replies["calls"]
    old = replace(expected, replies={"calls": replace(reply, calls=reply.calls[:3])})
    assert check().evaluate(actual=asked(check(), source), expected=old).code == "function.passed"


ROOT = "def f(x, y):\n    if (x < 0).any():\n        raise ValueError('negative')\n    return x.sqrt() * y"
RAISES = {
    "the same": (ROOT, "passed"),
    "a subclass of its own": (
        "class Mine(ValueError): pass\n" + ROOT.replace("ValueError", "Mine"),
        "passed",
    ),
    "another error": (ROOT.replace("ValueError", "TypeError"), "raises_other"),
    "any error at all": (ROOT.replace("ValueError", "Exception"), "raises_other"),
    "no error": ("def f(x, y):\n    return x.sqrt() * y", "does_not_raise"),
    "the process ends": (ROOT.replace("raise ValueError('negative')", "import os; os._exit(1)"), "raises_other"),
}


@pytest.mark.parametrize(("source", "code"), [pytest.param(*case, id=name) for name, case in RAISES.items()])
def test_calls_that_must_raise_have_to(source: str, code: str, judge: Callable[..., Finding]) -> None:
    wanted = [{"arguments": [[-1.0], [2.0]], "error": "ValueError"}]
    positive = {"arguments": [{"uniform": [1, 2], "shape": [1]}, [2.0]]}
    finding = judge(check(positive, raises=wanted), source, reference=ROOT)
    assert finding.code == f"function.{code}"
    if code != "passed":
        assert (finding.rung, finding.facts["expected_error"]) == ("outputs", "ValueError")


def test_an_error_below_the_one_asked_for_will_do(judge: Callable[..., Finding]) -> None:
    wanted = [{"arguments": [1.0, 2.0], "error": "LookupError"}]
    reference = "def f(x, y):\n    if x.dim() == 0: raise LookupError\n    return x"
    answer = reference.replace("LookupError", "KeyError")
    assert judge(check(XY, raises=wanted), answer, reference=reference).code == "function.passed"


def test_a_reference_that_does_not_raise_as_its_spec_says_decides_nothing(judge: Callable[..., Finding]) -> None:
    source = "def f(x, y):\n    return x + y"
    wanted = [{"arguments": [1.0, 2.0], "error": "ValueError"}]
    assert judge(check(XY, raises=wanted), source, reference=source).code == "function.no_expected"


SLOPES = "def f(x, y):\n    return torch.sin(x) * y + x"
CUTS = {
    "the whole output": ("return (torch.sin(x) * y + x).detach()", "autograd_cut_by", "detach()"),
    ".data": ("return torch.sin(x.data) * y.data + x.data", "autograd_cut_by", ".data"),
    "by way of NumPy": (
        "a, b = x.detach().numpy(), y.detach().numpy()\n    return torch.from_numpy(np.sin(a) * b + a)",
        "autograd_cut_by",
        "from_numpy()",
    ),
    "by way of numbers": (
        "import math\n    return torch.stack([torch.tensor(math.sin(a)) * 1 * b.item() + a.item() "
        "for a, b in zip(x, y)]).to(x.dtype)",
        None,
        None,
    ),
    "a function of NumPy's": ("return torch.as_tensor(np.sin(x.data)) * y.data + x.data", "autograd_cut_by", None),
    "one argument": ("return torch.sin(x) * y.detach() + x", "autograd_cut_by", "detach()"),
    "a part": ("return torch.sin(x) * y + x.detach()", "backward_wrong_by", "detach()"),
    "no_grad": ("with torch.no_grad():\n        return torch.sin(x) * y + x", "autograd_cut_by", "no_grad()"),
    "a backward of its own": (
        "class Sine(torch.autograd.Function):\n"
        "        @staticmethod\n"
        "        def forward(ctx, a):\n            ctx.save_for_backward(a)\n            return a.sin()\n"
        "        @staticmethod\n"
        "        def backward(ctx, g):\n            (a,) = ctx.saved_tensors\n            return g * -a.cos()\n"
        "    return Sine.apply(x) * y + x",
        "backward_wrong_by",
        "class Sine",
    ),
}


@pytest.mark.parametrize(("body", "code", "cut"), [pytest.param(*case, id=name) for name, case in CUTS.items()])
def test_a_right_function_that_autograd_cannot_follow_is_told_as_exactly_that(
    body: str, code: str | None, cut: str | None, judge: Callable[..., Finding]
) -> None:
    asked = check(gradient=True, finite_differences=True)
    finding = judge(asked, f"def f(x, y):\n    {body}", reference=SLOPES)
    assert finding.verdict is Verdict.FAILED
    assert finding.rung == "outputs"
    if code is not None:
        assert finding.code == f"function.{code}"
    if cut is not None:
        assert finding.facts["cut"] == cut


@pytest.mark.parametrize(
    ("code", "cut"),
    [
        pytest.param("{}def f(x, y):\n    return torch.sin(x) * y + x.detach()", "detach()", id="in the function"),
        pytest.param("{}f = lambda x, y: torch.sin(x) * y + x.data", ".data", id="in a lambda"),
        pytest.param(
            "{}def fixed(x):\n    return x.detach()\ndef f(x, y):\n    return torch.sin(x) * y + fixed(x)",
            "detach()",
            id="in one that it calls",
        ),
    ],
)
def test_what_stands_beside_the_function_is_not_blamed_for_a_cut(
    code: str, cut: str, judge: Callable[..., Finding]
) -> None:
    beside = "start = torch.tensor(1.0)\ndef g(x):\n    return x.item()\n"
    finding = judge(check(gradient=True, finite_differences=True), code.format(beside), reference=SLOPES)
    assert (finding.code, finding.facts["cut"]) == ("function.backward_wrong_by", cut)


@pytest.mark.parametrize("answer", [SLOPES, SLOPES.replace("torch.sin(x) * y", "(x.exp().log().sin() * y)")])
def test_finite_differences_do_not_disturb_a_right_answer(answer: str, judge: Callable[..., Finding]) -> None:
    for seed in range(8):
        finding = judge(check(gradient=True, finite_differences=True), answer, reference=SLOPES, seed=seed)
        assert finding.code == "function.passed"


def test_a_function_that_only_takes_float32_is_not_punished(judge: Callable[..., Finding]) -> None:
    only32 = "def f(x, y):\n    assert x.dtype == torch.float32\n    return torch.sin(x) * y + x"
    asked = check(gradient=True, finite_differences=True)
    assert judge(asked, only32, reference=SLOPES).code == "function.passed"
    assert judge(asked, only32.replace("* y +", "* y.detach() +"), reference=SLOPES).code == "function.no_gradient_for"
    assert judge(asked, SLOPES, reference=only32).code == "function.passed"


def test_a_reference_whose_own_derivative_is_wrong_is_found_out(judge: Callable[..., Finding]) -> None:
    source = "def f(x, y):\n    return torch.sin(x) * y + x.detach()"
    asked = check(gradient=True, finite_differences=True)
    finding = judge(asked, source, reference=source)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "function.reference_differs")


POINTS = {
    "a stationary point": ({"fixed": 0.0, "dtype": "float64"}, "x**2 + 0 * y"),
    "large numbers": ({"uniform": [1e4, 2e4]}, "x * x + y"),
    "small numbers": ({"uniform": [1e-4, 1e-3]}, "torch.log(x) + y"),
    "integers among them": ({"integers": [1, 5], "dtype": "float32"}, "x**3 + y"),
    "a tensor": ({"normal": [0, 1], "shape": [4, 3]}, "torch.tanh(x).sum() + y"),
    "bfloat16": ({"uniform": [0.5, 1], "dtype": "bfloat16"}, "x.exp() * y"),
}


@pytest.mark.parametrize(("argument", "formula"), [pytest.param(*case, id=name) for name, case in POINTS.items()])
def test_slopes_are_measured_well_wherever_the_inputs_lie(
    argument: Any, formula: str, judge: Callable[..., Finding]
) -> None:
    asked = check({"arguments": [argument, 1.5], "times": 4}, gradient=True, finite_differences=True)
    reference = f"def f(x, y):\n    return {formula}"
    for seed in range(5):
        assert judge(asked, reference, reference=reference, seed=seed).code == "function.passed"


def test_a_call_over_its_own_time_is_told_as_that(asked: Callable[..., Evidence]) -> None:
    limited = check(call_s=2)
    expected = asked(limited, SLOPES)
    late = replace(
        expected.replies["calls"], calls=(CallReply(error="TimeoutError"), *expected.replies["calls"].calls[1:])
    )
    finding = limited.evaluate(actual=replace(expected, replies={"calls": late}), expected=expected)
    assert (finding.code, finding.facts["late"], finding.facts["seconds"]) == ("function.call_timed_out", 1, 2)
    finding = check().evaluate(actual=replace(expected, replies={"calls": late}), expected=expected)
    assert finding.code == "function.raised_somewhere"


def test_an_endless_call_is_ended_and_the_others_are_made(judge: Callable[..., Finding]) -> None:
    endless = "def f(x, y):\n    while x.shape == (1,): pass\n    return x"
    limited = check([[1.0], [1.0]], [[1.0, 2.0], 0.0], call_s=0.2)
    finding = judge(limited, endless, reference="def f(x, y):\n    return x")
    assert (finding.code, finding.facts["late"], finding.facts["total"]) == ("function.call_timed_out", 1, 2)


def test_a_name_that_is_nowhere_is_the_functions_own_mistake(asked: Callable[..., Evidence]) -> None:
    """One that only the fresh kernel lacks is for flow.self_contained to tell."""
    alone = check(self_contained=True)
    assert alone.is_self_contained
    finding = alone.evaluate(actual=asked(alone, "def f(x, y):\n    return missing(x)"), expected=asked(alone, SLOPES))
    assert (finding.verdict, finding.code) == (Verdict.FAILED, "function.raised")


def test_the_noise_of_two_runs_is_told_in_units_of_the_tolerance(asked: Callable[..., Evidence]) -> None:
    exact = asked(check(gradient=True), PRODUCT)
    noisy = asked(check(gradient=True), "def f(x, y):\n    return x**2 * y + 1e-3")
    assert check(gradient=True).overshoot(actual=exact, expected=exact) == 0
    measured = check(gradient=True).overshoot(actual=noisy, expected=exact)
    assert 1 < measured < 10.1


def test_a_measured_tolerance_takes_in_the_references_noise(asked: Callable[..., Evidence]) -> None:
    noisy = asked(check(), "def f(x, y):\n    return x**2 * y + 1e-3")
    exact = asked(check(), PRODUCT)
    assert check(tolerance="measured").evaluate(actual=noisy, expected=exact).verdict is Verdict.FAILED
    told = replace(exact, overshoot=5.0)
    assert check(tolerance="measured").evaluate(actual=noisy, expected=told).verdict is Verdict.PASSED
    assert check().evaluate(actual=noisy, expected=told).verdict is Verdict.FAILED


REFUSED = {
    "finite differences of nothing": {"finite_differences": True},
    "an error of nobody's": {"raises": [{"arguments": [], "error": "MyError"}]},
    "no exception at all": {"raises": [{"arguments": [], "error": "print"}]},
    "an exit": {"raises": [{"arguments": [], "error": "SystemExit"}]},
    "no argument to derive by": {"gradient": []},
    "a place before the first": {"gradient": [-1]},
    "no time for a call": {"call_s": 0},
    "two tolerances": {"tolerance": "exact", "rtol": 0.1, "atol": 0.1},
}


@pytest.mark.parametrize("more", [pytest.param(more, id=name) for name, more in REFUSED.items()])
def test_settings_that_mean_nothing_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(**more)


NUMBERS = check(*[{"uniform": [-2, 2], "times": 4}])


def test_single_numbers_of_all_calls_are_told_together(judge: Callable[..., Finding]) -> None:
    """f(0) = -1 beside 1 looks like another sign; over all inputs it is another constant."""
    finding = judge(NUMBERS, "def f(x):\n    return x**2 - 1", reference="def f(x):\n    return x**2 + 1")
    assert finding.code == "function.all_wrong"
    assert [len(side.items) for side in (finding.actual, finding.expected)] == [4, 4]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        pytest.param("return bool(x > 9)", "return bool(x < 9)", id="truths have no pattern"),
        pytest.param("return torch.stack([x, x])", "return torch.stack([x, -x])", id="tensors have one of their own"),
    ],
)
def test_anything_else_is_told_by_its_first_wrong_call(wrong: str, right: str, judge: Callable[..., Finding]) -> None:
    finding = judge(NUMBERS, f"def f(x):\n    {wrong}", reference=f"def f(x):\n    {right}")
    assert finding.verdict is Verdict.FAILED
    assert not isinstance(finding.actual, SequenceValue)
