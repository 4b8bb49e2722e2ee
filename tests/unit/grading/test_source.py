"""The `source` kind: which spellings of the student's code count, and what is said of those that nearly do."""

import ast

import pytest
from ast_grep_py import SgRoot
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from grader.domain.execution import Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.grading.checks.source import SourceCheck
from grader.grading.live import live_tree
from grader.grading.pattern import Pattern

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
        pytest.param("a; b", id="two statements"),
        pytest.param("import a, b", id="two imports in one"),
        pytest.param("with $C:", id="half a statement"),
        pytest.param({"pattern": "t", "absent": True, "at_most": 2}, id="absent and counted"),
        pytest.param({"pattern": "t", "at_least": 3, "at_most": 2}, id="bounds that nothing meets"),
        pytest.param({"pattern": "t", "at_least": 0}, id="at least nothing"),
        pytest.param({"pattern": "t", "in": "file"}, id="unknown place"),
        pytest.param({"pattern": "$X", "where": {"X": {"not": "t["}}}, id="excluded is not Python"),
        pytest.param({"pattern": "$X", "where": {"X": {"never": "t"}}}, id="unknown condition"),
        pytest.param({"pattern": "t", "message": {"ja": "だめ", "fr": "non"}}, id="a language we do not have"),
        pytest.param({"pattern": "t", "message": {}}, id="a message without words"),
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


LOOP = """import torch
import torch.nn as nn
from torch import optim, Tensor
x: Tensor = torch.tensor(1.0)
with torch.autograd.profiler.profile() as p, torch.no_grad():
    w -= lr * w.grad
    w.grad.zero_()
for i in range(10):
    loss = step(i)
    loss.backward()
while True:
    break
class Net(nn.Module):
    '''A net.'''
    def forward(self, x: Tensor) -> Tensor:
        '''Forward.'''
        return self.layer(x)
net = Net()
"""


@pytest.mark.parametrize(
    "pattern",
    [
        "with torch.no_grad(): $$$BODY",
        "with torch.no_grad():\n    $$$\n    $W.grad.zero_()",
        "for $I in range($N): $$$",
        "while $C: $$$",
        "$X.backward($$$)",
        "def $F($$$): $$$",
        "def forward(self, $X): return $Y",
        "class $C(nn.Module): $$$",
        "import $M",
        "import torch.nn as nn",
        "from torch import $N",
        "from torch import Tensor",
        "$W -= $LR * $W.grad",
        "$X = torch.tensor($$$)",
        "return $X",
    ],
)
def test_statements_are_patterns_too(pattern: str) -> None:
    assert check(LOOP, pattern).code == "source.found"


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("with torch.enable_grad(): $$$", id="another context"),
        pytest.param("for $I in $T: $I", id="another body"),
        pytest.param("import numpy", id="another module"),
        pytest.param("from torch import nn", id="another name of the module"),
        pytest.param("$W += $LR * $W.grad", id="another operator"),
        pytest.param("$X -= $X.grad", id="not twice the same"),
        pytest.param("def $F(): $$$", id="other parameters"),
        pytest.param("class $C: $$$", id="without the base class"),
    ],
)
def test_another_statement_is_no_match(pattern: str) -> None:
    assert check(LOOP, pattern).code == "source.pattern_missing"


def test_a_loop_that_never_runs_is_no_loop() -> None:
    assert check("for i in []:\n    loss.backward()", "for $I in $T: $$$").verdict is Verdict.FAILED
    assert check("with torch.no_grad():\n    if False:\n        w -= 1", "$W -= $D").verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("constraint", "fitting", "unfit"),
    [
        pytest.param("integer", ["3", "-3", "+3", "(3)"], ["3.0", "True", "n", "'3'", "1 + 2"], id="integer"),
        pytest.param("number", ["3", "-3.5", "1e-3", "2j"], ["True", "n", "'3'", "float(3)"], id="number"),
        pytest.param("string", ["'a'", "f'{x}'", "'a' 'b'"], ["a", "3", "b'a'", "str(a)"], id="string"),
        pytest.param("name", ["n", "答え"], ["3", "a.b", "a[0]", "a()"], id="name"),
        pytest.param({"not": "t"}, ["u", "t[0]", "3"], ["t", "(t)"], id="anything but t"),
        pytest.param({"not": ["t", "t.T"]}, ["u"], ["t", "t . T"], id="none of two"),
        pytest.param({"not": 0}, ["1", "x", "-0"], ["0"], id="a number of YAML's"),
        pytest.param({"name": ["a", "b"]}, ["a", "b"], ["c", "a + b", "'a'"], id="one of these names"),
        pytest.param({"name": "a"}, ["a"], ["b"], id="this name"),
        pytest.param({"is": "name", "not": "t"}, ["u"], ["t", "u[0]"], id="two conditions"),
        pytest.param({"one_of": [0, "len(t)"]}, ["0", "len( t )"], ["1", "len(u)"], id="one of these expressions"),
    ],
)
def test_where_says_what_a_variable_may_be(constraint: object, fitting: list[str], unfit: list[str]) -> None:
    settings = {"pattern": "print(0, $X)", "where": {"X": constraint}}
    passed = [text for text in fitting + unfit if check(f"print(0, {text})", settings).verdict is Verdict.PASSED]
    assert passed == fitting


