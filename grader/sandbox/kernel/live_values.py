"""Describes live objects as the wire's header nodes and raw bytes, and builds hidden inputs from them."""

import builtins
import json.encoder
import struct
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy
import torch

from .deadline import Expired

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

Node: TypeAlias = dict[str, Any]

# Everything below is bound here, before any student code: later changes to torch, numpy or json do not reach it.
# Attributes go through the descriptors of the C classes, because a subclass may define them differently.
_TensorBase: Any = torch._C.TensorBase
_device = _TensorBase.device.__get__
_dtype = _TensorBase.dtype.__get__
_shape = _TensorBase.shape.__get__
_layout = _TensorBase.layout.__get__
_is_quantized = _TensorBase.is_quantized.__get__
_requires_grad = _TensorBase.requires_grad.__get__
_is_leaf = _TensorBase.is_leaf.__get__
_grad_fn = _TensorBase.grad_fn.__get__
_retains_grad = _TensorBase.retains_grad.__get__
_grad = _TensorBase.grad.__get__
_detach = _TensorBase.detach
_resolve_conj = _TensorBase.resolve_conj
_resolve_neg = _TensorBase.resolve_neg
_contiguous = _TensorBase.contiguous
_reshape = _TensorBase.reshape
_as_strided = _TensorBase.as_strided
_view = _TensorBase.view
_clone = _TensorBase.clone
_require_grad = _TensorBase.requires_grad_
_to_numpy = _TensorBase.numpy
_Parameter = torch.nn.Parameter
_empty = torch.empty
_from_buffer = torch.frombuffer
_is_floating = _TensorBase.is_floating_point
_NoTorchFunction: Any = torch._C.DisableTorchFunction
_Size = torch.Size
_strided = torch.strided
_uint8 = torch.uint8
_ndarray = numpy.ndarray
_generic = numpy.generic
_masked = numpy.ma.MaskedArray
_asarray = numpy.asarray
_numpy_from_buffer = numpy.frombuffer
_numpy_dtype = numpy.dtype
_mro: Any = type.__dict__["__mro__"].__get__
_name: Any = type.__dict__["__name__"].__get__
_real: Any = vars(complex)["real"].__get__
_imag: Any = vars(complex)["imag"].__get__
_pack_double = struct.Struct(">d").pack
_unpack_double = struct.Struct(">d").unpack
_encoder: Any = vars(json.encoder)["c_make_encoder"]
_to_json = _encoder(None, None, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False)

_DTYPE_NAMES = {
    dtype: str(dtype).removeprefix("torch.") for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)
}
_ITEM_BYTES = {dtype: dtype.itemsize for dtype in _DTYPE_NAMES}
_WIRE_DTYPES = {
    name: dtype
    for dtype, name in _DTYPE_NAMES.items()
    if name.startswith(("float8", "float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool"))
    or name in ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
}
_NUMPY_NAMES = {
    f"{kind}{size}": f"{name}{size * 8}"
    for kind, name, sizes in (("i", "int", (1, 2, 4, 8)), ("u", "uint", (1, 2, 4, 8)), ("f", "float", (2, 4, 8)))
    for size in sizes
} | {"b1": "bool", "c8": "complex64", "c16": "complex128"}
_BOOLS = b"\0" + b"\1" * 255


