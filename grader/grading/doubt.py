"""Whether a pattern that occurs in the code has anything to do with the right output beside it."""

import ast
from collections.abc import Sequence
from typing import TypeGuard

from grader.domain.execution import Evidence
from grader.domain.python import walk
from grader.domain.remember import remember_by_subject
from grader.grading.display import MAX_CHARACTERS, read_shown, shown_text
from grader.grading.live import live_tree
from grader.grading.occurrence import right_places
from grader.grading.origin import could_be_from
from grader.grading.pattern import Pattern
from grader.grading.printed import PrintedNumbers
from grader.grading.showing import find_shown
from grader.grading.syntax import parse_leniently

_SPELLS_OUT = frozenset(
    {"__repr__", "__str__", "__format__", "_repr_html_", "_repr_pretty_", "_repr_mimebundle_", "_ipython_display_"}
)
"""Who defines one of these decides what print and display show."""


def find_doubt(pattern: Pattern, *, actual: Evidence, expected: Evidence) -> str | None:
    """The code of the doubt; None where the match gives what is shown, or where nothing asks for that.

    It is asked for where the reference shows what its own match gives, and where the right thing is shown at all: else
    the `output` check beside this one has the word.

    Args:
        pattern: occurs in the student's code.
        actual: the student's question.
        expected: the reference's.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    judge = _Judge(pattern)
    wanted = read_shown(shown_text(expected))
    if not any(isinstance(item, PrintedNumbers) for item in wanted):
        return None
    if not right_places(read_shown(shown_text(actual)[-MAX_CHARACTERS:]), wanted):
        return None
    if not any(judge.is_from_match(one.parts) for one in find_shown(expected)):
        return None
    if _spells_itself(pattern, actual):
        return "source.own_display"
    return None if could_be_from(judge.is_from_match, actual=actual, wanted=wanted) else "source.not_shown"


class _Judge:
    """Decides for expressions, each of them once, whether the pattern or a rival of it occurs in them."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._known: dict[ast.expr, tuple[bool, bool]] = {}

    def is_from_match(self, parts: Sequence[ast.expr]) -> bool:
        """Whether the pattern's match flows into something, and nothing that only resembles it."""
        found = [self._look(part) for part in parts]
        return any(has_match for has_match, _ in found) and not any(has_rival for _, has_rival in found)

    def _look(self, part: ast.expr) -> tuple[bool, bool]:
        if part not in self._known:
            rivals = filter(_is_slice, walk(part)) if _is_slice(self._pattern.expression) else ()
            has_rival = any(not self._pattern.occurs_in(rival) for rival in rivals)
            self._known[part] = self._pattern.occurs_in(part), has_rival
        return self._known[part]


def _is_slice(node: ast.AST | None) -> TypeGuard[ast.Subscript]:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _spells_itself(pattern: Pattern, evidence: Evidence) -> bool:
    """Classes of the student's own decide what is shown, or what the pattern's method or brackets give."""
    own = _hook_names(live_tree(evidence.source))
    wanted = pattern.expression
    if isinstance(wanted, ast.Subscript) and "__getitem__" in own:
        return True
    if isinstance(wanted, ast.Call) and isinstance(wanted.func, ast.Attribute) and wanted.func.attr in own:
        return True
    return not _SPELLS_OUT.isdisjoint(own | _hook_names(parse_leniently(evidence.notebook_source)))


@remember_by_subject
def _hook_names(tree: ast.Module) -> frozenset[str]:
    """Names of methods, of attributes that are set, and strings that may name either."""
    names = set()
    for node in walk(tree):
        if isinstance(node, ast.ClassDef):
            names |= {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
            names |= {one.id for one in walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40:
            names.add(node.value)
    return frozenset(names)
