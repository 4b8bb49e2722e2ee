"""Mistakes in arithmetic: operators, signs, constants, terms, and places in slices."""

import ast
from collections.abc import Iterator

from grader.authoring.mutants_text import (
    Answer,
    Change,
    Code,
    Edit,
    Operator,
    is_call_of,
    number_of,
)

_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"),
    ast.MatMult: ("@", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"),
}
_COMPARISON: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
}
_COUNTS = frozenset({"requires_grad"})
"""Keywords whose constants have operators of their own."""


def change_arithmetic(code: Code, answer: Answer) -> Iterator[Change]:
    """`a + b` becomes `a - b`."""
    for node in code.nodes(ast.BinOp):
        if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            continue
        old, new = _ARITHMETIC.get(type(node.op), ("", ""))
        edit = code.between(node.left, node.right, old=old, new=new) if old else None
        if edit is not None:
            yield code.change(Operator.ARITHMETIC, node, edit, after=_edited(code, node, edit))
    for change in code.nodes(ast.AugAssign):
        old, new = _ARITHMETIC.get(type(change.op), ("", ""))
        edit = code.between(change.target, change.value, old=f"{old}=", new=f"{new}=") if old else None
        if edit is not None:
            yield code.change(Operator.ARITHMETIC, change, edit, after=_edited(code, change, edit))


def change_comparison(code: Code, answer: Answer) -> Iterator[Change]:
    """`a < b` becomes `a <= b` and `a > b`; `and` becomes `or`."""
    for node in code.nodes(ast.Compare):
        if len(node.ops) != 1:
            continue
        old, others = _COMPARISON.get(type(node.ops[0]), ("", ()))
        for new in others:
            edit = code.between(node.left, node.comparators[0], old=old, new=new)
            if edit is not None:
                yield code.change(Operator.COMPARISON, node, edit, after=_edited(code, node, edit))
    for choice in code.nodes(ast.BoolOp):
        old, new = ("and", "or") if isinstance(choice.op, ast.And) else ("or", "and")
        edit = code.between(choice.values[0], choice.values[1], old=old, new=new)
        if edit is not None:
            yield code.change(Operator.COMPARISON, choice, edit, after=_edited(code, choice, edit))


def change_signs(code: Code, answer: Answer) -> Iterator[Change]:
    """A minus is lost, or one comes before a whole result."""
    for node in code.nodes(ast.UnaryOp):
        if isinstance(node.op, ast.USub) and not isinstance(code.parents.get(node), ast.Slice):
            text = code.text(node.operand)
            yield code.change(Operator.SIGN, node, code.replace(node, text), after=text)
    for value in code.results():
        if isinstance(value, ast.BinOp):
            text = f"-({code.text(value)})"
            yield code.change(Operator.SIGN, value, code.replace(value, text), after=text)


def change_constants(code: Code, answer: Answer) -> Iterator[Change]:
    """A number is one more, one less, twice as much, or 0; True is False."""
    for node in code.nodes(ast.Constant):
        if _belongs_elsewhere(code, node):
            continue
        if isinstance(node.value, bool):
            text = str(not node.value)
            yield code.change(Operator.CONSTANT, node, code.replace(node, text), after=text)
            continue
        number = number_of(node)
        if number is None:
            continue
        for other in dict.fromkeys((number + 1, number - 1, number * 2, type(number)(0))):
            if other != number:
                text = repr(other) if other >= 0 else f"({other!r})"
                yield code.change(Operator.CONSTANT, node, code.replace(node, text), after=repr(other))


def _belongs_elsewhere(code: Code, node: ast.Constant) -> bool:
    """It is a place in a slice, a rate or a number of steps."""
    if _is_rate(code, node):
        return True
    inner: ast.AST = node
    while (parent := code.parents.get(inner)) is not None and not isinstance(parent, ast.stmt):
        if isinstance(parent, ast.Slice) or (isinstance(parent, ast.Subscript) and inner is parent.slice):
            return True
        if isinstance(parent, ast.keyword) and parent.arg in _COUNTS:
            return True
        if is_call_of(parent, "range", "randperm"):
            return True
        inner = parent
    return False


