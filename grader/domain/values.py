"""Values that came out of a kernel, as plain data: what the wire can carry and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class ScalarValue:
    """A Python number, string or None. `type_name` is 'int', 'float', 'complex', 'bool', 'str' or 'NoneType'."""

    type_name: str
    value: int | float | complex | bool | str | None


@dataclass(frozen=True, kw_only=True)
class ArrayValue:
    """A dense tensor or array: `data` holds its elements in C order, little-endian, `len == prod(shape) * itemsize`."""

    type_name: str
    """'Tensor', 'Parameter', 'ndarray', 'numpy scalar', or the class name of another torch.Tensor subclass."""
    dtype: str
    """The name without its module: 'float32', 'bfloat16', 'int64', 'bool', 'complex64', ..."""
    shape: tuple[int, ...]
    data: bytes
    device: str = "cpu"
    requires_grad: bool = False
    is_leaf: bool = True
    grad_fn: str | None = None
    grad: "ArrayValue | OpaqueValue | None" = None
    """The tensor's `.grad` (torch only); opaque where it exists but is not taken out (sparse, too large)."""


@dataclass(frozen=True, kw_only=True)
class SequenceValue:
    """A list, tuple or torch.Size (`type_name` 'list', 'tuple', 'Size')."""

    type_name: str
    items: tuple["Value", ...]


@dataclass(frozen=True, kw_only=True)
class MappingValue:
    """A dict, in its own order; keys are scalars."""

    items: tuple[tuple[ScalarValue, "Value"], ...]


@dataclass(frozen=True, kw_only=True)
class OpaqueValue:
    """A value that is not taken out: another type, too large, too deep, sparse, quantised, on another device.

    `reason` is 'type', 'too_large', 'too_deep', 'layout', 'device' or 'unreadable'.
    """

    type_name: str
    reason: str
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    digest: str | None = None
    """SHA-256 (hex) of what was left out when the value was stored over the cap; never comes from a kernel."""


Value: TypeAlias = ScalarValue | ArrayValue | SequenceValue | MappingValue | OpaqueValue


@dataclass(frozen=True, kw_only=True)
class NamesReply:
    """Answer to TakeNames: the values of the names that exist; a name that is absent is missing."""

    values: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class CallReply:
    """One hidden call. Exactly one of `output` and `error` is set."""

    output: Value | None = None
    error: str | None = None
    """Exception type only, as 'ZeroDivisionError': its text could carry the hidden input. The nearest built-in type;
    'ProcessDied' where the call ended its process."""
    error_line: int | None = None
    """Line of the student's function in which it was raised, counted from its `def`; None where it cannot be told."""
    gradients: tuple[Value | None, ...] = ()
    """d(sum of output)/d(argument) for each argument, where asked for; None where autograd gives none."""


@dataclass(frozen=True, kw_only=True)
class CallsReply:
    """Answer to CallFunction: one reply per call, in the order asked. `name` is the candidate that was called."""

    name: str | None
    """None: no candidate exists or none is callable; then `calls` is empty."""
    calls: tuple[CallReply, ...] = ()
    timed_out: bool = False
    """The budget for all calls ran out; `calls` holds those that were done."""


Reply: TypeAlias = NamesReply | CallsReply
