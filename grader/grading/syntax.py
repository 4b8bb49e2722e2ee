"""Python sources as syntax trees, whatever state they are in, and the names they bind; nothing is executed."""

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import TypeVar

from grader.domain.python import parse_python, parse_strictly, walk
from grader.domain.remember import remember_by_subject, remember_by_text

_Node = TypeVar("_Node", bound=ast.AST)

_BUILTINS = frozenset(dir(builtins)) | {"display", "get_ipython"}
MAX_SOURCE = 300_000
"""Characters: far above any homework; beyond it parsing takes seconds and hundreds of megabytes."""
_MAX_REPAIRS = 20
"""A notebook with more broken statements than this is read without what follows them."""


@remember_by_text
def parse_leniently(source: str) -> ast.Module:
    """The syntax tree of a source; top-level statements that do not parse are left out, the others keep their lines.

    Cells are joined before they come here, and a syntax error in one cell leaves the others valid. Never raises; a
    source above MAX_SOURCE gives an empty tree. The tree is shared: it must not be changed.
    """
    if len(source) > MAX_SOURCE:
        return ast.Module(body=[], type_ignores=[])
    if (tree := parse_python(source)) is not None:
        return tree
    lines = source.split("\n")
    for _ in range(_MAX_REPAIRS):
        try:
            return parse_strictly("\n".join(lines))
        except SyntaxError as error:
            if not _blank_statement(lines, around=_broken_line(error, lines)):
                break
        except (ValueError, RecursionError, MemoryError):  # null bytes, absurd nesting
            break
    return ast.Module(body=[], type_ignores=[])


@remember_by_subject
def top_level_names(tree: ast.Module) -> tuple[str, ...]:
    """Names that running the statements binds at the top level, in the order of their first binding."""
    names: dict[str, None] = {}
    for statement in tree.body:
        for name in _bound(statement):
            names.setdefault(name)
    return tuple(names)


@remember_by_subject
def imported_names(tree: ast.Module) -> frozenset[str]:
    """Top-level names that import statements bind."""
    found: set[str] = set()
    for node in _walk_top_level(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return frozenset(found)


@remember_by_subject
def mentioned_names(tree: ast.Module) -> frozenset[str]:
    """Top-level names that the statements read or bind, in functions too; built-ins and functions' own names left out.

    Empty for a tree too deep to be walked.
    """
    try:
        return frozenset(_mentioned(tree)) - _BUILTINS
    except RecursionError:
        return frozenset()


@remember_by_subject
def function_names(tree: ast.Module) -> tuple[str, ...]:
    """Names of the functions that the statements define at the top level, by `def` or as a lambda, in order."""
    names: dict[str, None] = {}
    for node in _walk_top_level(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.setdefault(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    names.setdefault(target.id)
    return tuple(names)


def takes_arguments(tree: ast.Module, name: str) -> bool:
    """Whether the last function of that name at the top level can be called with an argument."""
    arguments: ast.arguments | None = None
    for node in _walk_top_level(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            arguments = node.args
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and name in _targets(node):
            arguments = node.value.args
    return arguments is None or bool(arguments.posonlyargs or arguments.args or arguments.vararg)


def _targets(assignment: ast.Assign) -> frozenset[str]:
    return frozenset(target.id for target in assignment.targets if isinstance(target, ast.Name))


@remember_by_subject
def assigned_names(tree: ast.Module) -> frozenset[str]:
    """Top-level names that are given something else than a function, by assignment or as a loop's variable."""
    functions = {
        target
        for node in _walk_top_level(tree.body)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
        for target in node.targets
    }
    return frozenset(
        node.id
        for node in _walk_top_level(tree.body)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in functions
    )


def copied(node: _Node) -> _Node:
    """A tree of its own that may be changed, which copy.deepcopy takes four times as long for.

    Raises:
        RecursionError: the tree is nested absurdly deep.
    """
    copy = type(node).__new__(type(node))
    for name, value in vars(node).items():
        if isinstance(value, list):
            value = [copied(part) if isinstance(part, ast.AST) else part for part in value]
        elif isinstance(value, ast.AST):
            value = copied(value)
        setattr(copy, name, value)
    return copy


def find_holder(tree: ast.Module, name: str) -> str | None:
    """The function in whose body a function of that name is defined."""
    for node in walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name in function_names(
            ast.Module(body=node.body, type_ignores=[])
        ):
            return node.name
    return None


def _broken_line(error: SyntaxError, lines: list[str]) -> int:
    """The line (from 1) to blame: a block that is missing is reported at the line after it."""
    line = error.lineno or 1
    if isinstance(error, IndentationError) and line <= len(lines) and _starts_statement(lines[line - 1]):
        return max(line - 1, 1)
    return line


def _blank_statement(lines: list[str], *, around: int) -> bool:
    """Blank the top-level statement that holds a line (from 1); False where there is nothing left to blank."""
    if not lines:
        return False
    place = min(max(around - 1, 0), len(lines) - 1)
    while place > 0 and not lines[place].strip():
        place -= 1  # an unfinished block is reported at the end of the text
    first = place
    while first > 0 and not _starts_statement(lines[first]):
        first -= 1
    last = place + 1
    while last < len(lines) and not _starts_statement(lines[last]):
        last += 1
    if not any(line.strip() for line in lines[first:last]):
        return False
    lines[first:last] = [""] * (last - first)
    return True


def _starts_statement(line: str) -> bool:
    return bool(line) and not line[0].isspace() and line[0] not in ")]}#"


def _walk_top_level(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes that run in the top-level scope: bodies of functions and classes are not entered."""
    todo: list[ast.AST] = list(reversed(statements))
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue  # their variables are their own
        todo.extend(reversed(list(ast.iter_child_nodes(node))))


def _mentioned(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Name):
        return {node.id}
    names: set[str] = set()
    for child in ast.iter_child_nodes(node):
        names |= _mentioned(child)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return names
    parameters = {part.arg for part in walk(node.args) if isinstance(part, ast.arg)}
    body = node.body if isinstance(node.body, list) else []
    own = {name for statement in body for name in _bound(statement)}
    declared = {name for part in _walk_top_level(body) if isinstance(part, ast.Global) for name in part.names}
    return names - ((parameters | own) - declared)


def _bound(statement: ast.stmt) -> Iterator[str]:
    for node in _walk_top_level([statement]):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
