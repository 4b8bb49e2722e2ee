"""The `source` kind: which spellings of the student's code count, and what is said of those that nearly do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.grading.checks.source import SourceCheck

QUESTION_5 = {"pattern": "$T[$START:-1:$STEP]", "where": {"START": "integer", "STEP": "integer"}}


def evidence(source: str) -> Evidence:
    return Evidence(source=source, notebook_source=source, outputs=(), cell_runs=(), replies={})


def check(source: str, settings: object = QUESTION_5) -> Finding:
    return SourceCheck.model_validate(settings).evaluate(actual=evidence(source), expected=evidence(""))


@pytest.mark.parametrize(
    "source",
    [
        "t[0:-1:1]",
        "print(t[ 0 : - 1 : +1 ])",
        "t[-4:-1:1]",
        "x = t[\n    0:\n    -1:\n    1\n]",
        "t[0 # 先頭\n  :-1:1]",
        "t[0:\\\n-1:1]",
        "t[(0):(-1):(1)]",
        "print(f'答え {t[0:-1:1]}')",
        "テンソル[0:-1:1]  # 問題5",
        "torch.arange(24).reshape(4, 3, 2)[0:-1:1].sum()",
        "def show():\n    print(t[0:-1:1])\nshow()",
        "show = lambda: t[0:-1:1]\nprint(show())",
        "if True:\n    print(t[0:-1:1])",
        "for i in range(1):\n    print(t[0:-1:1])",
        "raise ValueError\nt[0:-1:1]",
    ],
)
def test_question_5_takes_the_expression_with_two_integers_however_it_is_spelt(source: str) -> None:
    finding = check(source)
    assert (finding.verdict, finding.code) == (Verdict.PASSED, "source.found")


@pytest.mark.parametrize(
    ("source", "code", "found"),
    [
        pytest.param("print(t[0:3])", "source.slice_lost", "t[0:3]", id="lost the -1"),
        pytest.param("t[0:3:1]", "source.slice_lost", "t[0:3:1]", id="two numbers, but not the -1"),
        pytest.param("t[0:-2:1]", "source.slice_lost", "t[0:-2:1]", id="another number there"),
        pytest.param("t[:-1:]", "source.slice_too_few", "t[:-1:]", id="question 4 untouched"),
        pytest.param("t[0:-1]", "source.slice_too_few", "t[0:-1]", id="one number"),
        pytest.param("t[0:-1:]", "source.slice_too_few", "t[0:-1:]", id="one number, colon kept"),
        pytest.param("t[:-1:1]", "source.slice_too_few", "t[:-1:1]", id="only the step"),
        pytest.param("t[0:-1:1,:]", "source.slice_too_many", "t[0:-1:1,:]", id="another axis"),
        pytest.param("t[0:-1:1,]", "source.slice_too_many", "t[0:-1:1,]", id="a comma"),
        pytest.param("t[a:-1:1]", "source.slice_not_fixed", "t[a:-1:1]", id="a name is no number"),
        pytest.param("t[0:-1:1.0]", "source.slice_not_fixed", "t[0:-1:1.0]", id="a float"),
        pytest.param("t[False:-1:True]", "source.slice_not_fixed", "t[False:-1:True]", id="bools are no integers"),
        pytest.param("t[0:-1:int(1)]", "source.slice_not_fixed", "t[0:-1:int(1)]", id="a call"),
        pytest.param("print(f'{t[0:3]}')", "source.slice_lost", "t[0:3]", id="inside an f-string"),
        pytest.param(
            "t[:-1:]\nt[0:3]\nt[0]", "source.slice_lost", "t[0:3]", id="the copied question is not the answer"
        ),
        pytest.param("t[0:2]\nt[0:3]", "source.slice_lost", "t[0:3]", id="the last answer of two"),
        pytest.param("t[0:3]\nt[a:-1:1]", "source.slice_not_fixed", "t[a:-1:1]", id="the nearer one of two"),
        pytest.param("t[0]", "source.pattern_missing", None, id="no slice at all"),
        pytest.param("pass", "source.pattern_missing", None, id="nothing"),
        pytest.param("# t[0:-1:1]", "source.pattern_missing", None, id="comment"),
        pytest.param("'t[0:-1:1]'\n'''\nt[0:-1:1]\n'''", "source.pattern_missing", None, id="strings"),
        pytest.param("if False:\n    t[0:-1:1]", "source.pattern_missing", None, id="if False"),
        pytest.param("def f():\n    return t[0:-1:1]", "source.pattern_missing", None, id="never called"),
    ],
)
def test_near_misses_of_question_5_are_named(source: str, code: str, found: str | None) -> None:
    finding = check(source)
    assert (finding.verdict, finding.code) == (Verdict.FAILED, code)
    assert finding.facts.get("found") == found
    assert finding.facts["pattern"] == QUESTION_5["pattern"]


@pytest.mark.parametrize(
    ("source", "verdict", "code"),
    [
        pytest.param("t.size()", Verdict.PASSED, "source.found", id="a cell's last value"),
        pytest.param("print( (t) . size( ) )", Verdict.PASSED, "source.found", id="spaces and brackets"),
        pytest.param("print('大きさ', t.size(), sep='')", Verdict.PASSED, "source.found", id="among words"),
        pytest.param("t.size()[0]", Verdict.PASSED, "source.found", id="used further"),
        pytest.param("t.shape", Verdict.FAILED, "source.pattern_missing", id="shape is no method"),
        pytest.param("t.size(0)", Verdict.NEEDS_REVIEW, "source.call_differs", id="with an argument"),
        pytest.param("print(t.size)", Verdict.FAILED, "source.not_called", id="brackets forgotten"),
    ],
)
def test_question_2_wants_the_size_method(source: str, verdict: Verdict, code: str) -> None:
    finding = check(source, "$T.size()")
    assert (finding.verdict, finding.code) == (verdict, code)


def test_any_arguments_may_stand_for_three_dollars() -> None:
    for call in ("y.backward()", "y.backward(retain_graph=True)", "loss.sum().backward(g, create_graph=True)"):
        assert check(call, "$Y.backward($$$)").verdict is Verdict.PASSED
    assert check("backward(y)", "$Y.backward($$$)").code == "source.call_differs"


def test_a_variable_that_occurs_twice_stands_for_the_same_thing() -> None:
    assert check("x * x", "$X * $X").verdict is Verdict.PASSED
    assert check("x * y", "$X * $X").verdict is Verdict.FAILED


def test_a_name_constraint_takes_names_only() -> None:
    settings = {"pattern": "print($X)", "where": {"X": "name"}}
    assert check("print(t)", settings).verdict is Verdict.PASSED
    assert check("print(t[0])", settings).verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("source", "verdict", "code"),
    [
        ("y.backward()", Verdict.FAILED, "source.forbidden"),
        ("x.grad", Verdict.PASSED, "source.absent"),
        ("# y.backward()", Verdict.PASSED, "source.absent"),
        ("x = (", Verdict.FAILED, "source.syntax_error"),
    ],
)
def test_an_absent_pattern_must_not_occur(source: str, verdict: Verdict, code: str) -> None:
    finding = check(source, {"pattern": "$Y.backward($$$)", "absent": True})
    assert (finding.verdict, finding.code) == (verdict, code)


def test_code_that_does_not_parse_fails_with_its_line() -> None:
    finding = check("t = 1\nprint(t[0:-1:1")
    assert (finding.verdict, finding.code, finding.facts["line"]) == (Verdict.FAILED, "source.syntax_error", 2)


def test_a_match_beside_a_syntax_error_is_left_to_a_person() -> None:
    finding = check("t[0:3\n\nprint(t[0:-1:1])")
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "source.beside_error")


@pytest.mark.parametrize("source", ["x" + "+1" * 200_000, "-" * 50_000 + "1", "a" + ".b" * 100_000])
def test_absurdly_deep_code_is_left_to_a_person(source: str) -> None:
    finding = check(source)
    assert finding.verdict is Verdict.NEEDS_REVIEW or finding.code == "source.syntax_error"


@pytest.mark.parametrize(
    "source", ["\0", "\ud800", "t[0:-1:1] # \ud800", "'\\d'", "'\\ud800'; t[0:-1:1]", "\f", "\r\r"]
)
def test_odd_characters_do_not_raise(source: str) -> None:
    assert check(source).verdict in Verdict


@given(st.text(alphabet="t[]0:-1,()\n '#if=ade", max_size=60))
def test_no_source_raises(source: str) -> None:
    assert check(source).verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.NEEDS_REVIEW)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param("$T.size(", id="not Python"),
        pytest.param("", id="empty"),
        pytest.param("$lower.size()", id="variables are upper case"),
        pytest.param("x = 1", id="a statement"),
        pytest.param("a; b", id="two of them"),
        pytest.param({"pattern": "$T.size()", "where": {"S": "integer"}}, id="constraint on nothing"),
        pytest.param({"pattern": "$T.size()", "where": {"T": "float"}}, id="unknown constraint"),
        pytest.param({"pattern": "t", "points": 3}, id="unknown field"),
        pytest.param({}, id="no pattern"),
    ],
)
def test_an_authors_mistake_is_refused(settings: object) -> None:
    with pytest.raises(ValidationError):
        SourceCheck.model_validate(settings)


def test_only_plain_patterns_help_to_find_an_answer() -> None:
    assert SourceCheck(pattern="t[:, -1, :]").answer_patterns == ("t[:, -1, :]",)
    assert SourceCheck(pattern="$T.size()").answer_patterns == ()
    assert SourceCheck(pattern="numpy", absent=True).answer_patterns == ()


def test_a_long_expression_is_shown_cut() -> None:
    finding = check(f"t[0:{'x' * 200}]")
    assert isinstance(finding.facts["found"], str)
    assert len(finding.facts["found"]) == 80


def test_a_source_that_nobody_typed_is_for_a_person():
    source = "print(" + ",".join(["t[0:-1:1]"] * 20_000) + ")"
    evidence = Evidence(source=source, notebook_source=source, outputs=(), cell_runs=(), replies={})

    finding = SourceCheck.model_validate("$T[0:-1:1]").evaluate(actual=evidence, expected=evidence)

    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "source.unreadable")
