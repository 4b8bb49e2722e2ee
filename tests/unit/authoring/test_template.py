"""The students' notebook: prompts in, solutions out."""

import json

import pytest
from documentation import notebook_of

from grader.authoring.template import make_template
from grader.catalog import Bundle, parse
from grader.domain.text import Language
from grader.errors import MarkerAlone
from grader.notebook.locate import locate
from grader.notebook.read import read

SPEC = """
title: {ja: 練習, en: Practice}
questions:
  q1:
    prompt: {ja: "`a` を作る。", en: "Make `a`."}
    value: a
    points: 1
  q2:
    title: {ja: 説明, en: Words}
    prompt: {ja: なぜか, en: Why}
    written: [{points: 2, ja: 理由, en: Reason}]
"""

REFERENCE = """
# %% [markdown]
# # A title of the author's
# %%
import torch
# %% [markdown]
# ## 問題1
# The answer is three.
# %%
a = torch.tensor(3)
# %%
print(a)
# %% [markdown]
# ## 問題2
# Because it is so.
"""


def template_of(reference=REFERENCE, *, spec=SPEC, language=Language.EN):
    loaded = parse(
        Bundle(slug="practice", files={"assignment.yaml": spec.encode(), "reference.ipynb": notebook_of(reference)})
    )
    data = make_template(
        loaded.reference,
        location=loaded.location,
        questions=loaded.assignment.questions,
        prompts={q.question_id: q.prompt.in_language(language) for q in loaded.assignment.questions},
        title=loaded.assignment.title.in_language(language),
        language=language,
    )
    return data, loaded


def cells_of(data):
    return [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(data)["cells"]]


def test_students_get_prompts_and_empty_cells_but_no_solution_and_no_model_answer():
    data, _ = template_of()

    assert cells_of(data) == [
        ("markdown", "# Practice"),
        ("code", "import torch"),
        ("markdown", "## Question 1 (1 pt)\n\nMake `a`."),
        ("code", "# Write your code here"),
        ("markdown", "## Question 2 Words (2 pt)\n\nWhy"),
        ("markdown", "Write your answer here."),
    ]


@pytest.mark.parametrize("language", list(Language))
def test_every_question_of_a_template_is_found_and_no_words_in_it_count_as_an_answer(language):
    data, loaded = template_of(language=language)

    location = locate(read(data), loaded.wanted)

    assert {answer.found_by.value for answer in location.answers.values()} == {"heading"}
    assert [answer.written for answer in location.answers.values()] == [(), ()]


def test_a_template_is_the_same_bytes_each_time():
    assert template_of()[0] == template_of()[0]


REGIONS = """
# %% [markdown]
# ## 問題1
# %%
def f(x):
    {begin}
    y = x + 1
    return y
    {end}

a = f(2)
# %%
print(a)
# %% [markdown]
# ## 問題2
"""


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        pytest.param("### BEGIN SOLUTION", "### END SOLUTION", id="as_nbgrader_writes_them"),
        pytest.param("# begin solution", "#END SOLUTION (one line)", id="as_people_write_them"),
    ],
)
def test_only_marked_regions_are_taken_out_where_there_are_any(begin, end):
    data, _ = template_of(REGIONS.format(begin=begin, end=end))

    code = [source for kind, source in cells_of(data) if kind == "code"]
    assert code == ["def f(x):\n    pass  # Write your code here\n\na = f(2)", "print(a)"]


def test_hidden_tests_leave_nothing_behind():
    source = REGIONS.format(begin="### BEGIN HIDDEN TESTS", end="### END HIDDEN TESTS")

    data, _ = template_of(source)

    assert "y = x + 1" not in data.decode()
    assert "Write your code here" not in cells_of(data)[2][1]


@pytest.mark.parametrize(
    ("begin", "end", "line"),
    [
        pytest.param("### BEGIN SOLUTION", "pass", 2, id="never_ends"),
        pytest.param("pass", "### END SOLUTION", 5, id="never_began"),
        pytest.param("### BEGIN SOLUTION", "### BEGIN SOLUTION", 5, id="begins_twice"),
    ],
)
def test_a_marker_without_a_partner_is_the_authors_mistake(begin, end, line):
    with pytest.raises(MarkerAlone) as caught:
        template_of(REGIONS.format(begin=begin, end=end))

    assert caught.value.facts == {"cell": 2, "line": line}


def test_a_region_outside_all_questions_is_taken_out_too():
    data, _ = template_of("\n# %%\n### BEGIN SOLUTION\nsecret = 1\n### END SOLUTION\n" + REFERENCE)

    assert "secret" not in data.decode()
