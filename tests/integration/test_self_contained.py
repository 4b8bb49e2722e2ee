"""Functions that must do without the rest of the notebook, on real kernels."""

import textwrap

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.result import Verdict
from grader.domain.text import Language
from grader.errors import SpecDoesNotHold
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.flow.report import report_result
from grader.notebook.read import read

SPEC = b"""\
title: T
questions:
  q1: {prompt: P, function: {name: f, inputs: [1., 2., 3.], self_contained: true}, points: 5}
"""
REFERENCE = """\
# %% [markdown]
# ## 問題1
# %%
import torch
FACTOR = 3.0
def helper(x):
    return torch.sin(x)
def f(x):
    return FACTOR * helper(x)
"""


def load(code):
    return parse(Bundle(slug="alone", files={"assignment.yaml": SPEC, "reference.ipynb": notebook_of(code)}))


@pytest.fixture(scope="module")
def grade(sandbox_runner):
    loaded = load(REFERENCE)
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")

    def grade(code):
        notebook = read(notebook_of("# %% [markdown]\n# ## 問題1\n" + textwrap.dedent(code)))
        assessment = assess(
            notebook, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=b"secret"
        )
        for language in Language:
            report_result(assessment.result, assignment=loaded.assignment, notebook="n", language=language)
        return assessment.result.questions[0].checks[0]

    return grade


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("# %%\nimport torch\ndef f(x):\n    return 3 * torch.sin(x)\n", id="all in one"),
        pytest.param(
            "# %%\nfrom torch import sin\nc = 3\n# %%\ng = lambda x: sin(x)\n# %%\ndef f(x): return c * g(x)\n",
            id="helpers, constants and imports of other cells",
        ),
        pytest.param(
            "# %%\nimport torch\n# %%\n1 / 0\n# %%\ndef f(x):\n    return 3 * torch.sin(x)\n", id="beside an error"
        ),
    ],
)
def test_a_function_with_its_definitions_is_right(grade, code):
    assert grade(code).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "# %%\nimport torch\nc = torch.tensor(3.)\ndef f(x):\n    return c * torch.sin(x)\n", id="a tensor outside"
        ),
        pytest.param("# %%\nimport torch\nc = 1 + 2\ndef f(x, c=c):\n    return c * torch.sin(x)\n", id="a default"),
    ],
)
def test_one_that_only_lacks_a_name_of_the_notebook_is_for_a_person(grade, code):
    found = grade(code)

    assert (found.verdict, found.code) == (Verdict.NEEDS_REVIEW, "check.not_self_contained")
    assert (found.score, found.pending) == (0, 5)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "# %%\nimport torch\nc = torch.tensor(2.)\ndef f(x):\n    return c * torch.sin(x)\n", id="and wrong"
        ),
        pytest.param("# %%\nimport torch\ndef f(x):\n    return torch.cos(x)\n", id="another function"),
        pytest.param("# %%\nimport torch\ndef f(x):\n    return missing * torch.sin(x)\n", id="a name that is nowhere"),
    ],
)
def test_a_wrong_function_is_wrong(grade, code):
    assert grade(code).verdict is Verdict.FAILED


def test_a_reference_that_needs_its_notebook_is_refused(sandbox_runner):
    code = "# %% [markdown]\n# ## 問題1\n# %%\nimport torch\nc = torch.ones(())\ndef f(x):\n    return c * x\n"

    with pytest.raises(SpecDoesNotHold):
        prove(load(code), runner=sandbox_runner, secret=b"secret")
