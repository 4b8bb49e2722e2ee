"""Whatever bytes arrive either decode or are refused with our own error; whatever is stored comes back exactly."""

import json
import struct
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.domain.probe import CallFunction, TakeNames
from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    NamesReply,
    OpaqueValue,
    Reply,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.errors import BadWireBytes
from grader.sandbox import wire

from .wire_values import exact, replies, values

INT = ScalarValue(type_name="int", value=1)


def frame(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + body


def names_frame(node: object, body: bytes = b"") -> bytes:
    return frame({"key": "k", "reply": {"is": "names", "values": [["x", node]]}}, body)


def array_node(**changes: object) -> dict[str, object]:
    node = {"is": "array", "type": "Tensor", "dtype": "int64", "shape": [2], "device": "cpu", "requires_grad": False}
    return node | {"is_leaf": True, "grad_fn": None, "grad": None} | changes


def opaque_node(**changes: object) -> dict[str, object]:
    return {"is": "opaque", "type": "set", "reason": "type", "dtype": None, "shape": None, "digest": None} | changes


def stored(frames: list[bytes]) -> bytes:
    packed = b"".join(struct.pack(">I", len(one)) + one for one in frames)
    return b"GRW1" + zlib.compress(packed)


def frame_of(reply: Reply) -> bytes:
    """The frame a well-behaved kernel would send: storing uses the same form."""
    data = zlib.decompress(wire.encode({"k": reply}, cap_bytes=2**30)[4:])
    return data[4:]


class TestReadingAKernelsFrame:
    def test_an_array_is_read_with_all_it_says_of_itself(self) -> None:
        node = array_node(requires_grad=True, is_leaf=False, grad_fn="AddBackward0", grad=array_node(shape=[1]))

        key, reply = wire.read_reply(names_frame(node, body=bytes(24)))

        assert key == "k"
        assert reply.values["x"] == ArrayValue(
            type_name="Tensor",
            dtype="int64",
            shape=(2,),
            data=bytes(16),
            requires_grad=True,
            is_leaf=False,
            grad_fn="AddBackward0",
            grad=ArrayValue(type_name="Tensor", dtype="int64", shape=(1,), data=bytes(8)),
        )

    @given(reply=replies)
    def test_every_reply_comes_back_exactly(self, reply: Reply) -> None:
        assert exact(wire.read_reply(frame_of(reply))) == exact(("k", reply))

    @given(data=st.binary(max_size=300))
    @example(data=b"")
    @example(data=b"\xff\xff\xff\xff{}")
    def test_any_bytes_decode_or_are_refused(self, data: bytes) -> None:
        self.decodes_or_is_refused(data)

    @given(
        header=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("array"),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["is", "items", "value", "key", "reply", "shape", "bits"]), inner)
            ),
            max_leaves=20,
        ),
        body=st.binary(max_size=20),
    )
    def test_any_json_decodes_or_is_refused_wherever_a_value_is_expected(self, header: object, body: bytes) -> None:
        self.decodes_or_is_refused(frame(header, body))
        self.decodes_or_is_refused(frame({"key": "k", "reply": header}, body))
        self.decodes_or_is_refused(names_frame(header, body))

    @given(reply=replies, data=st.data())
    def test_a_damaged_frame_decodes_or_is_refused(self, reply: Reply, data: st.DataObject) -> None:
        damaged = bytearray(frame_of(reply))
        for _ in range(data.draw(st.integers(1, 3))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        self.decodes_or_is_refused(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
        self.decodes_or_is_refused(bytes(damaged))

    @given(reply=replies, tail=st.binary(min_size=1, max_size=5))
    def test_bytes_behind_the_last_array_are_refused(self, reply: Reply, tail: bytes) -> None:
        with pytest.raises(BadWireBytes):
            wire.read_reply(frame_of(reply) + tail)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(frame(b"[" * 200_000), id="nesting-that-overflows-the-parser"),
            pytest.param(frame(b'{"a":' * 100_000), id="nested-objects"),
            pytest.param(frame(b"1" * 10_000), id="integer-of-10000-digits"),
            pytest.param(frame(b"NaN"), id="not-a-number"),
            pytest.param(frame(b"1e999"), id="float-out-of-range"),
            pytest.param(frame(b"\xff\xfe"), id="not-ascii"),
            pytest.param(frame(b'{"key":1} trailing'), id="text-behind-the-json"),
            pytest.param(frame(b" " * (wire.HEADER_MAX_BYTES + 1)), id="header-over-its-limit"),
            pytest.param(names_frame({"is": "object"}), id="unknown-kind"),
            pytest.param(names_frame(array_node(dtype="object"), bytes(16)), id="dtype-not-in-the-table"),
            pytest.param(names_frame(array_node(shape=[3]), bytes(16)), id="shape-larger-than-its-bytes"),
            pytest.param(names_frame(array_node(shape=[1]), bytes(16)), id="shape-smaller-than-its-bytes"),
            pytest.param(names_frame(array_node(shape=[-2]), bytes(16)), id="negative-dimension"),
            pytest.param(names_frame(array_node(shape=[True]), bytes(8)), id="dimension-that-is-a-bool"),
            pytest.param(names_frame(array_node(shape=[2.0]), bytes(16)), id="dimension-that-is-a-float"),
            pytest.param(names_frame(array_node(shape=[2**62, 2**62]), bytes(16)), id="shape-whose-size-overflows"),
            pytest.param(names_frame(array_node(shape=[0, 2**62])), id="empty-array-that-numpy-cannot-make"),
            pytest.param(names_frame(array_node(shape=[1] * 65), bytes(8)), id="too-many-dimensions"),
            pytest.param(names_frame(array_node(dtype="bool"), b"\x00\x02"), id="bool-that-is-neither-0-nor-1"),
            pytest.param(names_frame(array_node(type=7), bytes(16)), id="type-name-that-is-a-number"),
            pytest.param(names_frame(array_node(type="a" * 300), bytes(16)), id="type-name-without-end"),
            pytest.param(names_frame(array_node(type="\x1b[2J"), bytes(16)), id="type-name-with-control-characters"),
            pytest.param(names_frame(array_node(is_leaf=None), bytes(16)), id="flag-that-is-null"),
            pytest.param(
                names_frame(array_node(grad=array_node(grad=array_node())), bytes(48)), id="grad-that-has-a-grad"
            ),
            pytest.param(names_frame(array_node(grad={"is": "NoneType"}), bytes(16)), id="grad-that-is-no-array"),
            pytest.param(names_frame(opaque_node(reason="because")), id="unknown-reason"),
            pytest.param(names_frame(opaque_node(digest="0" * 64)), id="digest-from-a-kernel"),
            pytest.param(names_frame({"is": "str", "value": "\ud800"}), id="half-a-surrogate-pair"),
            pytest.param(names_frame({"is": "str", "value": "a" * (wire.TEXT_MAX_CHARS + 1)}), id="long-string"),
            pytest.param(names_frame({"is": "int", "hex": "f" * 3000}), id="integer-over-its-limit"),
            pytest.param(names_frame({"is": "int", "hex": "1_0"}), id="integer-with-an-underscore"),
            pytest.param(names_frame({"is": "float", "bits": "0 000000000000000"}), id="float-with-a-space"),
            pytest.param(names_frame({"is": "bool", "value": 1}), id="bool-that-is-a-number"),
            pytest.param(
                names_frame({"is": "dict", "items": [[{"is": "list", "items": []}, opaque_node()]]}), id="key"
            ),
            pytest.param(
                frame({"key": "k", "reply": {"is": "names", "values": [["x", opaque_node()], ["x", opaque_node()]]}}),
                id="name-twice",
            ),
            pytest.param(
                frame({"key": "k", "reply": {"is": "calls", "name": "f", "calls": [{}], "timed_out": False}}),
                id="empty-call",
            ),
        ],
    )
    def test_a_lie_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadWireBytes):
            wire.read_reply(data)

    def test_a_value_nested_beyond_the_limit_is_refused(self) -> None:
        node = {"is": "NoneType"}
        for _ in range(wire.DEPTH_MAX):
            node = {"is": "list", "items": [node]}
        wire.read_reply(names_frame(node))

        with pytest.raises(BadWireBytes):
            wire.read_reply(names_frame({"is": "list", "items": [node]}))

    def test_more_values_than_the_limit_are_refused(self) -> None:
        items = [{"is": "NoneType"}] * (wire.NODES_MAX - 1)
        wire.read_reply(names_frame({"is": "list", "items": items}))

        with pytest.raises(BadWireBytes):
            wire.read_reply(names_frame({"is": "list", "items": [*items, {"is": "NoneType"}]}))

    def test_a_call_has_an_output_or_an_error_but_not_both(self) -> None:
        call = {"output": {"is": "NoneType"}, "error": "ValueError", "line": 1, "gradients": []}
        reply = {"is": "calls", "name": "f", "calls": [call], "timed_out": False}

        with pytest.raises(BadWireBytes):
            wire.read_reply(frame({"key": "k", "reply": reply}))

    @staticmethod
    def decodes_or_is_refused(data: bytes) -> None:
        try:
            key, reply = wire.read_reply(data)
        except BadWireBytes:
            return
        assert isinstance(key, str)
        assert isinstance(reply, NamesReply | CallsReply)