def test_any_matching_place_may_fulfil_the_constraint() -> None:
    settings = {"pattern": "$A.grad", "where": {"A": {"not": "x"}}}
    assert check("print(x.grad, w.grad)", settings).code == "source.found"
    assert check("print(x.grad, x.grad)", settings).code == "source.pattern_missing"


@pytest.mark.parametrize(
    ("bounds", "count", "code"),
    [
        ({"at_least": 2}, 0, "source.pattern_missing"),
        ({"at_least": 2}, 1, "source.too_few"),
        ({"at_least": 2}, 2, "source.found"),
        ({"at_most": 2}, 0, "source.absent"),
        ({"at_most": 2}, 2, "source.found"),
        ({"at_most": 2}, 3, "source.too_often"),
        ({"at_least": 1, "at_most": 1}, 0, "source.pattern_missing"),
        ({"at_least": 1, "at_most": 1}, 1, "source.found"),
        ({"at_least": 1, "at_most": 1}, 2, "source.too_often"),
        ({"absent": True}, 1, "source.forbidden"),
    ],
)
def test_places_are_counted(bounds: dict[str, object], count: int, code: str) -> None:
    source = "x = 1\n" + "loss.backward()\n" * count
    finding = check(source, {"pattern": "$L.backward($$$)", **bounds})
    assert finding.code == code
    assert (finding.verdict is Verdict.PASSED) == (code in ("source.found", "source.absent"))


@pytest.mark.parametrize(
    ("source", "pattern", "count"),
    [
        pytest.param("a + b + c", "$A + $B", 2, id="one inside the other"),
        pytest.param("f(f(x))", "f($X)", 2, id="nested calls"),
        pytest.param("for i in a:\n  for j in b:\n    pass", "for $I in $T: $$$", 2, id="nested loops"),
        pytest.param("import a, b\nimport c", "import $M", 3, id="imports by name"),
        pytest.param("with a, b:\n  pass", "with $C: $$$", 2, id="contexts one by one"),
        pytest.param("x = '# f(1)'  # f(2)\nif 0:\n  f(3)", "f($X)", 0, id="neither text nor dead code"),
    ],
)
def test_each_place_counts_once(source: str, pattern: str, count: int) -> None:
    assert Pattern(pattern).count_in(live_tree(source)) == count


class TestInTheWholeNotebook:
    def find(self, source: str, before: str, **settings: object) -> Finding:
        logic = SourceCheck.model_validate({"pattern": "import $M", "in": "notebook", **settings})
        actual = Evidence(source=source, notebook_source=f"{before}\n{source}", outputs=(), cell_runs=(), replies={})
        return logic.evaluate(actual=actual, expected=evidence(""))

    def test_code_of_other_questions_counts(self) -> None:
        assert self.find("x = 1", "import torch").code == "source.found"
        assert self.find("x = 1", "y = 2").code == "source.pattern_missing"
        assert self.find("x = 1", "import numpy", pattern="import numpy", absent=True).code == "source.forbidden"

    def test_an_error_elsewhere_does_not_unmake_what_is_there(self) -> None:
        assert self.find("x = 1", "import torch\ny = = 2").code == "source.found"

    @pytest.mark.parametrize("settings", [{}, {"absent": True}, {"at_most": 1}])
    def test_what_an_error_hides_is_for_a_person(self, settings: dict[str, object]) -> None:
        finding = self.find("x = 1", "y = = import", **settings)
        assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "source.beside_error")

    def test_it_tells_no_question_from_another(self) -> None:
        assert SourceCheck.model_validate({"pattern": "import torch", "in": "notebook"}).answer_patterns == ()


WORDS = {"ja": "ループを使わずに書いてください。", "en": "Please write it without a loop."}


