"""What uploads `read` takes in, what it mends, and what it refuses with which reason."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import grader.notebook
from grader.domain.notebook import CellKind, Notebook
from grader.domain.text import Language
from grader.errors import NotebookRefused
from grader.feedback.catalogue import known_codes, sentence
from grader.notebook.read import ReadLimits, read


def code(source="x = 1", **more):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None} | more


def markdown(source="# 課題8", **more):
    return {"cell_type": "markdown", "source": source, "metadata": {}} | more


def content(*cells, **more):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells) or [code()]} | more


def as_bytes(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def notebook(*cells, **more):
    return as_bytes(content(*cells, **more))


def old_notebook(version, *cells, **more):
    return as_bytes(
        {"nbformat": version, "nbformat_minor": 0, "metadata": {"name": ""}}
        | {"worksheets": [{"cells": list(cells), "metadata": {}}]}
        | more
    )


def sources(read_notebook):
    return [cell.source for cell in read_notebook.cells]


def repairs(read_notebook):
    return {note.code.removeprefix("repair."): dict(note.facts) for note in read_notebook.repairs}


def reason_of(data, **limits):
    with pytest.raises(NotebookRefused) as refused:
        read(data, limits=ReadLimits(**limits))
    for language in Language:
        assert sentence(refused.value.note, language)
    return refused.value.reason


def metadata(**more):
    return notebook(metadata=more)


ACCEPTED = [
    pytest.param(notebook(nbformat_minor=0), id="the first minor version"),
    pytest.param(notebook(nbformat_minor=99), id="a minor version of the future"),
    pytest.param(notebook(nbformat_minor="5"), id="a minor version as text"),
    pytest.param(as_bytes({"cells": [code()]}), id="no version and no metadata"),
    pytest.param(b"\xef\xbb\xbf" + notebook(), id="byte-order mark of UTF-8"),
    pytest.param(b"\xef\xbb\xbf" * 2 + notebook(), id="two byte-order marks"),
    pytest.param(notebook().decode().encode("utf-16"), id="UTF-16 as PowerShell writes it"),
    pytest.param(notebook().decode().encode("utf-16-be"), id="UTF-16 without a mark"),
    pytest.param(notebook().decode().encode("utf-32"), id="UTF-32"),
    pytest.param(json.dumps(content(), indent=1).replace("\n", "\r\n").encode(), id="CRLF"),
    pytest.param(b"\n \t" + notebook() + b"\n\n", id="white space around"),
    pytest.param(notebook() + b"\0" * 512, id="zeros at the end"),
    pytest.param(metadata(kernelspec="python3"), id="kernelspec is text"),
    pytest.param(metadata(kernelspec={"name": "python3_mydev"}), id="a kernel of the student's own"),
    pytest.param(
        metadata(kernelspec={"name": "conda-root-py", "display_name": "Python [Root]"}), id="Anaconda's kernel"
    ),
    pytest.param(metadata(kernelspec={"name": "myenv", "display_name": "deep"}), id="a kernel that says nothing"),
    pytest.param(metadata(kernelspec=None, language_info=7), id="kernel metadata of wrong types"),
    pytest.param(
        metadata(kernelspec={"name": "ir"}, language_info={"name": "python"}), id="one sign of Python is enough"
    ),
    pytest.param(metadata(language_info={"name": "ipython", "version": 3}), id="language as IPython"),
    pytest.param(notebook(metadata="?"), id="metadata is text"),
    pytest.param(
        metadata(colab={"provenance": []}, widgets={"application/vnd.jupyter.widget-state+json": {}}), id="Colab"
    ),
    pytest.param(metadata(accelerator="GPU", x=[float("nan"), float("inf")]), id="NaN and Infinity"),
    pytest.param(notebook(z=0).replace(b'"z": 0', b'"z": ' + b"9" * 10**6), id="a number of a million digits"),
    pytest.param(
        notebook(z=0).replace(b'"z": 0', b'"z": 1e999, "z": -0.0, "z": 1' + b"0" * 5000 + b".5"), id="odd floats"
    ),
    pytest.param(notebook(code(outputs="nonsense", metadata=[], execution_count="[5]")), id="outputs of nonsense"),
    pytest.param(notebook(code(outputs=[{"output_type": "未知"}, None, 3])), id="unknown outputs"),
    pytest.param(notebook(code(id=7), code(id="a b"), code(id="x" * 65)), id="invalid cell ids"),
    pytest.param(
        notebook(code(metadata={"tags": "q1"}), code(metadata={"tags": [1, None, []]})), id="tags of wrong types"
    ),
    pytest.param(b'{"cells": 3, ' + notebook()[1:], id="a key twice: the last one counts, as in Jupyter"),
    pytest.param(notebook(code("x = '\t'").copy()).replace(b"\\t", b"\t"), id="raw control characters in strings"),
]


@pytest.mark.parametrize("data", ACCEPTED)
def test_accepts_what_real_notebooks_do(data):
    assert any(cell.kind is CellKind.CODE and cell.source for cell in read(data).cells)
    assert read(data).repairs == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("a\nb", "a\nb", id="text"),
        pytest.param(["a\n", "b"], "a\nb", id="list of lines"),
        pytest.param(["a\r\n", "b\r", "c"], "a\nb\nc", id="line ends of other systems"),
        pytest.param(["\ud83d", "\ude00"], "😀", id="a pair torn apart"),
        pytest.param("日本語", "日本語", id="Japanese"),
    ],
)
def test_source_is_one_text_with_newlines(source, expected):
    data = json.dumps(content(code(), markdown(source))).encode()

    assert sources(read(data))[1] == expected
    assert read(data).repairs == ()


def test_missing_source_is_an_empty_cell():
    assert sources(read(notebook(code(), {"cell_type": "code"}, markdown(None)))) == ["x = 1", "", ""]


def test_kinds_and_attachments_are_kept():
    result = read(
        notebook(
            code(),
            markdown("![](attachment:a.png)", attachments={"a.png": {"image/png": "AAAA"}}),
            markdown("![](data:image/png;base64,AAAA)"),
            markdown("text", attachments={}),
            {"cell_type": "raw", "source": "raw", "metadata": {}},
        )
    )

    assert [cell.kind.value for cell in result.cells] == ["code", "markdown", "markdown", "markdown", "raw"]
    assert [cell.has_attachments for cell in result.cells] == [False, True, True, False, False]


# --- old formats ------------------------------------------------------------------------------------------------------

OLD_CELLS = [
    {"cell_type": "heading", "level": 2, "source": ["課題8\n", "続き"], "metadata": {}},
    {"cell_type": "markdown", "source": "words", "metadata": {}},
    {
        "cell_type": "code",
        "input": ["x = 1\n", "x"],
        "language": "python",
        "outputs": [],
        "collapsed": False,
        "metadata": {},
    },
    {"cell_type": "html", "source": "<b>words</b>", "metadata": {}},
    {"cell_type": "code", "input": "y = 2", "language": "python", "outputs": [], "prompt_number": 1, "metadata": {}},
]


@pytest.mark.parametrize(
    ("version", "line_end"),
    [
        pytest.param(2, b"", id="2 lists lines without ends"),
        pytest.param(3, b"", id="3 may do so too"),
        pytest.param(3, b"\\n", id="3 as most programs wrote it"),
    ],
)
def test_old_formats_read_as_nbformat_converts_them(version, line_end):
    data = old_notebook(version, *OLD_CELLS).replace(b"\\n", line_end)

    result = read(data)

    converted = nbformat.reads(data.decode(), as_version=4)
    assert result.cells[2].source == "x = 1\nx"
    assert [(cell.kind.value, cell.source) for cell in result.cells] == [
        (cell.cell_type, cell.source) for cell in converted.cells
    ]
    assert "old_format" in repairs(result)


def test_old_worksheets_are_joined():
    sheet = {"cells": [{"cell_type": "code", "input": "x = 1"}]}

    assert sources(read(as_bytes({"nbformat": 3, "worksheets": [sheet, sheet]}))) == ["x = 1", "x = 1"]


@pytest.mark.parametrize(
    ("level", "hashes"), [(1, "#"), (6, "######"), (99, "######"), (-1, "#"), ("x", "#"), (None, "#")]
)
def test_heading_level_of_any_value_is_a_heading(level, hashes):
    heading = {"cell_type": "heading", "source": "a", "level": level}

    assert sources(read(old_notebook(3, heading, OLD_CELLS[2])))[0] == f"{hashes} a"


# --- repairs ----------------------------------------------------------------------------------------------------------


def test_cell_ids_are_kept_where_valid_and_otherwise_made_alike_each_time():
    data = notebook(code(id="a"), code(id="a"), code(), code(id="cell-2"), code(id="日本"))

    ids = [cell.cell_id for cell in read(data).cells]

    assert ids == ["a", "cell-1", "cell-2-1", "cell-2", "cell-4"]
    assert ids == [cell.cell_id for cell in read(data).cells]


def test_tags_that_change_execution_are_stripped_and_told():
    tags = ["q1", "skip-execution", "raises-exception", "Raises_Exception", "two words", "\ud800", 5, "問1"]

    result = read(json.dumps(content(code(), code(metadata={"tags": tags}))).encode())

    assert result.cells[1].tags == ("q1", "問1")
    assert repairs(result) == {"execution_tags": {"cells": [2]}}


def test_unknown_cells_become_empty_and_keep_their_place():
    result = read(notebook(code(), {"cell_type": "video", "source": 5}, code("y")))

    assert sources(result) == ["x = 1", "", "y"]
    assert result.cells[1].kind is CellKind.RAW
    assert repairs(result) == {"unknown_cells": {"cells": [2]}}


def test_characters_that_cannot_be_used_are_replaced_and_told():
    result = read(json.dumps(content(code("a\ud800b"), code("c\0d"), code("fine"))).encode())

    assert sources(result) == ["a\ufffdb", "c\ufffdd", "fine"]
    assert repairs(result) == {"characters": {"cells": [1, 2]}}


def test_long_lists_of_cells_are_cut_short():
    result = read(notebook(*[code("\0")] * 30, code()))

    assert repairs(result)["characters"]["cells"] == [*range(1, 11), "…"]


def test_shift_jis_is_read_and_told():
    result = read(notebook(markdown("テンソルの表示"), code("x = '能力'")).decode().encode("cp932"))

    assert sources(result) == ["テンソルの表示", "x = '能力'"]
    assert repairs(result) == {"encoding": {"encoding": "Shift_JIS"}}


def test_one_broken_byte_does_not_garble_the_rest():
    result = read(notebook(markdown("テンソルの表示 @"), code()).replace(b"@", b"\xff"))

    assert sources(result)[0] == "テンソルの表示 \ufffd"
    assert "broken_bytes" in repairs(result)


# --- refusals ---------------------------------------------------------------------------------------------------------

COLAB_SCRIPT = '# -*- coding: utf-8 -*-\n"""課題8.ipynb\n\nAutomatically generated by Colab.\n"""\n\nimport torch\n'
GDOC = {"": "WARNING! DO NOT EDIT THIS FILE!", "doc_id": "1a2b", "resource_key": "", "email": "a@example.com"}
COLAB_LINK = "https://colab.research.google.com/drive/1a2b?usp=sharing"
R_KERNEL = {"kernelspec": {"name": "ir", "display_name": "R"}}

REFUSED = [
    pytest.param(b"", "empty_file", id="no bytes"),
    pytest.param(b" \r\n\t", "empty_file", id="white space"),
    pytest.param(b"\0" * 4096, "empty_file", id="zeros"),
    pytest.param(b"\xef\xbb\xbf", "empty_file", id="only a byte-order mark"),
    pytest.param("\ufeff\n".encode("utf-16"), "empty_file", id="only a mark in UTF-16"),
    pytest.param(b"hello", "not_json", id="words"),
    pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not_json", id="a picture"),
    pytest.param("課題8の答え".encode(), "not_json", id="Japanese words"),
    pytest.param(str(content()).encode(), "not_json", id="a Python dict, printed"),
    pytest.param(notebook() + b"}", "not_json", id="one bracket too many"),
    pytest.param(notebook()[:-2] + b", ]}", "not_json", id="a comma too many near the end"),
    pytest.param(notebook() + notebook(), "not_json", id="two notebooks"),
    pytest.param(notebook().replace(b":", b"", 1), "not_json", id="a colon is missing"),
    pytest.param(notebook()[:-1], "truncated", id="last bracket missing"),
    pytest.param(notebook(code("x" * 500))[:200], "truncated", id="cut in a string"),
    pytest.param(notebook()[:-1] + b"\0" * 99, "truncated", id="cut and filled up with zeros"),
    pytest.param(notebook(code("あ" * 50))[:75], "truncated", id="cut in a character"),
    pytest.param(b'{"cells": [], "metadata": tru', "truncated", id="cut in a literal"),
    pytest.param(b'{"cells": ["\\u30', "truncated", id="cut in an escape"),
    pytest.param(b'{"cells": [1,', "truncated", id="cut behind a comma"),
    pytest.param(b"{", "truncated", id="cut behind the first bracket"),
    pytest.param(b'{\n<<<<<<< HEAD\n "a": 1\n=======\n "a": 2\n>>>>>>> b\n}', "conflict_markers", id="git conflict"),
    pytest.param(b'{"a": 1\n>>>>>>> theirs\n', "conflict_markers", id="half a conflict"),
    pytest.param(b"PK\x03\x04" + b"\0" * 100, "zip_file", id="zip or docx"),
    pytest.param(b"\x1f\x8b\x08\0", "zip_file", id="gzip"),
    pytest.param(b"%PDF-1.7\n...", "pdf_file", id="PDF"),
    pytest.param(b"\n%PDF-1.7\n...", "pdf_file", id="PDF behind a newline"),
    pytest.param(b"<!DOCTYPE html>\n<html><body>{}</body></html>", "html_file", id="saved page"),
    pytest.param(b"\xef\xbb\xbf<HTML lang=ja>", "html_file", id="HTML with a mark"),
    pytest.param(b"<!-- saved from url=(0014) -->\n<html>", "html_file", id="HTML behind a comment"),
    pytest.param(COLAB_SCRIPT.encode(), "python_script", id="Colab's .py"),
    pytest.param(b"#%%\nimport torch\nt = torch.tensor([1])", "python_script", id="percent script"),
    pytest.param(b"x = 1\nprint(x)", "python_script", id="plain script"),
    pytest.param("import torch\n# 課題".encode("cp932"), "python_script", id="script in Shift_JIS"),
    pytest.param(as_bytes(GDOC), "drive_shortcut", id="gdoc"),
    pytest.param(
        as_bytes({"url": "https://docs.google.com/open?id=1", "doc_id": "1"}), "drive_shortcut", id="older gdoc"
    ),
    pytest.param(COLAB_LINK.encode() + b"\n", "drive_shortcut", id="nothing but the address"),
    pytest.param(f"[InternetShortcut]\r\nURL={COLAB_LINK}\r\n".encode(), "drive_shortcut", id="shortcut of Windows"),
    pytest.param(f"<?xml?><plist><dict><key>URL</key><string>{COLAB_LINK}".encode(), "drive_shortcut", id="of macOS"),
    pytest.param(metadata(**R_KERNEL), "other_language", id="R by its kernel's name"),
    pytest.param(metadata(kernelspec={"name": "julia-1.11", "language": "julia"}), "other_language", id="Julia"),
    pytest.param(metadata(language_info={"name": "R"}), "other_language", id="R by its language"),
    pytest.param(metadata(kernelspec="julia-1.9"), "other_language", id="kernelspec as text"),
    pytest.param(old_notebook(3, OLD_CELLS[2], metadata={"language": "Julia"}), "other_language", id="Julia of old"),
    pytest.param(notebook(markdown()), "no_code_cells", id="only Markdown"),
    pytest.param(as_bytes(content() | {"cells": []}), "no_code_cells", id="no cells"),
    pytest.param(notebook(code(""), code(" \n")), "no_code_cells", id="only empty code cells"),
    pytest.param(old_notebook(3), "no_code_cells", id="an empty worksheet"),
    pytest.param(b"[]", "not_a_notebook", id="a list"),
    pytest.param(b"42", "not_a_notebook", id="a number"),
    pytest.param(b'"nbformat"', "not_a_notebook", id="a string"),
    pytest.param(b"null", "not_a_notebook", id="null"),
    pytest.param(b"{}", "not_a_notebook", id="an empty object"),
    pytest.param(b'{"error": {"code": 404}}', "not_a_notebook", id="a server's answer"),
    pytest.param(b'{"nbformat": 4}', "invalid_notebook", id="no cells key"),
    pytest.param(notebook(cells={}), "invalid_notebook", id="cells is an object"),
    pytest.param(notebook(cells=None), "invalid_notebook", id="cells is null"),
    pytest.param(notebook(code(), 3), "invalid_notebook", id="a cell is a number"),
    pytest.param(notebook(code(), {}), "invalid_notebook", id="a cell without a type"),
    pytest.param(notebook(code(cell_type=["code"])), "invalid_notebook", id="a type that is a list"),
    pytest.param(notebook(code(5)), "invalid_notebook", id="source is a number"),
    pytest.param(notebook(code(["a", 5])), "invalid_notebook", id="a line is a number"),
    pytest.param(notebook(code({"a": 1})), "invalid_notebook", id="source is an object"),
    pytest.param(as_bytes({"nbformat": 3, "worksheets": [{}]}), "invalid_notebook", id="worksheet without cells"),
    pytest.param(as_bytes({"nbformat": 3, "worksheets": [3]}), "invalid_notebook", id="worksheet is a number"),
    pytest.param(b"[" * 200, "too_deep", id="brackets only"),
    pytest.param(
        notebook(z=0).replace(b'"z": 0', b'"z": ' + b'{"a":[' * 99 + b"]}" * 99), "too_deep", id="deep metadata"
    ),
    pytest.param(b"[" * 10**6 + b"]" * 10**6, "too_deep", id="a million brackets"),
    pytest.param(b"[" * (10**6 + 1), "too_many_containers", id="more than a million brackets"),
    pytest.param(b"[" + b"0," * (2 * 10**6) + b"0]", "too_many_containers", id="two million numbers"),
]


@pytest.mark.parametrize(("data", "reason"), REFUSED)
def test_refuses_with_the_reason(data, reason):
    assert reason_of(data) == reason


def test_other_language_is_named_and_safe_to_show():
    with pytest.raises(NotebookRefused) as refused:
        read(json.dumps(content(metadata={"language_info": {"name": "\ud800\u202eJu\0lia" + "x" * 999}})).encode())

    assert refused.value.facts == {"language": "Julia" + "x" * 25}


def test_size_is_told_in_megabytes_rounded_up():
    with pytest.raises(NotebookRefused) as refused:
        read(notebook(code("x" * 1024**2)), limits=ReadLimits(max_bytes=1024**2))

    assert (refused.value.reason, refused.value.facts) == ("too_large", {"size_mb": 1.1, "limit_mb": 1.0})


def test_large_zip_is_called_a_zip():
    assert reason_of(b"PK\x03\x04" + b"\0" * 100, max_bytes=10) == "zip_file"


def test_limits_are_the_last_values_allowed():
    data = notebook(*[code()] * 20)
    exact = ReadLimits(
        max_bytes=len(data), max_cells=20, max_containers=63, max_values=63 + data.count(b","), max_depth=4
    )

    assert len(read(data, limits=exact).cells) == 20
    assert reason_of(data, max_bytes=len(data) - 1) == "too_large"
    assert reason_of(data, max_cells=19) == "too_many_cells"
    assert reason_of(data, max_containers=62) == "too_many_containers"
    assert reason_of(data, max_values=62 + data.count(b",")) == "too_many_containers"
    assert reason_of(data, max_depth=3) == "too_deep"


@pytest.mark.parametrize(
    "text",
    ["[{[{[{" * 50, '"[[[', '\\"[[[' * 20, "\\\\", '\\\\"' + "[" * 200, "あ[" * 200, ",,,," * 200, "}]" * 200],
)
def test_brackets_and_commas_in_strings_do_not_count(text):
    data = notebook(code(), markdown(text))
    strict = ReadLimits(max_depth=4, max_containers=10, max_values=30)

    assert sources(read(data, limits=strict))[1] == text


def test_strings_over_the_borders_of_scanned_chunks_do_not_count():
    long = "[" * (2 * 1024**2 + 17)
    strict = ReadLimits(max_depth=4, max_containers=10, max_values=30)

    assert sources(read(notebook(code(), markdown(long)), limits=strict))[1] == long


def test_real_notebook_with_200_000_outputs_is_read():
    output = {"output_type": "display_data", "data": {"text/plain": ["1"]}, "metadata": {}}

    assert len(read(notebook(code(outputs=[output] * 200_000))).cells) == 1


def test_deep_call_stack_does_not_matter():
    deep = notebook(metadata={"z": json.loads("[" * 90 + "]" * 90)})

    def call(levels):
        return read(deep) if levels == 0 else call(levels - 1)

    assert call(500).cells


# --- any bytes --------------------------------------------------------------------------------------------------------

SEEDS = [
    notebook(
        markdown("学籍番号: 123\n氏名: 山田"),
        code(["Name = '山田' #@param\n", "!ls"], id="a", metadata={"tags": ["q1"]}),
    ),
    old_notebook(3, *OLD_CELLS),
]
NOTEBOOK_KEYS = ["cells", "worksheets", "nbformat", "metadata", "kernelspec", "language_info", "doc_id", "url"]
CELL_KEYS = ["cell_type", "source", "input", "id", "tags", "attachments", "level", "outputs", "name", "language"]
KEYS = st.sampled_from(NOTEBOOK_KEYS + CELL_KEYS)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["code", "markdown", "heading", "python", "Name = 'x'", "\ud800", "a\0"])
)
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5))
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "heading", "html", "x"])},
    optional={
        "source": st.text(st.characters()) | st.lists(st.text(st.characters())) | JUNK,
        "id": JUNK | st.sampled_from(["a", "cell-0", "cell-1"]),
        "metadata": JUNK | st.fixed_dictionaries({"tags": st.lists(LEAVES)}),
        "attachments": JUNK,
        "level": JUNK,
    },
)
NOTEBOOKS = st.fixed_dictionaries(
    {"cells": st.lists(CELLS, max_size=5)}, optional={"nbformat": JUNK, "metadata": st.dictionaries(KEYS, JUNK)}
)


@st.composite
def damaged_notebooks(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        data[start : start + draw(st.integers(0, 5))] = draw(st.binary(max_size=5))
    return bytes(data)


def assert_keeps_its_promise(data):
    """A notebook that can be shown, stored, rebuilt and run, or one of our refusals with a sentence."""
    try:
        result = read(data)
    except NotebookRefused as refused:
        notes = [refused.note]
    else:
        notes = list(result.repairs)
        assert_is_sound(result)
    for note in notes:
        json.dumps(dict(note.facts), allow_nan=False).encode()
        assert all(sentence(note, language).encode() for language in Language)


def assert_is_sound(result: Notebook):
    assert [cell.index for cell in result.cells] == list(range(len(result.cells)))
    assert any(cell.source.strip() for cell in result.code_cells)
    rebuilt = nbformat.v4.new_notebook()
    makers = {
        CellKind.CODE: nbformat.v4.new_code_cell,
        CellKind.MARKDOWN: nbformat.v4.new_markdown_cell,
        CellKind.RAW: nbformat.v4.new_raw_cell,
    }
    for cell in result.cells:
        assert not {"\r", "\0"} & set(cell.source)
        rebuilt.cells.append(makers[cell.kind](cell.source, id=cell.cell_id, metadata={"tags": list(cell.tags)}))
        assert not {"skip-execution", "raises-exception"} & set(cell.tags)
    nbformat.validate(rebuilt)
    nbformat.writes(rebuilt).encode()
    for value in (result.identity.name, result.identity.student_number):
        assert value is None or (value and value.isprintable() and len(value) <= 80)


@given(st.binary())
@example(b"\xff\xfe\x00\xd8")
@example(b"\x00\x00\xfe\xff\x00\x11\x00\x00")
def test_any_bytes_are_read_or_refused(data):
    assert_keeps_its_promise(data)


@given(damaged_notebooks())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_damage_is_read_or_refused(data):
    assert_keeps_its_promise(data)


@given(st.one_of(JUNK, NOTEBOOKS), st.sampled_from(["utf-8", "utf-16", "utf-32-le"]))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_json_is_read_or_refused(value, encoding):
    assert_keeps_its_promise(json.dumps(value).encode(encoding))


@given(st.integers(1, len(SEEDS[0]) - 1))
def test_every_beginning_of_a_notebook_is_truncated(length):
    assert reason_of(SEEDS[0][:length]) == "truncated"


# --- cost -------------------------------------------------------------------------------------------------------------

PEAK = """
import sys
from pathlib import Path
from grader.notebook.read import read

