"""Evaluates an author's expressions in the student's namespace."""

import ast
import builtins
from types import ModuleType
from typing import Any

import numpy
import torch

from .side_effects import HARMLESS_BUILTINS

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

_BUILTINS = dict(vars(builtins))


def _as_it_is_now(module: ModuleType) -> ModuleType:
    copy = ModuleType(module.__name__)
    vars(copy).update(vars(module))
    return copy


_numpy = _as_it_is_now(numpy)
_OURS: dict[str, Any] = {"torch": _as_it_is_now(torch), "np": _numpy, "numpy": _numpy}
"""At hand whatever the student called them, and whatever else has their names now; a function that the student puts
into the module, say a `shares_memory` that is always true, is not called."""
_NOTHING = object()
_TENSOR = dict(vars(torch.Tensor))
_TENSOR_NAMES = frozenset(dir(torch.Tensor))
_compile, _eval, _parse, _walk = compile, eval, ast.parse, ast.walk
_is_callable = callable
_mro: Any = type.__dict__["__mro__"].__get__
_module_name: Any = type.__dict__["__module__"].__get__

_READING_NODES = (
    *(ast.Expression, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.expr_context),
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.comprehension, ast.IfExp, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Call, ast.keyword),
    *(ast.boolop, ast.unaryop, ast.operator, ast.cmpop, ast.Starred),
)
_READING_CALLS = frozenset(
    (
        *("abs", "all", "allclose", "any", "argmax", "argmin", "array_equal", "bool", "buffers", "byte", "children"),
        *("clone", "contiguous", "copy", "count", "cpu", "data_ptr", "detach", "dim", "double", "element_size"),
        *("equal", "exp", "flatten", "float", "get", "half", "index", "int", "is_complex", "is_contiguous"),
        *("is_floating_point", "isclose", "isfinite", "isinf", "isnan", "item", "items", "keys", "log", "long"),
        *("may_share_memory", "mean", "min", "max", "modules", "named_buffers", "named_children", "named_modules"),
        *("named_parameters", "norm", "numel", "numpy", "parameters", "permute", "reshape", "round", "shares_memory"),
        *("size", "sqrt", "square", "squeeze", "state_dict", "std", "storage_offset", "stride", "sum", "t", "tolist"),
        *("transpose", "type", "unsqueeze", "untyped_storage", "values", "var", "view"),
    )
)
"""Methods and functions of torch, NumPy and Python that give something and keep nothing."""
_READING_BUILTINS = HARMLESS_BUILTINS - {id(next), id(map), id(filter)}
"""Without those that use something up or call what they are given."""
_PLAIN_KINDS = frozenset(
    id(kind) for kind in (type(None), bool, int, float, complex, str, bytes, range, slice, set, frozenset)
)
_DEPTH, _ITEMS = 3, 100


def evaluate(expression: str, namespace: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it gives
    """Give the expression's value in a copy of the namespace; whatever it raises comes out.

    A student's number called `sum` does not stand in the way of the function: what is called is what can be.
    """
    tree = _parse(expression.strip(), "<asked>", "eval")
    scope = {**namespace, **_OURS, "__builtins__": _BUILTINS}
    for node in _walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in _BUILTINS and not _is_callable(scope.get(name, len)):
                scope[name] = _BUILTINS[name]
    replaced = {name: value for name, value in vars(torch.Tensor).items() if _is_replaced(name, value)}
    for name in replaced:
        _put_on_tensors(name, _TENSOR.get(name, _NOTHING))
    try:
        return _eval(_compile(tree, "<asked>", "eval"), scope)
    finally:
        for name, value in replaced.items():
            _put_on_tensors(name, value)


def _is_replaced(name: str, value: object) -> bool:
    """A method of every tensor's, now the student's, say a `data_ptr` that is always 0; new ones of theirs may stay."""
    return name in _TENSOR_NAMES and value is not _TENSOR.get(name, _NOTHING)


def _put_on_tensors(name: str, value: object) -> None:
    if value is _NOTHING:
        type.__delattr__(torch.Tensor, name)  # what it hid is torch's own, further up
    else:
        type.__setattr__(torch.Tensor, name, value)


def only_reads(expression: str, namespace: dict[str, Any]) -> bool:
    """True where evaluating it plainly changes nothing: attributes, items and reading calls of torch's and NumPy's.

    Everything doubtful is evaluated in a copy of the process, which costs milliseconds.
    """
    try:
        nodes = list(_walk(_parse(expression.strip(), "<asked>", "eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # it raises wherever it is evaluated
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    called = {id(node.func): node.func for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if not isinstance(node, _READING_NODES) or _is_stored_item(node):
            return False
        if isinstance(node, ast.Name) and node.id not in stored and not _is_safe_name(node, called, namespace):
            return False
    return all(isinstance(one, ast.Name) or _is_reading_method(one) for one in called.values())


def _is_stored_item(node: ast.AST) -> bool:
    """`t[0]` in `[0 for t[0] in numbers]`."""
    return isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)


def _is_reading_method(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in _READING_CALLS


def _is_safe_name(node: ast.Name, called: dict[int, ast.expr], namespace: dict[str, Any]) -> bool:
    name = node.id
    if name in _OURS:
        return id(node) not in called
    if not dict.__contains__(namespace, name):
        return name not in _BUILTINS or id(_BUILTINS[name]) in _READING_BUILTINS
    return id(node) not in called and _is_framework_value(dict.__getitem__(namespace, name), depth=0)


def _is_framework_value(value: Any, *, depth: int) -> bool:  # noqa: ANN401 - any object of the student's
    """An object whose attributes and operators are Python's, torch's or NumPy's own code."""
    kind = type(value)
    if kind in (list, tuple, dict):
        items = list(value.values()) if kind is dict else value
        return (
            depth < _DEPTH and len(items) <= _ITEMS and all(_is_framework_value(one, depth=depth + 1) for one in items)
        )
    if kind is ModuleType:
        return _is_framework(value.__name__)
    return id(kind) in _PLAIN_KINDS or all(_is_framework(_module_name(one)) for one in _mro(kind)[:-1])


def _is_framework(module_name: object) -> bool:
    if type(module_name) is not str or module_name.startswith("torch.utils"):
        return False  # a data loader's items are drawn
    return module_name.partition(".")[0] in ("torch", "numpy", "math")
