"""An author's first hour on the command line: begin, draft, read, write the students' notebook; real kernels."""

import re
from functools import partial

import pytest
import yaml
from command_line import call
from documentation import CHECKOUT, notebook_of

from grader.catalog import bundled
from grader.notebook.read import read

SOLVED = """
# %% [markdown]
# # 講義
# %%
import torch
# %% [markdown]
# ## テンソル
# 形 (2, 3) のテンソルを作る。
# %%
t = torch.arange(6).reshape(2, 3)
"""


@pytest.fixture
def grader(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return partial(call, capsys=capsys, monkeypatch=monkeypatch)


def test_what_new_writes_holds_and_passes_its_own_selftest(grader, tmp_path):
    made = grader("assignment", "new", "mine", "--lang", "en")

    assert (made.status, made.err) == (0, "")
    files = {path.name for path in (tmp_path / "mine").iterdir()}
    assert files == {"assignment.yaml", "reference.ipynb", "template.en.ipynb", "template.ja.ipynb"}
    assert grader("assignment", "check", "mine").status == 0
    tested = grader("assignment", "selftest", "mine", "--limit", "2", "--lang", "en")
    assert tested.status == 0
    assert "△" not in tested.out


def test_new_keeps_what_is_there(grader, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "assignment.yaml").write_text("mine")

    refused = grader("assignment", "new", "mine")

    assert refused.status == 5
    assert (tmp_path / "mine" / "assignment.yaml").read_text() == "mine"


def test_a_draft_of_a_solved_notebook_holds(grader, tmp_path):
    (tmp_path / "solved.ipynb").write_bytes(notebook_of(SOLVED))

    made = grader("assignment", "new", "drafted", "--from", "solved.ipynb", "--lang", "en")

    assert (made.status, made.err) == (0, "")
    assert "(1 questions, 1 checks)" in made.out
    assert (
        yaml.safe_load((tmp_path / "drafted" / "assignment.yaml").read_text("utf-8"))["questions"]["q1"]["value"] == "t"
    )
    assert grader("assignment", "check", "drafted").status == 0


@pytest.mark.parametrize(
    ("language", "words"), [("ja", "問題1 （20点）"), ("en", "Question 1 (20 pt)")], ids=["Japanese", "English"]
)
def test_a_preview_is_what_students_will_read(grader, language, words):
    shown = grader("assignment", "preview", "torch-tensor", "--lang", language, COLUMNS="100")

    assert (shown.status, shown.err) == (0, "")
    assert re.sub(r"\s+", "", words) in re.sub(r"\s+", "", shown.out)
    assert "tensor([[[" in shown.out  # printed by the reference
    assert "{{" not in shown.out


@pytest.mark.parametrize("slug", bundled())
def test_the_bundled_templates_are_what_release_writes(grader, tmp_path, slug):
    written = grader("assignment", "release", slug, "--to", ".")

    assert (written.status, written.err) == (0, "")
    for language in ("ja", "en"):
        name = f"template.{language}.ipynb"
        ours, theirs = (read((folder / name).read_bytes()) for folder in (tmp_path, CHECKOUT / "assignments" / slug))
        assert [(cell.kind, cell.source) for cell in ours.cells] == [(cell.kind, cell.source) for cell in theirs.cells]