class Describer:
    """Turns live objects into nodes; never raises for what it meets, except Expired.

    `limits` are the host's: bytes of header and body, nodes, depth, characters of a string, bits of an int, dimensions.
    """

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = limits
        self._nodes_left = limits["nodes"]
        self._body_left = limits["body_bytes"]
        self._header_left = limits["header_bytes"]
        self._buffers: list[bytes] = []

    def name_piece(self, name: str, value: object) -> tuple[bytes, bytes]:
        """Header text and body of one named value."""
        return self._piece([name, self.value(value)], [name, opaque("object", "too_large")])

    def call_piece(self, output: object, gradients: Iterable[object]) -> tuple[bytes, bytes]:
        """Header text and body of one call that returned."""
        described = _returned(self.value(output), [None if one is None else self.value(one) for one in gradients])
        return self._piece(described, _returned(opaque("object", "too_large"), []))

    def _piece(self, described: object, instead: object) -> tuple[bytes, bytes]:
        text = to_json(described)
        if len(text) > self._header_left:
            self._buffers.clear()
            text = to_json(instead)
        self._header_left -= len(text)
        body = b"".join(self._buffers)
        self._buffers.clear()
        return text, body

    def value(self, value: object, *, depth: int = 0) -> Node:
        """Describe one object; its raw bytes join those collected since the last piece."""
        if depth > self._limits["depth"]:
            return opaque(class_name(value), "too_deep")
        buffers, body_left = len(self._buffers), self._body_left
        try:
            return self._describe(value, depth)
        except Expired:
            raise
        except BaseException:  # noqa: BLE001 - a student's class may raise anything when it is looked at
            del self._buffers[buffers:]
            self._body_left = body_left
            return opaque(class_name(value), "unreadable")

    def _describe(self, value: Any, depth: int) -> Node:  # noqa: ANN401 - any object of the student's
        # type() cannot be fooled by an object's __class__; the order matters, since classes nest (bool is an int).
        for kind in _mro(type(value)):
            if kind is torch_tensor:
                return self._tensor(value)
            if kind is _ndarray:
                return self._array(value)
            if kind is _generic and _numpy_name(_asarray(value).dtype):
                return self._data(_asarray(value), "numpy scalar")
            if id(kind) in _SCALAR_IDS:
                return self._scalar(kind, value)
            if kind is _Size or kind is tuple:
                return self._items(
                    "Size" if kind is _Size else "tuple", tuple.__len__(value), tuple.__iter__(value), depth
                )
            if kind is list:
                return self._items("list", list.__len__(value), list.__iter__(value), depth)
            if kind is dict:
                return self._pairs(value, depth)
        return opaque(class_name(value), "type")

    def _scalar(self, kind: type, value: Any) -> Node:  # noqa: ANN401
        if kind is bool:
            return {"is": "bool", "value": value is True}
        if kind is int:
            if int.bit_length(value) > self._limits["int_bits"]:
                return opaque("int", "too_large")
            return {"is": "int", "hex": int.__format__(value, "x")}
        if kind is float:
            return {"is": "float", "bits": _pack_double(value).hex()}
        if kind is complex:
            return {"is": "complex", "bits": [_pack_double(_real(value)).hex(), _pack_double(_imag(value)).hex()]}
        if kind is str:
            if str.__len__(value) > self._limits["text_chars"]:
                return opaque("str", "too_large")
            # Half a surrogate pair cannot be written as UTF-8 by anyone later.
            return {"is": "str", "value": str.encode(value, "utf-8", "replace").decode("utf-8")}
        return {"is": "NoneType"}

    def _items(self, kind: str, count: int, items: Iterable[object], depth: int) -> Node:
        if not self._reserve_nodes(count):
            return opaque(kind, "too_large")
        return {"is": kind, "items": [self.value(item, depth=depth + 1) for item in items]}

    def _pairs(self, mapping: Any, depth: int) -> Node:  # noqa: ANN401
        if not self._reserve_nodes(2 * dict.__len__(mapping)):
            return opaque("dict", "too_large")
        pairs = []
        for key, item in list(dict.items(mapping)):
            described = next((self._scalar(kind, key) for kind in _mro(type(key)) if id(kind) in _SCALAR_IDS), None)
            if described is None or described["is"] == "opaque":
                return opaque("dict", "type")
            pairs.append([described, self.value(item, depth=depth + 1)])
        return {"is": "dict", "items": pairs}

    def _tensor(self, tensor: Any, *, with_grad: bool = True) -> Node:  # noqa: ANN401
        with _NoTorchFunction():
            dtype, shape = _dtype(tensor), [int(size) for size in _shape(tensor)]
            name = _DTYPE_NAMES[dtype]
            refused = self._refusal(shape, _ITEM_BYTES[dtype])
            if _layout(tensor) is not _strided or _is_quantized(tensor) or name not in _WIRE_DTYPES:
                refused = "layout"
            elif _device(tensor).type != "cpu":
                refused = "device"
            if refused:
                return opaque(class_name(tensor), refused, name, shape)
            self._keep(_raw_bytes(tensor, shape), name)
            grad_fn = _grad_fn(tensor)
            node = _array_node(class_name(tensor), name, shape)
            node["requires_grad"], node["is_leaf"] = _requires_grad(tensor), _is_leaf(tensor)
            node["grad_fn"] = None if grad_fn is None else class_name(grad_fn)
            # Asking another tensor for .grad prints a warning.
            if with_grad and (_is_leaf(tensor) or _retains_grad(tensor)):
                grad = _grad(tensor)
                if grad is not None:
                    node["grad"] = self._grad_node(grad)
            return node

    def _grad_node(self, grad: Any) -> Node:  # noqa: ANN401
        if not self._reserve_nodes(1):
            return opaque(class_name(grad), "too_large")
        return self._tensor(grad, with_grad=False)

    def _array(self, array: Any) -> Node:  # noqa: ANN401
        if any(kind is _masked for kind in _mro(type(array))):
            return opaque("MaskedArray", "type")
        return self._data(_ndarray.view(array, _ndarray), class_name(array))

    def _data(self, array: Any, type_name: str) -> Node:  # noqa: ANN401
        shape = list(array.shape)
        name = _numpy_name(array.dtype)
        if name is None:
            return opaque(type_name, "type", array.dtype.str, shape)
        refused = self._refusal(shape, array.dtype.itemsize)
        if refused:
            return opaque(type_name, refused, name, shape)
        self._keep(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), name)
        return _array_node(type_name, name, shape)

    def _refusal(self, shape: list[int], item_bytes: int) -> str | None:
        """Why an array of this shape stays inside, before a byte of it is copied."""
        elements, claimed = 1, 1
        for size in shape:
            elements *= size
            claimed *= size or 1
        if len(shape) > self._limits["ndim"]:
            return "too_deep"
        if claimed > self._limits["elements"] or elements * item_bytes > self._body_left:
            return "too_large"
        return None

    def _keep(self, data: bytes, dtype_name: str) -> None:
        # A bool made by reinterpreting bytes may hold any of them; all but 0 mean True.
        self._buffers.append(data.translate(_BOOLS) if dtype_name == "bool" else data)
        self._body_left -= len(data)

    def _reserve_nodes(self, count: int) -> bool:
        if count > self._nodes_left:
            return False
        self._nodes_left -= count
        return True


