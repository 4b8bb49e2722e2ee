"""Every form in which students write an answer reaches the TA: Markdown, comments, strings, LaTeX, a photo."""

import json

import pytest

from grader.domain.execution import Evidence
from grader.domain.ids import QuestionId
from grader.domain.location import LocatedAnswer, Wanted
from grader.domain.result import Verdict
from grader.grading.checks.written import WrittenCheck
from grader.notebook.locate import locate
from grader.notebook.read import read

PROMPT = "`print(t[:, -1])` の結果を示し、そうなる理由を説明しなさい。"
WANTED = (
    Wanted(question_id=QuestionId("q1"), number=1, prompts=(PROMPT, "Show `print(t[:, -1])` and explain it.")),
    Wanted(question_id=QuestionId("q2"), number=2, prompts=("別の問題です。",)),
)


def markdown(source, **more):
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def code(source):
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def locate_first(*cells) -> LocatedAnswer:
    parts = [markdown("## 問題1"), *cells, markdown("## 問題2"), code("print(1)")]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": parts}
    return locate(read(json.dumps(document).encode()), WANTED).answers[QuestionId("q1")]


def judge(answer: LocatedAnswer) -> str:
    evidence = Evidence(
        source="",
        notebook_source="",
        outputs=(),
        cell_runs=(),
        replies={},
        written=answer.written,
        has_attachments=answer.has_attachments,
    )
    finding = WrittenCheck().evaluate(actual=evidence, expected=evidence)
    assert finding.verdict is Verdict.NEEDS_REVIEW, "a machine never decides about words"
    return finding.code


SHOWN = code("print(t[:, -1])")
PHOTO = {"photo.jpg": {"image/jpeg": "/9j/4AAQ"}}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        pytest.param([SHOWN, markdown("最後の列を選ぶからです。")], "最後の列を選ぶからです。", id="Markdown below"),
        pytest.param([markdown("最後の列です。"), SHOWN], "最後の列です。", id="Markdown above"),
        pytest.param([markdown(PROMPT), SHOWN, markdown("- -1 は末尾\n- : は全部")], "-1 は末尾", id="a list"),
        pytest.param([code("print(t[:, -1])\n# 最後の列を選ぶから")], "最後の列を選ぶから", id="a comment"),
        pytest.param([code("x = t[:, -1]  # -1 は最後の列")], "-1 は最後の列", id="a comment behind code"),
        pytest.param([SHOWN, code("'''\n最後の列\nだから\n'''")], "最後の列", id="a string by itself"),
        pytest.param(
            [SHOWN, code("answer = '-1 は最後の列を指すので、2 列目になる'")], "2 列目", id="a string with a name"
        ),
        pytest.param([SHOWN, code("print('-1 は最後の列を指すので、こうなります。')")], "こうなります", id="printed"),
        pytest.param(
            [SHOWN, code("from IPython.display import *\ndisplay(Markdown('It picks the last column of every row'))")],
            "last column",
            id="displayed as Markdown",
        ),
        pytest.param([SHOWN, markdown("$$f'(x) = 6x^2 - 6x - 12$$")], "6x^2", id="LaTeX alone"),
        pytest.param([SHOWN, markdown("よって $f'(1) = -12$")], "-12", id="LaTeX in words"),
        pytest.param([SHOWN, markdown("\\begin{align}\nf'(1) &= -12\n\\end{align}")], "align", id="a LaTeX block"),
        pytest.param([SHOWN, code("%%latex\n\\begin{align} f'(1) = -12 \\end{align}")], "-12", id="a cell of LaTeX"),
        pytest.param([SHOWN, code("%%markdown\n最後の列を選ぶから")], "最後の列", id="a cell of Markdown"),
        pytest.param([SHOWN, {**markdown("そのまま書いた"), "cell_type": "raw"}], "そのまま", id="a raw cell"),
    ],
)
def test_words_in_every_form_are_waiting_for_a_ta(cells, words):
    answer = locate_first(*cells)

    assert words in "\n".join(answer.written)
    assert judge(answer) == "written.waiting"


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(markdown("![photo.jpg](attachment:photo.jpg)", attachments=PHOTO), id="dropped into Jupyter"),
        pytest.param(markdown("![](data:image/png;base64,iVBORw0KGgo=)"), id="pasted into Colab"),
        pytest.param(markdown('<img src="data:image/jpeg;base64,/9j/4AAQ" width="300">'), id="as HTML"),
        pytest.param(markdown("手計算です\n![](attachment:photo.jpg)", attachments=PHOTO), id="with words"),
    ],
)
def test_a_photo_is_waiting_for_a_ta(cell):
    answer = locate_first(SHOWN, cell)

    assert answer.has_attachments
    assert judge(answer) == "written.attachment"


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([SHOWN], id="only code"),
        pytest.param([SHOWN, markdown("")], id="an empty cell"),
        pytest.param([markdown(PROMPT), SHOWN], id="the prompt"),
        pytest.param([SHOWN, markdown("（ここに説明を書いてください）")], id="the template's remark"),
        pytest.param([SHOWN, code("# print(t[:, -1])")], id="code that is commented out"),
        pytest.param([code("print('答え', t[:, -1])\nname = 'reference'\nopen('data/digits.npz')")], id="labels"),
        pytest.param([code("%%latex\n")], id="an empty cell of LaTeX"),
    ],
)
def test_what_says_nothing_is_told_as_empty(cells):
    assert judge(locate_first(*cells)) == "written.empty"
