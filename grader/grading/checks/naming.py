"""Which function or class of a student's is meant, and why there is none."""

import ast
from collections.abc import Callable, Sequence

from grader.domain.execution import CellState, Evidence
from grader.domain.text import Fact
from grader.grading.syntax import (
    assigned_names,
    find_holder,
    function_names,
    mentioned_names,
    parse_leniently,
    takes_arguments,
    top_level_names,
)

_MODULE_BASES = frozenset({"Module", "Sequential", "ModuleList"})
_LOSSES = ("Loss",)


def candidates(
    name: str, *, source: str, notebook_source: str, find_names: Callable[[ast.Module], Sequence[str]]
) -> tuple[str, ...]:
    """The names to try, most likely first.

    A name bound in the question's own cells is meant. Else the only one of its sort that they define is, else the only
    earlier one they use: an `f` that a lecture left behind would be a stale one.

    Args:
        name: the one asked for.
        source: the question's code.
        notebook_source: all code that has run.
        find_names: those of this sort that some code binds: functions, classes, modules.
    """
    tree = parse_leniently(source)
    if name in top_level_names(tree):
        return (name,)
    mentioned = mentioned_names(tree)
    defined = tuple(find_names(tree))
    if not defined:
        earlier = find_names(parse_leniently(notebook_source))
        defined = tuple(other for other in earlier if other in mentioned and other != name)
    only = defined if len(defined) == 1 else ()
    return (name, *only) if name in mentioned else (*only, name)


def callable_names(tree: ast.Module) -> tuple[str, ...]:
    """Functions that one argument can be given to; a `main()` that holds everything is no answer."""
    return tuple(name for name in function_names(tree) if takes_arguments(tree, name))


def class_names(tree: ast.Module) -> tuple[str, ...]:
    """Classes at the top level that are modules by their bases, own bases followed."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return tuple(name for name in classes if _is_module_class(name, classes, seen=frozenset()))


def instance_names(tree: ast.Module) -> tuple[str, ...]:
    """Names that are given a module at the top level: a call of `nn.Something` or of an own class; losses are none."""
    own = class_names(tree)
    names: dict[str, None] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _makes_module(node.value.func, own):
            names.update((target.id, None) for target in node.targets if isinstance(target, ast.Name))
    return tuple(names)


def why_missing(
    name: str, *, actual: Evidence, find_names: Callable[[ast.Module], Sequence[str]]
) -> tuple[str, dict[str, Fact]]:
    """The last part of the code that says why there is nothing under a name, and the facts of its sentence."""
    facts: dict[str, Fact] = {"name": name}
    tree = parse_leniently(actual.source)
    defined = find_names(tree)
    if name in defined and name in assigned_names(tree):
        return "overwritten", facts
    for run in actual.cell_runs:
        if run.state is CellState.RAISED and run.error is not None:
            return "missing_after_error", facts | {"cell": run.index + 1, "error": run.error.name[:80]}
    holder = find_holder(tree, name)
    if holder is not None and not defined:
        return "inside_other", facts | {"other": holder}
    if len(defined) > 1:
        return "several", facts | {"others": ", ".join(defined)[:200]}
    return "missing_name", facts


def _is_module_class(name: str, classes: dict[str, ast.ClassDef], *, seen: frozenset[str]) -> bool:
    if name in seen:
        return False
    for base in classes[name].bases:
        word = _last_word(base)
        if word in classes and word != name:
            if _is_module_class(word, classes, seen=seen | {name}):
                return True
        elif word in _MODULE_BASES:
            return True
    return False


def _makes_module(function: ast.expr, own: Sequence[str]) -> bool:
    if isinstance(function, ast.Name) and function.id in own:
        return True
    word = _last_word(function)
    is_from_nn = isinstance(function, ast.Attribute) and _last_word(function.value) == "nn"
    return (is_from_nn or word == "Sequential") and not word.endswith(_LOSSES)


def _last_word(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
