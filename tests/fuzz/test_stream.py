"""Whatever a kernel's process writes into its socket: what is believed is whitelisted, all else has an outcome."""

import asyncio
import contextlib
import json
import queue
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fuzzing import bounded, mutated
from hypothesis import example, given
from hypothesis import strategies as st
from nbclient.exceptions import DeadKernelError

from grader.domain.execution import Outcome
from grader.domain.ids import EnvironmentHash
from grader.domain.probe import TakeNames
from grader.domain.values import NamesReply
from grader.sandbox.fork_server import Fork
from grader.sandbox.kernel_client import Kernel

ASKED = ("q1.value/names", "q1.value-2/names")
BELIEVED = {"stream", "display_data", "update_display_data", "execute_result", "error", "status", "clear_output"}
HANG_S = 60
"""No measurement: whoever reads for so long hangs."""
REQUEST = "@request"
"""Stands for the id of the request that the kernel was sent: its process can read it."""
MESSAGES: list[dict[str, Any]] = [
    {"channel": channel, "type": kind, "parent": REQUEST, "content": content}
    for channel, kind, content in (
        ("own", "ready", {}),
        ("own", "cell_done", {}),
        ("own", "cell_done", {}),
        ("shell", "execute_reply", {"status": "ok", "execution_count": 1}),
        ("shell", "execute_reply", {"status": "error", "ename": "E", "evalue": "v", "traceback": ["l"]}),
        ("iopub", "stream", {"name": "stdout", "text": "t"}),
        ("iopub", "display_data", {"data": {"text/plain": "x"}, "metadata": {}, "transient": {"display_id": "d"}}),
        ("iopub", "update_display_data", {"data": {"image/png": "AA=="}, "transient": {"display_id": "d"}}),
        ("iopub", "execute_result", {"data": {"text/plain": "x"}, "execution_count": 3}),
        ("iopub", "error", {"ename": "E", "evalue": "v", "traceback": []}),
        ("iopub", "status", {"execution_state": "busy"}),
        ("iopub", "status", {"execution_state": "idle"}),
        ("iopub", "clear_output", {"wait": True}),
        ("iopub", "comm_open", {"data": {}}),
        ("stdin", "input_request", {"prompt": "?"}),
    )
]
ANSWERS: list[dict[str, Any]] = [
    {"key": key, "reply": {"is": "names", "values": [["t", {"is": "int", "hex": "2a"}]]}} for key in (*ASKED, "other")
]


def framed(kind: bytes, body: bytes, *, length: int | None = None) -> bytes:
    return struct.pack("<cI", kind, len(body) if length is None else length) + body


def message(tree: object) -> bytes:
    return framed(b"J", json.dumps(tree).encode("utf-8", "surrogatepass"))


def answer(tree: object) -> bytes:
    header = json.dumps(tree).encode("ascii")
    return framed(b"R", struct.pack(">I", len(header)) + header)


GOOD = st.sampled_from(MESSAGES).map(message) | st.sampled_from(ANSWERS).map(answer)
ODD = (
    mutated(st.sampled_from(MESSAGES)).map(message)
    | mutated(st.sampled_from(ANSWERS)).map(answer)
    | st.binary(max_size=60)
    | st.binary(max_size=40).map(lambda body: framed(b"J", body))
    | st.binary(max_size=40).map(lambda body: framed(b"R", body))
    | st.binary(max_size=40).map(lambda body: framed(b"X", body))
    | st.integers(0, 2**32 - 1).map(lambda length: framed(b"J", b"{}", length=length))
    | st.integers(0, 2**32 - 1).map(lambda length: framed(b"R", b"{}", length=length))
)
STREAMS = st.lists(GOOD | GOOD | ODD, max_size=12)
CELL_DONE, LATE = message(MESSAGES[1]), message(MESSAGES[5] | {"content": {"name": "stdout", "text": "late"}})


class Heard:
    """What the host believed of one stream, and how it ended."""

    def __init__(self, kernel: Kernel, *, troubles: Sequence[object]) -> None:
        self.outcome = kernel.outcome
        self.replies = dict(kernel.replies)
        self.troubles = list(troubles)
        self.shown: list[dict[str, Any]] = []
        self.replied: list[dict[str, Any]] = []


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def hear(frames: Sequence[bytes], loop: asyncio.AbstractEventLoop) -> Heard:
    """Let a kernel that was asked two probes write these frames and hang up."""
    troubles: list[object] = []
    loop.set_exception_handler(lambda _, context: troubles.append(context))
    return loop.run_until_complete(_hear(frames, troubles))


