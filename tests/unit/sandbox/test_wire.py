"""Whatever bytes arrive either decode or are refused with our own error; whatever is stored comes back exactly."""

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.domain.probe import CallFunction, CallModule, Probe, TakeNames
from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    ModuleReply,
    NamesReply,
    OpaqueValue,
    ParameterShape,
    Reply,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.errors import BadWireBytes
from grader.sandbox import wire

from .wire_values import exact, replies, values

INT = ScalarValue(type_name="int", value=1)
HEADER_WORDS = ["is", "items", "value", "key", "reply", "shape", "bits", "output", "error", "line", "gradients"]
HEADER_WORDS += ["second", "changed", "parameters", "buffers", "layout", "calls", "values"]


def frame(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + body


def names_frame(node: object, body: bytes = b"") -> bytes:
    return frame({"key": "k", "reply": {"is": "names", "values": [["x", node]]}}, body)


def calls_frame(call: object, body: bytes = b"") -> bytes:
    return frame({"key": "k", "reply": {"is": "calls", "name": "f", "calls": [call], "timed_out": False}}, body)


def module_frame(made: object, calls: object = (), body: bytes = b"", **changes: object) -> bytes:
    reply = {"is": "module", "name": "Net", "made": made, "calls": calls, "timed_out": False}
    return frame({"key": "k", "reply": reply | changes}, body)


def made_node(**changes: object) -> dict[str, object]:
    return {"error": None, "line": None, "parameters": [], "buffers": []} | changes


def call_node(**changes: object) -> dict[str, object]:
    return {"output": {"is": "NoneType"}, "error": None, "line": None, "gradients": []} | changes


def places_in(node: object) -> Iterator[tuple[Any, Any]]:
    """Every place of a header where something else could stand."""
    keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in list(keys):
        yield node, key
        yield from places_in(node[key])


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
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(HEADER_WORDS), inner),
            max_leaves=20,
        ),
        body=st.binary(max_size=20),
    )
    def test_any_json_decodes_or_is_refused_wherever_a_value_is_expected(self, header: object, body: bytes) -> None:
        self.decodes_or_is_refused(frame(header, body))
        self.decodes_or_is_refused(frame({"key": "k", "reply": header}, body))
        self.decodes_or_is_refused(names_frame(header, body))
        self.decodes_or_is_refused(calls_frame(header, body))
        self.decodes_or_is_refused(module_frame(header, [["eval", [header]]], body))

    @given(reply=replies, data=st.data())
    def test_a_header_with_one_node_replaced_decodes_or_is_refused(self, reply: Reply, data: st.DataObject) -> None:
        whole = frame_of(reply)
        (length,) = struct.unpack_from(">I", whole)
        header = json.loads(whole[4 : 4 + length])
        places = list(places_in(header))
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = data.draw(
            st.none() | st.booleans() | st.integers() | st.just([]) | st.just({}) | st.just("strided") | st.text()
        )

        self.decodes_or_is_refused(frame(header, whole[4 + length :]))

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
            pytest.param(names_frame(array_node(layout="diagonal"), bytes(16)), id="unknown-layout"),
            pytest.param(names_frame(array_node(layout=["strided"]), bytes(16)), id="layout-that-is-a-list"),
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

    @pytest.mark.parametrize(
        "call",
        [
            pytest.param(call_node(error="ValueError", line=1), id="output-and-error"),
            pytest.param(call_node(output=None), id="neither"),
            pytest.param(call_node(output=None, error="ValueError", second=[]), id="error-with-derivatives"),
            pytest.param(call_node(output=None, error="ValueError", changed=[0]), id="error-with-changes"),
            pytest.param(call_node(output=None, error="ValueError", gradients=[None]), id="error-with-gradients"),
            pytest.param(call_node(line=3), id="line-without-error"),
            pytest.param(call_node(gradients=None), id="gradients-that-are-no-list"),
            pytest.param(call_node(second={}), id="second-that-is-no-list"),
            pytest.param(call_node(changed=3), id="changed-that-is-no-list"),
            pytest.param(call_node(changed=[1, 1]), id="changed-twice"),
            pytest.param(call_node(changed=[-1]), id="changed-before-the-first"),
            pytest.param(call_node(changed=[True]), id="changed-that-is-a-bool"),
            pytest.param(call_node(parameters=[["w", None], ["w", None]]), id="parameter-twice"),
            pytest.param(call_node(parameters=[["w"]]), id="parameter-without-gradient"),
            pytest.param(call_node(parameters={}), id="parameters-that-are-no-list"),
            pytest.param(call_node(gradients=[None] * wire.NODES_MAX), id="more-gradients-than-nodes"),
            pytest.param(call_node(changed=list(range(wire.NODES_MAX))), id="more-changes-than-nodes"),
        ],
    )
    def test_a_call_that_contradicts_itself_is_refused(self, call: object) -> None:
        for data in (calls_frame(call), module_frame(made_node(), [["train", [call]]])):
            with pytest.raises(BadWireBytes):
                wire.read_reply(data)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(module_frame(made_node(error="TypeError"), [["train", []]]), id="calls-of-what-was-not-made"),
            pytest.param(
                module_frame(made_node(error="TypeError", parameters=[["w", [], "float32", True]])), id="parts-of-it"
            ),
            pytest.param(module_frame(made_node(line=3)), id="line-without-error"),
            pytest.param(module_frame(made_node(parameters=[["w", [-1], "float32", True]])), id="negative-dimension"),
            pytest.param(module_frame(made_node(parameters=[["w", [1] * 65, "float32", True]])), id="dimensions"),
            pytest.param(module_frame(made_node(buffers=[["w", [1], "float32", 1]])), id="flag-that-is-a-number"),
            pytest.param(module_frame(made_node(buffers=[["w", [1], "\x1b", True]])), id="control-characters"),
            pytest.param(module_frame(made_node(buffers=[["w", [1], "f", True]] * 2)), id="buffer-twice"),
            pytest.param(module_frame(made_node(), [["eval", []], ["eval", []]]), id="mode-twice"),
            pytest.param(module_frame(made_node(), [["eval"]]), id="mode-without-calls"),
            pytest.param(module_frame(made_node(), {}), id="modes-that-are-no-list"),
            pytest.param(module_frame(None), id="nothing-made"),
            pytest.param(
                module_frame(made_node(parameters=[[str(n), [], "f", True] for n in range(wire.NODES_MAX + 1)])),
                id="more-parameters-than-nodes",
            ),
        ],
    )
    def test_a_module_that_contradicts_itself_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadWireBytes):
            wire.read_reply(data)

    def test_a_module_is_read_with_shapes_and_calls_by_mode(self) -> None:
        made = made_node(parameters=[["fc.weight", [3, 2], "float32", True]], buffers=[["n", [], "int64", False]])
        call = call_node(parameters=[["fc.weight", array_node()]])

        _, reply = wire.read_reply(module_frame(made, [["train", [call]], ["eval", []]], bytes(16)))

        gradient = ArrayValue(type_name="Tensor", dtype="int64", shape=(2,), data=bytes(16))
        none = ScalarValue(type_name="NoneType", value=None)
        assert reply == ModuleReply(
            name="Net",
            parameters={"fc.weight": ParameterShape(shape=(3, 2), dtype="float32", requires_grad=True)},
            buffers={"n": ParameterShape(shape=(), dtype="int64", requires_grad=False)},
            calls={"train": (CallReply(output=none, parameter_gradients={"fc.weight": gradient}),), "eval": ()},
        )

    def test_an_expression_of_several_lines_is_a_name(self) -> None:
        name = "{n: p.grad\n\tfor n, p in model.named_parameters()}"

        _, reply = wire.read_reply(frame({"key": "k", "reply": {"is": "names", "values": [[name, opaque_node()]]}}))

        assert reply.values.keys() == {name}

    def test_a_sparse_tensor_says_its_layout(self) -> None:
        _, reply = wire.read_reply(names_frame(array_node(layout="sparse_csr"), bytes(16)))

        assert reply.values["x"].layout == "sparse_csr"

    @staticmethod
    def decodes_or_is_refused(data: bytes) -> None:
        try:
            key, reply = wire.read_reply(data)
        except BadWireBytes:
            return
        assert isinstance(key, str)
        assert isinstance(reply, NamesReply | CallsReply | ModuleReply)


