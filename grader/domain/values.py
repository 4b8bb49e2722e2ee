"""Values that came out of a kernel, as plain data: what the wire can carry and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """The tensor's `.grad` (torch only); opaque where it exists but is not taken out (too large)."""
    layout: str = "strided"
    """'sparse_coo', 'sparse_csr', ... for a tensor whose elements were written out densely for the way."""


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
    """A value that is not taken out: another type, too large, too deep, quantised, on another device.

    `reason` is 'type', 'too_large', 'too_deep', 'layout', 'quantized', 'meta', 'device' or 'unreadable'.
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
    second: tuple[Value | None, ...] = ()
    """d(sum of gradient)/d(argument) for each argument, where asked for: zeros where the gradient does not depend on
    it, None where there is no gradient or autograd cannot derive it again."""
    changed: tuple[int, ...] = ()
    """Places of the arguments that the function changed in place."""
    parameter_gradients: Mapping[str, Value | None] = field(default_factory=dict)
    """Of a module's parameters, by name."""


@dataclass(frozen=True, kw_only=True)
class CallsReply:
    """Answer to CallFunction: one reply per call, in the order asked. `name` is the candidate that was called."""

    name: str | None
    """None: no candidate exists or none is callable; then `calls` is empty."""
    calls: tuple[CallReply, ...] = ()
    timed_out: bool = False
    """The budget for all calls ran out; `calls` holds those that were done."""


@dataclass(frozen=True, kw_only=True)
class ParameterShape:
    """What is known of a module's parameter or buffer besides its numbers."""

    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool


@dataclass(frozen=True, kw_only=True)
class ModuleReply:
    """Answer to CallModule."""

    name: str | None
    """The candidate that was taken; None: there is none."""
    error: str | None = None
    """Exception type with which construction failed, or 'NotAModule' where the candidate is none."""
    error_line: int | None = None
    parameters: Mapping[str, ParameterShape] = field(default_factory=dict)
    """In the order of registration."""
    buffers: Mapping[str, ParameterShape] = field(default_factory=dict)
    calls: Mapping[str, tuple[CallReply, ...]] = field(default_factory=dict)
    """By mode, one for each call asked."""
    timed_out: bool = False


Reply: TypeAlias = NamesReply | CallsReply | ModuleReply
