"""Derivatives of what a student's function gave, and how a call that failed is told."""

import builtins
from collections.abc import Iterator
from types import FunctionType, TracebackType
from typing import Any

import torch

from .arguments import is_tensor
from .deadline import Expired
from .live_values import Node
from .side_effects import code_objects

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

# Bound before any student code, so that later changes to these modules do not reach this one.
_autograd_grad = torch.autograd.grad
_TensorBase: Any = torch._C.TensorBase
_NoTorchFunction: Any = torch._C.DisableTorchFunction
_sum = _TensorBase.sum
_detach, _mul = _TensorBase.detach, _TensorBase.mul
_requires_grad: Any = vars(_TensorBase)["requires_grad"].__get__
_require_grad = _TensorBase.requires_grad_
_zeros_like, _ones_like = torch.zeros_like, torch.ones_like
_mro: Any = type.__dict__["__mro__"].__get__
_traceback: Any = vars(BaseException)["__traceback__"].__get__
_BUILT_IN_ERRORS = {
    id(kind): name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
_PARTS_DEPTH, _PARTS_MAX = 4, 1000


def differentiable_parts(output: Any) -> list[Any]:  # noqa: ANN401 - any object of the student's
    """The tensors in an output that know how they came about: it is one, or a tuple, list or dict of them."""
    parts = []
    for part in _parts(output, depth=0):
        parts.append(part)
        if len(parts) == _PARTS_MAX:
            break
    return parts


def _parts(value: Any, *, depth: int) -> Iterator[Any]:  # noqa: ANN401
    if is_tensor(value):
        if _requires_grad(value):
            yield value
    elif depth < _PARTS_DEPTH:
        for kind in _mro(type(value)):
            if kind in (tuple, list):
                for item in kind.__iter__(value):
                    yield from _parts(item, depth=depth + 1)
            elif kind is dict:
                for item in dict.values(value):
                    yield from _parts(item, depth=depth + 1)


def gradients_of(roots: list[Any], leaves: list[Any]) -> list[Any]:
    """d(sum of all roots)/d(leaf) for each leaf; None where there is no leaf or autograd finds no way to it."""
    return _spread(_derived(_sums(roots), _present(leaves)), leaves)


def two_derivatives(roots: list[Any], leaves: list[Any]) -> tuple[list[Any], list[Any]]:
    """Give the gradients, as `gradients_of` does, and d(sum of a leaf's gradient)/d(leaf) for each leaf.

    The second derivative is zeros where the gradient does not depend on the leaf. It is None where there is no gradient
    or where a step on the way can be derived once only. The two are told apart by the numbers that the derivation
    starts from: a gradient that can be derived again depends on these at least.
    """
    wanted, sums = _present(leaves), _sums(roots)
    with _NoTorchFunction():
        # Not given to autograd as what it starts from: for these it would load a second's worth of modules.
        starts = [_require_grad(_ones_like(_detach(one))) for one in sums]
        started = [_mul(one, start) for one, start in zip(sums, starts, strict=True)]
    gradients = _derived(started, wanted, again=True)
    second = [_second_derivative(one, leaf, starts) for one, leaf in zip(gradients, wanted, strict=True)]
    return _spread(gradients, leaves), _spread(second, leaves)


def _present(leaves: list[Any]) -> list[Any]:
    return [leaf for leaf in leaves if leaf is not None]


def _spread(found: list[Any], leaves: list[Any]) -> list[Any]:
    """Put what was found for the leaves that there are into their places."""
    rest = iter(found)
    return [None if leaf is None else next(rest) for leaf in leaves]


def _sums(roots: list[Any]) -> list[Any]:
    try:
        return [_sum(root) for root in roots]
    except Expired:
        raise
    except BaseException:  # noqa: BLE001 - a dtype that has no sum, a class of the student's that raises
        return []


def _derived(sums: list[Any], wanted: list[Any], *, again: bool = False, retain: bool = False) -> list[Any]:
    if not sums or not wanted:
        return [None] * len(wanted)
    try:
        return list(_autograd_grad(sums, wanted, None, again or retain, again, allow_unused=True))
    except Expired:
        raise
    except BaseException:  # noqa: BLE001 - a graph freed by the function, complex output, a hook that raises
        return [None] * len(wanted)


def _second_derivative(gradient: Any, leaf: Any, starts: list[Any]) -> Any:  # noqa: ANN401
    if gradient is None or not _requires_grad(gradient):
        return None
    second, *by_starts = _derived(_sums([gradient]), [leaf, *starts], retain=True)
    if second is None and any(one is not None for one in by_starts):
        return _zeros_like(_detach(leaf))
    return second


def described_error(error: BaseException, function: object) -> Node:
    """The node of a call that raised: the nearest built-in type, and the line counted from the function's `def`."""
    kind, line = told_error(error, function)
    return raised(kind, line)


def raised(error: str, line: int | None = None) -> Node:
    return {"output": None, "error": error, "line": line, "gradients": []}


def told_error(error: BaseException, function: object) -> tuple[str, int | None]:
    """The nearest built-in type of an exception, and the line of the function in which it was raised."""
    kind = next((_BUILT_IN_ERRORS[id(kind)] for kind in _mro(type(error)) if id(kind) in _BUILT_IN_ERRORS), "Exception")
    line = None
    if type(function) is FunctionType:
        first_line = function.__code__.co_firstlineno
        own = {id(code) for code in code_objects(function.__code__)}
        traceback: TracebackType | None = _traceback(error)
        while traceback is not None:
            if id(traceback.tb_frame.f_code) in own and traceback.tb_lineno is not None:
                line = max(traceback.tb_lineno - first_line + 1, 1)
            traceback = traceback.tb_next
    return kind, line
