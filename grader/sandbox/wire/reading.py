"""Frames back into replies, checked at every step: what a kernel sends is hostile."""

import itertools
import json
import math
import re
import struct
from collections.abc import Sequence
from typing import Final, NoReturn

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
    Value,
)
from grader.errors import BadWireBytes
from grader.sandbox.wire.limits import (
    DEPTH_MAX,
    DTYPE_BYTES,
    ELEMENTS_MAX,
    HEADER_MAX_BYTES,
    INT_MAX_BITS,
    LAYOUTS,
    LENGTH,
    NAME_MAX_CHARS,
    NDIM_MAX,
    NODES_MAX,
    REASONS,
    SEQUENCES,
    STRIDED,
    TEXT_MAX_CHARS,
    Json,
)

_HEX_INT: Final = re.compile(rf"-?[0-9a-f]{{1,{INT_MAX_BITS // 4}}}")
_HEX_FLOAT: Final = re.compile(r"[0-9a-f]{16}")
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def read_reply(data: bytes) -> tuple[str, Reply]:
    """Decode one frame of a kernel's: the probe's key and its reply.

    Raises:
        BadWireBytes: the bytes are anything else.
    """
    return _read_frame(data, is_stored=False)


def read_stored_reply(data: bytes) -> tuple[str, Reply]:
    """Decode one frame that was stored: as `read_reply`, but digests may stand where values were.

    Raises:
        BadWireBytes: the bytes are anything else.
    """
    return _read_frame(data, is_stored=True)


