"""What students read of an expression: its author's words where there are any, and why it could not be checked."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from grader.domain.result import Finding, Verdict
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.grading.checks.value import ValueCheck

SHARED = {"ja": "`b` が `a` とメモリを共有していること", "en": "`b` shares the memory of `a`"}
SIZES = {"ja": "`parts` の大きさ", "en": "the list of sizes of `parts`"}
MADE = "a = torch.ones(2)\n"


@pytest.fixture
def judge(play: Callable[..., Any]) -> Callable[..., Finding]:
    def judged(source: str, *, reference: str, check: ValueCheck) -> Finding:
        expected = play([reference]).asked(check, is_reference=True)
        return check.evaluate(actual=play([source]).asked(check), expected=expected)

    return judged


def read(finding: Finding, language: Language = Language.EN) -> str:
    return sentence(Note(code=finding.code, facts=finding.facts), language)


def check_of(expression: str, label: object) -> ValueCheck:
    return ValueCheck.model_validate({"expression": expression, "label": label})


STATEMENTS = {
    "it holds": ("b = a", "Confirmed: `b` shares the memory of `a`.", Verdict.PASSED),
    "it does not": ("b = a.clone()", "This does not hold: `b` shares the memory of `a`.", Verdict.FAILED),
}


@pytest.mark.parametrize(
    ("made", "told", "verdict"), [pytest.param(*case, id=name) for name, case in STATEMENTS.items()]
)
@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("a.data_ptr() == b.data_ptr()", id="true in the reference"),
        pytest.param("a.data_ptr() != b.data_ptr()", id="false in the reference"),
    ],
)
def test_a_label_beside_a_truth_is_the_statement_that_should_hold(
    made: str, told: str, verdict: Verdict, expression: str, judge: Callable[..., Finding]
) -> None:
    finding = judge(MADE + made, reference=MADE + "b = a", check=check_of(expression, SHARED))
    assert (finding.verdict, read(finding)) == (verdict, told)


def test_a_label_beside_a_value_is_its_name(judge: Callable[..., Finding]) -> None:
    check = check_of("[len(part) for part in parts]", SIZES)
    reference = "parts = [[1], [2, 3]]"
    assert read(judge(reference, reference=reference, check=check)) == "The list of sizes of `parts` is right."
    shorter = judge("parts = [[1]]", reference=reference, check=check)
    assert read(shorter).startswith("The list of sizes of `parts` has another number of items")
    assert read(shorter, Language.JA).startswith("`parts` の大きさの要素の数が違います")


def test_the_place_of_a_difference_stands_beside_the_label(judge: Callable[..., Finding]) -> None:
    check = check_of("[torch.tensor(part) for part in parts]", SIZES)
    finding = judge("parts = [[1], [2]]", reference="parts = [[1], [2, 3]]", check=check)
    assert read(finding).startswith("The list of sizes of `parts` (`[1]`) has the wrong shape")


@pytest.mark.parametrize("language", Language)
def test_no_sentence_about_a_labelled_check_shows_its_expression(
    language: Language, judge: Callable[..., Finding]
) -> None:
    check = check_of("torch.stack(parts).sum(0)", SIZES)
    sources = ["parts = [torch.ones(2)]", "parts = [torch.ones(3)]", "pass", "parts = 1", "parts = torch.oens(1)"]
    told = [read(judge(source, reference=sources[0], check=check), language) for source in sources]
    assert len(set(told)) == len(sources)
    assert all("stack" not in one and "parts" in one for one in told)


def test_one_language_stands_for_both(judge: Callable[..., Finding]) -> None:
    finding = judge("x = 1", reference="x = 1", check=check_of("x == 1", {"ja": "`x` が1であること"}))
    assert read(finding) == "Confirmed: `x` が1であること."


def test_a_name_needs_no_label() -> None:
    with pytest.raises(ValidationError, match="label"):
        ValueCheck.model_validate({"name": "t", "label": SIZES})


LACKING = {
    "a variable is missing": ("b = 1", "a + b", "`a`"),
    "several are": ("pass", "a + b", "`a`, `b`"),
    "variables of the expression's own count for nothing": ("pass", "[n for n in a if (m := n) + m]", "`a`"),
    "functions count, built-ins and what every expression has do not": ("pass", "len(fit(np.ones(2)))", "`fit`"),
}


@pytest.mark.parametrize(
    ("source", "expression", "names"), [pytest.param(*case, id=name) for name, case in LACKING.items()]
)
def test_names_that_nothing_binds_are_told(
    source: str, expression: str, names: str, judge: Callable[..., Finding]
) -> None:
    reference = "import numpy as np\na = [1]\nb = [2]\nfit = list"
    finding = judge(source, reference=reference, check=ValueCheck(expression=expression))
    assert (finding.verdict, finding.code) == (Verdict.MISSING, "value.expression_lacks")
    assert read(finding) == f"Not there yet: {names}. So this could not be checked: `{expression}`."


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a = None", id="it is there and of another kind"),
        pytest.param("from math import *", id="an import that may bring anything"),
    ],
)
def test_a_name_that_may_be_there_is_not_called_missing(source: str, judge: Callable[..., Finding]) -> None:
    finding = judge(source, reference="a = [1]", check=ValueCheck(expression="a[0] + 1"))
    assert (finding.verdict, finding.code) == (Verdict.MISSING, "value.missing_expression")


COMPUTED = ValueCheck(name="y", computed=True)
DOUBLED = "x = torch.tensor([1.0, 2.0])\ny = 2 * x"
TYPED = "y = torch.tensor([2.0, 4.0])"


def test_a_right_value_that_was_written_down_waits_for_a_person_where_it_should_be_computed(
    judge: Callable[..., Finding],
) -> None:
    finding = judge(TYPED, reference=DOUBLED, check=COMPUTED)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "value.written_down")
    assert judge(DOUBLED, reference=DOUBLED, check=COMPUTED).verdict is Verdict.PASSED
    assert judge(TYPED, reference=DOUBLED, check=ValueCheck(name="y")).verdict is Verdict.PASSED


def test_a_wrong_value_is_wrong_however_it_came_about(judge: Callable[..., Finding]) -> None:
    assert judge("y = torch.tensor([2.0, 5.0])", reference=DOUBLED, check=COMPUTED).code == "value.values"


def test_a_reference_that_writes_its_value_down_does_not_hold(judge: Callable[..., Finding]) -> None:
    assert judge(TYPED, reference=TYPED, check=COMPUTED).verdict is Verdict.NEEDS_REVIEW


def test_code_too_deep_to_be_read_waits_for_a_person(judge: Callable[..., Finding]) -> None:
    deep = f"{DOUBLED}\nz = 0{' + 0' * 500}"
    assert judge(deep, reference=DOUBLED, check=COMPUTED).verdict is Verdict.NEEDS_REVIEW


def test_only_a_variable_can_be_written_down() -> None:
    with pytest.raises(ValidationError, match="computed"):
        ValueCheck(expression="len(y)", computed=True)