async def _hear(frames: Sequence[bytes], troubles: Sequence[object]) -> Heard:
    ours, theirs = socket.socketpair()
    fork = Fork(sock=ours, pidfd=-1, environment=EnvironmentHash("e"), on_gone=lambda: None)
    kernel = Kernel(fork)
    theirs.setblocking(False)
    running = asyncio.get_running_loop()
    try:
        await running.sock_sendall(theirs, message(MESSAGES[0]))
        await kernel.open()
        kernel.attach([TakeNames(key=key, names=("t",)) for key in ASKED])
        request_id = kernel.execute("pass")
        written = b"".join(frames).replace(REQUEST.encode(), request_id.encode()[: len(REQUEST)])
        kernel._request.request_id = request_id[: len(REQUEST)]  # of the marker's length, so that frames keep theirs
        with contextlib.suppress(ConnectionError):
            await running.sock_sendall(theirs, written)
        theirs.close()
        assert kernel._reading is not None
        async with asyncio.timeout(HANG_S):
            await kernel._reading  # raises whatever the reader did not expect
        heard = Heard(kernel, troubles=troubles)
        heard.shown = await _drain(kernel.iopub_channel)
        heard.replied = await _drain(kernel.shell_channel)
        return heard
    finally:
        theirs.close()
        if kernel._writer is not None:
            kernel._writer.close()
        ours.close()


async def _drain(channel: Any) -> list[dict[str, Any]]:
    taken = []
    with contextlib.suppress(queue.Empty, DeadKernelError):
        while True:
            taken.append(await channel.get_msg(timeout=0))
    return taken


@given(STREAMS)
@example([message(MESSAGES[3]), CELL_DONE, answer(ANSWERS[0]), answer(ANSWERS[0])])
@example([CELL_DONE, answer(ANSWERS[1]), answer(ANSWERS[0]), message(MESSAGES[3])])
@bounded(250)
def test_any_stream_has_an_outcome_and_only_the_whitelist_is_believed(loop, frames):
    heard = hear(frames, loop)

    assert heard.outcome in (Outcome.DIED, Outcome.OUTPUT_LIMIT)
    assert heard.troubles == []
    assert {one["msg_type"] for one in heard.shown} <= BELIEVED
    assert [one["msg_type"] for one in heard.replied] in ([], ["execute_reply"])
    assert heard.replies.keys() <= set(ASKED)
    assert all(isinstance(reply, NamesReply) for reply in heard.replies.values())
    json.dumps([one["content"] for one in (*heard.shown, *heard.replied)], ensure_ascii=False).encode()


@given(st.lists(GOOD, max_size=4), st.sampled_from([b"Z", b"\0", b"j", b"P"]), st.binary(max_size=20))
@bounded(60)
def test_nothing_behind_a_violation_is_believed(loop, before, kind, body):
    heard = hear([*before, framed(kind, body), LATE], loop)

    assert heard.outcome is Outcome.DIED
    assert "late" not in [one["content"].get("text") for one in heard.shown]


def test_what_is_right_is_believed(loop):
    heard = hear([LATE, CELL_DONE, answer(ANSWERS[1]), answer(ANSWERS[0]), message(MESSAGES[3])], loop)

    assert [one["content"].get("text") for one in heard.shown][:1] == ["late"]
    assert heard.replies.keys() == set(ASKED)
    assert len(heard.replied) == 1


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([answer(ANSWERS[0]), CELL_DONE], id="before the cell has ended"),
        pytest.param([CELL_DONE, answer(ANSWERS[2])], id="to a probe that nobody asked"),
        pytest.param([CELL_DONE, answer(ANSWERS[0]), answer(ANSWERS[0])], id="twice"),
        pytest.param([message(MESSAGES[3] | {"parent": "x"})], id="a reply to another request"),
    ],
)
def test_a_forged_answer_ends_the_kernel(loop, frames):
    heard = hear([*frames, LATE], loop)

    assert heard.outcome is Outcome.DIED
    assert "late" not in [one["content"].get("text") for one in heard.shown]
