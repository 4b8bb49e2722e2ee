"""Outputs as checks read them and as a file."""

import json

import nbformat
import pytest

from grader.domain.execution import Output
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.sandbox.outputs import NOTEBOOK_MAX_BYTES, OutputLog, as_domain, write_notebook


def stream(text, name="stdout"):
    return "stream", {"name": name, "text": text}


def display(text, display_id=None, kind="display_data"):
    transient = {"transient": {"display_id": display_id}} if display_id else {}
    return kind, {"data": {"text/plain": text}, "metadata": {}, **transient}


def logged(*messages, log=None):
    log, outputs = log or OutputLog(), []
    log.start_cell()
    for kind, content in messages:
        log.add(outputs, kind=kind, content=content)
    return outputs


def test_pieces_of_one_stream_are_joined_and_those_of_two_are_not():
    outputs = logged(stream("a"), stream("b"), stream("c", "stderr"), stream("d"))

    assert as_domain(outputs) == (
        Output(kind="stdout", text="ab"),
        Output(kind="stderr", text="c"),
        Output(kind="stdout", text="d"),
    )


def test_clearing_with_wait_happens_at_the_next_output():
    wait, now = ("clear_output", {"wait": True}), ("clear_output", {"wait": False})

    assert [o.text for o in as_domain(logged(stream("a"), wait))] == ["a"]
    assert [o.text for o in as_domain(logged(stream("a"), wait, stream("b")))] == ["b"]
    assert logged(stream("a"), now) == []


def test_update_reaches_outputs_of_earlier_cells():
    log = OutputLog()
    first = logged(display("old", "id"), log=log)
    second = logged(display("new", "id", kind="update_display_data"), log=log)

    assert (as_domain(first)[0].text, second) == ("new", [])


def test_an_update_is_copied_into_few_outputs_where_it_is_large():
    """The latest has it; together the others may take 4 MB, of which the small ones before took some."""
    log = OutputLog()
    outputs = logged(*[display("old", "id")] * 10, log=log)
    logged(display("x" * 1024**2, "id", kind="update_display_data"), log=log)

    assert [len(output.text) > 3 for output in as_domain(outputs)] == [False] * 6 + [True] * 4


def test_one_output_can_be_updated_for_ever():
    log = OutputLog()
    outputs = logged(display("old", "id"), log=log)
    for n in range(50):
        logged(display(f"{n}" * 1024**2, "id", kind="update_display_data"), log=log)

    assert as_domain(outputs)[0].text.startswith("4949")


def test_colours_are_taken_out_and_pictures_noticed():
    image = ("display_data", {"data": {"text/plain": "<Figure>", "image/png": "..."}, "metadata": {}})
    result = ("execute_result", {"data": {"text/plain": "\x1b[31m7\x1b[0m"}, "metadata": {}, "execution_count": 1})
    error = ("error", {"ename": "E", "evalue": "v", "traceback": ["\x1b[1mline\x1b[0m", "E: v"]})

    assert as_domain(logged(image, result, error)) == (
        Output(kind="display", text="<Figure>", has_image=True),
        Output(kind="result", text="7"),
        Output(kind="error", text="line\nE: v"),
    )


@pytest.mark.parametrize(
    ("encoded", "image"),
    [
        pytest.param("iVBORw==\n", b"\x89PNG", id="as matplotlib's backend sends it"),
        pytest.param("iVBO\nRw==", b"\x89PNG", id="in lines"),
        pytest.param("not base64!", b"", id="something else"),
        pytest.param("", b"", id="empty"),
        pytest.param("A" * 6_000_000, b"", id="too large"),
        pytest.param("図", b"", id="no ASCII"),
    ],
)
def test_a_picture_is_taken_out_where_it_is_one(encoded, image):
    message = ("display_data", {"data": {"image/png": encoded}, "metadata": {}})

    (output,) = as_domain(logged(message))

    assert (output.has_image, output.image) == (True, image)
    assert "PNG" not in repr(output), "nobody wants it in a log"


def test_another_kind_of_picture_is_noticed_only():
    message = ("display_data", {"data": {"image/svg+xml": "<svg/>"}, "metadata": {}})

    assert as_domain(logged(message)) == (Output(kind="display", text="", has_image=True),)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param("\x1b[1;31mred\x1b[0m", "red", id="colours"),
        pytest.param("\x1b[?25la\x1b[>4;2mb\x1b[!pc\x1b[1 qd", "abcd", id="private sequences"),
        pytest.param("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\", "ab", id="title and link"),
        pytest.param("\x1b]52;c;never closed\nnext", "\nnext", id="a sequence that is not closed ends with its line"),
        pytest.param("\x1bPq\x1b\\a\x1b_b\x1b\\c\x1bcd\x1b(0e", "acde", id="other kinds"),
        pytest.param("\x9b31ma\x9d0;b\x9cc", "ac", id="of 8 bits"),
        pytest.param("\x1b", "", id="the beginning of one"),
        pytest.param("a\x00\x07\x7f\x85b", "ab", id="characters that steer by themselves"),
        pytest.param("1/3\r2/3\b\t\n日本", "1/3\r2/3\b\t\n日本", id="what progress bars are made of"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text, plain):
    assert as_domain(logged(stream(text)))[0].text == plain


@pytest.mark.parametrize("piece", ["\x1b[", "\x1b[0", "\x1b]", "\x1b[ ", "\x9b", "\x1b[0;"])
def test_a_million_beginnings_of_sequences_are_taken_out_in_one_pass(piece):
    assert as_domain(logged(stream(piece * 300_000)))[0].text == ""


def test_error_without_a_traceback_still_has_words():
    error = ("error", {"ename": "KeyError", "evalue": "'k'", "traceback": []})

    assert as_domain(logged(error))[0].text == "KeyError: 'k'"


NOTEBOOK = Notebook(
    cells=(
        Cell(index=0, kind=CellKind.MARKDOWN, source="# 課題8", cell_id="m"),
        Cell(index=1, kind=CellKind.CODE, source="print(1)", cell_id="a"),
        Cell(index=2, kind=CellKind.RAW, source="raw", cell_id="r"),
        Cell(index=3, kind=CellKind.CODE, source="", cell_id="b"),
    )
)


def test_written_notebook_is_valid_and_has_every_cell():
    outputs = {1: logged(stream("1\n"), display("x"))}

    written = nbformat.reads(write_notebook(NOTEBOOK, outputs=outputs, counts={1: 1}).decode(), as_version=4)

    nbformat.validate(written)
    assert [(cell.cell_type, cell.source) for cell in written.cells] == [
        ("markdown", "# 課題8"),
        ("code", "print(1)"),
        ("raw", "raw"),
        ("code", ""),
    ]
    assert (written.cells[1].execution_count, written.cells[1].outputs[0].text) == (1, "1\n")


@pytest.mark.parametrize("texts", [["x" * 6_000_000], ["y" * 900_000] * 8, ["漢" * 2_000_000, "small"]])
def test_written_notebook_stays_under_its_cap_and_loses_the_largest_first(texts):
    outputs = {1: logged(*(display(text) for text in texts), stream("kept"))}

    written = write_notebook(NOTEBOOK, outputs=outputs, counts={})

    assert len(written) <= NOTEBOOK_MAX_BYTES
    shown = json.loads(written)["cells"][1]["outputs"]
    assert len(shown) == len(texts) + 1
    assert shown[-1]["text"] == ["kept"]
    assert any("kB" in "".join(output.get("text", "")) for output in shown[:-1])
