"""The value kind: the ladder, one rung at a time, on homework 8's question 1 and on other types."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from grader.domain.result import Finding, Verdict
from grader.grading.checks.value import ValueCheck

CHECK = ValueCheck(name="t")
REFERENCE = "t = torch.arange(24).reshape(4, 3, 2)"


@pytest.fixture
def judge(play: Callable[..., Any]) -> Callable[..., Finding]:
    def judged(source: str, *, reference: str = REFERENCE, check: ValueCheck = CHECK) -> Finding:
        return check.evaluate(actual=play([source]).asked(check), expected=play([reference]).asked(check))

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
