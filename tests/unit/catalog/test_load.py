"""An assignment together with its reference: what is taken from it and what is wrong with it."""

import pytest

from grader.domain.location import FoundBy
from grader.domain.text import Note, Text


def test_the_reference_answers_each_question(load):
    loaded = load()
    assert {name: (answer.found_by, answer.code_cells) for name, answer in loaded.location.answers.items()} == {
        "q1": (FoundBy.HEADING, (3,)),
        "q2": (FoundBy.HEADING, (5,)),
    }
    assert loaded.reference.code_cells[0].source == "import torch"
    assert loaded.bundle.slug == "small"


def test_what_locate_may_know_comes_from_checks_and_reference(load):
    first, second = load().wanted
    assert (first.question_id, first.number, first.names) == ("q1", 1, ("t",))
    assert first.prompts == ("`t` を作る。{{print(t)}}", "Make `t`. {{print(t)}}")
    assert (second.question_id, second.number, second.names, second.prompts) == ("q2", 2, (), ("Show it.",))
    assert second.patterns == ("t[0]",)


@pytest.mark.parametrize(
    ("code", "patterns"),
    [
        pytest.param("print(t[:, -1, :])", ("t[:, -1, :]",), id="printed"),
        pytest.param("print('size', t.size(), end='')", ("t.size()",), id="printed with words"),
        pytest.param("a = 1\nt[:-1:]", ("t[:-1]",), id="a cell's last value"),
        pytest.param("t[0]\na = 1", (), id="a value that is not shown"),
        pytest.param("print(t)", (), id="a bare name says nothing"),
        pytest.param("%matplotlib inline\nprint(t[1])", ("t[1]",), id="with a magic"),
        pytest.param("print(t[1]", (), id="not Python"),
    ],
)
def test_shown_expressions_become_patterns(load, spec, notebook, code, patterns):
    reference = notebook("## 問題1", "t = [1, 2]", "## 問題2", code)
    assert load(spec, reference=reference).wanted[1].patterns == patterns


def test_an_expression_that_two_questions_show_is_no_pattern(load, notebook):
    text = "title: T\nquestions:\n" + "".join(
        f"  q{number}: {{prompt: P, output: reference, points: 1}}\n" for number in (1, 2)
    )
    reference = notebook("## 問題1", "print(t[0], t[1])", "## 問題2", "print(t[1], t[2])")
    assert [wanted.patterns for wanted in load(text, reference=reference).wanted] == [("t[0]",), ("t[2]",)]


def test_expressions_of_a_prompt_are_listed_once_and_in_order(load, spec):
    text = spec.replace("prompt: Show it.", "prompt: {ja: '{{ t[0] }}と{{t[1]}}', en: '{{t[1]}}, {{t[0]}}, {{t}}'}")
    assert load(text).prompt_expressions == {"q1": ("print(t)",), "q2": ("t[0]", "t[1]", "t")}


def test_a_prompt_falls_back_to_the_reference(load, spec, notebook):
    text = spec.replace("    prompt: Show it.\n", "")
    reference = notebook(
        "## 問題1", "t = [1]", "## 問題2\n\n`t` の先頭を\n表示する。", ">Two cells: {{t}}.", "print(t[0])", ">Because."
    )
    loaded = load(text, reference=reference)
    words = "`t` の先頭を\n表示する。\n\nTwo cells: {{t}}."
    assert loaded.assignment.questions[1].prompt == Text(words, words)
    assert loaded.wanted[1].prompts == (words,)
    assert loaded.prompt_expressions["q2"] == ("t",)


def test_a_prompt_that_stands_nowhere_is_a_mistake(mistakes_of, spec):
    (told,) = mistakes_of(spec.replace("    prompt: Show it.\n", ""))
    assert (told.where, told.code) == (("assignment.yaml", 12, "questions.q2"), "prompt_missing")


