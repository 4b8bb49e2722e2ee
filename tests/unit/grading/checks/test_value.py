"""The value kind: the ladder, one rung at a time, on homework 8's question 1 and on other types."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from grader.domain.result import Finding, Verdict
from grader.grading.arrays import array_value
from grader.grading.checks.value import ValueCheck
from grader.grading.compare import Tolerance
from grader.grading.difference import find_difference

CHECK = ValueCheck(name="t")
REFERENCE = "t = torch.arange(24).reshape(4, 3, 2)"


@pytest.fixture
def judge(play: Callable[..., Any]) -> Callable[..., Finding]:
    def judged(source: str, *, reference: str = REFERENCE, check: ValueCheck = CHECK) -> Finding:
        expected = play([reference]).asked(check, is_reference=True)
        return check.evaluate(actual=play([source]).asked(check), expected=expected)

    return judged


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(REFERENCE, id="the reference's way"),
        pytest.param("t = torch.tensor(torch.arange(24).reshape(4, 3, 2).tolist())", id="written out"),
        pytest.param(
            "t = torch.arange(24).reshape(2, 3, 4).permute(2, 1, 0).contiguous() * 0 + " + REFERENCE[4:], id="sum"
        ),
        pytest.param(
            "s = torch.arange(24).reshape(4, 3, 2)\nt = s.permute(2, 1, 0).contiguous().permute(2, 1, 0)", id="strides"
        ),
        pytest.param("import numpy as np\nt = torch.from_numpy(np.arange(24).reshape(4, 3, 2))", id="from NumPy"),
        pytest.param(REFERENCE + ".clone().detach()", id="detached"),
        pytest.param("t = 1\n" + REFERENCE, id="the last assignment counts"),
    ],
)
def test_any_way_to_the_right_tensor_passes(source: str, judge: Callable[..., Finding]) -> None:
    assert judge(source).verdict is Verdict.PASSED


LADDER = {
    "float": (REFERENCE + ".float()", "value.dtype", "dtype", Verdict.FAILED),
    "capital Tensor": (
        "t = torch.Tensor(torch.arange(24).reshape(4, 3, 2).tolist())",
        "value.dtype",
        "dtype",
        Verdict.FAILED,
    ),
    "int32": (REFERENCE + ".int()", "value.dtype", "dtype", Verdict.FAILED),
    "float and one number wrong": (
        REFERENCE + ".float()\nt[0, 0, 0] = 7",
        "value.dtype_and_values",
        None,
        Verdict.FAILED,
    ),
    "one number wrong": (REFERENCE + "\nt[1, 2, 0] = 7", "value.values", "values", Verdict.FAILED),
    "another shape, same numbers": ("t = torch.arange(24).reshape(4, 2, 3)", "value.shape", "shape", Verdict.FAILED),
    "another shape, other numbers": ("t = torch.zeros(3, dtype=torch.int64)", "value.shape", None, Verdict.FAILED),
    "another shape and dtype": ("t = torch.arange(24.)", "value.shape_and_dtype", None, Verdict.FAILED),
    "a NumPy array": (
        "import numpy as np\nt = np.arange(24).reshape(4, 3, 2)",
        "value.numpy",
        "type",
        Verdict.MALFORMED,
    ),
    "a NumPy array of floats": (
        "import numpy as np\nt = np.arange(24.).reshape(4, 3, 2)",
        "value.numpy",
        None,
        Verdict.MALFORMED,
    ),
    "a list": (REFERENCE + ".tolist()", "value.not_tensor", "type", Verdict.MALFORMED),
    "another list": ("t = [1, 2]", "value.not_tensor", None, Verdict.MALFORMED),
    "a string": ("t = 'tensor'", "value.not_tensor", None, Verdict.MALFORMED),
    "an object": ("class A: pass\nt = A()", "value.opaque", None, Verdict.MALFORMED),
    "None": ("t = None", "value.none", None, Verdict.MALFORMED),
}


@pytest.mark.parametrize(
    ("source", "code", "rung", "verdict"), [pytest.param(*case, id=name) for name, case in LADDER.items()]
)
def test_the_ladder_stops_at_its_first_broken_rung(
    source: str, code: str, rung: str | None, verdict: Verdict, judge: Callable[..., Finding]
) -> None:
    finding = judge(source)
    assert (finding.code, finding.rung, finding.verdict) == (code, rung, verdict)
    assert finding.actual is not None
    assert finding.expected is not None


def test_a_mismatch_says_how_many_and_where(judge: Callable[..., Finding]) -> None:
    facts = judge(REFERENCE + "\nt[1, 2, 0] = 7\nt[3, 0, 1] = 20").facts
    assert (facts["differing"], facts["total"], facts["index"]) == (2, 24, "[1, 2, 0]")
    assert (facts["actual"], facts["expected"], facts["gap"], facts["allowed"]) == (7, 10, 3, 0)


OTHER_TYPES = {
    "a Size": ("t = torch.ones(4, 3).size()", "t = torch.ones(4, 3).shape", None),
    "a tuple for a Size": ("t = torch.ones(4, 3).size()", "t = (4, 3)", None),
    "a list for a Size": ("t = torch.ones(4, 3).size()", "t = [4, 3]", "value.type"),
    "another Size": ("t = torch.ones(4, 3).size()", "t = torch.ones(4, 2).size()", "value.number"),
    "an int": ("t = 3", "t = 3", None),
    "a float for an int": ("t = 3", "t = 3.0", "value.number_type"),
    "a bool for an int": ("t = 1", "t = True", "value.number_type"),
    "another int": ("t = 3", "t = 4", "value.number"),
    "a float within tolerance": ("t = 0.3", "t = 0.1 + 0.2", None),
    "a huge int": ("t = 2**100", "t = 2**100", None),
    "another huge int": ("t = 2**100", "t = 2**100 + 1", "value.scalar"),
    "a NumPy scalar for a float": ("t = 0.5", "import numpy as np\nt = np.float64(0.5)", None),
    "a float32 scalar for a float": ("t = 0.5", "import numpy as np\nt = np.float32(0.5)", None),
    "a tensor for a float": ("t = 0.5", "t = torch.tensor(0.5)", "value.tensor_for_number"),
    "an array for a tuple": ("t = (1, 2)", "import numpy as np\nt = np.array([1, 2])", "value.type"),
    "a string": ("t = 'cpu'", "t = 'cpu'", None),
    "another string": ("t = 'cpu'", "t = 'cuda'", "value.scalar"),
    "None": ("t = None", "t = None", None),
    "NaN is never right": ("t = float('nan')", "t = float('nan')", "value.number"),
    "an infinity": ("t = float('inf')", "t = float('inf')", None),
    "a Parameter for a tensor": ("t = torch.ones(2)", "t = torch.nn.Parameter(torch.ones(2))", None),
    "bfloat16": ("t = torch.ones(2, dtype=torch.bfloat16)", "t = torch.ones(2, dtype=torch.bfloat16)", None),
    "a scalar tensor": ("t = torch.tensor(1.)", "t = torch.tensor(2.)", "value.value"),
    "nested": ("t = {'a': [torch.ones(2), (1, 'b')]}", "t = {'a': [torch.ones(2), (1, 'b')]}", None),
    "nested, one number off": ("t = {'a': [torch.ones(2)]}", "t = {'a': [torch.zeros(2)]}", "value.values"),
    "a key too many": ("t = {'a': 1}", "t = {'a': 1, 'b': 2}", "value.keys"),
    "keys in another order": ("t = {'a': 1, 'b': 2}", "t = {'b': 2, 'a': 1}", None),
    "an item too few": ("t = [1, 2]", "t = [1]", "value.length"),
}


@pytest.mark.parametrize(
    ("reference", "source", "code"), [pytest.param(*case, id=name) for name, case in OTHER_TYPES.items()]
)
def test_other_types_are_compared_by_the_same_ladder(
    reference: str, source: str, code: str | None, judge: Callable[..., Finding]
) -> None:
    assert judge(source, reference=reference).code == (code or "value.passed")


def test_the_place_of_a_nested_difference_is_told(judge: Callable[..., Finding]) -> None:
    finding = judge("t = {'a': [1, (2, 4)]}", reference="t = {'a': [1, (2, 3)]}")
    assert (finding.facts["name"], finding.code, finding.rung) == ("t['a'][1][1]", "value.number", "values")


MISSING = {
    "nothing": ("pass", "value.missing_name", None),
    "capital T with another value": ("T = torch.arange(3)", "value.other_case", "T"),
    "another name for another value": ("a = 3", "value.missing_name", None),
    "an error before": ("t = torch.tenosr([1])", "value.missing_after_error", None),
    "two names for the right value": (f"a{REFERENCE[1:]}\nb = a", "value.other_name", "a"),
    "two of them, one in another case": (f"a{REFERENCE[1:]}\nT = a", "value.other_name", "T"),
    "one of many guesses": (
        "\n".join(f"x{n} = torch.arange({20 + n})" for n in range(8)) + f"\nx8{REFERENCE[1:]}",
        "value.other_name",
        "x8",
    ),
}


@pytest.mark.parametrize(("source", "code", "other"), [pytest.param(*case, id=name) for name, case in MISSING.items()])
def test_a_missing_name_is_told_with_what_may_be_meant(
    source: str, code: str, other: str | None, judge: Callable[..., Finding]
) -> None:
    finding = judge(source)
    assert (finding.verdict, finding.code, finding.facts.get("other")) == (Verdict.MISSING, code, other)
    assert finding.facts["name"] == "t"


@pytest.mark.parametrize(
    ("source", "other"),
    [
        pytest.param(f"T2{REFERENCE[1:]}", "T2", id="another name"),
        pytest.param(f"T{REFERENCE[1:]}", "T", id="a capital"),
        pytest.param(f"a = 3\nテンソル{REFERENCE[1:]}\nb = a", "テンソル", id="beside others"),
    ],
)
def test_one_right_value_under_another_name_is_for_a_person(
    source: str, other: str, judge: Callable[..., Finding]
) -> None:
    finding = judge(source)
    assert (finding.verdict, finding.code, finding.facts["other"]) == (Verdict.NEEDS_REVIEW, "value.renamed", other)


def test_a_value_that_was_given_is_no_answer_under_another_name(judge: Callable[..., Finding]) -> None:
    given = "x = torch.ones(2)"
    assert judge(given, reference=f"{given}\nt = x.clone()").code == "value.missing_name"
    assert judge("x = torch.zeros(2)", reference=f"{given}\nt = x * 0").code == "value.renamed"


PROPERTIES = {
    "a leaf": ({"is_leaf": True}, "t = torch.ones(2, requires_grad=True) * 1", "value.is_leaf"),
    "requires_grad": ({"requires_grad": True}, "t = torch.ones(2)", "value.requires_grad"),
    "requires_grad as asked": ({"requires_grad": True}, "t = torch.ones(2, requires_grad=True)", "value.passed"),
    "the device": ({"device": "cuda"}, "t = torch.ones(2)", "value.device"),
    "the device as asked": ({"device": "cpu"}, "t = torch.ones(2)", "value.passed"),
    "finite": ({"finite": True}, "t = torch.tensor([1., float('inf')])", "value.not_finite"),
    "finite as asked": ({"finite": True}, "t = torch.ones(2)", "value.passed"),
    "shape before properties": ({"requires_grad": True}, "t = torch.ones(3)", "value.shape"),
}


@pytest.mark.parametrize(("asked", "source", "code"), [pytest.param(*c, id=name) for name, c in PROPERTIES.items()])
def test_properties_count_only_where_they_are_asked(
    asked: dict[str, Any], source: str, code: str, judge: Callable[..., Finding]
) -> None:
    reference = "t = torch.ones(2, requires_grad=True)"
    assert judge(source, reference=reference, check=ValueCheck(name="t", **asked)).code == code
    if code in ("value.is_leaf", "value.requires_grad"):
        assert judge(source, reference=reference).code == "value.passed"


def test_the_students_gpu_tensor_is_compared_by_its_numbers(play: Callable[..., Any]) -> None:
    check = ValueCheck(name="t", device="cuda")
    evidence = play([REFERENCE]).asked(check)
    value = evidence.replies["names"].values["t"]
    object.__setattr__(value, "device", "cuda:0")
    assert check.evaluate(actual=evidence, expected=evidence).verdict is Verdict.PASSED


def test_a_given_tolerance_replaces_the_dtypes(judge: Callable[..., Finding]) -> None:
    loose = ValueCheck(name="t", rtol=0.0, atol=0.5)
    reference, source = "t = torch.zeros(2)", "t = torch.tensor([0.4, 0.0])"
    assert judge(source, reference=reference, check=loose).verdict is Verdict.PASSED
    assert judge(source, reference=reference).code == "value.values"


EXPRESSIONS = {
    "as in the reference": ("w = torch.ones(2, requires_grad=True)\n(w * 3).sum().backward()", "value.passed"),
    "another gradient": ("w = torch.ones(2, requires_grad=True)\n(w * 4).sum().backward()", "value.values"),
    "no backward": ("w = torch.ones(2, requires_grad=True)", "value.no_grad"),
    "no such name": ("pass", "value.expression_lacks"),
    "no name is searched for": ("v = torch.tensor([3.0, 3.0])", "value.expression_lacks"),
    "an error before": ("w = torch.oens(2)", "value.expression_after_error"),
}


@pytest.mark.parametrize(("source", "code"), [pytest.param(*case, id=name) for name, case in EXPRESSIONS.items()])
def test_an_expression_is_compared_in_place_of_a_name(source: str, code: str, judge: Callable[..., Finding]) -> None:
    finding = judge(source, reference=EXPRESSIONS["as in the reference"][0], check=ValueCheck(expression="w.grad"))
    assert (finding.code, finding.facts["name"]) == (code, "w.grad")


TRUTHS = {
    "it should hold": ("bool(t.sum() > 3)", "value.not_true"),
    "it should not": ("bool(t.sum() < 6)", "value.not_false"),
    "one of several": ("{'first': bool(t[0] == 1), 'sum': bool(t.sum() > 3)}", "value.not_true"),
    "a number": ("t.sum().item()", "value.number"),
}


@pytest.mark.parametrize(("expression", "code"), [pytest.param(*case, id=name) for name, case in TRUTHS.items()])
def test_what_should_hold_is_told_as_such(expression: str, code: str, judge: Callable[..., Finding]) -> None:
    check = ValueCheck(expression=expression)
    finding = judge("t = torch.tensor([1, 2])", reference="t = torch.tensor([1, 2, 3])", check=check)
    assert (finding.code, finding.verdict) == (code, Verdict.FAILED)


def test_an_expression_recognises_an_answer_by_itself_and_not_by_names() -> None:
    check = ValueCheck(expression="w.grad")
    assert (check.answer_names, check.answer_patterns) == ((), ("w.grad",))


TWO_ANSWERS = ValueCheck(name="t", also=["t.flip(0)", "t.sum().item()"])
ALSO = {
    "the reference's": ("t = torch.tensor([1, 2, 3])", "value.passed", None),
    "the second": ("t = torch.tensor([3, 2, 1])", "value.passed", None),
    "of another type": ("t = 6", "value.passed", None),
    "nearest to the first": ("t = torch.tensor([1, 2, 4])", "value.values", "[2]"),
    "nearest to the second": ("t = torch.tensor([5, 2, 1])", "value.values", "[0]"),
    "only the dtype of the second": ("t = torch.tensor([3., 2., 1.])", "value.dtype", None),
    "near to none": ("t = 'six'", "value.not_tensor", None),
}


@pytest.mark.parametrize(("source", "code", "index"), [pytest.param(*case, id=name) for name, case in ALSO.items()])
def test_one_of_several_answers_will_do_and_the_nearest_is_told(
    source: str, code: str, index: str | None, judge: Callable[..., Finding]
) -> None:
    finding = judge(source, reference="t = torch.tensor([1, 2, 3])", check=TWO_ANSWERS)
    assert (finding.code, finding.facts.get("index")) == (code, index)


def test_other_answers_are_asked_of_the_reference_alone(play: Callable[..., Any]) -> None:
    (probe,) = TWO_ANSWERS.probes(source="t = 1", notebook_source="", inputs=())
    assert probe.names == ("t",)
    assert TWO_ANSWERS.reference_names == ("t.flip(0)", "t.sum().item()")


def test_another_answer_that_the_reference_cannot_give_decides_nothing(judge: Callable[..., Finding]) -> None:
    finding = judge(REFERENCE, check=ValueCheck(name="t", also=["nowhere"]))
    assert (finding.verdict, finding.facts["name"]) == (Verdict.NEEDS_REVIEW, "nowhere")


HALVES = "t = torch.tensor([[0.5, 1.5]])"
IGNORED = {
    "a list": (["type"], "t = [[0.5, 1.5]]", "value.passed"),
    "an array of another dtype": (["type"], "import numpy as np\nt = np.array([[0.5, 1.5]])", "value.dtype"),
    "an array and its dtype": (["type", "dtype"], "import numpy as np\nt = np.array([[0.5, 1.5]])", "value.passed"),
    "a list of integers": (["type"], "t = [[0, 1]]", "value.dtype_and_values"),
    "a list with one number wrong": (["type"], "t = [[0.5, 2.5]]", "value.values"),
    "a list of another shape": (["type"], "t = [0.5, 1.5]", "value.shape"),
    "a text": (["type"], "t = 'a'", "value.not_tensor"),
    "a sparse tensor": (["type"], "t = torch.tensor([[0.5, 1.5]]).to_sparse()", "value.passed"),
    "another shape": (["shape"], "t = torch.tensor([[0.5], [1.5]])", "value.passed"),
    "another shape and number": (["shape"], "t = torch.tensor([[0.5], [2.5]])", "value.values"),
    "another number of elements": (["shape"], "t = torch.tensor([0.5, 1.5, 2.5])", "value.shape"),
    "another shape, dtype as asked": (["shape"], "t = torch.tensor([[0.5], [1.5]]).double()", "value.dtype"),
    "the dtype": (["dtype"], "t = torch.tensor([[0.5, 1.5]], dtype=torch.float64)", "value.passed"),
    "the dtype, one number wrong": (["dtype"], "t = torch.tensor([[0.5, 9]], dtype=torch.float64)", "value.values"),
    "the dtype, of another shape": (["dtype"], "t = torch.tensor([0.5, 1.5], dtype=torch.float64)", "value.shape"),
    "everything": (["type", "shape", "dtype"], "t = (0.5, 1.5)", "value.passed"),
}


@pytest.mark.parametrize(("ignore", "source", "code"), [pytest.param(*case, id=name) for name, case in IGNORED.items()])
def test_a_step_that_is_ignored_breaks_nothing(
    ignore: list[str], source: str, code: str, judge: Callable[..., Finding]
) -> None:
    assert judge(source, reference=HALVES, check=ValueCheck(name="t", ignore=ignore)).code == code
    if code == "value.passed":
        assert judge(source, reference=HALVES).verdict is not Verdict.PASSED


def test_a_number_of_another_type_passes_where_the_type_is_ignored(judge: Callable[..., Finding]) -> None:
    check = ValueCheck(name="t", ignore=["type"])
    for source in ("t = torch.tensor(3)", "t = 3.0", "t = 3"):
        assert judge(source, reference="t = 3", check=check).code in ("value.passed", "value.dtype")
    assert judge("t = 4.0", reference="t = 3", check=check).code == "value.number"
    assert judge("t = (1, [2])", reference="t = [1, (2,)]", check=check).code == "value.passed"


def test_the_order_in_which_steps_are_ignored_does_not_matter() -> None:
    assert ValueCheck(name="t", ignore=["dtype", "type"]) == ValueCheck(name="t", ignore=["type", "dtype", "type"])


SPARSE = {
    "sparse for dense": ("t = torch.eye(3)", "t = torch.eye(3).to_sparse()", "value.sparse", "type"),
    "wrong and sparse": ("t = torch.eye(3)", "t = torch.ones(3, 3).to_sparse()", "value.sparse", None),
    "dense for sparse": ("t = torch.eye(3).to_sparse()", "t = torch.eye(3)", "value.dense", "type"),
    "sparse": ("t = torch.eye(3).to_sparse()", "t = torch.eye(3).to_sparse()", "value.passed", None),
    "rows for coordinates": (
        "t = torch.eye(3).to_sparse()",
        "t = torch.eye(3).to_sparse_csr()",
        "value.layout",
        "type",
    ),
    "quantized": (
        "t = torch.eye(3)",
        "t = torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.qint8)",
        "value.opaque_quantized",
        None,
    ),
    "meta": ("t = torch.eye(3)", "t = torch.empty(3, 3, device='meta')", "value.opaque_meta", None),
}


@pytest.mark.parametrize(
    ("reference", "source", "code", "rung"), [pytest.param(*case, id=name) for name, case in SPARSE.items()]
)
def test_a_tensor_that_is_not_dense_is_called_by_its_name(
    reference: str, source: str, code: str, rung: str | None, judge: Callable[..., Finding]
) -> None:
    finding = judge(source, reference=reference)
    assert (finding.code, finding.rung) == (code, rung)
    assert (finding.verdict is Verdict.PASSED) == (code == "value.passed")


NAN = "t = torch.tensor([1., float('nan')])"


def test_nan_is_right_beside_nan_only_where_that_is_said(judge: Callable[..., Finding]) -> None:
    lenient = ValueCheck(name="t", equal_nan=True)
    assert judge(NAN, reference=NAN).code == "value.values"
    assert judge(NAN, reference=NAN, check=lenient).code == "value.passed"
    assert judge("t = torch.tensor([1., 2.])", reference=NAN, check=lenient).facts["index"] == "[1]"
    assert judge("t = [float('nan')]", reference="t = [float('nan')]", check=lenient).code == "value.passed"


MODES = {
    "exact": ("exact", None, 1e-7, "value.values"),
    "exact and equal": ("exact", None, 0.0, "value.passed"),
    "default": ("default", 100.0, 5e-5, "value.values"),
    "measured, quiet": ("measured", 0.1, 5e-5, "value.values"),
    "measured, not measured": ("measured", None, 5e-5, "value.values"),
    "measured, noisy": ("measured", 2.0, 5e-5, "value.passed"),
    "measured, noisy and far": ("measured", 2.0, 5e-4, "value.values"),
    "measured, not deterministic": ("measured", float("inf"), 1.0, "value.values"),
}


@pytest.mark.parametrize(
    ("mode", "overshoot", "gap", "code"), [pytest.param(*case, id=name) for name, case in MODES.items()]
)
def test_the_tolerance_is_what_the_author_chose(
    mode: str, overshoot: float | None, gap: float, code: str, play: Callable[..., Any]
) -> None:
    check = ValueCheck(name="t", tolerance=mode)
    expected = replace(play(["t = torch.zeros(2)"]).asked(check), overshoot=overshoot)
    actual = play([f"t = torch.tensor([{gap}, 0.0])"]).asked(check)
    assert check.evaluate(actual=actual, expected=expected).code == code


def test_the_noise_of_two_runs_is_told_in_units_of_the_tolerance(play: Callable[..., Any]) -> None:
    def noise(check: ValueCheck, source: str = "t = torch.tensor([2e-5, 0.0], dtype=torch.float64)") -> float | None:
        return check.overshoot(actual=play([source]).asked(check), expected=play(["t = torch.zeros(2)"]).asked(check))

    assert noise(CHECK) == pytest.approx(2.0)
    assert noise(ValueCheck(name="t", tolerance="measured")) == pytest.approx(2.0)
    assert noise(ValueCheck(name="t", rtol=0.0, atol=4e-5)) == pytest.approx(0.5)
    assert noise(ValueCheck(name="t", tolerance="exact")) == float("inf")
    assert noise(ValueCheck(expression="t[1]")) == 0.0
    assert noise(CHECK, "u = 1") is None
    assert noise(CHECK, "t = 'a'") is None


SHARES = {
    "a tensor": ("t = torch.arange(4)", "t = torch.tensor([0, 1, 2, 9])", "values", 0.75),
    "nothing right": ("t = torch.arange(4)", "t = torch.arange(4) + 1", "values", 0.0),
    "another dtype": ("t = torch.arange(4)", "t = torch.tensor([0., 1., 2., 9.])", None, None),
    "another shape": ("t = torch.arange(4)", "t = torch.arange(5)", None, None),
    "a list": ("t = [1, 2, 3, 4]", "t = [1, 0, 3, 4]", "values", 0.75),
    "a text": ("t = 'a'", "t = 'b'", "values", 0.0),
    "a dict, by its elements": (
        "t = {'w': torch.zeros(2, 3), 'b': 1.0, 'n': 'net'}",
        "t = {'w': torch.tensor([[0., 0, 1], [1, 0, 0]]), 'b': 2.0, 'n': 'net'}",
        "values",
        0.625,
    ),
    "a part of another type": ("t = {'w': 1, 'b': 2.0}", "t = {'w': 0, 'b': 'two'}", None, None),
    "two parts of another dtype": (
        "t = [torch.zeros(2), torch.zeros(2)]",
        "t = [torch.zeros(2).double(), torch.zeros(2).double()]",
        "dtype",
        None,
    ),
}


@pytest.mark.parametrize(
    ("reference", "source", "rung", "share"), [pytest.param(*case, id=name) for name, case in SHARES.items()]
)
def test_the_share_of_right_elements_is_told_where_only_numbers_are_wrong(
    reference: str, source: str, rung: str | None, share: float | None, judge: Callable[..., Finding]
) -> None:
    finding = judge(source, reference=reference)
    assert (finding.rung, finding.share) == (rung, share)


@settings(max_examples=50, deadline=None)
@given(answers=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=6), data=st.data())
def test_one_more_right_element_never_lowers_the_share(answers: list[tuple[int, int]], data: st.DataObject) -> None:
    def share(pairs: list[tuple[int, int]]) -> float:
        ours, theirs = (array_value(np.array(side), type_name="Tensor") for side in zip(*pairs, strict=True))
        found = find_difference(actual=ours, expected=theirs, tolerance=Tolerance())
        return 1.0 if found is None else found.share

    at = data.draw(st.integers(0, len(answers) - 1))
    better = [(right, right) if place == at else (ours, right) for place, (ours, right) in enumerate(answers)]
    assert share(better) >= share(answers)


def test_properties_are_asked_of_every_tensor_in_a_container(judge: Callable[..., Finding]) -> None:
    reference = "t = {'w': torch.ones(2, requires_grad=True), 'n': 3}"
    check = ValueCheck(name="t", requires_grad=True)
    assert judge(reference, reference=reference, check=check).verdict is Verdict.PASSED
    finding = judge("t = {'w': torch.ones(2), 'n': 3}", reference=reference, check=check)
    assert (finding.code, finding.facts["name"]) == ("value.requires_grad", "t['w']")
    assert judge(
        "t = [1.0, float('inf')]", check=ValueCheck(name="t", finite=True), reference="t = [1.0, 2.0]"
    ).code == ("value.not_finite")


def test_a_complex_gap_is_the_length_of_the_difference(judge: Callable[..., Finding]) -> None:
    finding = judge("t = torch.tensor([1 + 1j, 4 + 6j])", reference="t = torch.tensor([1 + 1j, 1 + 2j])")
    assert (finding.code, finding.facts["index"], finding.facts["gap"]) == ("value.values", "[1]", 5)


def test_a_reference_without_the_name_decides_nothing(judge: Callable[..., Finding]) -> None:
    assert judge(REFERENCE, reference="pass").verdict is Verdict.NEEDS_REVIEW


def test_imports_are_not_asked_of_the_kernel() -> None:
    (probe,) = CHECK.probes(source="import numpy as np\nT = 1\nb = 2", notebook_source="", inputs=())
    assert probe.names == ("t", "T", "b")


def test_a_thousand_names_are_not_all_asked_for() -> None:
    source = "\n".join(f"n{number} = {number}" for number in range(1000)) + "\nT = 1"
    (probe,) = CHECK.probes(source=source, notebook_source="", inputs=())
    assert probe.names[:2] == ("t", "T")
    assert len(probe.names) <= 50


def test_the_short_form_is_the_name() -> None:
    assert ValueCheck.model_validate("t") == CHECK
    assert ValueCheck.model_validate({"name": "t", "also": "u", "ignore": "dtype"}) == ValueCheck(
        name="t", also=("u",), ignore=("dtype",)
    )
    assert CHECK.answer_names == ("t",)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="neither name nor expression"),
        pytest.param({"name": "t", "expression": "t.grad"}, id="both"),
        pytest.param({"expression": "w.grad ="}, id="no expression"),
        pytest.param({"expression": "w = 1"}, id="a statement"),
        pytest.param({"expression": "a\nb"}, id="two lines"),
        pytest.param({"name": "t", "also": ["t +"]}, id="no other answer"),
        pytest.param({"name": "t", "ignore": ["values"]}, id="nothing to compare"),
        pytest.param({"name": "t", "tolerance": "loose"}, id="unknown tolerance"),
        pytest.param({"name": "t", "tolerance": "exact", "rtol": 0.1, "atol": 0.1}, id="two tolerances"),
        pytest.param({"name": "t", "atol": 1e-3}, id="one tolerance"),
        pytest.param({"name": "t", "rtol": -1, "atol": 0}, id="negative tolerance"),
        pytest.param({"name": "t[0]"}, id="an expression"),
        pytest.param({"name": "t", "shape": [1]}, id="unknown field"),
    ],
)
def test_settings_that_mean_nothing_are_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        ValueCheck.model_validate(given)


def test_the_tensor_of_the_seed_has_the_shape_it_says(play: Callable[..., Any]) -> None:
    assert play([REFERENCE]).namespace["t"].shape == torch.Size([4, 3, 2])
