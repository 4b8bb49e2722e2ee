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
_to_dense = _TensorBase.to_dense
_as_strided = _TensorBase.as_strided
_view = _TensorBase.view
_to_cpu = _TensorBase.cpu
_to_numpy = _TensorBase.numpy
_NoTorchFunction: Any = torch._C.DisableTorchFunction
_Size = torch.Size
_strided = torch.strided
_SPARSE = {
    layout: str(layout).removeprefix("torch.")
    for layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)
}
_READABLE = frozenset({"cpu", "cuda"})
"""Kinds of devices whose memory can be read."""
_uint8 = torch.uint8
_ndarray = numpy.ndarray
_generic = numpy.generic
_masked = numpy.ma.MaskedArray
_asarray = numpy.asarray
_mro: Any = type.__dict__["__mro__"].__get__
_name: Any = type.__dict__["__name__"].__get__
_real: Any = vars(complex)["real"].__get__
_imag: Any = vars(complex)["imag"].__get__
_pack_double = struct.Struct(">d").pack
_encoder: Any = vars(json.encoder)["c_make_encoder"]
_to_json = _encoder(None, None, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False)

_DTYPE_NAMES = {
    dtype: str(dtype).removeprefix("torch.") for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)
}
_ITEM_BYTES = {dtype: dtype.itemsize for dtype in _DTYPE_NAMES}
WIRE_DTYPES = {
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

    def call_piece(
        self,
        output: object,
        gradients: Iterable[object],
        *,
        second: Iterable[object] = (),
        changed: Iterable[int] = (),
        parameters: Iterable[tuple[str, object]] = (),
    ) -> tuple[bytes, bytes]:
        """Header text and body of one call that returned."""
        node = returned(self.value(output), [self._derivative(one) for one in gradients])
        # The host takes the arrays in this order, and what is absent for empty.
        node["second"] = [self._derivative(one) for one in second]
        node["changed"] = list(changed)
        node["parameters"] = [[name, self._derivative(one)] for name, one in self._countable(parameters)]
        return self._piece(node, returned(opaque("object", "too_large"), []))

    def module_text(self, parameters: Iterable[tuple[str, Any]], buffers: Iterable[tuple[str, Any]]) -> bytes:
        """Header text that says what a module consists of."""
        with _NoTorchFunction():
            shapes = [
                [
                    [name, [int(size) for size in _shape(one)], _DTYPE_NAMES[_dtype(one)], _requires_grad(one)]
                    for name, one in self._countable(tensors)
                    if len(_shape(one)) <= self._limits["ndim"]
                ]
                for tensors in (parameters, buffers)
            ]
        described = {"error": None, "line": None, "parameters": shapes[0], "buffers": shapes[1]}
        text, _ = self._piece(described, {"error": None, "line": None, "parameters": [], "buffers": []})
        return text

    def charge(self, pieces: Iterable[tuple[bytes, bytes]]) -> None:
        """Count what a copy of this describer has spent."""
        for text, body in pieces:
            self._header_left -= len(text)
            self._body_left -= len(body)
            self._nodes_left -= text.count(b'{"is":')

    def _derivative(self, value: Any) -> Node | None:  # noqa: ANN401
        if value is None:
            return None
        with _NoTorchFunction():
            return self.value(_detach(value))

    def _countable(self, pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Those of them for which there are nodes left."""
        return [pair for pair in pairs if self._reserve_nodes(1)]

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
            layout = _layout(tensor)
            refused = _strangeness(tensor, name) or self._refusal(shape, _ITEM_BYTES[dtype])
            if refused:
                return opaque(class_name(tensor), refused, name, shape)
            dense = tensor if layout is _strided else _to_dense(_detach(tensor))
            self._keep(raw_bytes(dense, shape), name)
            grad_fn = _grad_fn(tensor)
            node = _array_node(class_name(tensor), name, shape)
            node["device"] = _device_name(tensor)
            if layout is not _strided:
                node["layout"] = _SPARSE[layout]
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
    return printable(_name(type(value))[:100])


def printable(name: str) -> str:
    """A name with which nobody can write to the terminal of whoever reads it, and no longer than the wire takes."""
    short = str.__str__(name)[:190]
    return short if short.isprintable() else "".join(one if one.isprintable() else "?" for one in short)


def _strangeness(tensor: Any, dtype_name: str) -> str | None:  # noqa: ANN401
    """Why a tensor's elements cannot be told, whatever its size."""
    if _is_quantized(tensor):
        return "quantized"
    kind = _device(tensor).type
    if kind not in _READABLE:
        return "meta" if kind == "meta" else "device"
    layout = _layout(tensor)
    return "layout" if (layout is not _strided and layout not in _SPARSE) or dtype_name not in WIRE_DTYPES else None


def _device_name(tensor: Any) -> str:  # noqa: ANN401
    """Such as 'cpu' and 'cuda:0'."""
    device = _device(tensor)
    return str(device.type) if device.index is None else f"{device.type}:{int(device.index)}"


def raw_bytes(tensor: Any, shape: list[int]) -> bytes:  # noqa: ANN401
    count = 1
    for size in shape:
        count *= size
    if not count:
        return b""
    data = _contiguous(_resolve_neg(_resolve_conj(_detach(tensor))))
    if _device(data).type != "cpu":
        data = _to_cpu(data)
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


def returned(output: Node, gradients: list[Node | None]) -> Node:
    return {"output": output, "error": None, "line": None, "gradients": gradients}


def _numpy_name(dtype: Any) -> str | None:  # noqa: ANN401
    return _NUMPY_NAMES.get(f"{dtype.kind}{dtype.itemsize}")
