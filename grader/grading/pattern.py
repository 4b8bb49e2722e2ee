"""Patterns of Python code: `$NAME` stands for any expression, `$$$` for any arguments; spelling does not matter."""

import ast
import re
import warnings
from collections.abc import Mapping
from typing import cast

from ast_grep_py import Pattern as AstGrepPattern
from ast_grep_py import SgRoot

_VARIABLE = re.compile(r"\$\$\$[A-Z0-9_]*|\$[A-Z_][A-Z0-9_]*")
_STAND_IN = re.compile(r"METAVAR([13])_([A-Z0-9_]*?)_END")


class BadPatternError(ValueError):
    """The text is no single Python expression with `$NAME` variables in it."""


class Pattern:
    """One compiled pattern.

    Both the pattern and the code are compared in Python's own canonical spelling (ast.unparse), so that brackets,
    quotes, spaces and trailing colons make no difference, and a comma that makes a tuple does.

    Args:
        text: the pattern.
        where: what a variable may stand for: 'integer' (a written integer, with or without sign) or 'name'.

    Raises:
        BadPatternError: see there.
    """

    def __init__(self, text: str, *, where: Mapping[str, str] | None = None) -> None:
        self.variables = tuple(dict.fromkeys(name[1:] for name in _VARIABLE.findall(text) if name[1] != "$"))
        self.where = where or {}
        self.expression = _parse_expression(_VARIABLE.sub(_stand_in, text))
        """The pattern's syntax tree, its variables as names that `variable_of` tells."""
        canonical = _with_variables(ast.unparse(self.expression))
        self._rule = cast(AstGrepPattern, {"context": canonical, "strictness": "cst"})
        try:
            self._search("pass")
        except RuntimeError as error:  # ast-grep's only exception type
            raise BadPatternError(text) from error

    def occurs_in(self, tree: ast.AST) -> bool:
        """Whether the code of a tree contains the pattern.

        Raises:
            RecursionError: the tree is nested absurdly deep.
        """
        return self._search(ast.unparse(tree))

    def _search(self, code: str) -> bool:
        root = SgRoot(code.encode("utf-8", "replace").decode(), "python").root()
        for match in root.find_all(pattern=self._rule):
            stood_for = {name: match.get_match(name) for name in self.where}
            if all(node is not None and fits(self.where[name], node.text()) for name, node in stood_for.items()):
                return True
        return False


def fits(constraint: str, text: str) -> bool:
    """Whether the text of an expression is what a `where` constraint asks for."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    if constraint == "name":
        return isinstance(node, ast.Name)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) is int


def variable_of(node: ast.AST | None) -> str | None:
    """The variable that a node of a pattern's tree stands for; None for plain code."""
    match = _STAND_IN.fullmatch(node.id) if isinstance(node, ast.Name) else None
    return match[2] if match else None


def _stand_in(match: re.Match[str]) -> str:
    dollars = 3 if match[0].startswith("$$$") else 1
    return f"METAVAR{dollars}_{match[0].lstrip('$')}_END"


def _with_variables(code: str) -> str:
    return _STAND_IN.sub(lambda match: "$" * int(match[1]) + match[2], code)


def _parse_expression(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadPatternError(text) from error
