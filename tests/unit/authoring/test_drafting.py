"""What is proposed for a section, and the files it is written to."""

import yaml
from documentation import notebook_of

from grader.authoring.drafting import (
    Seen,
    find_candidates,
    language_of,
    propose,
    title_of,
    write_reference,
    write_spec,
)
from grader.catalog import Bundle, parse
from grader.domain.text import Language
from grader.notebook.read import read

SOLVED = """
# %% [markdown]
# # 課題3 勾配
# %%
import torch
# %% [markdown]
# **問題1** 関数
# 二乗を返す `f` を作りなさい。
# %%
def f(x):
    return x ** 2
values = [f(i) for i in range(3)]
for step in range(2):
    print(step)
# %% [markdown]
# 二乗だから。
# %% [markdown]
# **問題2** 式の意味
# 考えを書きなさい。
"""


def candidates():
    return find_candidates(read(notebook_of(SOLVED)))


def test_a_section_is_known_by_its_title_its_words_and_the_names_it_binds():
    first, second = candidates()

    assert (first.title, first.prompt, first.answer) == ("関数", "二乗を返す `f` を作りなさい。", "二乗だから。")
    assert first.value_names == ("values",)  # neither imports, functions nor loop counters
    assert first.functions == {"f": 1}
    assert second.code_cells == ()


def test_everything_that_was_seen_becomes_a_check():
    first, second = candidates()
    seen = Seen(
        values=("values", "g"), gradients=("g",), functions=("f",), derivable=("f",), figures=2, shows_text=True
    )

    question = propose(first, seen)

    assert question.check_ids == ("value", "function", "gradient", "figure", "output", "written")
    assert [check.settings for check in question.checks][:4] == [
        "values",
        {"name": "f", "inputs": [{"uniform": [-2, 2], "times": 5}], "gradient": True},
        {"of": "g"},
        2,
    ]
    assert propose(second, Seen()).check_ids == ("written",)


def test_a_section_that_shows_nothing_to_check_gets_no_check():
    first, _ = candidates()

    assert propose(first, Seen()).checks == ()


def test_taking_out_a_check_leaves_the_others_under_their_own_names():
    first, _ = candidates()
    question = propose(first, Seen(values=("a", "b", "c")))

    assert question.check_ids == ("value", "value-2", "value-3", "written")
    assert [check.settings for check in question.without(frozenset({"value-2"})).checks] == ["c", "a", {}]


def test_the_files_are_an_assignment_in_the_notebooks_language():
    notebook = read(notebook_of(SOLVED))
    first, second = find_candidates(notebook)
    questions = [propose(first, Seen(values=("values",), shows_text=True)), propose(second, Seen())]
    files = {
        "assignment.yaml": write_spec("勾配", questions, language=language_of(notebook)),
        "reference.ipynb": write_reference(notebook, questions),
    }

    loaded = parse(Bundle(slug="drafted", files=files))

    assert loaded.languages == (Language.JA,)
    assert loaded.assignment.points == 100
    assert [[check.kind for check in question.checks] for question in loaded.assignment.questions] == [
        ["value", "output", "written"],
        ["written"],
    ]
    assert loaded.location.answers["q1"].code_cells != ()
    assert "&id" not in files["assignment.yaml"].decode()


def test_an_english_notebook_is_drafted_in_english():
    notebook = read(notebook_of("\n# %% [markdown]\n# # Slices\n# %%\na = 1\n"))
    (candidate,) = find_candidates(notebook)

    spec = yaml.safe_load(
        write_spec("Slices", [propose(candidate, Seen(values=("a",)))], language=language_of(notebook))
    )

    assert spec["languages"] == ["en"]
    assert spec["questions"]["q1"]["prompt"] == "Make `a`."


def test_cells_of_which_nothing_is_left_are_not_in_the_reference():
    notebook = read(notebook_of("\n# %% [markdown]\n# # A\n# %%\n \n# %%\na = 1\n"))
    questions = [propose(one, Seen(values=("a",))) for one in find_candidates(notebook)]

    reference = read(write_reference(notebook, questions))

    assert [cell.source for cell in reference.code_cells] == ["a = 1"]


def test_set_up_between_questions_does_not_become_part_of_an_answer():
    notebook = read(
        notebook_of(
            "\n# %% [markdown]\n# ## 問題1\n# %%\na = 1\n# %% [markdown]\n# # 準備\n# %%\nb = 2"
            "\n# %% [markdown]\n# ## 問題2\n# %%\nc = 3\n"
        )
    )
    questions = [propose(one, Seen(values=(one.value_names[0],))) for one in find_candidates(notebook)]
    files = {
        "assignment.yaml": write_spec("x", questions, language=Language.JA),
        "reference.ipynb": write_reference(notebook, questions),
    }

    loaded = parse(Bundle(slug="drafted", files=files))

    own = {
        name: [loaded.reference.cells[i].source for i in a.code_cells] for name, a in loaded.location.answers.items()
    }
    assert own == {"q1": ["a = 1"], "q2": ["c = 3"]}


def test_the_title_is_the_homeworks_own_heading():
    assert title_of(read(notebook_of(SOLVED))) == "課題3 勾配"
    assert title_of(read(notebook_of("\n# %%\na = 1\n"))) is None
