"""Patterns of Python code for ast-grep: `$NAME` stands for any expression, `$$$` for any arguments or statements."""

import ast
import re
from collections.abc import Mapping
from typing import cast
from weakref import WeakKeyDictionary

from ast_grep_py import Pattern as AstGrepPattern
from ast_grep_py import SgRoot

from grader.domain.python import parse_strictly
from grader.domain.remember import remember_by_subject
from grader.grading.stand_for import Constraint
from grader.grading.syntax import copied

_VARIABLE = re.compile(r"\$\$\$[A-Z0-9_]*|\$[A-Z_][A-Z0-9_]*")
_STAND_IN = re.compile(r"METAVAR([13])_([A-Z0-9_]*?)_END")


class BadPatternError(ValueError):
    """The text is no single Python expression or statement with `$NAME` variables in it."""


class Pattern:
    """One compiled pattern: an expression, or one statement such as `with torch.no_grad(): $$$`.

    ast-grep compares concrete syntax. So both the pattern and the code are given to it in one canonical spelling
    (ast.unparse, and see `canonical`): brackets, quotes, spaces and trailing colons make no difference, and a comma
    that makes a tuple does.

    Args:
        text: the pattern.
        where: what a variable may stand for, by its name without the dollar.

    Raises:
        BadPatternError: see there.
    """

    def __init__(self, text: str, *, where: Mapping[str, Constraint] | None = None) -> None:
        self.variables = tuple(dict.fromkeys(name[1:] for name in _VARIABLE.findall(text) if name[1] != "$"))
        self.where = where or {}
        self.statement = _parse_statement(_VARIABLE.sub(_stand_in, text))
        """The pattern's syntax tree, its variables as names that `variable_of` tells."""
        spelling = _STAND_IN.sub(lambda match: "$" * int(match[1]) + match[2], ast.unparse(self.statement))
        self._rule = cast(AstGrepPattern, {"context": spelling, "strictness": "cst"})
        self._known: WeakKeyDictionary[ast.AST, int] = WeakKeyDictionary()
        try:
            self._count("pass")
        except RuntimeError as error:  # ast-grep's only exception type
            raise BadPatternError(text) from error

    @property
    def expression(self) -> ast.expr | None:
        """The pattern's tree where it is an expression; None for other statements."""
        return self.statement.value if isinstance(self.statement, ast.Expr) else None

    def occurs_in(self, tree: ast.Module | ast.expr) -> bool:
        """Whether the code of a tree contains the pattern; an expression stands as a statement of its own.

        Raises:
            RecursionError: the tree is nested absurdly deep.
        """
        return self.count_in(tree) > 0

    def count_in(self, tree: ast.Module | ast.expr) -> int:
        """How many places of a tree's code the pattern fits, those inside of each other counted too.

        Raises:
            RecursionError: the tree is nested absurdly deep.
        """
        if tree not in self._known:
            self._known[tree] = self._count(_spell(tree))
        return self._known[tree]

    def _count(self, code: str) -> int:
        root = SgRoot(code.encode("utf-8", "replace").decode(), "python").root()
        count = 0
        for match in root.find_all(pattern=self._rule):
            stood_for = {name: match.get_match(name) for name in self.where}
            count += all(node is not None and self.where[name].fits(node.text()) for name, node in stood_for.items())
        return count


def variable_of(node: ast.AST | None) -> str | None:
    """The variable that a node of a pattern's tree stands for; None for plain code."""
    match = _STAND_IN.fullmatch(node.id) if isinstance(node, ast.Name) else None
    return match[2] if match else None


def canonical(tree: ast.AST) -> ast.AST:
    """A copy in which the same thing is always written the same way.

    One name an import, one context a `with`; no annotations, and no strings that stand by themselves.

    Raises:
        RecursionError: the tree is nested absurdly deep.
    """
    spelt: ast.AST = _Canon().visit(copied(tree))
    return spelt


@remember_by_subject
def _spell(tree: ast.Module | ast.expr) -> str:
    whole = tree if isinstance(tree, ast.Module) else ast.Module(body=[ast.Expr(tree)], type_ignores=[])
    return ast.unparse(canonical(whole))


class _Canon(ast.NodeTransformer):
    """A method gives None where a statement drops out, and a list where one becomes several."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        visited = super().generic_visit(node)
        if getattr(visited, "body", None) == [] and not isinstance(visited, ast.Module):
            visited.body = [ast.Pass()]  # type: ignore[attr-defined]  # only its docstring stood in it
        return visited

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [ast.Import(names=[alias]) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        return [ast.ImportFrom(module=node.module, names=[alias], level=node.level) for alias in node.names]

    def visit_With(self, node: ast.With) -> ast.AST:
        first, *others = node.items
        if others:
            inner = ast.copy_location(ast.With(items=others, body=node.body), node)
            node = ast.copy_location(ast.With(items=[first], body=[inner]), node)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None  # it only annotates
        assign = ast.Assign(targets=[node.target], value=node.value)
        return self.generic_visit(ast.copy_location(assign, node))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)


def _stand_in(match: re.Match[str]) -> str:
    dollars = 3 if match[0].startswith("$$$") else 1
    return f"METAVAR{dollars}_{match[0].lstrip('$')}_END"


def _parse_statement(text: str) -> ast.stmt:
    try:
        tree = canonical(parse_strictly(text.strip()))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadPatternError(text) from error
    if not isinstance(tree, ast.Module) or len(tree.body) != 1:
        raise BadPatternError(text)
    return tree.body[0]
