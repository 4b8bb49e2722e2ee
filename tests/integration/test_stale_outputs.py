"""A file that was saved with other outputs than it gives: told with both numbers, and worth no point either way."""

import json

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.text import Language
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.flow.report import report_result
from grader.notebook.read import read

SPEC = b"""\
title: T
questions:
  q1: {prompt: P, output: reference, points: 4}
"""
ANSWER = """\
# %%
import torch
x = torch.tensor(1.0, requires_grad=True)
# %% [markdown]
# ## Question 1
# %%
y = 2 * x**3 - 3 * x**2 - 12 * x + 1
y.backward()
print(x.grad)
"""


@pytest.fixture(scope="module")
def loaded():
    files = {"assignment.yaml": SPEC, "reference.ipynb": notebook_of(ANSWER)}
    return parse(Bundle(slug="small", files=files))


@pytest.fixture(scope="module")
def grade(loaded, sandbox_runner):
    """Grades the answer as it was saved with this output under its last cell."""
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")

    def grade(saved, *, language):
        document = json.loads(notebook_of(ANSWER))
        document["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": saved}]
        notebook = read(json.dumps(document).encode())
        assessment = assess(
            notebook, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=b"secret"
        )
        report = report_result(assessment.result, assignment=loaded.assignment, notebook="hw.ipynb", language=language)
        return report["questions"][0]

    return grade


@pytest.mark.parametrize("language", Language)
def test_a_stale_number_is_told_and_costs_nothing(grade, language):
    question = grade("tensor(-24.)\n", language=language)

    assert question["score"] == 4
    (note,) = question["notes"]
    assert "-24" in note
    assert "-12" in note
    assert "3" in note


@pytest.mark.parametrize("saved", ["tensor(-12.)\n", "", "Wall time: 3 ms\ntensor(-12.)\n"])
def test_nothing_is_told_where_the_file_shows_the_same(grade, saved):
    assert grade(saved, language=Language.EN)["notes"] == []
