"""Values as bytes: probe requests into a kernel, replies out of it, and replies as they are stored.

A frame is a header length (4 bytes, big-endian), a JSON header and the arrays' raw bytes, one after the other in the
order in which the header names them, with nothing between or behind. So there are no offsets to lie about: dtype and
shape say how many bytes an array takes, and the last one ends where the frame ends. Whatever comes from a kernel is
hostile until it has passed through `read_reply`.
"""

import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn, TypeAlias

from grader.domain.probe import PRINTED, CallFunction, Probe, ReplayBent
from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    NamesReply,
    OpaqueValue,
    Reply,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.errors import BadWireBytes

FRAME_MAX_BYTES: Final = 24 * 1024**2
"""Of one reply, header included; the kernel is told to stay under it."""
HEADER_MAX_BYTES: Final = 2 * 1024**2
NODES_MAX: Final = 20_000
"""Values in one reply, those inside lists and dicts counted."""
DEPTH_MAX: Final = 12
TEXT_MAX_CHARS: Final = 64 * 1024
INT_MAX_BITS: Final = 8192
NDIM_MAX: Final = 64
ELEMENTS_MAX: Final = 2**40
"""Product of a shape's dimensions, empty ones left out: an empty array must not claim sizes that NumPy refuses."""
STORED_MAX_BYTES: Final = 128 * 1024**2
"""Of all replies of one execution, decompressed."""
ALWAYS_STORED_BYTES: Final = 256
"""A value of this size is stored even over the cap: its digest would hardly be smaller."""
NAMES_SECONDS: Final = 5.0
"""Budget for taking names out, which runs no code of the student's."""

