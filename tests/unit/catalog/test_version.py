"""The version's hash: what decides scores makes a new one, and nothing else does."""

import io

import numpy as np
import pytest

from grader.catalog import Bundle, parse

HASH = "5ec446260c2b45959a03f31a971c5741f1279c4410e7318f531a9dc0ac5301a8"


@pytest.fixture(scope="module")
def whole(spec):
    """The small assignment with every field that has to do with versions."""
    return spec.replace("    output: {points: 10}\n", "    output: {points: 10}\n    visibility: hint\n") + (
        "limits: {question_s: 20}\ndevice: cpu\n"
    )


def changed(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("en: Homework", "en: Homework 8", id="the title"),
        pytest.param("`t` を作る。", "`t` をつくる。", id="a typo in a prompt"),
        pytest.param("prompt: Show it.", "prompt: {ja: 見せる, en: Show it.}", id="a translation"),
        pytest.param("ja: 理由がある", "ja: 理由を述べている", id="a rubric's words"),
        pytest.param("{points: 3, ja", "{points: 4, ja", id="a rubric's weight"),
        pytest.param("{points: 3, ja", "{id: reason, points: 3, ja", id="a rubric item's id"),
        pytest.param("visibility: hint", "visibility: full", id="what is shown"),
        pytest.param("points: 20", "points: 20.0", id="the same number in another spelling"),
        pytest.param("value: t", "value: {name: t}", id="the long form"),
        pytest.param("device: cpu\n", "", id="a default written out"),
        pytest.param(
            "title:", "notes: {en: Why}\naccepted: {a1: same}\nlanguages: [ja]\ntitle:", id="notes for authors"
        ),
        pytest.param("written: why", "written: {rubric: why, model_answer: So}", id="a model answer"),
        pytest.param("value: t", "value: [t]", id="a list of one"),
        pytest.param("value: t", "value: t\n    follow_through: true", id="follow-through written out"),
        pytest.param("title:", "# a comment\ntitle:", id="a comment"),
        pytest.param("limits: {question_s: 20}", "limits: {question_s: 20, total_s: 120}", id="a default limit"),
        pytest.param("{question_s: 20}", "{question_s: 20, gpu_s: 120, gpu_memory_bytes: 4294967296}", id="the GPU's"),
    ],
)
def test_words_make_no_new_version(load, whole, old, new):
    assert load(changed(whole, old, new)).assignment.version == load(whole).assignment.version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("points: 20", "points: 21", id="points"),
        pytest.param("value: t", "value: t\n    follow_through: false", id="no follow-through"),
        pytest.param("dtype: 14", "values: share", id="points by share"),
        pytest.param("dtype: 14", "dtype: 13", id="partial points"),
        pytest.param("    partial: {dtype: 14}\n", "", id="no partial points"),
        pytest.param("value: t", "value: {name: t, rtol: 1e-3, atol: 0.}", id="a tolerance"),
        pytest.param("value: t", "value: u", id="another name"),
        pytest.param("question_s: 20", "question_s: 21", id="a limit"),
        pytest.param("{question_s: 20}", "{question_s: 20, gpu_s: 60}", id="a limit of the GPU"),
        pytest.param("device: cpu", "device: any", id="the device"),
        pytest.param(
            "output: {points: 10}", "output: {points: 10}\n    source: t[$A]\n    points: 1", id="a check more"
        ),
    ],
)
def test_what_decides_scores_makes_a_new_version(load, whole, old, new):
    assert load(changed(whole, old, new)).assignment.version != load(whole).assignment.version


def test_the_reference_counts_by_its_code(load, whole, notebook):
    cells = ["## 問題1", "t = [1]", "## 問題2", "print(t[0])"]
    version = load(whole, reference=notebook(*cells)).assignment.version
    same = [
        ["# 課題", *cells],
        [*cells, ">Words of the model answer."],
        ["## Question 1", "t = [1]", "## Question 2", "print(t[0])"],
    ]
    other = [
        ["## 問題1", "t = [2]", "## 問題2", "print(t[0])"],
        [*cells, "pass"],
        ["## 問題1", "t = [1]", "print(t[0])", "## 問題2", "pass"],
    ]
    assert {load(whole, reference=notebook(*one)).assignment.version for one in same} == {version}
    assert version not in {load(whole, reference=notebook(*one)).assignment.version for one in other}


def test_which_question_a_cell_answers_decides_scores(load, whole, notebook):
    before = load(whole, reference=notebook("## 問題1", "t = [1]", "## 問題2", "t = [2]", "print(t)"))
    after = load(whole, reference=notebook("## 問題1", "t = [1]", "t = [2]", "## 問題2", "print(t)"))
    assert before.assignment.version != after.assignment.version


TOLD = "    source: {pattern: 't[$A]', message: OLD, points: 1}\n"


def test_a_label_of_an_expression_is_a_text(load, whole):
    one, other = (
        whole.replace("value: t", f"value: {{expression: len(t), label: {words}}}")
        for words in ("the length", "{ja: 長さ}")
    )
    assert load(one).assignment.version == load(other).assignment.version != load(whole).assignment.version


def test_a_message_in_a_check_is_a_text(load, whole):
    one, other = (whole.replace("    written: why\n", TOLD.replace("OLD", words)) for words in ("{ja: 一}", "two"))
    assert load(one).assignment.version == load(other).assignment.version
    assert load(one).assignment.version != load(one.replace("t[$A]", "t[$A, 0]")).assignment.version


def test_what_checks_see_of_hidden_files_is_in_the_hash_and_so_are_students_files(notebook, whole):
    def version(**files):
        lines = "".join(f"{kind}: [{kind}.npz]\n" for kind in files)
        reference = notebook("## 問題1", "t = [1]", "## 問題2", "print(t[0])")
        given = {f"{kind}.npz": data for kind, data in files.items()}
        bundle = {"assignment.yaml": (whole + lines).encode(), "reference.ipynb": reference, **given}
        return parse(Bundle(slug="small", files=bundle)).assignment.version

    def packed(number):
        file = io.BytesIO()
        np.savez(file, x=np.array(number))
        return file.getvalue()

    one, two = packed(1), packed(2)
    versions = [version(), version(data=one), version(data=two), version(hidden=one), version(hidden=two)]
    assert len(set(versions)) == len(versions)
    assert version(data=one) == version(data=one)


def test_the_hash_is_stable_over_releases(load, spec):
    """A new release must not turn published assignments into other versions: change this line only on purpose."""
    assert load(spec).assignment.version == HASH


def test_a_copy_under_another_name_is_a_version_of_its_own(load, spec):
    assert load(spec, slug="copy").assignment.version != load(spec).assignment.version