def test_a_prompt_at_fault_is_told_once(mistakes_of, spec):
    (told,) = mistakes_of(spec.replace("prompt: Show it.", "prompt: ''"))
    assert (told.where, told.code) == (("assignment.yaml", 13, "questions.q2.prompt"), "empty")


def test_a_missing_reference_is_told(mistakes_of, spec):
    (told,) = mistakes_of(spec, reference=None)
    assert (told.where, told.code) == (("reference.ipynb", 1, ""), "file_missing")


def test_a_missing_spec_is_told(mistakes_of):
    (told,) = mistakes_of(None)
    assert (told.where, told.code) == (("assignment.yaml", 1, ""), "file_missing")


def test_an_unreadable_reference_is_told_beside_the_mistakes_of_the_spec(mistakes_of, spec):
    told = mistakes_of(spec + "devise: cpu\n", reference=b"not a notebook")
    assert [(m.where[0], m.code) for m in told] == [
        ("assignment.yaml", "field_unknown_near"),
        ("reference.ipynb", "reference_refused"),
    ]


def test_every_question_has_a_heading_in_the_reference(mistakes_of, spec, notebook):
    reference = notebook("# 課題", "t = [1]", "## 問題2", "print(t[0])")
    (told,) = mistakes_of(spec, reference=reference)
    assert (told.where, told.code) == (("reference.ipynb", 1, "questions.q1"), "reference_without_heading")
    assert told.facts == {"number": 1}


def test_code_that_is_checked_has_a_cell_in_the_reference(mistakes_of, spec, notebook):
    reference = notebook("## 問題1", "t = [1]", "## 問題2", ">only words")
    (told,) = mistakes_of(spec, reference=reference)
    assert (told.where, told.code) == (("reference.ipynb", 1, "questions.q2"), "reference_without_code")


@pytest.mark.parametrize("slug", ["Torch", "torch_tensor", "-a", "a--b", "", "課題8", "a" * 61])
def test_a_slug_is_made_of_small_letters_and_hyphens(mistakes_of, spec, slug):
    (told,) = mistakes_of(spec, slug=slug)
    assert (told.where, told.code) == (("assignment.yaml", 1, ""), "slug")


def test_any_bytes_as_reference_are_told_or_read(mistakes_of, spec, notebook):
    for reference in (b"", b"{}", b"[]", b"PK\x03\x04", notebook("## 問題1", "## 問題2")):
        assert mistakes_of(spec, reference=reference)


def test_what_running_the_reference_finds_is_placed_in_the_file(load, spec):
    findings = [
        Note(code="publish.reference_loses", facts={"question": "q2", "check": "output"}),
        Note(code="output.nothing"),
        Note(code="publish.empty_earns", facts={"question": "q1", "score": 3}),
        Note(code="publish.reference_loses", facts={"question": "q1", "check": "value-7"}),
    ]
    placed = load(spec).place(findings)
    assert [(one.file, one.line, one.field) for one in placed] == [
        ("assignment.yaml", 14, "questions.q2.output"),
        ("assignment.yaml", 14, "questions.q2.output"),
        ("assignment.yaml", 7, "questions.q1"),
        ("assignment.yaml", 7, "questions.q1"),
    ]
    assert [one.note for one in placed] == findings


def test_each_of_several_checks_has_its_own_place(load, spec):
    places = load(
        spec.replace("    value: t\n", "    value:\n    - t\n    - u\n").replace("    partial: {dtype: 14}\n", "")
    ).places
    assert (places["q1/value"].line, places["q1/value-2"].line) == (10, 11)
    assert places["q1/value-2"].field == "questions.q1.value[1]"


def test_a_cell_that_does_not_run_stands_in_the_reference(load, spec):
    (placed,) = load(spec).place([Note(code="publish.reference_timed_out", facts={"cell": 3})])
    assert (placed.file, placed.line, placed.field) == ("reference.ipynb", 1, "")


def test_a_finding_about_nothing_in_particular_stands_at_the_top(load, spec):
    (placed,) = load(spec).place([Note(code="publish.reference_loses")])
    assert (placed.line, placed.field) == (1, "")