class TestStoring:
    @given(kept=st.dictionaries(st.sampled_from(["q1.value/names", "q2.f/calls"]), replies))
    def test_replies_come_back_exactly(self, kept: dict[str, Reply]) -> None:
        assert exact(dict(wire.decode(wire.encode(kept, cap_bytes=2**20)))) == exact(kept)

    @given(value=values)
    def test_storing_twice_gives_the_same_bytes(self, value: Value) -> None:
        first = wire.encode({"k": NamesReply(values={"x": value})}, cap_bytes=100)

        assert wire.encode(wire.decode(first), cap_bytes=100) == first

    def test_what_an_earlier_version_stored_comes_back(self) -> None:
        """As `encode` wrote it before modules, layouts and second derivatives existed."""
        x = array_node(requires_grad=True, dtype="float32", grad=array_node(shape=[1], dtype="float32"))
        call = {"output": x, "error": None, "line": None, "gradients": [None]}
        failed = {"output": None, "error": "ValueError", "line": 2, "gradients": []}
        reply = {"is": "calls", "name": "f", "calls": [call, failed], "timed_out": True}

        kept = wire.decode(stored([names_frame(x, bytes(12)), frame({"key": "c", "reply": reply}, bytes(12))]))

        value = ArrayValue(
            type_name="Tensor",
            dtype="float32",
            shape=(2,),
            data=bytes(8),
            requires_grad=True,
            grad=ArrayValue(type_name="Tensor", dtype="float32", shape=(1,), data=bytes(4)),
        )
        assert kept == {
            "k": NamesReply(values={"x": value}),
            "c": CallsReply(
                name="f",
                calls=(CallReply(output=value, gradients=(None,)), CallReply(error="ValueError", error_line=2)),
                timed_out=True,
            ),
        }

    @given(data=st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"GRW2" + zlib.compress(data)))
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

    def test_over_the_cap_a_parameters_gradient_keeps_its_digest(self) -> None:
        gradient = ArrayValue(type_name="Tensor", dtype="float32", shape=(100,), data=bytes(400))
        call = CallReply(output=INT, parameter_gradients={"w": gradient, "b": None})

        kept = wire.decode(wire.encode({"k": ModuleReply(name="Net", calls={"eval": (call,)})}, cap_bytes=0))["k"]

        (call,) = kept.calls["eval"]
        assert call.parameter_gradients["w"].digest == wire.digest_of(gradient)
        assert call.parameter_gradients["b"] is None

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

    def test_a_module_is_asked_for_with_its_arguments_before_the_inputs(self) -> None:
        x = ArrayValue(type_name="Tensor", dtype="float32", shape=(2,), data=b"x" * 8)
        w = ArrayValue(type_name="ndarray", dtype="float32", shape=(1,), data=b"w" * 4)

        asked, buffers = wire.request(
            CallModule(
                key="q7.net/module",
                names=("Net",),
                arguments=(INT, w),
                weights_seed=7,
                calls=((x,), (INT,)),
                gradients=True,
                modes=("train", "eval"),
                seconds=2.0,
            )
        )

        assert json.loads(json.dumps(asked))["modes"] == ["train", "eval"]
        assert buffers == [w.data, x.data]

    @pytest.mark.parametrize(
        "probe",
        [
            pytest.param(TakeNames(key="k", names=("x" * (wire.NAME_MAX_CHARS + 1),)), id="endless-expression"),
            pytest.param(
                CallFunction(
                    key="k",
                    names=("f",),
                    calls=((ArrayValue(type_name="Tensor", dtype="int8", shape=(), data=b"1", layout="sparse_coo"),),),
                    gradients=False,
                    seconds=1.0,
                ),
                id="sparse-input",
            ),
        ],
    )
    def test_what_no_kernel_can_answer_is_the_callers_error(self, probe: Probe) -> None:
        with pytest.raises(ValueError, match="wire"):
            wire.request(probe)

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
