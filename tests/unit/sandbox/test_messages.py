"""Frames of a hostile kernel: any bytes are a checked message, nothing, or a violation."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.sandbox.messages import (
    CONTAINERS_MAX,
    FORMATS_MAX,
    TRACEBACK_MAX_PIECES,
    Message,
    ProtocolError,
    parse_message,
)

KINDS = ["stream", "display_data", "execute_result", "error", "status", "execute_reply", "cell_done", "clear_output"]


def frame(channel, kind, content, parent="id"):
    return json.dumps({"channel": channel, "type": kind, "parent": parent, "content": content}).encode()


def parse(channel, kind, content):
    return parse_message(frame(channel, kind, content))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from(
    ["name", "text", "data", "transient", "execution_count", "ename", "evalue", "traceback", "status", "wait"]
)
contents = st.dictionaries(field_names, json_values) | json_values


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_nothing_or_a_violation(data):
    with contextlib.suppress(ProtocolError):
        parse_message(data)


@given(st.sampled_from(["iopub", "shell", "own", 3, None]), st.sampled_from(KINDS), contents)
def test_what_is_believed_can_be_written_as_utf8_and_is_nothing_but_text_and_counts(channel, kind, content):
    try:
        message = parse_message(frame(channel, kind, content))
    except ProtocolError:
        return
    assert message is None or isinstance(message, Message)
    if message is not None:
        assert set(map(type, _leaves(message.content))) <= {str, int, bool, type(None)}
        json.dumps(message.content, ensure_ascii=False).encode()


def _leaves(value):
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]


@pytest.mark.parametrize(
    ("channel", "kind", "content"),
    [
        pytest.param("iopub", "stream", {"name": "stdin", "text": ""}, id="stream of another name"),
        pytest.param("iopub", "stream", {"name": "stdout", "text": 7}, id="text is a number"),
        pytest.param("iopub", "display_data", {"data": []}, id="data is a list"),
        pytest.param("iopub", "error", {"ename": "E", "evalue": "", "traceback": "x"}, id="traceback is text"),
        pytest.param("iopub", "status", {"execution_state": "dreaming"}, id="unknown state"),
        pytest.param("shell", "execute_reply", {"status": "aborted"}, id="reply of another status"),
        pytest.param("shell", "execute_reply", {"status": "error"}, id="error without a name"),
        pytest.param("iopub", "stream", [], id="content is a list"),
    ],
)
def test_fields_of_other_types_are_a_violation(channel, kind, content):
    with pytest.raises(ProtocolError):
        parse(channel, kind, content)


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        pytest.param("iopub", "comm_open", id="widget"),
        pytest.param("stdin", "input_request", id="input"),
        pytest.param("iopub", "debug_event", id="debugger"),
        pytest.param("iopub", "execute_reply", id="reply on another channel"),
        pytest.param("shell", "stream", id="output on another channel"),
    ],
)
def test_messages_that_nobody_listens_to_are_dropped(channel, kind):
    assert parse(channel, kind, {"anything": 1}) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"1" * 10_000, id="huge number"),
        pytest.param(b"\xff{", id="no text"),
        pytest.param(b"[" + b"[]," * CONTAINERS_MAX + b"[]]", id="many lists"),
        pytest.param(b"{}", id="nothing in it"),
        pytest.param(b'{"channel":"iopub","type":["x"],"parent":null,"content":{}}', id="type is a list"),
    ],
)
def test_bytes_that_are_no_frame_are_a_violation(data):
    with pytest.raises(ProtocolError):
        parse_message(data)


def test_lone_surrogates_are_replaced():
    message = parse("iopub", "stream", {"name": "stdout", "text": "a\ud800b"})

    assert message.content["text"] == "a?b"


def test_size_of_a_picture_is_kept_and_nothing_else_that_goes_with_it():
    wanted = {"width": 548, "height": 413, "unconfined": True}
    metadata = {"image/png": wanted, "image/jpeg": {"width": 1}, "text/plain": {"width": 1}, "m": 1}
    content = {"data": {"image/png": "iVBO", "text/plain": "<Figure>"}, "metadata": metadata}

    assert parse("iopub", "display_data", content).content["metadata"] == {"image/png": {"width": 548, "height": 413}}


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(None, id="none"),
        pytest.param([1], id="a list"),
        pytest.param({"image/png": 3}, id="a number for a picture"),
        pytest.param({"image/png": {"width": "40", "height": -1}}, id="sizes that are none"),
        pytest.param({"image/png": {"width": True, "height": 10**9}}, id="sizes that no screen has"),
    ],
)
def test_sizes_that_make_no_sense_are_left_out(metadata):
    content = {"data": {"image/png": "iVBO"}, "metadata": metadata}

    assert parse("iopub", "display_data", content).content["metadata"] == {}


def test_only_text_of_a_display_is_kept_and_its_metadata_is_not():
    content = {"data": {"text/plain": "x", "application/json": {"a": 1}}, "metadata": {"m": 1}, "transient": {"x": 2}}

    assert parse("iopub", "display_data", content).content == {"data": {"text/plain": "x"}, "metadata": {}}


def test_small_pieces_without_end_are_cut():
    """They would take many times the bytes that they came in."""
    data = {f"{n}": "x" for n in range(10_000)}
    traceback = [f"{n}" for n in range(10_000)]

    assert parse("iopub", "display_data", {"data": data}).content["data"] == dict(list(data.items())[:FORMATS_MAX])
    assert (
        parse("iopub", "error", {"ename": "E", "evalue": "", "traceback": traceback}).content["traceback"]
        == traceback[-TRACEBACK_MAX_PIECES:]
    )


def test_counts_that_are_no_counts_are_left_out():
    for count in (True, -1, 10**9, "3", 1.5):
        assert parse("shell", "execute_reply", {"status": "ok", "execution_count": count}).content == {
            "status": "ok",
            "execution_count": None,
        }
