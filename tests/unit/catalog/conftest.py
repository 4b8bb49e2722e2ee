"""Small assignments as text, and what `parse` says of them."""

import json
from types import SimpleNamespace

import pytest

from grader.catalog import Bundle, parse
from grader.errors import InvalidAssignment

SPEC = """\
title: {ja: 課題, en: Homework}
rubrics:
  why:
  - {points: 3, ja: 理由がある, en: Gives a reason}
  - {points: 2, text: "1 + 1"}
questions:
  q1:
    prompt: {ja: "`t` を作る。{{print(t)}}", en: "Make `t`. {{print(t)}}"}
    value: t
    points: 20
    partial: {dtype: 14}
  q2:
    prompt: Show it.
    output: {points: 10}
    written: why
"""


def make_notebook(*cells):
    """A notebook's bytes: a cell that starts with '#' or with '>' is Markdown, any other is code."""
    raw = [
        {"cell_type": "markdown", "metadata": {}, "source": cell.removeprefix(">"), "id": f"cell-{index}"}
        if cell.startswith(("#", ">"))
        else {
            "cell_type": "code",
            "metadata": {},
            "source": cell,
            "id": f"cell-{index}",
            "outputs": [],
            "execution_count": None,
        }
        for index, cell in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": raw}).encode()


REFERENCE = make_notebook(
    "# 課題", "import torch", "## 問題1", "t = torch.tensor([[1, 2], [3, 4]])", "## 問題2", "print(t[0])", ">Because."
)


def make_bundle(spec=SPEC, *, reference=REFERENCE, slug="small"):
    files = {"assignment.yaml": spec.encode() if isinstance(spec, str) else spec, "reference.ipynb": reference}
    return Bundle(slug=slug, files={name: data for name, data in files.items() if data is not None})


def load_bundle(spec=SPEC, *, reference=REFERENCE, slug="small"):
    return parse(make_bundle(spec, reference=reference, slug=slug))


def find_mistakes(spec=SPEC, *, reference=REFERENCE, slug="small"):
    """The mistakes with `where` = (file, line, field), their code without its prefix, and its facts."""
    with pytest.raises(InvalidAssignment) as caught:
        load_bundle(spec, reference=reference, slug=slug)
    return [
        SimpleNamespace(
            where=(m.file, m.line, m.field),
            code=m.note.code.removeprefix("catalog."),
            facts=m.note.facts,
            note=m.note,
        )
        for m in caught.value.mistakes
    ]


@pytest.fixture(scope="session")
def spec():
    """A small assignment that is right."""
    return SPEC


@pytest.fixture(scope="session")
def notebook():
    return make_notebook


@pytest.fixture(scope="session")
def load():
    return load_bundle


@pytest.fixture(scope="session")
def mistakes_of():
    return find_mistakes
