"""Tells whether calling a student's function could change what later questions see."""

import builtins
import dis
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy
import torch

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

_instructions = dis.get_instructions

_STORES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME", "STORE_ATTR", "DELETE_ATTR", "IMPORT_STAR"})
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_HARMLESS_MODULES = frozenset({"torch", "numpy", "math", "cmath"})
_LASTING_NAMES = ("set", "save", "load", "register", "use_", "enable_", "tofile", "_")
"""Beginnings of attributes through which even these modules keep something: torch.set_default_dtype, numpy.save."""
HARMLESS_BUILTINS = frozenset(
    id(harmless)
    for harmless in (
        *(abs, all, any, bool, complex, dict, divmod, enumerate, filter, float, format, frozenset, hasattr, hash, int),
        *(isinstance, issubclass, iter, len, list, map, max, min, next, pow, print, range, repr, reversed, round, set),
        *(slice, sorted, str, sum, tuple, type, zip, ArithmeticError, AssertionError, Exception, IndexError, KeyError),
        *(NotImplementedError, RuntimeError, TypeError, ValueError, ZeroDivisionError),
    )
)
_CONSTANTS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), torch.dtype, torch.device, range)


def may_leave_traces(function: object) -> bool:
    """True unless the function plainly works on its arguments alone.

    Everything doubtful counts as a trace: such a function is called in a fork of the kernel, which costs milliseconds,
    while a trace would change a later answer. Exception handlers count as well: only a process that can be killed
    is sure to end a loop that catches everything.
    """
    try:
        return _leaves_traces(function, seen=set())
    except Exception:  # noqa: BLE001 - a student's objects may raise anything when looked at; then it is doubtful
        return True


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """The code itself and all code defined inside it."""
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from code_objects(constant)


def _leaves_traces(function: object, *, seen: set[int]) -> bool:
    if type(function) is not FunctionType:
        return True
    if id(function) in seen:
        return False
    seen.add(id(function))
    kept = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    if function.__closure__ or function.__dict__ or not all(_is_constant(value) for value in kept):
        return True
    return any(_code_leaves_traces(code, function.__globals__, seen=seen) for code in code_objects(function.__code__))


def _code_leaves_traces(code: CodeType, namespace: dict[str, Any], *, seen: set[int]) -> bool:
    if code.co_exceptiontable:
        return True
    for instruction in _instructions(code):
        operation, name = instruction.opname, instruction.argval
        if operation in _STORES:
            return True
        if operation == "IMPORT_NAME" and name.partition(".")[0] not in _HARMLESS_MODULES:
            return True
        if operation in _ATTRIBUTES and name.startswith(_LASTING_NAMES):
            return True
        if operation in _LOADS and _is_risky_name(name, namespace, seen=seen):
            return True
    return False


def _is_risky_name(name: str, namespace: dict[str, Any], *, seen: set[int]) -> bool:
    missing = object()
    value = dict.get(namespace, name, missing)
    if value is missing:
        # A name that does not exist raises NameError, which leaves nothing behind.
        value = vars(builtins).get(name, missing)
        return value is not missing and id(value) not in HARMLESS_BUILTINS
    if type(value) is ModuleType:
        return not _is_harmless_module(value)
    if type(value) is FunctionType:
        return not _is_framework_function(value) and _leaves_traces(value, seen=seen)
    if type(value) is numpy.ufunc:
        return False
    if type(value) is BuiltinFunctionType:
        return name.startswith(_LASTING_NAMES) or not _is_framework_owner(value.__self__)
    return not _is_constant(value)


def _is_framework_owner(owner: object) -> bool:
    """What a function written in C is bound to: torch and math, but not some list whose `append` got a name."""
    if type(owner) is ModuleType:
        return _is_harmless_module(owner)
    return owner is _TORCH_FUNCTIONS


def _is_harmless_module(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] in _HARMLESS_MODULES


def _is_framework_function(function: FunctionType) -> bool:
    """A function written in Python by the frameworks, such as torch.nn.functional.relu under a name of its own."""
    return function.__module__ in _PURE_MODULES and function.__globals__ is vars(_PURE_MODULES[function.__module__])


_TORCH_FUNCTIONS = torch.sin.__self__  # type: ignore[attr-defined]  # the class that torch's C functions are bound to
_PURE_MODULES: dict[str | None, ModuleType] = {
    "torch.functional": torch.functional,
    "torch.nn.functional": torch.nn.functional,
}


def _is_constant(value: object) -> bool:
    if type(value) is tuple:
        return all(_is_constant(item) for item in value)
    return any(type(value) is kind for kind in _CONSTANTS)
