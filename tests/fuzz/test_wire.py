"""Frames made of real ones with a few things wrong: a value or our own error, in memory that follows from the size."""

import json
import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from fuzzing import bounded, mutated
from hypothesis import example, given
from hypothesis import strategies as st

from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    ModuleReply,
    NamesReply,
    OpaqueValue,
    ParameterShape,
    Reply,
    ScalarValue,
    SequenceValue,
)
from grader.errors import BadWireBytes
from grader.sandbox import wire

ARRAY = ArrayValue(
    type_name="Tensor",
    dtype="float32",
    shape=(2, 3),
    data=bytes(24),
    requires_grad=True,
    grad=ArrayValue(type_name="Tensor", dtype="float32", shape=(2, 3), data=bytes(24)),
)
NUMBERS = SequenceValue(type_name="list", items=(ScalarValue(type_name="int", value=3), ARRAY))
CALL = CallReply(
    output=ARRAY, gradients=(ARRAY, None), second=(None,), changed=(0, 2), parameter_gradients={"w": ARRAY}
)
REPLIES: list[Reply] = [
    NamesReply(
        values={
            "t": ARRAY,
            "d": MappingValue(items=((ScalarValue(type_name="str", value="k"), NUMBERS),)),
            "z": ScalarValue(type_name="complex", value=1 + 2j),
            "o": OpaqueValue(type_name="Module", reason="type"),
        }
    ),
    CallsReply(name="f", calls=(CALL, CallReply(error="ValueError", error_line=3)), timed_out=True),
    ModuleReply(
        name="Net",
        parameters={"fc.weight": ParameterShape(shape=(2, 3), dtype="float32", requires_grad=True)},
        calls={"eval": (CALL,)},
    ),
]
STORED = wire.encode({f"q{place}": reply for place, reply in enumerate(REPLIES)}, cap_bytes=10_000)
FRAMES = zlib.decompress(STORED[4:])
MEGABYTE = 1024**2


def _split(frame: bytes) -> tuple[Any, bytes]:
    (length,) = struct.unpack_from(">I", frame)
    return json.loads(frame[4 : 4 + length]), frame[4 + length :]


def _whole_frames() -> list[bytes]:
    frames, at = [], 0
    while at < len(FRAMES):
        (length,) = struct.unpack_from(">I", FRAMES, at)
        frames.append(FRAMES[at + 4 : at + 4 + length])
        at += 4 + length
    return frames


SEEDS = [_split(frame) for frame in _whole_frames()]
HEADERS = mutated(st.sampled_from([header for header, _ in SEEDS]))
BODIES = st.sampled_from([body for _, body in SEEDS]) | st.binary(max_size=100)


def framed(header: object, body: bytes) -> bytes:
    text = json.dumps(header).encode("ascii")
    return struct.pack(">I", len(text)) + text + body


def assert_bounded(read: Any, data: bytes) -> None:
    """A reply, or BadWireBytes; in both cases with little memory for little data."""
    tracemalloc.start()
    try:
        read(data)
    except BadWireBytes:
        pass
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 60 * len(data) + MEGABYTE


def test_the_seeds_are_whole():
    assert [wire.read_reply(framed(header, body))[1] for header, body in SEEDS] == REPLIES


@given(HEADERS, BODIES)
@example(
    {
        "key": "k",
        "reply": {"is": "names", "values": [["t", SEEDS[0][0]["reply"]["values"][0][1] | {"shape": [2**62]}]]},
    },
    b"",
)
@bounded(250)
def test_a_frame_with_a_few_things_wrong_is_read_or_refused(header, body):
    assert_bounded(wire.read_reply, framed(header, body))


@given(st.lists(st.tuples(HEADERS, BODIES), max_size=3), st.integers(-3, 3))
@bounded(80)
def test_a_store_with_a_few_things_wrong_is_read_or_refused(parts, off):
    frames = [framed(header, body) for header, body in parts]
    packed = b"".join(struct.pack(">I", max(len(frame) + off, 0)) + frame for frame in frames)

    assert_bounded(wire.decode, b"GRW2" + zlib.compress(packed))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([[]] * 300_000, id="more values than one reply may have"),
        pytest.param({"is": "int", "hex": "f" * 1_000_000}, id="an integer of a million digits"),
        pytest.param({"is": "str", "value": "x" * 1_000_000}, id="a text of a million characters"),
    ],
)
def test_a_large_frame_costs_no_more_than_its_size_lets_expect(value):
    header = {"key": "k", "reply": {"is": "names", "values": [["t", {"is": "list", "items": value}], ["u", value]]}}

    assert_bounded(wire.read_reply, framed(header, b""))
