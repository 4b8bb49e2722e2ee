"""Names a piece of Python binds and uses, by its syntax tree: which cell feeds which."""

import ast
import builtins
from collections.abc import Sequence

from grader.domain.python import parse_python, walk
from grader.domain.remember import remember_by_text

_BUILTINS = frozenset(dir(builtins))


@remember_by_text
def bound_names(source: str) -> frozenset[str]:
    """Names that running `source` at the top level binds or changes; empty for source that does not parse."""
    tree = parse_python(source)
    return frozenset() if tree is None else frozenset(_bound(tree.body))


@remember_by_text
def used_names(source: str) -> frozenset[str]:
    """Names that `source` reads anywhere, function bodies included, built-ins left out."""
    tree = parse_python(source)
    if tree is None:
        return frozenset()
    return frozenset(_read(tree))


@remember_by_text
def needed_names(source: str) -> frozenset[str]:
    """Names that `source` reads before any statement of its own binds them: what it takes from earlier cells."""
    tree = parse_python(source)
    if tree is None:
        return frozenset()
    needed: set[str] = set()
    bound: set[str] = set()
    for statement in tree.body:
        needed |= _read(statement) - bound
        bound |= _bound([statement])
    return frozenset(needed)


@remember_by_text
def imported_names(source: str) -> frozenset[str]:
    """Names that import statements bind in `source`."""
    tree = parse_python(source)
    if tree is None:
        return frozenset()
    return frozenset(
        (alias.asname or alias.name).split(".")[0]
        for node in walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def names_of_import(source: str, package: str) -> frozenset[str]:
    """Names that the import statements of one top-level package bind in `source`."""
    tree = parse_python(source)
    if tree is None:
        return frozenset()
    names: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.Import):
            parts = (alias for alias in node.names if alias.name.split(".")[0] == package)
            names.update((alias.asname or alias.name).split(".")[0] for alias in parts)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            names.update(alias.asname or alias.name for alias in node.names)
    return frozenset(names)


def feeding(sources: Sequence[str], *, start: Sequence[int]) -> frozenset[int]:
    """Positions in `sources` that the ones in `start` depend on through names, directly or not, `start` included.

    A name is taken from the last earlier source that binds it, as a notebook run from the top does. A name that is
    bound and changed by several sources is followed through all of them up to the first one that only binds it.
    """
    bound = [bound_names(source) for source in sources]
    used = [used_names(source) for source in sources]
    found = set(start)
    todo = list(start)
    while todo:
        position = todo.pop()
        for name in used[position]:
            giver = next((earlier for earlier in range(position - 1, -1, -1) if name in bound[earlier]), None)
            if giver is not None and giver not in found:
                found.add(giver)
                todo.append(giver)
    return frozenset(found)


def _read(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)  # `x += 1` reads it, although its syntax tree says Store
    return names - _BUILTINS


def _bound(statements: Sequence[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
            continue
        for node in walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
                root = _root(node)
                if root is not None:
                    names.add(root)
    return names


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