def _read_frame(data: bytes, *, is_stored: bool) -> tuple[str, Reply]:
    if len(data) < LENGTH.size:
        raise BadWireBytes(what="frame_length")
    (length,) = LENGTH.unpack_from(data)
    # A stored header may have grown a little: digests stand where values were.
    header_max_bytes = 2 * HEADER_MAX_BYTES if is_stored else HEADER_MAX_BYTES
    if length > min(len(data) - LENGTH.size, header_max_bytes):
        raise BadWireBytes(what="header_length")
    body_at = LENGTH.size + length
    header = _parse_header(data[LENGTH.size : body_at])
    reader = _Reader(data, body_at=body_at, is_stored=is_stored)
    match header:
        case {"key": key, "reply": node}:
            reply = reader.reply(node)
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

    def reply(self, node: Json) -> Reply:
        match node:
            case {"is": "names", "values": list(pairs)}:
                return self._names(pairs)
            case {"is": "calls", "name": name, "calls": list(calls), "timed_out": bool(timed_out)}:
                return CallsReply(
                    name=None if name is None else _word(name),
                    calls=tuple(self._call(call) for call in calls),
                    timed_out=timed_out,
                )
            case {"is": "module", "name": None, "timed_out": bool(timed_out)}:
                return ModuleReply(name=None, timed_out=timed_out)
            case {"is": "module", "name": name, "made": made, "calls": list(modes), "timed_out": bool(timed_out)}:
                return self._module(made, name=_word(name), modes=modes, timed_out=timed_out)
        raise BadWireBytes(what="reply")

    def _names(self, pairs: Sequence[Json]) -> NamesReply:
        values: dict[str, Value] = {}
        for pair in pairs:
            match pair:
                case [str(name), node] if name not in values:
                    values[_name(name)] = self.value(node)
                case _:
                    raise BadWireBytes(what="name")
        return NamesReply(values=values)

    def _module(self, made: Json, *, name: str, modes: Sequence[Json], timed_out: bool) -> ModuleReply:
        match made:
            case {"error": None, "line": None, "parameters": list(parameters), "buffers": list(buffers)}:
                return ModuleReply(
                    name=name,
                    parameters=self._shapes(parameters),
                    buffers=self._shapes(buffers),
                    calls=self._modes(modes),
                    timed_out=timed_out,
                )
            case {"error": str(error), "line": line, "parameters": [], "buffers": []} if not modes:
                line = None if line is None else _size(line)
                return ModuleReply(name=name, error=_word(error), error_line=line, timed_out=timed_out)
        raise BadWireBytes(what="module")

    def _modes(self, pairs: Sequence[Json]) -> dict[str, tuple[CallReply, ...]]:
        modes: dict[str, tuple[CallReply, ...]] = {}
        for pair in pairs:
            match pair:
                case [str(mode), list(calls)] if mode not in modes:
                    modes[_word(mode)] = tuple(self._call(call) for call in calls)
                case _:
                    raise BadWireBytes(what="mode")
        return modes

    def _shapes(self, rows: Sequence[Json]) -> dict[str, ParameterShape]:
        shapes: dict[str, ParameterShape] = {}
        for row in rows:
            self._count()
            match row:
                case [str(name), shape, dtype, bool(requires_grad)] if name not in shapes:
                    shapes[_word(name)] = ParameterShape(
                        shape=_dimensions(shape), dtype=_word(dtype), requires_grad=requires_grad
                    )
                case _:
                    raise BadWireBytes(what="parameter")
        return shapes

    def _call(self, node: Json) -> CallReply:
        self._count()
        match node:
            # A call that failed has nothing else: neither derivatives nor changed arguments.
            case {"output": None, "error": str(error), "line": line, "gradients": [], **rest} if not rest:
                return CallReply(error=_word(error), error_line=None if line is None else _size(line))
            case {"output": output, "error": None, "line": None, "gradients": list(gradients), **rest} if (
                output is not None
            ):
                # In the order in which the writer puts their arrays behind the header.
                return CallReply(
                    output=self.value(output),
                    gradients=self._optionals(gradients),
                    second=self._optionals(rest.get("second", [])),
                    changed=self._places(rest.get("changed", [])),
                    parameter_gradients=self._parameter_gradients(rest.get("parameters", [])),
                )
        raise BadWireBytes(what="call")

    def _optionals(self, nodes: object) -> tuple[Value | None, ...]:
        if not isinstance(nodes, list):
            raise BadWireBytes(what="gradients")
        return tuple(self._optional(one) for one in nodes)

    def _optional(self, node: Json) -> Value | None:
        if node is not None:
            return self.value(node)
        self._count()
        return None

    def _places(self, nodes: object) -> tuple[int, ...]:
        if not isinstance(nodes, list):
            raise BadWireBytes(what="changed")
        places = []
        for node in nodes:
            self._count()
            places.append(_size(node))
        if any(one >= other for one, other in itertools.pairwise(places)):
            raise BadWireBytes(what="changed")
        return tuple(places)

    def _parameter_gradients(self, pairs: object) -> dict[str, Value | None]:
        gradients: dict[str, Value | None] = {}
        if not isinstance(pairs, list):
            raise BadWireBytes(what="parameters")
        for pair in pairs:
            match pair:
                case [str(name), node] if name not in gradients:
                    gradients[_word(name)] = self._optional(node)
                case _:
                    raise BadWireBytes(what="parameters")
        return gradients

    def value(self, node: Json, *, depth: int = 0) -> Value:
        self._count()
        if depth > DEPTH_MAX:
            raise BadWireBytes(what="depth")
        match node:
            case {"is": "array"}:
                return self._array(node)
            case {"is": "opaque"}:
                return self._opaque(node)
            case {"is": str(kind), "items": list(items)} if kind in SEQUENCES:
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
                **rest,
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
                    layout=_layout(rest.get("layout", STRIDED)),
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
                reason in REASONS
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


def _layout(node: object) -> str:
    if not isinstance(node, str) or node not in LAYOUTS:
        raise BadWireBytes(what="layout")
    return node


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


def _name(node: Json) -> str:
    """A name that was asked for, or an author's expression, which may have several lines."""
    name = _clean_text(node, max_chars=NAME_MAX_CHARS)
    if not name.replace("\n", "").replace("\t", "").isprintable():
        raise BadWireBytes(what="text")
    return name


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
