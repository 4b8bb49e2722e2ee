"""What the student's own source shows of a mistake: calls, loops and literals with their lines."""

import ast
from collections.abc import Sequence
from functools import cached_property

from grader.domain.python import parse_python, walk
from grader.domain.text import Fact

_LOOPS = (ast.For, ast.While, ast.AsyncFor)


class Clues:
    """A question's source, looked at only where a pattern asks for it. A source that does not parse shows nothing."""

    def __init__(self, source: str, *, cells: Sequence[tuple[int, str]] = ()) -> None:
        self._source = source
        self._cells = cells

    def places(self, *lines: int) -> list[Fact]:
        """Lines of the joined source (from 1) as {'cell', 'line'}, counted within their cells where those are known."""
        return [self._place(line) for line in lines]

    def _place(self, line: int) -> Fact:
        remaining = line
        for number, source in self._cells:
            length = source.count("\n") + 1
            if remaining <= length:
                return {"cell": number, "line": remaining}
            remaining -= length
        return {"cell": None, "line": line}

    @cached_property
    def _nodes(self) -> tuple[ast.AST, ...]:
        tree = parse_python(self._source)
        return () if tree is None else tuple(walk(tree))

    @cached_property
    def _calls(self) -> tuple[tuple[str, int], ...]:
        """Name and line of every call, by the last part of its name, in the order of the source."""
        found = []
        for node in self._nodes:
            if isinstance(node, ast.Call):
                function = node.func
                if isinstance(function, ast.Attribute):
                    found.append((function.attr, function.end_lineno or node.lineno, node.col_offset))
                elif isinstance(function, ast.Name):
                    found.append((function.id, node.lineno, node.col_offset))
        return tuple((name, line) for name, line, _ in sorted(found, key=lambda call: call[1:]))

    def calls(self, name: str) -> bool:
        return any(name == called for called, _ in self._calls)

    def line_of_call(self, *names: str) -> int | None:
        """The line (from 1) of the first call of one of these."""
        return next((line for called, line in self._calls if called in names), None)

    def find_use(self, *names: str) -> tuple[str, int] | None:
        """Name and line of the first place where one of these is called, or read as an attribute such as `.data`."""
        read = [
            (node.attr, node.end_lineno or node.lineno)
            for node in self._nodes
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        ]
        found = [(name, line) for name, line in (*self._calls, *read) if name in names]
        return min(found, key=lambda use: use[1], default=None)

    @property
    def has_floor_division(self) -> bool:
        """`//`, or a call that cuts the fractions off."""
        is_floored = any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) for node in self._nodes)
        return is_floored or any(self.calls(name) for name in ("int", "long", "floor", "trunc", "round"))

    def lines_of_calls(self, *names: str) -> tuple[int, ...]:
        """The line of every call of one of these."""
        return tuple(line for called, line in self._calls if called in names)

    @property
    def backward_lines(self) -> tuple[int, ...]:
        """The line of every `backward` call; two calls on one line count twice."""
        return tuple(line for called, line in self._calls if called == "backward")

    @property
    def has_backward_in_loop(self) -> bool:
        return any(
            isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "backward"
            for node in self._nodes
            if isinstance(node, _LOOPS)
            for inner in walk(node)
        )

    @property
    def xor_lines(self) -> tuple[int, ...]:
        """Lines of arithmetic with `^`, which is no power in Python."""
        return tuple(
            sorted({node.lineno for node in self._nodes if isinstance(node, ast.BinOp) and _is_arithmetic_xor(node)})
        )

    @property
    def float_literal(self) -> tuple[int, str] | None:
        """Line and spelling of the first float written out."""
        floats = [n for n in self._nodes if isinstance(n, ast.Constant) and isinstance(n.value, float)]
        if not floats:
            return None
        first = min(floats, key=lambda node: (node.lineno, node.col_offset))
        return first.lineno, ast.get_source_segment(self._source, first) or repr(first.value)


def _is_arithmetic_xor(node: ast.BinOp) -> bool:
    """`2*x^3`: one side is a written number, or a sum or product."""
    arithmetic = (ast.Add, ast.Sub, ast.Mult, ast.Div)
    return isinstance(node.op, ast.BitXor) and any(
        isinstance(side, ast.Constant) or (isinstance(side, ast.BinOp) and isinstance(side.op, arithmetic))
        for side in (node.left, node.right)
    )