class TestTheAuthorsMessage:
    @pytest.mark.parametrize("language", list(Language))
    def test_it_stands_in_place_of_the_general_sentence(self, language: Language) -> None:
        finding = check("for i in t:\n    f(i)", {"pattern": "for $I in $T: $$$", "absent": True, "message": WORDS})
        assert finding.verdict is Verdict.FAILED
        said = sentence(Note(code=finding.code, facts=finding.facts), language)
        assert said == WORDS[language.value]

    @pytest.mark.parametrize("words", ["Do it.", {"en": "Do it."}, {"ja": "Do it."}])
    def test_one_wording_serves_both_languages(self, words: object) -> None:
        finding = check("x = 1", {"pattern": "while $C: $$$", "message": words})
        said = {sentence(Note(code=finding.code, facts=finding.facts), language) for language in Language}
        assert said == {"Do it."}

    def test_braces_in_it_are_only_braces(self) -> None:
        finding = check("x = 1", {"pattern": "while $C: $$$", "message": "{pattern} {0} %s"})
        assert sentence(Note(code=finding.code, facts=finding.facts), Language.EN) == "{pattern} {0} %s"

    def test_it_is_silent_where_the_rule_is_kept(self) -> None:
        assert check("while x: y", {"pattern": "while $C: $$$", "message": "no"}).code == "source.found"

    def test_a_near_miss_is_still_named(self) -> None:
        assert check("t[0:3]", QUESTION_5 | {"message": "no"}).code == "source.slice_lost"

    def test_words_make_no_new_version(self) -> None:
        plain = SourceCheck(pattern="$T.size()")
        worded = SourceCheck.model_validate({"pattern": "$T.size()", "message": WORDS})
        assert worded.model_dump(mode="json") == plain.model_dump(mode="json")


def test_a_short_constraint_is_kept_as_short_as_it_was_written() -> None:
    logic = SourceCheck.model_validate(QUESTION_5 | {"where": {"START": "integer", "STEP": {"not": 0}}})
    dumped = logic.model_dump(mode="json", exclude_defaults=True)
    assert dumped["where"] == {"START": "integer", "STEP": {"not": ["0"]}}
    assert SourceCheck.model_validate(dumped) == logic


def test_a_function_that_others_call_counts_where_the_reference_leaves_its_own_uncalled() -> None:
    logic = SourceCheck(pattern="torch.exp($X)")
    answer, used = evidence("def f(x):\n    return torch.exp(x)"), evidence("print(torch.exp(x))")
    assert logic.evaluate(actual=answer, expected=answer).verdict is Verdict.PASSED
    assert logic.evaluate(actual=answer, expected=used).verdict is Verdict.FAILED
    hidden = evidence(
        "def f(x):\n    if False:\n        torch.exp(x)\n    def g():\n        torch.exp(x)\n    return x"
    )
    assert logic.evaluate(actual=hidden, expected=answer).verdict is Verdict.FAILED


def test_what_a_function_must_not_use_is_found_in_it_though_only_we_call_it() -> None:
    logic = SourceCheck(pattern="torch.softmax($$$)", absent=True)
    reference = evidence("def f(x):\n    return x.exp() / x.exp().sum()")
    assert logic.evaluate(actual=reference, expected=reference).code == "source.absent"
    assert logic.evaluate(actual=evidence("f = lambda x: torch.softmax(x, 0)"), expected=reference).code == (
        "source.forbidden"
    )


def test_a_pattern_without_gaps_is_not_given_away_by_a_near_miss() -> None:
    finding = check("t[0:3]", "$T[1:-1]")
    assert finding.code == "source.slice_differs"
    assert "lost" not in finding.facts


NAMES = st.sampled_from(["t", "x", "loss"])
EXPRESSIONS = st.recursive(
    NAMES | st.integers(-3, 9).map(str),
    lambda inner: st.one_of(
        st.builds("{}.sum({})".format, NAMES, inner),
        st.builds("({} + {})".format, inner, inner),
        st.builds("f({}, {})".format, inner, inner),
        st.builds("{}[{}:-1]".format, NAMES, inner),
    ),
    max_leaves=6,
)
STATEMENTS = st.one_of(
    EXPRESSIONS,
    st.builds("{} = {}".format, NAMES, EXPRESSIONS),
    st.builds("for i in {}:\n    {}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("with {}:\n    {}".format, EXPRESSIONS, EXPRESSIONS),
)
PATTERNS = ["$T.sum($$$)", "$A + $B", "f($A, $A)", "$X = $Y", "for $I in $T: $$$", "with $C: $$$", "$T[$A:-1]", "t"]


@settings(max_examples=60)
@given(lines=st.lists(STATEMENTS, min_size=1, max_size=4), pattern=st.sampled_from(PATTERNS))
def test_ast_grep_alone_finds_as_many_in_plain_code(lines: list[str], pattern: str) -> None:
    source = ast.unparse(ast.parse("\n".join(lines)))
    found = SgRoot(source, "python").root().find_all(pattern=pattern)
    assert Pattern(pattern).count_in(ast.parse(source)) == len(found)
