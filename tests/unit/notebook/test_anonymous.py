"""Names are hidden wherever a notebook says them, and nothing else is."""

import json

import pytest

from grader.notebook.anonymous import HIDDEN, Anonymizer

SOMEBODY = Anonymizer.of(("山田 太郎", "yamada@example.ac.jp", "s1234567", None, ""))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        pytest.param("氏名：山田太郎", "氏名：■■■", id="without the blank"),
        pytest.param("山田　太郎です", "■■■です", id="with a wide blank"),
        pytest.param("山田が解いた", "■■■が解いた", id="the family name alone"),
        pytest.param("Ｓ１２３４５６７", "■■■", id="a number in full width"),
        pytest.param("S1234567.ipynb", "■■■.ipynb", id="a file's name, in capitals"),
        pytest.param("mail: yamada@example.ac.jp", "mail: ■■■", id="a mail address"),
        pytest.param("by YAMADA", "by ■■■", id="what stands before the @"),
        pytest.param("![](attachment:%E5%B1%B1%E7%94%B0.png)", "![](attachment:■■■.png)", id="a picture's address"),
        pytest.param("yamadas s12345678 山の田", "yamadas s12345678 山の田", id="only alike"),
    ],
)
def test_names_are_hidden_however_they_are_written(text, hidden):
    assert SOMEBODY.hide(text) == hidden


def test_a_name_of_one_letter_hides_nothing():
    assert Anonymizer.of(("A", "森", "ab")).hide("A 森 ab") == "A 森 ab"


def test_in_a_notebook_names_are_hidden_in_sources_outputs_and_names_of_pictures_but_not_in_data():
    data = "yamada0s1234567="
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["# 山田太郎\n"], "attachments": {"山田.png": {"image/png": data}}},
            {"cell_type": "code", "source": "x", "outputs": [{"text": "s1234567", "data": {"image/png": data}}]},
        ]
    }

    hidden = json.loads(SOMEBODY.hide_in_notebook(json.dumps(notebook).encode()))

    assert hidden["cells"] == [
        {"cell_type": "markdown", "source": [f"# {HIDDEN}\n"], "attachments": {f"{HIDDEN}.png": {"image/png": data}}},
        {"cell_type": "code", "source": "x", "outputs": [{"text": HIDDEN, "data": {"image/png": data}}]},
    ]
