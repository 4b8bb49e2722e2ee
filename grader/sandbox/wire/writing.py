"""Values and replies as header nodes and raw bytes."""

import hashlib
import json
import struct
from collections.abc import Mapping

from grader.domain.values import (
    ArrayValue,
    CallReply,
    CallsReply,
    MappingValue,
    NamesReply,
    OpaqueValue,
    ParameterShape,
    Reply,
    ScalarValue,
    SequenceValue,
    Value,
)
from grader.sandbox.wire.limits import ALWAYS_STORED_BYTES, DEPTH_MAX, INT_MAX_BITS, LENGTH, STRIDED, Json


def digest_of(value: ArrayValue | str) -> str:
    """SHA-256 (hex) of a value's content, equal for equal dtype, shape and bytes: what stands in for a large one."""
    if isinstance(value, str):
        return hashlib.sha256(b"str\0" + value.encode("utf-8", "surrogatepass")).hexdigest()
    described = json.dumps([value.dtype, list(value.shape)]).encode("ascii")
    return hashlib.sha256(described + b"\0" + value.data).hexdigest()


class Writer:
    """Turns values into header nodes and collects their raw bytes."""

    def __init__(self, *, cap_bytes: int | None = None, is_request: bool = False) -> None:
        self.buffers: list[bytes] = []
        self._room_bytes = cap_bytes
        self._is_request = is_request

    def frame(self, key: str, reply: Reply) -> bytes:
        self.buffers = []
        described = {"key": key, "reply": self._reply(reply)}
        header = json.dumps(described, separators=(",", ":")).encode("ascii")
        return b"".join([LENGTH.pack(len(header)), header, *self.buffers])

    def _reply(self, reply: Reply) -> Json:
        if isinstance(reply, NamesReply):
            return {"is": "names", "values": [[name, self.node(value)] for name, value in reply.values.items()]}
        if isinstance(reply, CallsReply):
            return {
                "is": "calls",
                "name": reply.name,
                "calls": [self._call(call) for call in reply.calls],
                "timed_out": reply.timed_out,
            }
        made: Json = {
            "error": reply.error,
            "line": reply.error_line,
            "parameters": _shape_nodes(reply.parameters),
            "buffers": _shape_nodes(reply.buffers),
        }
        return {
            "is": "module",
            "name": reply.name,
            "made": made,
            "calls": [[mode, [self._call(call) for call in calls]] for mode, calls in reply.calls.items()],
            "timed_out": reply.timed_out,
        }

    def _call(self, call: CallReply) -> Json:
        node: dict[str, Json] = {
            "output": None if call.output is None else self.node(call.output),
            "error": call.error,
            "line": call.error_line,
            "gradients": [self._optional(gradient) for gradient in call.gradients],
        }
        # What most calls lack is left out; the reader takes the arrays in this order.
        if call.second:
            node["second"] = [self._optional(derivative) for derivative in call.second]
        if call.changed:
            node["changed"] = list(call.changed)
        if call.parameter_gradients:
            node["parameters"] = [[name, self._optional(value)] for name, value in call.parameter_gradients.items()]
        return node

    def _optional(self, value: Value | None) -> Json:
        return None if value is None else self.node(value)

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
        if self._is_request and array.layout != STRIDED:
            raise ValueError("a sparse tensor cannot be built from the wire")
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
        node: dict[str, Json] = {
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
        if array.layout != STRIDED:
            node["layout"] = array.layout
        return node

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


def _shape_nodes(shapes: Mapping[str, ParameterShape]) -> Json:
    return [[name, list(one.shape), one.dtype, one.requires_grad] for name, one in shapes.items()]