class TestStoring:
    @given(kept=st.dictionaries(st.sampled_from(["q1.value/names", "q2.f/calls"]), replies))
    def test_replies_come_back_exactly(self, kept: dict[str, Reply]) -> None:
        assert exact(dict(wire.decode(wire.encode(kept, cap_bytes=2**20)))) == exact(kept)

    @given(value=values)
    def test_storing_twice_gives_the_same_bytes(self, value: Value) -> None:
        first = wire.encode({"k": NamesReply(values={"x": value})}, cap_bytes=100)

        assert wire.encode(wire.decode(first), cap_bytes=100) == first

    @given(data=st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"GRW1" + zlib.compress(data)))
    def test_any_bytes_decode_or_are_refused(self, data: bytes) -> None:
        try:
            wire.decode(data)
        except BadWireBytes:
            return

    @given(kept=st.dictionaries(st.just("k"), replies), at=st.integers(0), change=st.integers(1, 255))
    def test_damaged_bytes_are_noticed_or_decode(self, kept: dict[str, Reply], at: int, change: int) -> None:
        damaged = bytearray(wire.encode(kept, cap_bytes=2**20))
        damaged[at % len(damaged)] ^= change
        try:
            wire.decode(bytes(damaged))
        except BadWireBytes:
            return

    def test_a_bomb_is_refused_without_being_inflated(self) -> None:
        bomb = zlib.compressobj()
        data = b"".join(bomb.compress(bytes(2**20)) for _ in range(wire.STORED_MAX_BYTES // 2**20 + 1)) + bomb.flush()

        with pytest.raises(BadWireBytes):
            wire.decode(b"GRW1" + data)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"GRW1", id="nothing"),
            pytest.param(wire.encode({}, cap_bytes=0) + b"x", id="bytes-behind-the-end"),
            pytest.param(wire.encode({}, cap_bytes=0)[:-1], id="cut-off"),
            pytest.param(b"GRW1" + zlib.compress(b"\0\0\0\x09ab"), id="frame-longer-than-the-rest"),
            pytest.param(b"GRW1" + zlib.compress(b"\0\0"), id="half-a-length"),
            pytest.param(stored([names_frame(opaque_node())] * 2), id="key-twice"),
            pytest.param(stored([names_frame(opaque_node(digest="0" * 63))]), id="digest-cut-off"),
        ],
    )
    def test_what_was_not_stored_by_us_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadWireBytes):
            wire.decode(data)

    def test_over_the_cap_an_array_keeps_its_digest_dtype_and_shape(self) -> None:
        large = ArrayValue(type_name="Tensor", dtype="float32", shape=(100,), data=bytes(400))
        small = ArrayValue(type_name="Tensor", dtype="float32", shape=(2,), data=bytes(8))

        kept = wire.decode(wire.encode({"k": NamesReply(values={"a": large, "b": large, "c": small})}, cap_bytes=500))[
            "k"
        ].values

        assert kept["a"] == large
        assert kept["b"] == OpaqueValue(
            type_name="Tensor", reason="too_large", dtype="float32", shape=(100,), digest=wire.digest_of(large)
        )
        assert kept["c"] == small

    def test_over_the_cap_a_string_keeps_its_digest(self) -> None:
        reply = CallsReply(name="f", calls=(CallReply(output=ScalarValue(type_name="str", value="あ" * 500)),))

        (call,) = wire.decode(wire.encode({"k": reply}, cap_bytes=1000))["k"].calls

        assert call.output == OpaqueValue(type_name="str", reason="too_large", digest=wire.digest_of("あ" * 500))

    def test_over_the_cap_a_gradient_goes_before_its_tensor(self) -> None:
        grad = ArrayValue(type_name="Tensor", dtype="float32", shape=(100,), data=bytes(400))
        leaf = ArrayValue(type_name="Tensor", dtype="float32", shape=(100,), data=bytes(400), grad=grad)

        kept = wire.decode(wire.encode({"k": NamesReply(values={"x": leaf})}, cap_bytes=500))["k"].values["x"]

        assert kept.data == leaf.data
        assert kept.grad.digest == wire.digest_of(grad)

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(ArrayValue(type_name="Tensor", dtype="int32", shape=(2,), data=bytes(8)), id="dtype"),
            pytest.param(ArrayValue(type_name="Tensor", dtype="float32", shape=(2, 1), data=bytes(8)), id="shape"),
            pytest.param(ArrayValue(type_name="Tensor", dtype="float32", shape=(2,), data=b"\1" * 8), id="bytes"),
        ],
    )
    def test_digests_differ_where_values_do(self, other: ArrayValue) -> None:
        value = ArrayValue(type_name="Tensor", dtype="float32", shape=(2,), data=bytes(8))

        assert wire.digest_of(value) != wire.digest_of(other)

    def test_many_short_strings_over_the_cap_still_decode(self) -> None:
        items = tuple(ScalarValue(type_name="str", value="x" * 300) for _ in range(3000))
        reply = NamesReply(values={"x": SequenceValue(type_name="list", items=items)})

        kept = wire.decode(wire.encode({"k": reply}, cap_bytes=0))["k"].values["x"]

        assert {item.reason for item in kept.items} == {"too_large"}


