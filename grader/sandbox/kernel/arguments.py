"""Builds the arguments of hidden calls, and tells which of them a function changed."""

import builtins
import struct
from typing import Any

import numpy
import torch

from .live_values import WIRE_DTYPES, Node, raw_bytes, torch_tensor

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

# Bound before any student code, as in live_values.
_TensorBase: Any = torch._C.TensorBase
_dtype = _TensorBase.dtype.__get__
_shape = _TensorBase.shape.__get__
_reshape = _TensorBase.reshape
_clone = _TensorBase.clone
_require_grad = _TensorBase.requires_grad_
_is_floating = _TensorBase.is_floating_point
_Parameter = torch.nn.Parameter
_empty = torch.empty
_from_buffer = torch.frombuffer
_NoTorchFunction: Any = torch._C.DisableTorchFunction
_Size = torch.Size
_ndarray = numpy.ndarray
_numpy_from_buffer = numpy.frombuffer
_numpy_dtype = numpy.dtype
_mro: Any = type.__dict__["__mro__"].__get__
_unpack_double = struct.Struct(">d").unpack


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
        self._next += _arrays_in(node)
        if node["type"] in ("ndarray", "numpy scalar"):
            array = _numpy_from_buffer(data, _numpy_dtype(node["dtype"])).reshape(node["shape"])
            return array if node["type"] == "ndarray" else array[()]
        with _NoTorchFunction():
            dtype = WIRE_DTYPES[node["dtype"]]
            if data:
                tensor = _clone(_reshape(_from_buffer(data, dtype=dtype), node["shape"]))
            else:
                tensor = _empty(node["shape"], dtype=dtype, device="cpu")
            if node["type"] == "Parameter":
                return _Parameter(tensor, requires_grad=node["requires_grad"])
            return _require_grad(tensor) if node["requires_grad"] else tensor


def split_inputs(calls: list[list[Node]], buffers: list[bytes]) -> list[InputBuilder]:
    """Give each call its builder; the buffers stand in the order of the calls."""
    builders = []
    start = 0
    for nodes in calls:
        builders.append(InputBuilder(nodes, buffers, start=start))
        start += sum(_arrays_in(node) for node in nodes)
    return builders


def _arrays_in(node: Node) -> int:
    """How many buffers a node takes."""
    if node["is"] == "array":
        grad = node["grad"]
        return 1 if grad is None else 1 + _arrays_in(grad)
    if node["is"] == "dict":
        return sum(_arrays_in(item) for _, item in node["items"])
    return sum(_arrays_in(item) for item in node.get("items", ()))


def as_leaves(arguments: list[Any]) -> list[Any]:
    """Make float tensors among the arguments leaves that require grad, in place; None stands for the others."""
    leaves: list[Any] = []
    with _NoTorchFunction():
        for argument in arguments:
            is_leaf = is_tensor(argument) and _is_floating(argument)
            leaves.append(_require_grad(argument) if is_leaf else None)
    return leaves


def as_copies(arguments: list[Any]) -> list[Any]:
    """Let the function change its arguments in place, which autograd forbids for leaves but not for copies of them."""
    leaves = as_leaves(arguments)
    with _NoTorchFunction():
        arguments[:] = [
            argument if leaf is None else _clone(leaf) for argument, leaf in zip(arguments, leaves, strict=True)
        ]
    return leaves


def as_plain(arguments: list[Any]) -> list[Any]:
    """Leave the arguments as they are: none is a leaf to derive by."""
    return [None for _ in arguments]


def is_tensor(value: object) -> bool:
    return any(kind is torch_tensor for kind in _mro(type(value)))


def changed_places(before: list[Any], after: list[Any]) -> list[int]:
    """Which arguments do not hold what they held: numbers and sizes, not what autograd knows of them."""
    changed = []
    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        try:
            if _is_same(one, other):
                continue
        except Exception:  # noqa: BLE001, S110 - what cannot even be read is no longer what was built
            pass
        changed.append(place)
    return changed


def _is_same(before: Any, after: Any) -> bool:  # noqa: ANN401 - what was built, and what a student's function left
    # What is built has plain types only, so that the other's methods are never asked: it may be anything by now.
    kind = type(before)
    if is_tensor(before):
        return is_tensor(after) and _same_tensor(before, after)
    if type(after) is not kind:
        return False
    if kind is _ndarray:
        same_form = before.shape == after.shape and before.dtype == after.dtype
        return bool(same_form and before.tobytes() == after.tobytes())
    if kind is dict:
        same_keys = len(before) == len(after) and all(
            _is_same(one, other) for one, other in zip(before, after, strict=True)
        )
        return same_keys and all(_is_same(before[key], after[key]) for key in before)
    if kind in (list, tuple):
        same_length = len(before) == len(after)
        return same_length and all(_is_same(one, other) for one, other in zip(before, after, strict=True))
    return bool(before == after or (before != before and after != after))


def _same_tensor(before: Any, after: Any) -> bool:  # noqa: ANN401
    with _NoTorchFunction():
        if _dtype(before) is not _dtype(after) or _shape(before) != _shape(after):
            return False
        shape = list(_shape(before))
        return bool(raw_bytes(before, shape) == raw_bytes(after, shape))
