"""The student's expression that comes nearest to a pattern, and what kind of thing keeps it from matching."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from grader.domain.python import parse_expression, walk
from grader.domain.text import Fact
from grader.grading.pattern import Pattern, variable_of

_Node = TypeVar("_Node", bound=ast.expr)
_MAX_SHOWN = 80
_MAX_JUDGED = 200
"""Slices that are looked at, from the last one: spelling one takes time linear in the whole source."""
_SLOTS = ("lower", "upper", "step")


@dataclass(frozen=True, kw_only=True)
class NearMiss:
    """What was found and how it differs; `code` is a finding's code, the facts never hold the pattern."""

    code: str
    facts: Mapping[str, Fact]
    is_open: bool = False
    """It may serve the purpose all the same: a person decides."""


def find_near_miss(pattern: Pattern, tree: ast.AST, *, source: str) -> NearMiss | None:
    """Name the nearest expression of the student's; None where nothing resembles the pattern.

    Args:
        pattern: does not occur in the tree.
        tree: the student's code that runs, its positions those of `source`.
        source: the student's code, for the spelling.
    """
    wanted = pattern.expression
    if isinstance(wanted, ast.Subscript) and isinstance(wanted.slice, ast.Slice):
        return _near_slice(pattern, wanted.slice, tree, source)
    if isinstance(wanted, ast.Call):
        return _near_call(wanted, tree, source)
    return None


def _near_slice(pattern: Pattern, wanted: ast.Slice, tree: ast.AST, source: str) -> NearMiss | None:
    """Of the student's slices the one with the least wrong; of equals the last, for later answers replace earlier."""
    best: tuple[int, NearMiss] | None = None
    for node in _in_order(tree, ast.Subscript)[-_MAX_JUDGED:]:
        found = _judge_slice(pattern, wanted, node, source)
        if found is not None and (best is None or found[0] <= best[0]):
            best = found
    return best[1] if best else None


def _judge_slice(pattern: Pattern, wanted: ast.Slice, node: ast.Subscript, source: str) -> tuple[int, NearMiss] | None:
    """How far one subscript is from the wanted one, and the words for it; the untouched original is the furthest."""
    spelling: dict[str, Fact] = {"found": spell(node, source)}
    if isinstance(node.slice, ast.Tuple) and any(isinstance(part, ast.Slice) for part in node.slice.elts):
        return 4, NearMiss(code="source.slice_too_many", facts=spelling)
    if not isinstance(node.slice, ast.Slice):
        return None
    lost, empty, unfit, extra = [], 0, [], 0
    has_to_be_written = False
    for slot in _SLOTS:
        wish, part = getattr(wanted, slot), getattr(node.slice, slot)
        variable = variable_of(wish)
        if wish is None:
            extra += part is not None
        elif variable is None:
            if part is None or ast.dump(part) != ast.dump(wish):
                lost.append(ast.unparse(wish))
        elif part is None:
            empty += 1
        elif variable in pattern.where and not pattern.where[variable].fits(ast.unparse(part)):
            unfit.append(spell(part, source))
            has_to_be_written = has_to_be_written or pattern.where[variable].kind in ("integer", "number")
    if (lost or extra) and not any(variable_of(getattr(wanted, slot)) for slot in _SLOTS):
        return 5, NearMiss(code="source.slice_differs", facts=spelling)  # what is lost would be the answer itself
    if lost:
        return 5, NearMiss(code="source.slice_lost", facts=spelling | {"lost": list(lost)})
    if empty:
        is_untouched = empty == sum(variable_of(getattr(wanted, slot)) is not None for slot in _SLOTS)
        return 6 if is_untouched else 2, NearMiss(code="source.slice_too_few", facts=spelling | {"missing": empty})
    if unfit:
        code = "source.slice_not_fixed" if has_to_be_written else "source.slice_other_part"
        return 1, NearMiss(code=code, facts=spelling | {"parts": list(unfit)})
    if extra:
        return 3, NearMiss(code="source.slice_too_many", facts=spelling)
    return None


def _near_call(wanted: ast.Call, tree: ast.AST, source: str) -> NearMiss | None:
    """A call of the same name with other arguments, or the name without a call."""
    name = _last_name(wanted.func)
    if name is None:
        return None
    calls = [node for node in _in_order(tree, ast.Call) if _last_name(node.func) == name]
    if calls:
        return NearMiss(code="source.call_differs", facts={"found": spell(calls[-1], source)}, is_open=True)
    mentions = [node for node in _in_order(tree, ast.Attribute) if node.attr == name]
    if mentions:
        return NearMiss(code="source.not_called", facts={"found": spell(mentions[-1], source)})
    return None


def _last_name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) and variable_of(function) is None else None


def spell(node: ast.expr, source: str) -> str:
    """A node as the student wrote it, on one line and not too long."""
    text = ast.unparse(node)
    written = " ".join((ast.get_source_segment(source, node) or "").split())
    try:  # positions inside f-strings are wrong before Python 3.12
        is_right = ast.dump(parse_expression(written)) == ast.dump(node)
    except (SyntaxError, ValueError):
        is_right = False
    shown = written if is_right else text
    return shown if len(shown) <= _MAX_SHOWN else shown[: _MAX_SHOWN - 1] + "…"


def _in_order(tree: ast.AST, kind: type[_Node]) -> list[_Node]:
    found = [node for node in walk(tree) if isinstance(node, kind)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))
