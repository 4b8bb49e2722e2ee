"""Code that can run: a syntax tree without `if False:`, what follows a `return`, and functions nobody calls."""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

from grader.domain.remember import remember_by_text
from grader.grading.syntax import copied, parse_leniently

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign
_ENDS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


@remember_by_text
def live_tree(source: str, *, keeps_definitions: bool = False) -> ast.Module:
    """The code of a source that can run; shared, like parse_leniently's: it must not be changed.

    Args:
        source: a question's code.
        keeps_definitions: functions and classes of the top level count although nothing here uses them.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    tree = parse_leniently(source)
    kept = frozenset(tree.body) if keeps_definitions else frozenset()
    return without_dead_code(tree, kept=kept)


@remember_by_text
def leaves_definitions_unused(source: str) -> bool:
    """Whether a source defines something that only others call: the answer is the function or class itself.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    tree = parse_leniently(source)
    return not _unused_definitions(tree).isdisjoint(tree.body)


def without_dead_code(tree: ast.Module, *, kept: frozenset[ast.stmt] = frozenset()) -> ast.Module:
    """A copy of the tree without what obviously never runs; what may run stays.

    A function or class counts as used when its name is read anywhere that itself runs, whatever scope it is read in.

    Args:
        tree: is not changed.
        kept: definitions of it that count as used.

    Raises:
        RecursionError: the tree is nested absurdly deep.
    """
    places = [place for place, statement in enumerate(tree.body) if statement in kept]
    tree = copied(tree)
    _Pruner(_unused_definitions(tree, used=[tree.body[place] for place in places])).visit(tree)
    return ast.fix_missing_locations(tree)


class _Pruner(ast.NodeTransformer):
    def __init__(self, unused: frozenset[_Definition]) -> None:
        self._unused = unused

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        if node in self._unused:
            return ast.Pass()
        self._cut_after_ends(node)
        result: ast.AST | list[ast.stmt] = super().visit(node)
        return result

    def _cut_after_ends(self, node: ast.AST) -> None:
        """Drop what follows a return or raise in its block; the module's own block goes on with the next cell."""
        if isinstance(node, ast.Module):
            return
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                ends = (place for place, statement in enumerate(block) if isinstance(statement, _ENDS))
                del block[next(ends, len(block)) + 1 :]

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        truth = _constant_truth(node.test)
        if truth is None:
            return self.generic_visit(node)
        return self._visit_block(node.body if truth else node.orelse)

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        if _constant_truth(node.test) is False:
            return self._visit_block(node.orelse)
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        return self._visit_block(node.orelse) if _is_empty(node.iter) else self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> ast.AST | list[ast.stmt]:
        if not all(map(_cannot_raise, node.body)):
            return self.generic_visit(node)
        return self._visit_block([*node.body, *node.orelse, *node.finalbody])

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Lambda) else self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST | list[ast.stmt]:
        truth = _constant_truth(node.test)
        if truth is None:
            return self.generic_visit(node)
        return self.visit(node.body if truth else node.orelse)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST | list[ast.stmt]:
        decides = isinstance(node.op, ast.Or)
        places = [place for place, value in enumerate(node.values) if _constant_truth(value) is decides]
        if places:
            del node.values[places[0] + 1 :]
        if len(node.values) == 1:
            return self.visit(node.values[0])
        return self.generic_visit(node)

    def _visit_block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        kept: list[ast.stmt] = []
        for statement in statements:
            visited = self.visit(statement)
            kept += visited if isinstance(visited, list) else [visited] if isinstance(visited, ast.stmt) else []
        return kept or [ast.Pass()]


def _constant_truth(test: ast.expr) -> bool | None:
    """The truth of a condition that is written out; None for all others."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        truth = _constant_truth(test.operand)
        return None if truth is None else not truth
    if isinstance(test, ast.Compare):
        return _compared(test)
    if isinstance(test, ast.List | ast.Tuple):
        return bool(test.elts)
    return bool(test.keys) if isinstance(test, ast.Dict) else None


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _compared(test: ast.Compare) -> bool | None:
    """The truth of a comparison of two written values."""
    compare = _COMPARISONS.get(type(test.ops[0]))
    left, right = test.left, test.comparators[0]
    if compare is None or len(test.ops) > 1 or not (isinstance(left, ast.Constant) and isinstance(right, ast.Constant)):
        return None
    try:
        return compare(left.value, right.value)
    except TypeError:
        return None


def _is_empty(iterable: ast.expr) -> bool:
    """A loop over it never runs: a written empty container, or range(0)."""
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id == "range":
        return len(iterable.args) == 1 and isinstance(iterable.args[0], ast.Constant) and iterable.args[0].value == 0
    return isinstance(iterable, ast.Constant | ast.List | ast.Tuple | ast.Dict) and _constant_truth(iterable) is False


def _cannot_raise(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Constant) and all(isinstance(one, ast.Name) for one in statement.targets)
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _unused_definitions(tree: ast.Module, *, used: Sequence[ast.stmt] = ()) -> frozenset[_Definition]:
    """Definitions whose name nothing that runs reads, directly or through other definitions."""
    waiting: dict[str, list[_Definition]] = {}
    read = {_name_of(statement) for statement in used if _is_definition(statement)}
    todo: list[ast.AST] = [tree]
    while todo:
        for found in _walk_running(todo.pop()):
            if isinstance(found, str):
                read.add(found)
            else:
                waiting.setdefault(_name_of(found), []).append(found)
        for name in read & waiting.keys():
            todo += waiting.pop(name)
    return frozenset(definition for definitions in waiting.values() for definition in definitions)


def _walk_running(unit: ast.AST) -> Iterator[str | _Definition]:
    """Names that running a unit reads, and the definitions in it, whose own bodies are not entered.

    Methods belong to their class: torch calls `forward` without ever naming it.
    """
    members: set[ast.AST] = set(unit.body) if isinstance(unit, ast.ClassDef) else set()
    todo = list(ast.iter_child_nodes(unit))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef) and node in members:
            members.update(node.body)
        if _is_definition(node) and node not in members:
            yield node
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                todo += [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            elif isinstance(node, ast.ClassDef):
                todo += [*node.bases, *node.keywords]
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        todo += ast.iter_child_nodes(node)


def _is_definition(node: ast.AST) -> TypeGuard[_Definition]:
    """A function, a class or a named lambda; a decorator may register what it decorates, so that one counts as used."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return not node.decorator_list
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and isinstance(node.targets[0], ast.Name)


def _name_of(definition: _Definition) -> str:
    if isinstance(definition, ast.Assign):
        target = definition.targets[0]
        return target.id if isinstance(target, ast.Name) else ""
    return definition.name
