"""Other names for a notebook's variables, given to every use of them and to nothing else."""

import ast
import builtins
from collections.abc import Collection, Iterator, Sequence

from grader.authoring.mutants_text import Code
from grader.domain.python import parse_python, walk

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp,
           ast.GeneratorExp)  # fmt: skip
_REFLECTING = frozenset({"globals", "locals", "vars", "eval", "exec", "sys", "__main__"})


def rename_variables(cells: Sequence[str], *, kept: Collection[str]) -> list[str]:
    """Rename variables of the top level that are only ever assigned, in all cells alike.

    A name stays that is in `kept`, belongs to Python or a module, is also a function's or class's, is bound anew in a
    scope of its own, or stands where its place in the text cannot be told (f-strings before Python 3.12). Nothing is
    renamed where the code looks up names by their spelling.
    """
    codes = [Code.find(source) for source in cells]
    found = [code for code in codes if code is not None]
    if len(found) < len(codes) or any(_reflects(code) for code in found):
        return list(cells)
    variables = dict.fromkeys(name for code in found for name in _assigned(code.tree))
    barred = {*kept, *dir(builtins), *(name for code in found for name in _barred(code))}
    taken = barred | set(variables) | {node.id for code in found for node in _names(code.tree)}
    mapping: dict[str, str] = {}
    for name in variables:
        if name not in barred and not name.startswith("_"):
            mapping[name] = _new_name(name, taken=taken)
            taken.add(mapping[name])
    renamed = [
        code.apply([code.replace(node, mapping[node.id]) for node in _names(code.tree) if node.id in mapping])
        for code in found
    ]
    return renamed if all(parse_python(source) is not None for source in renamed) else list(cells)


def _new_name(name: str, *, taken: Collection[str]) -> str:
    number = 2
    while f"my_{name}{number}" in taken:
        number += 1
    return f"my_{name}{number}"


def _names(tree: ast.AST) -> Iterator[ast.Name]:
    return (node for node in walk(tree) if isinstance(node, ast.Name))


def _assigned(tree: ast.Module) -> Iterator[str]:
    """Names that top-level code assigns, outside any scope of its own."""
    todo: list[ast.AST] = list(reversed(tree.body))
    while todo:
        node = todo.pop()
        if isinstance(node, _SCOPES):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        todo.extend(reversed(list(ast.iter_child_nodes(node))))


def _barred(code: Code) -> Iterator[str]:
    """Names with a meaning besides a variable of the top level, and those in texts whose place is not known."""
    for node in walk(code.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif isinstance(node, ast.JoinedStr):
            yield from (name.id for name in _names(node))
        if isinstance(node, _SCOPES):
            yield from (name.id for name in _names(node) if isinstance(name.ctx, ast.Store))


def _reflects(code: Code) -> bool:
    return any(name.id in _REFLECTING for name in _names(code.tree))