class TestAsking:
    def test_a_request_is_json_and_carries_arrays_beside_it(self) -> None:
        x = ArrayValue(type_name="Tensor", dtype="float32", shape=(2,), data=bytes(8))

        asked, buffers = wire.request(
            CallFunction(key="q6.f/calls", names=("f",), calls=((x, INT),), gradients=True, seconds=2.0)
        )

        assert json.loads(json.dumps(asked))["key"] == "q6.f/calls"
        assert buffers == [bytes(8)]

    def test_names_are_asked_for_without_buffers(self) -> None:
        asked, buffers = wire.request(TakeNames(key="q1.t/names", names=("t",)))

        assert asked["names"] == ["t"]
        assert buffers == []

    def test_an_input_that_no_kernel_can_build_is_the_callers_error(self) -> None:
        probe = CallFunction(
            key="k",
            names=("f",),
            calls=((OpaqueValue(type_name="set", reason="type"),),),
            gradients=False,
            seconds=1.0,
        )

        with pytest.raises(ValueError, match="opaque"):
            wire.request(probe)

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(ScalarValue(type_name="int", value=2 ** (wire.INT_MAX_BITS + 1)), id="integer"),
            pytest.param(SequenceValue(type_name="list", items=()), id="nesting"),
        ],
    )
    def test_a_value_beyond_the_wires_limits_is_the_callers_error(self, value: Value) -> None:
        for _ in range(wire.DEPTH_MAX):
            value = SequenceValue(type_name="list", items=(value,))

        with pytest.raises(ValueError, match="wire"):
            wire.encode({"k": NamesReply(values={"x": SequenceValue(type_name="list", items=(value,))})}, cap_bytes=9)
