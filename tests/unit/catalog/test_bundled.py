"""Homework 8 as it comes with the product."""

import contextlib
import io
import json

import nbformat
import pytest
import torch

from grader.catalog import bundled, parse, read_bundle
from grader.domain.location import FoundBy


@pytest.fixture(scope="module")
def loaded():
    return parse(read_bundle(bundled()["torch-tensor"]))


@pytest.fixture(scope="module")
def namespaces(loaded):
    """What each question of the reference leaves behind and prints, run cell by cell."""
    namespace = {}
    shown = {}
    for cell in loaded.reference.code_cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(cell.source, namespace)  # noqa: S102  # our own reference
        question = loaded.location.question_of(cell.index)
        shown[question] = shown.get(question, "") + printed.getvalue()
    return namespace, shown


def test_points_are_those_of_the_course(loaded):
    assignment = loaded.assignment
    assert assignment.points == 100
    assert [
        [(check.kind, check.points, check.shares_points) for check in question.checks]
        for question in assignment.questions
    ] == [
        [("value", 20, False)],
        [("output", 10, True), ("source", 0, True)],
        [("output", 10, False), ("written", 10, False)],
        [("output", 10, False), ("written", 10, False)],
        [("output", 10, True), ("source", 0, True)],
        [("function", 8, False), ("gradient", 7, False), ("written", 5, False)],
    ]
    assert assignment.questions[0].checks[0].partial == {"dtype": 14}
    assert [item.points for item in assignment.questions[5].checks[2].rubric] == [3, 2]


def test_every_text_stands_in_both_languages(loaded):
    texts = [loaded.assignment.title]
    for question in loaded.assignment.questions:
        texts += [question.title, question.prompt]
        texts += [item.text for check in question.checks for item in check.rubric]
    assert all(text.ja != text.en for text in texts)


def test_question_5_refers_to_question_4(loaded):
    prompt = loaded.assignment.questions[4].prompt
    assert "問題4" in prompt.ja
    assert "問題6" not in prompt.ja
    assert "question 4" in prompt.en


def test_the_first_prompt_shows_what_the_reference_prints(loaded):
    assert loaded.prompt_expressions == {"q1": ("print(t)",)}


def test_locate_knows_each_answer(loaded):
    assert [wanted.number for wanted in loaded.wanted] == [1, 2, 3, 4, 5, 6]
    assert loaded.wanted[0].names == ("t",)
    assert "f" in loaded.wanted[5].names
    patterns = [wanted.patterns for wanted in loaded.wanted]
    assert "t.size()" in patterns[1]
    assert "t[:, -1, :]" in patterns[2]
    assert "t[:-1]" in patterns[3]  # the same tree as t[:-1:]
    assert "t[0:-1:1]" in patterns[4]


def test_the_reference_has_a_bilingual_heading_and_code_for_every_question(loaded):
    for number, answer in enumerate(loaded.location.answers.values(), start=1):
        assert answer.found_by is FoundBy.HEADING
        assert 1 <= len(answer.code_cells) <= 2
        heading = loaded.reference.cells[answer.code_cells[0] - 1].source.splitlines()[0]
        assert heading == f"## 問題{number} / Question {number}"


def test_the_reference_is_a_clean_notebook():
    data = read_bundle(bundled()["torch-tensor"]).files["reference.ipynb"]
    nbformat.validate(nbformat.reads(data.decode(), as_version=4))
    raw = json.loads(data)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    code = [cell for cell in raw["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_the_reference_gives_the_tensor_of_the_course(namespaces):
    t = namespaces[0]["t"]
    block = [[1, 2], [4, 5], [7, 8]]
    signs_and_tens = [[[factor * x for x in row] for row in block] for factor in (1, -1, 10, -10)]
    assert t.dtype == torch.int64
    assert t.tolist() == signs_and_tens


def test_the_reference_shows_the_slices_of_the_course(namespaces):
    namespace, shown = namespaces
    t = namespace["t"]
    assert shown["q2"] == "torch.Size([4, 3, 2])\n"
    assert shown["q3"] == f"{t[:, -1, :]}\n"
    assert shown["q4"] == shown["q5"] == f"{t[:3]}\n"
    assert shown["q6"] == "tensor(-12.)\n"


@pytest.mark.parametrize(
    ("at", "value", "slope"), [(0.0, 1.0, -12.0), (1.0, -12.0, -12.0), (2.0, -19.0, 0.0), (3.0, -8.0, 24.0)]
)
def test_f_and_its_derivative_are_those_of_the_course(namespaces, at, value, slope):
    x = torch.tensor(at, requires_grad=True)
    y = namespaces[0]["f"](x)
    y.backward()
    assert (y.item(), x.grad.item()) == (value, slope)


def test_hidden_inputs_tell_f_apart_from_its_value_at_1(loaded):
    function = loaded.assignment.questions[5].checks[0].logic
    assert function.has_hidden_inputs
    drawn = function.draw_inputs(1)
    assert drawn == function.draw_inputs(1)
    assert drawn != function.draw_inputs(2)
    assert len(drawn) == 8


@pytest.mark.parametrize("slug", bundled())
def test_no_student_reads_a_long_expression(slug):
    checks = [check.logic for one in parse(read_bundle(bundled()[slug])).assignment.questions for check in one.checks]
    expressions = [logic for logic in checks if logic.kind == "value" and logic.expression is not None]
    assert [logic.expression for logic in expressions if len(logic.expression) > 25 and logic.label is None] == []