DTYPE_BYTES: Final[Mapping[str, int]] = {
    "bool": 1,
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
_REASONS: Final = frozenset({"type", "too_large", "too_deep", "layout", "device", "unreadable"})
_SEQUENCES: Final = frozenset({"list", "tuple", "Size"})
_LENGTH: Final = struct.Struct(">I")
_STORE_MAGIC: Final = b"GRW1"

_HEX_INT: Final = re.compile(rf"-?[0-9a-f]{{1,{INT_MAX_BITS // 4}}}")
_HEX_FLOAT: Final = re.compile(r"[0-9a-f]{16}")
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"


def request(probe: Probe) -> tuple[dict[str, object], list[bytes]]:
    """Give what `sandbox/kernel/probe.answer` needs for one probe: a JSON object and the hidden inputs' raw bytes.

    Raises:
        ValueError: a hidden input cannot be built in a kernel (opaque, or beyond the wire's limits).
    """
    writer = _Writer(is_request=True)
    asked: dict[str, object] = {"key": probe.key, "names": list(probe.names)}
    nodes = len(probe.names)
    if isinstance(probe, CallFunction):
        asked |= {
            "is": "calls",
            "calls": [[writer.node(argument) for argument in call] for call in probe.calls],
            "gradients": probe.gradients,
            "seconds": probe.seconds,
        }
        nodes = sum(2 + len(call) for call in probe.calls)
    elif isinstance(probe, ReplayBent):
        asked |= {
            "is": "replay",
            "printed": PRINTED,
            "source": probe.source,
            "functions": list(probe.functions),
            "square": probe.square,
            "slope": probe.slope,
            "seconds": probe.seconds,
        }
    else:
        asked |= {"is": "names", "seconds": NAMES_SECONDS}
    asked["limits"] = {
        # What is left of the header frames the values.
        "header_bytes": HEADER_MAX_BYTES - 64 * 1024,
        "body_bytes": FRAME_MAX_BYTES - HEADER_MAX_BYTES,
        "nodes": NODES_MAX - nodes,
        # What is too deep is still described, one level further down.
        "depth": DEPTH_MAX - 1,
        "text_chars": TEXT_MAX_CHARS,
        "int_bits": INT_MAX_BITS,
        "ndim": NDIM_MAX,
        "elements": ELEMENTS_MAX,
    }
    return asked, writer.buffers


def read_reply(data: bytes) -> tuple[str, Reply]:
    """Decode one frame of a kernel's: the probe's key and its reply.

    Raises:
        BadWireBytes: the bytes are anything else.
    """
    return _read_frame(data, is_stored=False)


def encode(replies: Mapping[str, Reply], *, cap_bytes: int) -> bytes:
    """Pack replies for storing, compressed; values over the cap are kept as digest, dtype and shape only.

    Args:
        replies: by probe key.
        cap_bytes: how many bytes of arrays and strings are kept, all replies together, first come first kept.
    """
    writer = _Writer(cap_bytes=min(cap_bytes, STORED_MAX_BYTES // 2))
    frames = []
    for key, reply in replies.items():
        frame = writer.frame(key, reply)
        frames += [_LENGTH.pack(len(frame)), frame]
    return _STORE_MAGIC + zlib.compress(b"".join(frames), 6)


def decode(data: bytes) -> Mapping[str, Reply]:
    """Unpack what `encode` made.

    Raises:
        BadWireBytes: the bytes are anything else.
    """
    if not data.startswith(_STORE_MAGIC):
        raise BadWireBytes(what="store_magic")
    inflater = zlib.decompressobj()
    try:
        frames = inflater.decompress(data[len(_STORE_MAGIC) :], STORED_MAX_BYTES)
    except zlib.error as error:
        raise BadWireBytes(what="compression") from error
    if not inflater.eof or inflater.unused_data:
        raise BadWireBytes(what="compression")
    replies: dict[str, Reply] = {}
    for frame in _split_frames(frames):
        key, reply = _read_frame(frame, is_stored=True)
        if key in replies:
            raise BadWireBytes(what="key_twice")
        replies[key] = reply
    return replies


def digest_of(value: ArrayValue | str) -> str:
    """SHA-256 (hex) of a value's content, equal for equal dtype, shape and bytes: what stands in for a large one."""
    if isinstance(value, str):
        return hashlib.sha256(b"str\0" + value.encode("utf-8", "surrogatepass")).hexdigest()
    described = json.dumps([value.dtype, list(value.shape)]).encode("ascii")
    return hashlib.sha256(described + b"\0" + value.data).hexdigest()


class _Writer:
    """Turns values into header nodes and collects their raw bytes."""

    def __init__(self, *, cap_bytes: int | None = None, is_request: bool = False) -> None:
        self.buffers: list[bytes] = []
        self._room_bytes = cap_bytes
        self._is_request = is_request

    def frame(self, key: str, reply: Reply) -> bytes:
        self.buffers = []
        described = {"key": key, "reply": self._reply(reply)}
        header = json.dumps(described, separators=(",", ":")).encode("ascii")
        return b"".join([_LENGTH.pack(len(header)), header, *self.buffers])

    def _reply(self, reply: Reply) -> Json:
        if isinstance(reply, NamesReply):
            return {"is": "names", "values": [[name, self.node(value)] for name, value in reply.values.items()]}
        return {
            "is": "calls",
            "name": reply.name,
            "calls": [self._call(call) for call in reply.calls],
            "timed_out": reply.timed_out,
        }

    def _call(self, call: CallReply) -> Json:
        return {
            "output": None if call.output is None else self.node(call.output),
            "error": call.error,
            "line": call.error_line,
            "gradients": [None if gradient is None else self.node(gradient) for gradient in call.gradients],
        }

    def node(self, value: Value, *, depth: int = 0) -> Json:
        """Describe one value.

        Raises:
            ValueError: it goes deeper than the wire carries, or is opaque and asked to be built.
        """
        if depth > DEPTH_MAX:
            raise ValueError("value is nested too deeply for the wire")
        match value:
            case ScalarValue():
                return self._scalar(value)
            case ArrayValue():
                return self._array(value)
            case SequenceValue():
                return {"is": value.type_name, "items": [self.node(item, depth=depth + 1) for item in value.items]}
            case MappingValue():
                pairs: Json = [[self.node(key), self.node(item, depth=depth + 1)] for key, item in value.items]
                return {"is": "dict", "items": pairs}
            case OpaqueValue() if self._is_request:
                raise ValueError("an opaque value cannot be built in a kernel")
            case OpaqueValue():
                return _opaque_node(value)

    def _scalar(self, scalar: ScalarValue) -> Json:
        match scalar.value:
            case None:
                return {"is": "NoneType"}
            case bool(truth):
                return {"is": "bool", "value": truth}
            case int(number):
                if number.bit_length() > INT_MAX_BITS:
                    raise ValueError("integer is too large for the wire")
                return {"is": "int", "hex": format(number, "x")}
            case float(number):
                return {"is": "float", "bits": struct.pack(">d", number).hex()}
            case complex(real=real, imag=imag):
                return {"is": "complex", "bits": [struct.pack(">d", part).hex() for part in (real, imag)]}
            case str(text):
                return self._text(text)

    def _text(self, text: str) -> Json:
        if self._fits(len(text.encode("utf-8", "surrogatepass"))):
            return {"is": "str", "value": text}
        return _opaque_node(OpaqueValue(type_name="str", reason="too_large", digest=digest_of(text)))

    def _array(self, array: ArrayValue) -> Json:
        if not self._fits(len(array.data)):
            stand_in = OpaqueValue(
                type_name=array.type_name,
                reason="too_large",
                dtype=array.dtype,
                shape=array.shape,
                digest=digest_of(array),
            )
            return _opaque_node(stand_in)
        self.buffers.append(array.data)
        return {
            "is": "array",
            "type": array.type_name,
            "dtype": array.dtype,
            "shape": list(array.shape),
            "device": array.device,
            "requires_grad": array.requires_grad,
            "is_leaf": array.is_leaf,
            "grad_fn": array.grad_fn,
            "grad": None if array.grad is None else self.node(array.grad, depth=1),
        }

    def _fits(self, size_bytes: int) -> bool:
        if self._room_bytes is None or size_bytes <= ALWAYS_STORED_BYTES:
            return True
        if size_bytes > self._room_bytes:
            return False
        self._room_bytes -= size_bytes
        return True


def _opaque_node(value: OpaqueValue) -> Json:
    return {
        "is": "opaque",
        "type": value.type_name,
        "reason": value.reason,
        "dtype": value.dtype,
        "shape": None if value.shape is None else list(value.shape),
        "digest": value.digest,
    }


def _split_frames(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        if len(data) - at < _LENGTH.size:
            raise BadWireBytes(what="frame_length")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length > len(data) - at:
            raise BadWireBytes(what="frame_length")
        yield data[at : at + length]
        at += length


def _read_frame(data: bytes, *, is_stored: bool) -> tuple[str, Reply]:
    if len(data) < _LENGTH.size:
        raise BadWireBytes(what="frame_length")
    (length,) = _LENGTH.unpack_from(data)
    # A stored header may have grown a little: digests stand where values were.
    header_max_bytes = 2 * HEADER_MAX_BYTES if is_stored else HEADER_MAX_BYTES
    if length > min(len(data) - _LENGTH.size, header_max_bytes):
        raise BadWireBytes(what="header_length")
    body_at = _LENGTH.size + length
    header = _parse_header(data[_LENGTH.size : body_at])
    reader = _Reader(data, body_at=body_at, is_stored=is_stored)
    match header:
        case {"key": key, "reply": {"is": "names", "values": list(pairs)}}:
            reply: Reply = reader.names(pairs)
        case {"key": key, "reply": {"is": "calls", "name": name, "calls": list(calls), "timed_out": bool(timed_out)}}:
            reply = CallsReply(
                name=None if name is None else _word(name),
                calls=tuple(reader.call(call) for call in calls),
                timed_out=timed_out,
            )
        case _:
            raise BadWireBytes(what="reply")
    reader.finish()
    return _word(key), reply


def _parse_header(header: bytes) -> Json:
    try:
        parsed: Json = json.loads(
            header.decode("ascii"), parse_int=_small_int, parse_float=_refuse_float, parse_constant=_refuse_float
        )
    except (ValueError, RecursionError) as error:
        raise BadWireBytes(what="header") from error
    return parsed


class _Reader:
    """Turns header nodes back into values, taking their raw bytes from the frame in order."""

    def __init__(self, data: bytes, *, body_at: int, is_stored: bool) -> None:
        self._data = data
        self._at = body_at
        self._nodes = 0
        self._is_stored = is_stored

    def finish(self) -> None:
        if self._at != len(self._data):
            raise BadWireBytes(what="bytes_left_over")

    def names(self, pairs: Sequence[Json]) -> NamesReply:
        values: dict[str, Value] = {}
        for pair in pairs:
            match pair:
                case [str(name), node] if name not in values:
                    values[_word(name)] = self.value(node)
                case _:
                    raise BadWireBytes(what="name")
        return NamesReply(values=values)

    def call(self, node: Json) -> CallReply:
        self._count()
        match node:
            case {"output": output, "error": None, "line": None, "gradients": list(gradients)} if output is not None:
                value = self.value(output)
                return CallReply(
                    output=value, gradients=tuple(None if one is None else self.value(one) for one in gradients)
                )
            case {"output": None, "error": str(error), "line": line, "gradients": []}:
                return CallReply(error=_word(error), error_line=None if line is None else _size(line))
        raise BadWireBytes(what="call")

    def value(self, node: Json, *, depth: int = 0) -> Value:
        self._count()
        if depth > DEPTH_MAX:
            raise BadWireBytes(what="depth")
        match node:
            case {"is": "array"}:
                return self._array(node)
            case {"is": "opaque"}:
                return self._opaque(node)
            case {"is": str(kind), "items": list(items)} if kind in _SEQUENCES:
                return SequenceValue(type_name=kind, items=tuple(self.value(item, depth=depth + 1) for item in items))
            case {"is": "dict", "items": list(pairs)}:
                return MappingValue(items=tuple(self._pair(pair, depth=depth + 1) for pair in pairs))
        return _scalar(node)

    def _pair(self, pair: Json, *, depth: int) -> tuple[ScalarValue, Value]:
        match pair:
            case [key, node]:
                self._count()
                return _scalar(key), self.value(node, depth=depth)
        raise BadWireBytes(what="dict_item")

    def _array(self, node: Json) -> ArrayValue:
        match node:
            case {
                "type": type_name,
                "dtype": str(dtype),
                "shape": shape_node,
                "device": device,
                "requires_grad": bool(requires_grad),
                "is_leaf": bool(is_leaf),
                "grad_fn": grad_fn,
                "grad": grad_node,
            } if dtype in DTYPE_BYTES:
                shape = _shape(shape_node)
                return ArrayValue(
                    type_name=_word(type_name),
                    dtype=dtype,
                    shape=shape,
                    data=self._take(dtype, shape),
                    device=_word(device),
                    requires_grad=requires_grad,
                    is_leaf=is_leaf,
                    grad_fn=None if grad_fn is None else _word(grad_fn),
                    grad=None if grad_node is None else self._grad(grad_node),
                )
        raise BadWireBytes(what="array")

    def _grad(self, node: Json) -> ArrayValue | OpaqueValue:
        self._count()
        match node:
            case {"is": "array", "grad": None}:
                return self._array(node)
            case {"is": "opaque"}:
                return self._opaque(node)
        raise BadWireBytes(what="grad")

    def _take(self, dtype: str, shape: tuple[int, ...]) -> bytes:
        end = self._at + math.prod(shape) * DTYPE_BYTES[dtype]
        if end > len(self._data):
            raise BadWireBytes(what="array_size")
        data = self._data[self._at : end]
        if dtype == "bool" and data.translate(None, b"\0\1"):
            raise BadWireBytes(what="bool")
        self._at = end
        return data

    def _opaque(self, node: Json) -> OpaqueValue:
        match node:
            case {"type": type_name, "reason": str(reason), "dtype": dtype, "shape": shape, "digest": digest} if (
                reason in _REASONS
            ):
                return OpaqueValue(
                    type_name=_word(type_name),
                    reason=reason,
                    dtype=None if dtype is None else _word(dtype),
                    shape=None if shape is None else _dimensions(shape),
                    digest=None if digest is None else self._digest(digest),
                )
        raise BadWireBytes(what="opaque")

    def _digest(self, node: Json) -> str:
        if self._is_stored and isinstance(node, str) and _HEX_DIGEST.fullmatch(node):
            return node
        raise BadWireBytes(what="digest")

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise BadWireBytes(what="nodes")


def _scalar(node: Json) -> ScalarValue:
    match node:
        case {"is": "NoneType"}:
            return ScalarValue(type_name="NoneType", value=None)
        case {"is": "bool", "value": bool(truth)}:
            return ScalarValue(type_name="bool", value=truth)
        case {"is": "int", "hex": str(digits)} if _HEX_INT.fullmatch(digits):
            return ScalarValue(type_name="int", value=int(digits, 16))
        case {"is": "float", "bits": str(bits)}:
            return ScalarValue(type_name="float", value=_float(bits))
        case {"is": "complex", "bits": [str(real), str(imag)]}:
            return ScalarValue(type_name="complex", value=complex(_float(real), _float(imag)))
        case {"is": "str", "value": text}:
            return ScalarValue(type_name="str", value=_clean_text(text, max_chars=TEXT_MAX_CHARS))
    raise BadWireBytes(what="value")


def _float(bits: str) -> float:
    if not _HEX_FLOAT.fullmatch(bits):
        raise BadWireBytes(what="float")
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    return float(number)


def _shape(node: Json) -> tuple[int, ...]:
    shape = _dimensions(node)
    if math.prod(size for size in shape if size) > ELEMENTS_MAX:
        raise BadWireBytes(what="shape")
    return shape


def _dimensions(node: Json) -> tuple[int, ...]:
    if not isinstance(node, list) or len(node) > NDIM_MAX:
        raise BadWireBytes(what="shape")
    return tuple(_size(size) for size in node)


def _size(node: Json) -> int:
    if type(node) is not int or not 0 <= node < 2**63:
        raise BadWireBytes(what="number")
    return node


def _word(node: Json) -> str:
    """A short printable name such as a type's or a device's."""
    word = _clean_text(node, max_chars=200)
    if not word.isprintable():
        raise BadWireBytes(what="text")
    return word


def _clean_text(node: Json, *, max_chars: int) -> str:
    if not isinstance(node, str) or len(node) > max_chars:
        raise BadWireBytes(what="text")
    try:
        # A lone half of a surrogate pair passes through JSON and then breaks whoever writes the text as UTF-8.
        node.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadWireBytes(what="text") from error
    return node


def _small_int(digits: str) -> int:
    if len(digits) > 20:
        raise BadWireBytes(what="number")
    return int(digits)


def _refuse_float(spelling: str) -> NoReturn:
    raise BadWireBytes(what="number")
