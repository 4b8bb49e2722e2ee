"""What is known, from the source alone, of where a value came from: straight from autograd, mixed with it, or not."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Points: TypeAlias = "frozenset[float] | None"
"""The numbers a tensor may have been built from; None where the source does not tell."""


@dataclass(frozen=True)
class Plain:
    """Nothing of autograd's in it."""

    numbers: Points = None


@dataclass(frozen=True)
class Derived:
    """A derivative as autograd gave it, at most converted, indexed or rounded since."""

    points: Points = None


@dataclass(frozen=True)
class Blended:
    """A derivative went into it, among other things."""


@dataclass(frozen=True)
class Group:
    """A tuple or list whose items are known one by one."""

    items: "tuple[Trace, ...]"


@dataclass(frozen=True)
class Wording:
    """Text: literal pieces and the values formatted between them."""

    parts: "tuple[str | Trace, ...]"


@dataclass(frozen=True)
class Path:
    """A module or something in it, by its full name: 'torch.autograd.grad'."""

    dotted: str


@dataclass(frozen=True)
class Routine:
    """A function of the student's."""

    node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"
    is_wrapped: bool = False
    """A decorator of the student's may have replaced what it returns."""


@dataclass(frozen=True)
class Kind:
    """A class of the student's."""

    node: ast.ClassDef


@dataclass(frozen=True)
class Transform:
    """A function whose result is a derivative, such as torch.func.grad(f)."""

    with_value: bool = False
    """The result is (derivative, value)."""
    is_fixed: bool = False
    """The derivative is taken at `points`, not where the function is called."""
    points: Points = None


Trace: TypeAlias = Plain | Derived | Blended | Group | Wording | Path | Routine | Kind | Transform

PLAIN = Plain()
BUILTINS = frozenset(dir(builtins)) | {"display"}


class Doubt(StrEnum):
    """Why a number that looks like autograd's may not be."""

    ASSIGNED_GRAD = "assigned_grad"
    """`.grad` was written to, or changed in place."""
    CUSTOM_BACKWARD = "custom_backward"
    """A class of the student's has its own `backward` or `grad`."""
    HOOK = "hook"
    """A hook may change gradients."""
    PATCHED = "patched"
    """Something of torch's or Python's own was replaced."""
    SCALED = "scaled"
    """The derivative is multiplied by a chosen number: backward(k), jvp along k."""
    DYNAMIC = "dynamic"
    """Code that the source does not show: exec, setattr and the like."""


class Gives(StrEnum):
    """What a public autograd function returns."""

    DERIVED = "derived"
    TRANSFORM = "transform"
    TRANSFORM_WITH_VALUE = "transform_with_value"
    VALUE_AND_DERIVED = "value_and_derived"
    VALUE_AND_TRANSFORM = "value_and_transform"
    NOTHING = "nothing"


AUTOGRAD: Mapping[str, Gives] = {
    "torch.autograd.backward": Gives.NOTHING,
    "torch.autograd.grad": Gives.DERIVED,
    "torch.autograd.functional.jacobian": Gives.DERIVED,
    "torch.autograd.functional.hessian": Gives.DERIVED,
    "torch.autograd.functional.vjp": Gives.VALUE_AND_DERIVED,
    "torch.autograd.functional.jvp": Gives.VALUE_AND_DERIVED,
    "torch.autograd.functional.vhp": Gives.VALUE_AND_DERIVED,
    "torch.autograd.functional.hvp": Gives.VALUE_AND_DERIVED,
    "torch.autograd.forward_ad.unpack_dual": Gives.VALUE_AND_DERIVED,
    "torch.func.grad": Gives.TRANSFORM,
    "torch.func.jacrev": Gives.TRANSFORM,
    "torch.func.jacfwd": Gives.TRANSFORM,
    "torch.func.hessian": Gives.TRANSFORM,
    "torch.func.grad_and_value": Gives.TRANSFORM_WITH_VALUE,
    "torch.func.vjp": Gives.VALUE_AND_TRANSFORM,
    "torch.func.linearize": Gives.VALUE_AND_TRANSFORM,
    "torch.func.jvp": Gives.VALUE_AND_DERIVED,
}
"""Every public route to a derivative but `.backward()`, by full name."""


def canonical(dotted: str) -> str:
    """One name for what several modules offer."""
    for old, new in (("functorch.", "torch.func."), ("torch.functorch.", "torch.func.")):
        if dotted.startswith(old):
            return new + dotted.removeprefix(old)
    return dotted


def is_touched(trace: Trace) -> bool:
    """Whether anything of autograd's is in it."""
    if isinstance(trace, Derived | Blended):
        return True
    if isinstance(trace, Group):
        return any(is_touched(item) for item in trace.items)
    if isinstance(trace, Wording):
        return any(not isinstance(part, str) and is_touched(part) for part in trace.parts)
    return False


def points_of(trace: Trace) -> Points:
    """The numbers a tensor was built from."""
    if isinstance(trace, Plain):
        return trace.numbers
    if isinstance(trace, Group) and trace.items:
        return union(points_of(item) for item in trace.items)
    return None


def union(parts: "Iterator[Points] | Sequence[Points]") -> Points:
    found: frozenset[float] = frozenset()
    for part in parts:
        if part is None:
            return None
        found |= part
    return found


def blend(traces: Sequence[Trace]) -> Trace:
    """The trace of a value computed from others in a way that is not followed further."""
    return Blended() if any(is_touched(trace) for trace in traces) else PLAIN


def join(traces: Sequence[Trace]) -> Trace:
    """The trace of a value that is one of several, as after an `if`."""
    if not traces:
        return PLAIN
    if all(trace == traces[0] for trace in traces):
        return traces[0]
    if all(isinstance(trace, Derived) for trace in traces):
        return Derived(union([trace.points for trace in traces if isinstance(trace, Derived)]))
    if all(isinstance(trace, Plain) for trace in traces):
        return Plain(union([trace.numbers for trace in traces if isinstance(trace, Plain)]))
    return blend(traces)


def element(trace: Trace) -> Trace:
    """The trace of any one item of it."""
    if isinstance(trace, Group):
        return join(trace.items)
    return trace if isinstance(trace, Derived | Blended) else PLAIN


def concatenated(left: Trace, right: Trace) -> Wording:
    """Text made of two pieces; a value in it is one part, to be found again in what is printed."""
    parts = [part for trace in (left, right) for part in as_parts(trace)]
    merged: list[str | Trace] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return Wording(tuple(merged))


def as_parts(trace: Trace) -> "tuple[str | Trace, ...]":
    return trace.parts if isinstance(trace, Wording) else (trace,)


def filled(template: Wording, values: Sequence[Trace], *, mark: str) -> Trace:
    """The text a template gives with these values in place of its marks, in order; Blended where they do not fit."""
    if len(template.parts) != 1 or not isinstance(template.parts[0], str):
        return blend([template, *values])
    literals = re.split(mark, template.parts[0])
    if len(literals) != len(values) + 1:
        return blend(values)
    trace = Wording((literals[0],))
    for value, literal in zip(values, literals[1:], strict=True):
        trace = concatenated(concatenated(trace, value), Wording((literal,)))
    return trace


def grown(owner: Trace, added: Trace, *, is_certain: bool) -> Trace:
    """A list or dict with one more item; where it may grow often or not at all, only what any item is."""
    items = owner.items if isinstance(owner, Group) else (owner,) if is_touched(owner) else ()
    if is_certain and len(items) < 100:
        return Group((*items, added))
    return Group((join((*items, added)),))


def single_number(number: int | float) -> Points:
    try:
        return frozenset({float(number)})
    except OverflowError:
        return None
