"""Whether code decides for itself what a statement about its objects comes to."""

import ast
from collections.abc import Iterator

from grader.domain.python import walk
from grader.domain.remember import remember_by_text
from grader.grading.live import live_tree
from grader.grading.syntax import parse_leniently

_ANSWERING = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__class__",
                        "__contains__", "__getattr__", "__getattribute__", "__instancecheck__", "__subclasscheck__",
                        "__array__", "__array_function__", "__array_interface__", "__array_ufunc__",
                        "__torch_function__"})  # fmt: skip
"""A class that defines one of these answers whatever is asked of its objects."""
_INSIDE = frozenset({"settrace", "setprofile", "_getframe", "currentframe", "f_locals", "f_globals", "f_back",
                     "get_objects", "get_referrers", "get_referents", "meta_path", "__subclasses__",
                     "__builtins__"})  # fmt: skip
"""Ways into the interpreter, and from there to what asks."""
_INSIDE_MODULES = frozenset({"ctypes", "builtins"})
_RUNNERS = frozenset({"exec", "eval", "compile", "__import__"})
"""Functions that run what nobody can read here."""
_ALL_TENSORS_HAVE = frozenset({"grad", "data", "requires_grad", "training"})
"""Everybody sets these."""
_FRAMEWORK_BASES = frozenset({"Module", "Dataset", "IterableDataset"})
_MODULES = frozenset({"torch", "np", "numpy"})


def decides_itself(expression: str, *, source: str) -> bool:
    """Whether the code has classes or attributes that answer in the place of torch's, or reaches into the interpreter.

    Args:
        expression: what is asked of the code's objects, by the author.
        source: all code that has run when it is asked.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    own = _own_names(source)
    return not own.isdisjoint(_ANSWERING | _asked(expression)) or _reaches_inside(source)


@remember_by_text
def _asked(expression: str) -> frozenset[str]:
    """The attributes and methods that an expression uses, those of torch and NumPy themselves left out."""
    return frozenset(
        node.attr
        for node in walk(parse_leniently(expression))
        if isinstance(node, ast.Attribute) and _root(node) not in _MODULES
    )


@remember_by_text
def _own_names(source: str) -> frozenset[str]:
    """Names of what own classes define, and of attributes that are set."""
    names: set[str] = set()
    for node in _walk(live_tree(source, keeps_definitions=True)):
        if isinstance(node, ast.ClassDef):
            names |= {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
            names |= {one.id for part in node.body for one in _bound_names(part)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names |= {node.attr} - _ALL_TENSORS_HAVE
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "type"):
            names |= {one.value for one in walk(node) if isinstance(one, ast.Constant) and type(one.value) is str}
    return frozenset(names)


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those in which a module keeps its layers."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef) and not _FRAMEWORK_BASES.isdisjoint(map(_last_name, node.bases)):
            yield node
            continue
        yield node
        todo += ast.iter_child_nodes(node)


def _bound_names(statement: ast.stmt) -> Iterator[ast.Name]:
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (one for target in targets for one in walk(target) if isinstance(one, ast.Name))


@remember_by_text
def _reaches_inside(source: str) -> bool:
    tree = parse_leniently(source)
    # `"google.colab" in sys.modules` is how notebooks see where they are.
    harmless = {id(part) for node in walk(tree) if isinstance(node, ast.Compare) for part in node.comparators}
    return any(
        _last_name(node) in _INSIDE or _imports_way_in(node) or (id(node) not in harmless and _is_way_in(node))
        for node in walk(tree)
    )


def _imports_way_in(node: ast.AST) -> bool:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    modules = {node.module} if isinstance(node, ast.ImportFrom) else {alias.name.split(".")[0] for alias in node.names}
    return bool(modules & _INSIDE_MODULES) or any(alias.name in _INSIDE for alias in node.names)


def _is_way_in(node: ast.AST) -> bool:
    """`sys.modules`, `get_ipython().kernel`, and code that is written in a text."""
    if not isinstance(node, ast.Attribute):
        return isinstance(node, ast.Name) and node.id in _RUNNERS
    if node.attr == "kernel":
        return isinstance(node.value, ast.Call) and _last_name(node.value.func) == "get_ipython"
    return node.attr == "modules" and _last_name(node.value) == "sys"


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
