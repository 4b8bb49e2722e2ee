"""A solved notebook cut at its headings."""

from documentation import notebook_of

from grader.authoring.sections import split_sections
from grader.notebook.read import read


def sections_of(percent):
    notebook = read(notebook_of(percent))
    return [
        (
            section.heading and (section.heading.title or section.heading.numbers),
            section.prompt,
            section.code_cells,
            section.answer,
        )
        for section in split_sections(notebook)
    ]


def test_question_headings_begin_questions_and_other_headings_stand_inside_them():
    found = sections_of("""
# %%
import torch
# %% [markdown]
# # 課題
# ## 問題1 テンソル
# 作りなさい。
# %%
a = 1
# %% [markdown]
# ### 結果
# a は 1
# %% [markdown]
# ## 問題2
# 二つ目
# %%
b = 2
# %% [markdown]
# ## 感想
# 面白い
# %%
c = 3
""")

    assert found == [
        (None, "", [0], "# 課題"),
        ("テンソル", "作りなさい。", [2], "### 結果\na は 1"),
        ((2,), "二つ目", [5], ""),
        (None, "面白い", [7], ""),
    ]


def test_without_question_headings_every_heading_begins_a_section():
    found = sections_of("""
# %% [markdown]
# # 勾配
# 微分する。
# %%
x = 1
# %% [markdown]
# ## 合成関数
# %%
y = 2
# %%
z = 3
""")

    assert found == [("勾配", "微分する。", [1], ""), ("合成関数", "", [3, 4], "")]


def test_several_headings_in_one_cell_are_several_sections():
    found = sections_of("""
# %% [markdown]
# # A
# one
# ## B
# two
# %%
x = 1
""")

    assert found == [("A", "one", [], ""), ("B", "two", [1], "")]


def test_a_notebook_without_headings_is_one_section_of_no_question():
    assert sections_of("\n# %%\nx = 1\n# %%\ny = 2\n") == [(None, "", [0, 1], "")]
