"""Follow-through on real kernels: what a later answer builds on is given, and nothing but verdicts comes back."""

import json
import textwrap

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.result import Verdict
from grader.domain.text import Language
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.flow.report import report_result
from grader.notebook.read import read

SPEC = b"""\
title: T
limits: {question_s: 3, outside_s: 5, total_s: 20}
data: [data/scale.txt]
questions:
  q1: {prompt: P, value: t, points: 4}
  q2: {prompt: P, output: reference, points: 3}
  q3: {prompt: P, function: {name: f, inputs: [1., 2.]}, points: 5}
  q4: {prompt: P, gradient: {of: x, at: 3., function: f}, points: 6}
  q5: {prompt: P, value: net_out, points: 2}
"""
REFERENCE = """\
# %% [markdown]
# ## 問題1
# %%
import torch
t = torch.tensor([[1, 2], [3, 4]]) * int(open('data/scale.txt').read())
# %% [markdown]
# ## 問題2
# %%
print(t[:-1])
# %% [markdown]
# ## 問題3
# %%
def power(x):
    return x ** 2
def f(x):
    return power(x) - 4 * x
class Net(torch.nn.Module):
    def forward(self, x):
        return f(x)
# %% [markdown]
# ## 問題4
# %%
x = torch.tensor(3., requires_grad=True)
y = f(x)
y.backward()
print(x.grad)
# %% [markdown]
# ## 問題5
# %%
net_out = Net()(torch.tensor([1., 2.]))
"""
RIGHT = {
    1: "import torch\nt = torch.tensor([[2, 4], [6, 8]])",
    2: "print(t[:-1])",
    3: (
        "def f(x):\n    return x ** 2 - 4 * x\n"
        "class Net(torch.nn.Module):\n    def forward(self, x):\n        return f(x)"
    ),
    4: "x = torch.tensor(3., requires_grad=True)\ny = f(x)\ny.backward()\nprint(x.grad)",
    5: "net_out = Net()(torch.tensor([1., 2.]))",
}
WRONG_F = RIGHT[3].replace("- 4", "+ 4")


@pytest.fixture(scope="module")
def loaded():
    files = {"assignment.yaml": SPEC, "reference.ipynb": notebook_of(REFERENCE), "data/scale.txt": b"2"}
    return parse(Bundle(slug="chain", files=files))


@pytest.fixture(scope="module")
def grade(loaded, sandbox_runner):
    """Grades right answers but for those given; also gives all that is kept or shown, as one text."""
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")

    def grade(**answers):
        sources = {number: answers.get(f"q{number}", source) for number, source in RIGHT.items()}
        parts = [f"# %% [markdown]\n# ## 問題{n}\n# %%\n{textwrap.dedent(s)}\n" for n, s in sources.items()]
        assessment = assess(
            read(notebook_of("".join(parts))),
            assignment=loaded.assignment,
            expected=expected,
            runner=sandbox_runner,
            key=b"secret",
        )
        reports = [
            report_result(assessment.result, assignment=loaded.assignment, notebook="n", language=language)
            for language in Language
        ]
        kept = json.dumps(reports, ensure_ascii=False) + assessment.execution.executed_notebook.decode()
        return assessment.result, kept + repr(assessment.execution)

    return grade


def scores(result):
    return [question.score for question in result.questions]


def test_a_right_notebook_has_everything(grade):
    result, _ = grade()

    assert scores(result) == [4, 3, 5, 6, 2]


def test_a_float_that_is_printed_differently_costs_once(grade):
    result, kept = grade(q1="import torch\nt = torch.tensor([[2., 4.], [6., 8.]])")

    assert scores(result)[1:] == [3, 5, 6, 2]
    assert scores(result)[0] < 4
    assert result.questions[1].checks[0].code == "follow.passed"
    assert "tensor([[2., 4.]])" in kept


def test_functions_graphs_and_classes_are_given(grade):
    result, _ = grade(q3=WRONG_F)

    assert scores(result) == [4, 3, 0, 6, 2]
    assert [question.checks[0].code for question in result.questions[3:]] == ["follow.passed"] * 2


def test_a_syntax_error_costs_its_own_question(grade):
    result, _ = grade(q1="import torch\nt = torch.tensor([[2, 4], [6, 8])")

    assert scores(result)[0] == 0
    assert scores(result)[1] == 3


def test_an_answer_that_is_wrong_by_itself_stays_wrong(grade):
    result, _ = grade(q1="import torch\nt = torch.zeros(2, 2)", q2="print(t[1:])")

    assert scores(result)[:2] == [0, 0]
    assert result.questions[1].checks[0].verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "second",
    [
        pytest.param("print(t)", id="the given value itself"),
        pytest.param("import gc\nprint([o for o in gc.get_objects() if type(o) is torch.Tensor][-1])\nt", id="memory"),
        pytest.param(
            "import inspect, sys\nprint(inspect.stack()[-1].filename, t.shape)\nprint(sys._current_frames())",
            id="frames",
        ),
    ],
)
def test_showing_what_was_given_answers_nothing(grade, second):
    result, _ = grade(q1="import torch\nt = torch.tensor([[2., 4.], [6., 9.]])", q2=second)

    assert scores(result)[:2] == [0, 0]


def test_a_cheater_who_tells_the_runs_apart_finds_a_verdict_and_nothing_else(grade):
    """In the second run it holds the right value; whatever it prints, raises or writes there is thrown away."""
    spy = """
    if t.dtype is not torch.float32:
        print('SPIED', t.tolist())
        open('spied', 'w').write('SPIED')
        raise ValueError(f'SPIED {t.tolist()}')
    print('first run')
    """

    result, kept = grade(q1="import torch\nt = torch.tensor([[2., 4.], [6., 9.]])", q2=spy)

    assert scores(result)[:2] == [0, 0]
    assert "SPIED [[" not in kept
    assert "[[2, 4], [6, 8]]" not in kept


def test_a_kernel_that_hinders_the_reference_leaves_points_open_and_gives_none(grade):
    broken = "import torch\nt = torch.zeros(2, 2)\nkept, torch.tensor = torch.tensor, None"

    result, _ = grade(q1=broken, q2="print(t[:-1])")

    assert result.questions[1].checks[0].code == "follow.unavailable"
    assert (result.questions[1].score, result.questions[1].pending) == (0, 3)


def test_a_loop_without_end_in_the_second_run_keeps_the_first_verdict(grade):
    endless = "if t.dtype is not torch.float32:\n    while True: pass\nprint(t)"

    result, _ = grade(q1="import torch\nt = torch.tensor([[2., 4.], [6., 9.]])", q2=endless)

    assert (result.questions[1].score, result.questions[1].decided) == (0, 3)
    assert result.questions[1].checks[0].verdict is Verdict.FAILED