torch_tensor: Any = torch.Tensor
_SCALAR_IDS = frozenset(id(kind) for kind in (bool, int, float, complex, str, type(None)))
"""By identity: a metaclass of the student's may say that its class equals anything."""


def to_json(node: object) -> bytes:
    """Write it with the C encoder alone, which calls nothing that a student can replace."""
    return "".join(_to_json(node, 0)).encode("ascii")


def opaque(type_name: str, reason: str, dtype: str | None = None, shape: list[int] | None = None) -> Node:
    """The node that stands for a value which is not taken out."""
    if shape is not None and len(shape) > 64:
        shape = None
    return {"is": "opaque", "type": type_name, "reason": reason, "dtype": dtype, "shape": shape, "digest": None}


def class_name(value: object) -> str:
    """Name of an object's class, whatever the class says of itself, short and printable."""
    name = _name(type(value))[:100]
    return name if name.isprintable() else "".join(one if one.isprintable() else "?" for one in name)


def _raw_bytes(tensor: Any, shape: list[int]) -> bytes:  # noqa: ANN401
    count = 1
    for size in shape:
        count *= size
    if not count:
        return b""
    data = _contiguous(_resolve_neg(_resolve_conj(_detach(tensor))))
    # A single element counts as contiguous with any stride, and cannot be viewed as bytes with most.
    flat = _as_strided(data, (count,), (1,))
    return bytes(_to_numpy(_view(flat, _uint8)).tobytes())


def _array_node(type_name: str, dtype: str, shape: list[int]) -> Node:
    return {
        "is": "array",
        "type": type_name,
        "dtype": dtype,
        "shape": shape,
        "device": "cpu",
        "requires_grad": False,
        "is_leaf": True,
        "grad_fn": None,
        "grad": None,
    }


def _returned(output: Node, gradients: list[Node | None]) -> Node:
    return {"output": output, "error": None, "line": None, "gradients": gradients}


def _numpy_name(dtype: Any) -> str | None:  # noqa: ANN401
    return _NUMPY_NAMES.get(f"{dtype.kind}{dtype.itemsize}")


class InputBuilder:
    """Builds the arguments of one hidden call from its nodes, a fresh copy each time."""

    def __init__(self, nodes: list[Node], buffers: list[bytes], *, start: int) -> None:
        self._nodes = nodes
        self._buffers = buffers
        self._start = start
        self._next = start

    def build(self) -> list[Any]:
        self._next = self._start
        return [self._value(node) for node in self._nodes]

    @property
    def end(self) -> int:
        """Where the next call's buffers start, once this one's were built."""
        return self._next

    def _value(self, node: Node) -> Any:  # noqa: ANN401
        kind = node["is"]
        if kind == "array":
            return self._array(node)
        if kind in ("list", "tuple", "Size"):
            items = [self._value(item) for item in node["items"]]
            return items if kind == "list" else tuple(items) if kind == "tuple" else _Size(items)
        if kind == "dict":
            return {self._value(key): self._value(item) for key, item in node["items"]}
        if kind == "int":
            return int(node["hex"], 16)
        if kind == "float":
            return _unpack_double(bytes.fromhex(node["bits"]))[0]
        if kind == "complex":
            return complex(*(_unpack_double(bytes.fromhex(bits))[0] for bits in node["bits"]))
        return node.get("value")

    def _array(self, node: Node) -> Any:  # noqa: ANN401
        data = bytearray(self._buffers[self._next])
        self._next += 1
        if node["grad"] is not None and node["grad"]["is"] == "array":
            self._next += 1
        if node["type"] in ("ndarray", "numpy scalar"):
            array = _numpy_from_buffer(data, _numpy_dtype(node["dtype"])).reshape(node["shape"])
            return array if node["type"] == "ndarray" else array[()]
        with _NoTorchFunction():
            dtype = _WIRE_DTYPES[node["dtype"]]
            if data:
                tensor = _clone(_reshape(_from_buffer(data, dtype=dtype), node["shape"]))
            else:
                tensor = _empty(node["shape"], dtype=dtype, device="cpu")
            if node["type"] == "Parameter":
                return _Parameter(tensor, requires_grad=node["requires_grad"])
            return _require_grad(tensor) if node["requires_grad"] else tensor


def as_leaves(arguments: list[Any]) -> list[Any]:
    """Make float tensors among the arguments leaves that require grad, in place; None stands for the others."""
    leaves: list[Any] = []
    with _NoTorchFunction():
        for argument in arguments:
            is_leaf = any(kind is torch_tensor for kind in _mro(type(argument))) and _is_floating(argument)
            leaves.append(_require_grad(argument) if is_leaf else None)
    return leaves
