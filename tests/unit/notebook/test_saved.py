"""Saved outputs of a file: their text is kept for a note, bounded, whatever stands there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.notebook import SAVED_CHARACTERS
from grader.notebook.read import read
from grader.notebook.saved import read_saved


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def result(text, kind="execute_result"):
    return {"output_type": kind, "data": {"text/plain": text, "text/html": "<b>no</b>"}, "metadata": {}}


@pytest.mark.parametrize(
    ("outputs", "saved"),
    [
        pytest.param([], "", id="cleared"),
        pytest.param([stream("a\n"), stream("b\n")], "a\nb\n", id="pieces of one stream"),
        pytest.param([stream(["a\n", "b"])], "a\nb", id="a list of lines"),
        pytest.param([stream("a"), result("tensor(5)")], "a\ntensor(5)", id="a result has a line of its own"),
        pytest.param([result(["tensor(", "5)"], "display_data")], "tensor(5)", id="shown by display"),
        pytest.param([stream("5", "stderr")], "", id="stderr is no answer"),
        pytest.param([{"output_type": "error", "ename": "E", "evalue": "5", "traceback": ["5"]}], "", id="an error"),
        pytest.param([{"output_type": "pyout", "text": ["5"]}], "5", id="nbformat 3"),
        pytest.param([{"output_type": "stream", "stream": "stderr", "text": "5"}], "", id="stderr of nbformat 3"),
        pytest.param([{"output_type": "display_data", "data": {"image/png": "AAAA"}}], "", id="a picture"),
        pytest.param("5", "", id="no list"),
        pytest.param([5, None, [], {"output_type": []}, {"output_type": "stream"}], "", id="nonsense"),
        pytest.param([stream([5, None, "a"])], "a", id="nonsense among lines"),
        pytest.param([result({"a": 5})], "", id="an object as text"),
    ],
)
def test_text_of_outputs_is_kept(outputs, saved):
    assert read_saved({"outputs": outputs}).strip() == saved.strip()


def test_only_so_much_is_kept():
    many = [stream("x" * 999 + "\n")] * 50
    for outputs in (many, [stream("y" * 10**6)], [stream(["z" * 700] * 1000)], [result("r" * 30_000)]):
        assert len(read_saved({"outputs": outputs})) == SAVED_CHARACTERS


def test_what_cannot_be_written_as_utf8_is_replaced():
    read_saved({"outputs": [stream("\ud800 5")]}).encode("utf-8")


KEYS = st.sampled_from(["output_type", "text", "data", "name", "text/plain"])
JSON = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
)


@given(JSON)
def test_anything_may_stand_in_place_of_outputs(outputs):
    assert isinstance(read_saved({"outputs": outputs}), str)


def test_a_notebook_brings_it_along():
    cells = [
        {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [result("1")], "execution_count": 1},
        {"cell_type": "markdown", "source": "words", "metadata": {}, "outputs": [stream("no")]},
        {"cell_type": "code", "source": "2", "metadata": {}},
    ]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}

    assert [cell.saved for cell in read(json.dumps(document).encode()).cells] == ["1", "", ""]
