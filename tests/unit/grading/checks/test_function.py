"""The function kind on homework 8's question 6: outputs and derivatives on hidden inputs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from grader.domain.result import Finding, Verdict
from grader.domain.values import CallReply, CallsReply, ScalarValue
from grader.grading.arrays import find_array
from grader.grading.checks.function import FunctionCheck

SPEC = {"name": "f", "gradient": True, "inputs": [0.0, 2.0, 3.0, {"uniform": [-4, 4], "times": 5}]}
CHECK = FunctionCheck.model_validate(SPEC)
PLAIN = FunctionCheck.model_validate({**SPEC, "gradient": False})
REFERENCE = "def f(x):\n    return 2*x**3 - 3*x**2 - 12*x + 1"


@pytest.fixture
def judge(play: Callable[..., Any]) -> Callable[..., Finding]:
    def judged(
        source: str, *, before: str = "", check: FunctionCheck = CHECK, reference: str = REFERENCE, seed: int = 3
    ) -> Finding:
        inputs = check.draw_inputs(seed)
        actual = play([source], before=["import torch\n" + before]).asked(check, inputs)
        return check.evaluate(actual=actual, expected=play([reference]).asked(check, inputs))

    return judged


RIGHT = {
    "the reference": REFERENCE,
    "Horner's scheme": "def f(x):\n    return ((2*x - 3)*x - 12)*x + 1",
    "torch.pow": "def f(x):\n    return 2*torch.pow(x, 3) - 3*torch.pow(x, 2) - 12*x + 1",
    "a lambda": "f = lambda x: 2*x**3 - 3*x**2 - 12*x + 1",
    "another argument name": "def f(a):\n    y = 2*a**3 - 3*a**2\n    y = y - 12*a + 1\n    return y",
    "a helper": "def cube(x):\n    return x**3\ndef f(x):\n    return 2*cube(x) - 3*x**2 - 12*x + 1",
    "in double precision": "def f(x):\n    x = x.double()\n    return 2*x**3 - 3*x**2 - 12*x + 1",
    "a default argument": "def f(x, c=1):\n    return 2*x**3 - 3*x**2 - 12*x + c",
    "a callable object": "class P:\n  def __call__(self, x):\n    return 2*x**3-3*x**2-12*x+1\nf = P()",
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in RIGHT.items()])
@pytest.mark.parametrize("seed", [0, 1, 63])
def test_every_formula_for_the_same_function_passes(source: str, seed: int, judge: Callable[..., Finding]) -> None:
    finding = judge(source, seed=seed)
    assert (finding.verdict, finding.code) == (Verdict.PASSED, "function.passed")
    assert finding.facts["total"] == 8


WRONG = {
    "another coefficient": ("def f(x):\n    return 2*x**3 - 3*x**2 - 12*x + 2", "function.all_wrong", 0),
    "right at 0 only": ("def f(x):\n    return 2*x**3 - 3*x**2 - 13*x + 1", "function.wrong", 1),
    "a constant": ("def f(x):\n    return torch.tensor(-12.)", "function.all_wrong", 0),
    "nothing returned": ("def f(x):\n    print(2*x)", "function.returns_none", 0),
    "text returned": ("def f(x):\n    return str(x)", "function.opaque", 0),
    "a vector returned": ("def f(x):\n    return (2*x**3 - 3*x**2 - 12*x + 1).reshape(1)", "function.shape", 0),
    "detached": ("def f(x):\n    x = x.detach()\n    return 2*x**3 - 3*x**2 - 12*x + 1", "function.no_gradient", 0),
    "a Python number": (
        "def f(x):\n    x = x.item()\n    return 2*x**3 - 3*x**2 - 12*x + 1",
        "function.no_gradient",
        0,
    ),
    "a NumPy array": (
        "def f(x):\n    x = x.detach().numpy()\n    return 2*x**3 - 3*x**2 - 12*x + 1",
        "function.no_gradient",
        0,
    ),
    "partly detached": ("def f(x):\n    return 2*x.detach()**3 - 3*x**2 - 12*x + 1", "function.gradient_wrong", 1),
}


@pytest.mark.parametrize(("source", "code", "right"), [pytest.param(*case, id=name) for name, case in WRONG.items()])
def test_wrong_functions_are_told_by_pattern(source: str, code: str, right: int, judge: Callable[..., Finding]) -> None:
    finding = judge(source)
    assert finding.verdict in (Verdict.FAILED, Verdict.MALFORMED)
    assert (finding.code, finding.facts["right"]) == (code, right)


def test_right_outputs_with_wrong_derivatives_have_a_rung(judge: Callable[..., Finding]) -> None:
    assert judge("def f(x):\n    x = x.item()\n    return 2*x**3 - 3*x**2 - 12*x + 1").rung == "outputs"
    assert judge("def f(x):\n    return x").rung is None


def test_a_number_is_no_tensor_even_where_no_derivative_is_asked(judge: Callable[..., Finding]) -> None:
    finding = judge("def f(x):\n    x = x.item()\n    return 2*x**3 - 3*x**2 - 12*x + 1", check=PLAIN)
    assert (finding.code, finding.facts["type"]) == ("function.not_tensor", "float")


def test_an_exception_is_told_by_type_and_line_only(judge: Callable[..., Finding]) -> None:
    source = "def f(x):\n    if x > 1: raise ValueError(f'secret {x}')\n    return 2*x**3 - 3*x**2 - 12*x + 1"
    finding = judge(source)
    assert (finding.code, finding.facts["error"], finding.facts["line"]) == ("function.raised", "ValueError", 2)
    assert "secret" not in str(finding)


NAMES = {
    "another name": (REFERENCE.replace("f(x)", "func(x)"), "", "function.passed_other_name"),
    "another name beside a stale f": (
        REFERENCE.replace("f(x)", "func(x)"),
        "def f(x): return x",
        "function.passed_other_name",
    ),
    "a lambda under another name": ("g = lambda x: 2*x**3-3*x**2-12*x+1", "", "function.passed_other_name"),
    "defined before and used here": ("print(f(1))", REFERENCE, "function.passed"),
    "defined before under another name and used here": (
        "print(func(1))",
        REFERENCE.replace("f(x)", "func(x)"),
        "function.passed_other_name",
    ),
    "two functions, one with the name": (REFERENCE + "\ndef df(x): return 6*x**2-6*x-12", "", "function.passed"),
    "two functions, none with the name": (
        REFERENCE.replace("f(x)", "a(x)") + "\ndef df(x): return 6*x",
        "",
        "function.several",
    ),
    "its name holds a value at the end": (REFERENCE + "\nf = f(torch.tensor(1.))", "", "function.overwritten"),
    "its name is a loop's variable at the end": (REFERENCE + "\nfor f in [1]:\n    pass", "", "function.overwritten"),
    "inside a main() that takes nothing": (
        "def main():\n" + "".join(f"    {line}\n" for line in REFERENCE.split("\n")) + "main()",
        "",
        "function.inside_other",
    ),
    "beside a main() that takes nothing": (
        REFERENCE.replace("f(x)", "g(x)") + "\ndef main():\n    g(torch.tensor(1.))\nmain()",
        "",
        "function.passed_other_name",
    ),
    "a main() that takes nothing, used here": ("main()", "def main(): pass", "function.missing_name"),
    "no function": ("y = 3", "", "function.missing_name"),
    "f is a number": ("f = 3", "", "function.missing_name"),
    "an error before it": ("oops\n" + REFERENCE, "", "function.missing_after_error"),
}


@pytest.mark.parametrize(("source", "before", "code"), [pytest.param(*case, id=name) for name, case in NAMES.items()])
def test_the_function_meant_is_found(source: str, before: str, code: str, judge: Callable[..., Finding]) -> None:
    finding = judge(source, before=before)
    assert finding.code == code
    pending = {"function.overwritten": Verdict.NEEDS_REVIEW, "function.inside_other": Verdict.NEEDS_REVIEW}
    assert finding.verdict is (Verdict.PASSED if "passed" in code else pending.get(code, Verdict.MISSING))


def test_the_same_seed_draws_the_same_inputs_and_another_seed_others() -> None:
    assert CHECK.draw_inputs(1) == CHECK.draw_inputs(1)
    assert CHECK.draw_inputs(1) != CHECK.draw_inputs(2)


def test_inputs_are_float32_scalars_within_their_bounds() -> None:
    drawn = [find_array(call[0]) for call in CHECK.draw_inputs(5)]
    assert all(array.dtype == np.float32 and array.shape == () for array in drawn)
    assert [float(array) for array in drawn[:3]] == [0.0, 2.0, 3.0]
    assert all(-4 <= float(array) <= 4 for array in drawn[3:])
    assert len(drawn) == 8


@pytest.mark.parametrize("seed", [0, 2**64 - 1], ids=["smallest", "largest"])
def test_any_seed_of_64_bits_will_do(seed: int) -> None:
    assert len(CHECK.draw_inputs(seed)) == 8


def test_no_input_and_no_expected_value_stands_in_the_facts(judge: Callable[..., Finding]) -> None:
    inputs = {float(find_array(call[0])) for call in CHECK.draw_inputs(3)} - {0.0, 2.0, 3.0}
    for source, _, _ in WRONG.values():
        facts = str(dict(judge(source).facts))
        assert not any(f"{number:.4g}"[:5] in facts for number in inputs)


def test_calls_that_ran_out_of_time_fail_with_how_many_were_done(play: Callable[..., Any]) -> None:
    inputs = CHECK.draw_inputs(0)
    expected = play([REFERENCE]).asked(CHECK, inputs)
    done = expected.replies["calls"].calls[:3]
    actual = replace(expected, replies={"calls": CallsReply(name="f", calls=done, timed_out=True)})
    finding = CHECK.evaluate(actual=actual, expected=expected)
    assert (finding.code, finding.facts["done"], finding.facts["total"]) == ("function.timed_out", 3, 8)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param({}, id="no reply"),
        pytest.param({"calls": CallsReply(name=None)}, id="no function"),
        pytest.param({"calls": CallsReply(name="f", calls=(CallReply(error="ValueError"),))}, id="it raises"),
    ],
)
def test_a_reference_that_gives_nothing_decides_nothing(reply: Any, play: Callable[..., Any]) -> None:
    actual = play([REFERENCE]).asked(CHECK, CHECK.draw_inputs(0))
    finding = CHECK.evaluate(actual=actual, expected=replace(actual, replies=reply))
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "function.no_expected")


def test_an_error_without_a_line_is_still_told(play: Callable[..., Any]) -> None:
    expected = play([REFERENCE]).asked(PLAIN, PLAIN.draw_inputs(0))
    reply = CallsReply(name="f", calls=(CallReply(error="TypeError"),) * 8)
    finding = PLAIN.evaluate(actual=replace(expected, replies={"calls": reply}), expected=expected)
    assert (finding.code, finding.facts["raised"]) == ("function.raised_somewhere", 8)


def test_more_answers_than_calls_decide_nothing(play: Callable[..., Any]) -> None:
    expected = play([REFERENCE]).asked(PLAIN, PLAIN.draw_inputs(0))
    one = CallReply(output=ScalarValue(type_name="int", value=1))
    actual = replace(expected, replies={"calls": CallsReply(name="f", calls=(one,) * 10)})
    assert PLAIN.evaluate(actual=actual, expected=expected).verdict is Verdict.NEEDS_REVIEW


def test_a_given_tolerance_is_not_loosened(judge: Callable[..., Finding]) -> None:
    exact = FunctionCheck.model_validate({**SPEC, "gradient": False, "rtol": 0.0, "atol": 0.0})
    assert (
        judge("def f(x):\n    return (2*x**3 - 3*x**2 - 12*x + 1) * (1 + 1e-6)", check=exact).code != "function.passed"
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"inputs": []}, id="no inputs"),
        pytest.param({"inputs": [{"uniform": [4, -4]}]}, id="bounds the wrong way round"),
        pytest.param({"inputs": [{"uniform": [0, 1], "time": 5}]}, id="a misspelt field"),
        pytest.param({"inputs": ["a"]}, id="a word"),
        pytest.param({"inputs": [float("nan")]}, id="nan"),
        pytest.param({"rtol": 1e-3}, id="one tolerance"),
        pytest.param({"seconds": 0}, id="no time"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FunctionCheck.model_validate({**SPEC, **change})
