"""Small notebooks on real kernels: excuses, places of mistakes, and what a student is told, end to end."""

import json
import textwrap

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.execution import Outcome
from grader.domain.result import Verdict
from grader.domain.text import Language
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.flow.report import report_result
from grader.notebook.read import read

SPEC = b"""\
title: T
limits: {question_s: 2, outside_s: 5, total_s: 20}
questions:
  q1: {prompt: P, value: t, points: 4}
  q2: {prompt: P, output: reference, points: 3, written: [{points: 2, text: W}]}
  q3: {prompt: P, function: {name: f, inputs: [1., 2.]}, points: 5}
"""

REFERENCE = """\
# %% [markdown]
# ## 問題1
# %%
import torch
t = torch.tensor([[1, 2], [3, 4]])
# %% [markdown]
# ## 問題2
# %%
print(t.sum())
# %% [markdown]
# Added up.
# %% [markdown]
# ## 問題3
# %%
def f(x):
    return x**2 - 4 * x
"""


@pytest.fixture(scope="module")
def loaded():
    files = {"assignment.yaml": SPEC, "reference.ipynb": notebook_of(REFERENCE)}
    return parse(Bundle(slug="small", files=files))


@pytest.fixture(scope="module")
def grade(loaded, sandbox_runner):
    """Grades a notebook given in the percent format; `report` is what its student reads."""
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")

    def grade(code, *, language=Language.EN):
        notebook = read(notebook_of(textwrap.dedent(code)))
        result = assess(
            notebook, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=b"secret"
        ).result
        report = report_result(result, assignment=loaded.assignment, notebook="hw.ipynb", language=language)
        json.dumps(report, ensure_ascii=False).encode()
        return result, report

    return grade


def verdicts(result):
    return [question.checks[0].verdict for question in result.questions]


def answer(first="t = torch.tensor([[1, 2], [3, 4]])", second="print(t.sum())", third=None, *, before="import torch"):
    third = third or "def f(x):\n    return x**2 - 4 * x"
    parts = ["# %%\n" + before]
    for number, source in enumerate((first, second, third), start=1):
        parts.append(f"# %% [markdown]\n# ## 問題{number}\n# %%\n{source}")
    return "\n".join(parts) + "\n"


def test_a_right_notebook_earns_everything_automatic(grade):
    result, report = grade(answer())

    assert (result.score, result.pending, result.outcome) == (12, 2, Outcome.COMPLETED)
    assert [question["notes"] for question in report["questions"]] == [[], [], []]
    assert report["notes"] == []


def test_a_gpu_that_is_missing_leaves_the_answer_and_what_builds_on_it_open(grade):
    result, report = grade(answer("t = torch.tensor([[1, 2], [3, 4]]).cuda()"))

    assert verdicts(result) == [Verdict.NEEDS_GPU, Verdict.NEEDS_GPU, Verdict.PASSED]
    assert (result.score, result.decided, result.pending) == (5, 5, 9)
    assert "cell 3" in report["questions"][0]["checks"][0]["message"].lower()


def test_a_package_that_kernels_lack_leaves_what_uses_it_open(grade):
    result, report = grade(
        answer("t = T.to_tensor([[1, 2], [3, 4]])", before="import torch\nfrom torchvision import transforms as T")
    )

    assert verdicts(result)[0] is Verdict.NEEDS_PACKAGE
    assert "torchvision" in report["questions"][0]["checks"][0]["message"]
    assert result.questions[0].pending == 4
    assert verdicts(result)[2] is Verdict.PASSED


def test_a_plotting_package_that_kernels_lack_excuses_nothing(grade):
    result, _ = grade(answer("t = torch.zeros(2, 2)", before="import japanize_matplotlib\nimport torch"))

    assert verdicts(result)[0] is Verdict.FAILED
    assert result.questions[0].pending == 0


def test_an_exception_is_told_with_its_cell_and_costs_only_what_is_missing(grade):
    result, report = grade(answer("t = torch.tensor([[1, 2], [3, 4]])\nraise ValueError('{cell} \\ud800 [bold]')"))

    assert verdicts(result) == [Verdict.PASSED] * 3
    (note,) = report["questions"][0]["notes"]
    assert note.startswith("ValueError in line 2 of cell 3: {cell} ")


@pytest.mark.parametrize("language", Language)
def test_a_recognised_mistake_names_its_cell_and_line(grade, language):
    result, report = grade(
        answer("# this one is mine\nt = torch.tensor([[1., 2.], [3., 4.]])"),
        language=language,
    )

    check = result.questions[0].checks[0]
    assert check.verdict is Verdict.FAILED
    assert check.diagnosis is not None
    assert check.diagnosis.facts["places"] == [{"cell": 3, "line": 2}]
    message = report["questions"][0]["checks"][0]["message"]
    assert "3" in message
    assert "2" in message


def test_a_loop_without_end_costs_its_question_only(grade):
    result, report = grade(answer(second="print(t.sum())\nwhile True: pass"))

    assert verdicts(result) == [Verdict.PASSED] * 3
    assert result.outcome is Outcome.COMPLETED
    assert report["questions"][1]["notes"] == [
        "Cell 5 ran out of time and was interrupted; what it had done until then is graded."
    ]


def test_the_end_of_the_kernel_leaves_later_questions_open(grade):
    result, report = grade(answer(second="import os\nos._exit(0)"))

    assert verdicts(result) == [Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED]
    assert (result.score, result.pending, result.outcome) == (4, 7, Outcome.DIED)
    assert "cell 5" in report["questions"][1]["checks"][0]["message"]


def test_answers_in_words_alone_wait_for_a_ta(grade):
    result, _ = grade("# %%\nimport torch\n# %% [markdown]\n# ## 問題1\n#\n# It is a tensor.\n")

    assert [check.verdict for question in result.questions for check in question.checks] == [
        Verdict.NOT_FOUND,
        Verdict.NOT_FOUND,
        Verdict.NOT_FOUND,
        Verdict.NOT_FOUND,
    ]
    assert result.questions[0].checks[0].code == "check.no_code"
    assert result.questions[1].checks[0].code == "check.not_found"
    assert (result.decided, result.pending) == (0, 14)


def test_hidden_inputs_never_reach_the_student_through_an_exception(grade):
    result, report = grade(answer(third="def f(x):\n    y = x * 0\n    raise ValueError(f'got {float(x)!r}')"))

    check = report["questions"][2]["checks"][0]
    assert result.questions[2].checks[0].verdict is Verdict.FAILED
    assert "ValueError" in check["message"]
    assert "got" not in check["message"]
    assert "got" not in json.dumps(dict(result.questions[2].checks[0].facts))


def test_a_probe_does_not_change_what_later_cells_see(grade):
    third = "calls = []\ndef f(x):\n    calls.append(x)\n    return x**2 - 4 * x"
    code = answer(third=third) + "# %% [markdown]\n# ## 問題1\n# %%\nt = torch.full((2, 2), len(calls))\n"

    result, _ = grade(code)

    assert result.questions[2].checks[0].verdict is Verdict.PASSED
    assert result.questions[0].checks[0].verdict is Verdict.FAILED
    assert result.questions[0].cells == (9,)
