"""Mistakes that go round the question: an answer written down, another variable, a step left out."""

import ast
from collections.abc import Iterator

from grader.authoring.mutants_text import SEEDING, Answer, Change, Code, Operator, called_name, decorates, is_call_of
from grader.domain.python import walk

_MAKING = frozenset({"tensor", "Tensor", "as_tensor", "array", "asarray", "Size", "list", "tuple", "int", "float"})
_SHOWING = frozenset({"print", "display"})
_STEPS_OF_OTHERS = frozenset(
    {"backward", "zero_grad", "eval", "train", "requires_grad_", "show", "close", "zero_", "__init__"}
)
"""Dropped by operators of their own, or without anybody noticing."""
_OTHERS_TRIED = 2


def write_down(code: Code, answer: Answer) -> Iterator[Change]:
    """A result is typed in instead of computed."""
    last: dict[str, ast.Assign] = {}
    for statement in code.tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if isinstance(target, ast.Name) and target.id in answer.names:
                last[target.id] = statement
    for name, statement in last.items():
        if name in answer.literals and not _is_typed(statement.value):
            text = answer.literals[name]
            edit = code.replace(statement.value, text)
            yield code.change(Operator.HARD_CODED, statement.value, edit, after=_short(text), name=name)
    printed = answer.printed.get(code.index)
    shown = [node for node in code.nodes(ast.Expr) if _shown_expression(node) is not None]
    if answer.is_shown and printed and len(shown) == 1 and code.function_of(shown[0]) is None:
        expression = _shown_expression(shown[0])
        if expression is not None and not _is_typed(expression):
            edit = code.replace(shown[0], f"print({printed!r})")
            yield code.change(Operator.HARD_CODED, shown[0], edit, after=_short(f"print({printed!r})"), name="print")


def _shown_expression(statement: ast.Expr) -> ast.expr | None:
    call = statement.value
    if isinstance(call, ast.Call) and is_call_of(call, *_SHOWING) and len(call.args) == 1:
        return call.args[0]
    return None


def _is_typed(value: ast.expr) -> bool:
    """It is written down already, so that writing it down changes nothing."""
    return all(
        not isinstance(node, ast.Call) or called_name(node) in _MAKING
        for node in walk(value)
        if isinstance(node, ast.Call)
    ) and not any(
        isinstance(node, ast.Name) and node.id not in _MAKING | {"torch", "np", "numpy", "nn"} for node in walk(value)
    )


def use_stale_variables(code: Code, answer: Answer) -> Iterator[Change]:
    """A variable of an earlier cell stands where another one belongs."""
    for name in code.nodes(ast.Name):
        if not isinstance(name.ctx, ast.Load):
            continue
        pool = answer.earlier_functions if name.id in answer.earlier_functions else answer.earlier
        if name.id not in pool and not _is_bound_here(code, name):
            continue
        if code.function_of(name) is not None and name.id not in pool:
            continue  # a parameter or a local variable
        others = [other for other in pool if other != name.id]
        for other in others[:_OTHERS_TRIED]:
            yield code.change(Operator.STALE, name, code.replace(name, other), after=other)


def _is_bound_here(code: Code, name: ast.Name) -> bool:
    return any(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name.id
        for node in walk(code.tree)
    )


def drop_statements(code: Code, answer: Answer) -> Iterator[Change]:
    """A step is left out."""
    bound = set(answer.earlier)
    for statement in code.nodes(ast.stmt):
        if not isinstance(statement, ast.Expr | ast.Assign | ast.AugAssign):
            continue
        if isinstance(statement, ast.Assign):
            names = {node.id for target in statement.targets for node in walk(target) if isinstance(node, ast.Name)}
            was_bound = names <= bound
            bound |= names
            if not was_bound:
                continue  # whoever drops it gets a NameError, which every check sees
        elif isinstance(statement, ast.Expr) and not _is_step(code, statement, answer):
            continue
        yield code.change(Operator.STATEMENT, statement, code.without(statement), after="")


def _is_step(code: Code, statement: ast.Expr, answer: Answer) -> bool:
    """Somebody would have to notice that it is missing, and no other operator drops it."""
    if isinstance(statement.value, ast.Constant) or is_call_of(statement.value, *_STEPS_OF_OTHERS, *SEEDING):
        return False  # a docstring, or another operator's
    if decorates(statement.value):
        return answer.is_drawn
    return answer.is_shown or not code.is_mere_display(statement)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