def drop_terms(code: Code, answer: Answer) -> Iterator[Change]:
    """`a + b` becomes `a`, and `b`."""
    for node in code.nodes(ast.BinOp):
        if not isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            continue
        is_free = not isinstance(code.parents.get(node), ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Subscript)
        for kept in (node.left, node.right):
            text = code.text(kept) if is_free else code.as_operand(kept)
            yield code.change(Operator.TERM, node, code.replace(node, text), after=text)


def shift_slices(code: Code, answer: Answer) -> Iterator[Change]:
    """A slice or an index is off by one; an open end is closed before its last element."""
    for subscript in code.nodes(ast.Subscript):
        parts = subscript.slice.elts if isinstance(subscript.slice, ast.Tuple) else [subscript.slice]
        for part in parts:
            edits = list(_slice_edits(code, part) if isinstance(part, ast.Slice) else _place_edits(code, part))
            for edit in edits:
                yield code.change(Operator.SLICE, subscript, edit, after=_edited(code, subscript, edit))


def _slice_edits(code: Code, part: ast.Slice) -> Iterator[Edit]:
    for bound in (part.lower, part.upper, part.step):
        if bound is not None:
            yield from _place_edits(code, bound, is_step=bound is part.step)
    start, end = code.start(part), code.end(part)
    if part.lower is None:
        yield Edit(start=start, end=start, text="1")
    if part.upper is None and part.step is None:
        colon = code.source.find(":", code.end(part.lower) if part.lower is not None else start, end)
        if colon >= 0:
            yield Edit(start=colon + 1, end=colon + 1, text="-1")


def _place_edits(code: Code, bound: ast.expr, *, is_step: bool = False) -> Iterator[Edit]:
    is_negative = isinstance(bound, ast.UnaryOp) and isinstance(bound.op, ast.USub)
    number = number_of(bound.operand if isinstance(bound, ast.UnaryOp) and is_negative else bound)
    if not isinstance(number, int):
        return
    place = -number if is_negative else number
    for other in (place + 1, place - 1):
        if not (is_step and other == 0):
            yield code.replace(bound, str(other))


def change_rates(code: Code, answer: Answer) -> Iterator[Change]:
    """The learning rate is a hundredth of what it should be, or 0."""
    for node in code.nodes(ast.Constant):
        number = number_of(node)
        if number is None or not _is_rate(code, node):
            continue
        for other in (number / 100, 0.0):
            yield code.change(Operator.LEARNING_RATE, node, code.replace(node, repr(other)), after=repr(other))


_RATES = frozenset({"lr", "learning_rate", "eta", "step_size"})


def _is_rate(code: Code, node: ast.Constant) -> bool:
    parent = code.parents.get(node)
    if isinstance(parent, ast.keyword):
        return parent.arg in _RATES
    if isinstance(parent, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in _RATES for target in parent.targets)
    return False


def change_steps(code: Code, answer: Answer) -> Iterator[Change]:
    """A loop runs once less, once more, or only once."""
    for call in code.nodes(ast.Call):
        if not (isinstance(call.func, ast.Name) and is_call_of(call, "range") and call.args):
            continue
        last = call.args[0] if len(call.args) == 1 else call.args[1]
        operand = code.as_operand(last)
        others = [f"{operand} - 1", f"{operand} + 1"] + (["1"] if len(call.args) == 1 else [])
        for text in others:
            edit = code.replace(last, text)
            yield code.change(Operator.STEPS, call, edit, after=_edited(code, call, edit))


def _edited(code: Code, node: ast.AST, edit: Edit) -> str:
    """The node's text with an edit inside it."""
    start = code.start(node)
    text = code.text(node)
    return text[: edit.start - start] + edit.text + text[edit.end - start :]
