"""The `value` kind on real kernels: what comes out of them, whatever its type, and what a student earns with it."""

import textwrap

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.result import Verdict
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.notebook.read import read

SPEC = b"""\
title: T
questions:
  q1: {prompt: P, value: t, points: 6, partial: {values: share, shape: 4}}
  q2: {prompt: P, value: {expression: "w.grad", tolerance: measured}, points: 4}
  q3: {prompt: P, value: {name: a, also: ["a.flip(0)", "a.tolist()"]}, points: 3}
  q4: {prompt: P, value: {name: s, ignore: type}, points: 3}
  q5: {prompt: P, value: net, points: 4, partial: {values: share}}
"""

REFERENCE = {
    "q1": "import torch\nt = torch.tensor([[1, 2, 3], [4, 5, 6]])",
    "q2": "w = torch.ones(3, requires_grad=True)\n(w**2).sum().backward()",
    "q3": "a = torch.tensor([1, 2, 3])",
    "q4": "s = torch.eye(2).to_sparse()",
    "q5": "net = {'w': torch.zeros(3), 'name': 'linear'}",
}


def notebook(answers: dict[str, str]) -> bytes:
    parts = [
        f"# %% [markdown]\n# ## 問題{number}\n# %%\n{textwrap.dedent(answers[question])}\n"
        for number, question in enumerate(REFERENCE, start=1)
    ]
    return notebook_of("".join(parts))


@pytest.fixture(scope="module")
def grade(sandbox_runner):
    """Grades the reference with some answers replaced; gives each question's result."""
    files = {"assignment.yaml": SPEC, "reference.ipynb": notebook(REFERENCE)}
    loaded = parse(Bundle(slug="values", files=files))
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")

    def graded(**answers):
        handed_in = read(notebook(REFERENCE | answers))
        result = assess(
            handed_in, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=b"key"
        ).result
        return {question.question_id: question for question in result.questions}

    return graded


def test_the_same_answers_in_another_form_earn_everything(grade):
    found = grade(
        q1="import torch\nt = torch.arange(1, 7).reshape(3, 2).reshape(2, 3)",
        q2="w = torch.ones(3, requires_grad=True)\nfor part in w:\n    (part**2).backward()",
        q3="a = [1, 2, 3]",
        q4="s = torch.eye(2).to_sparse_csr()",
        q5="net = dict(name='linear', w=torch.nn.Parameter(torch.zeros(3)))",
    )

    assert {question: result.score for question, result in found.items()} == {
        "q1": 6,
        "q2": 4,
        "q3": 3,
        "q4": 3,
        "q5": 4,
    }


def test_wrong_answers_are_told_by_their_first_broken_step(grade):
    found = grade(
        q1="import torch\nt = torch.tensor([[1, 2, 3], [4, 5, 0]])",
        q2="w = torch.ones(3, requires_grad=True)\nloss = (w**2).sum()",
        q3="a = torch.tensor([3, 2, 2])",
        q4="s = torch.quantize_per_tensor(torch.eye(2), 0.1, 0, torch.qint8)",
        q5="net = {'w': torch.tensor([0., 0., 1.]), 'name': 'linear'}",
    )

    told = {question: (result.checks[0].code, result.score) for question, result in found.items()}
    assert told == {
        "q1": ("value.values", 5),
        "q2": ("value.no_grad", 0),
        "q3": ("value.values", 0),
        "q4": ("value.opaque_quantized", 0),
        "q5": ("value.values", 3),
    }
    assert found["q5"].checks[0].facts["name"] == "net['w']"
    assert found["q3"].checks[0].facts["differing"] == 1, "told beside the nearer of the right answers"


def test_a_tensor_on_the_meta_device_and_another_shape(grade):
    found = grade(q1="import torch\nt = torch.tensor([1, 2, 3, 4, 5, 6])", q3="a = torch.empty(3, device='meta')")

    assert (found["q1"].checks[0].code, found["q1"].checks[0].verdict, found["q1"].score) == (
        "value.shape",
        Verdict.PARTIAL,
        4,
    )
    assert found["q3"].checks[0].code == "value.opaque_meta"


def test_one_right_value_under_another_name_waits_for_a_person(grade):
    found = grade(q3="answer = torch.tensor([3, 2, 1])", q5="\n".join(f"x{n} = {n}" for n in range(9)))

    assert (found["q3"].checks[0].code, found["q3"].pending) == ("value.renamed", 3)
    assert (found["q5"].checks[0].code, found["q5"].pending) == ("value.missing_name", 0)