read(Path(sys.argv[1]).read_bytes())
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
"""Not ru_maxrss, which a child inherits from pytest's own process."""


def write_many_keys(file):
    """Objects with keys that all differ, and one character that makes Python hold the text in four bytes each."""
    file.write(notebook(z=0)[:-2].decode() + '["😀",' + '{"a":0},' * 290_000 + "{")
    file.write(",".join(f'"é{number:06x}":0' for number in range(1_410_000)) + "}]}")


def write_long_source(file):
    beginning, end = (
        notebook(code("😀@\ud800\r")).decode("utf-8", "surrogatepass").replace("\ud800", "\\ud800").split("@")
    )
    file.write(beginning + "a" * (20 * 1024**2 - 1000) + end)


@pytest.mark.parametrize("write", [write_many_keys, write_long_source])
def test_costliest_files_stay_under_500_mb(write, tmp_path):
    path = tmp_path / "costly.ipynb"
    with path.open("w", encoding="utf-8") as file:
        write(file)
    assert path.stat().st_size > 18 * 1024**2

    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 500 * 1024


def test_reading_loads_nothing_heavy():
    heavy = {"IPython", "nbformat", "torch", "numpy", "jsonschema"}
    script = "import sys, grader.notebook.read, grader.notebook.magics; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not heavy & set(done.stdout.split())


# --- sentences --------------------------------------------------------------------------------------------------------


def emitted_codes():
    text = "".join(path.read_text() for path in Path(grader.__file__).parent.rglob("*.py"))
    refused = re.findall(r'NotebookRefused\(\s*"([a-z_]+)"', text)
    return {f"refused.{reason}" for reason in refused} | set(re.findall(r'"(repair\.[a-z_]+)"', text))


@pytest.mark.parametrize("language", list(Language))
def test_every_code_has_a_sentence_and_every_sentence_a_code(language):
    ours = {name for name in known_codes(language) if name.startswith(("refused.", "repair."))}

    assert ours == emitted_codes()


def test_every_refusal_stands_in_the_table():
    elsewhere = {"too_large", "too_many_cells"}
    elsewhere |= {"no_file", "several_files", "too_much_kept"}  # in tests/unit/web and tests/unit/flow
    tried = {param.values[1] for param in REFUSED} | elsewhere

    assert {f"refused.{reason}" for reason in tried} == {
        name for name in emitted_codes() if name.startswith("refused.")
    }
