"""Mistakes with autograd and training: what is forgotten, cut off, doubled, or shown in the gradient's place."""

import ast
from collections.abc import Iterator

from grader.authoring.mutants_text import (
    Answer,
    Change,
    Code,
    Edit,
    Operator,
    called_name,
    is_call_of,
    is_torch_maker,
    keyword_of,
    root_name,
)

_LOSS_WORDS = ("loss", "criterion", "cross_entropy", "mse", "nll", "bce")


def drop_requires_grad(code: Code, answer: Answer) -> Iterator[Change]:
    """A leaf does not require grad."""
    for call in code.nodes(ast.Call):
        keyword = keyword_of(call, "requires_grad")
        if keyword is not None and isinstance(keyword.value, ast.Constant) and keyword.value.value is True:
            edit = code.replace(keyword.value, "False")
            yield code.change(Operator.REQUIRES_GRAD, keyword, edit, after="requires_grad=False")
        if isinstance(call.func, ast.Attribute) and call.func.attr == "requires_grad_":
            text = code.text(call.func.value)
            yield code.change(Operator.REQUIRES_GRAD, call, code.replace(call, text), after=text)
    for statement in code.nodes(ast.Assign):
        if any(isinstance(target, ast.Attribute) and target.attr == "requires_grad" for target in statement.targets):
            yield code.change(Operator.REQUIRES_GRAD, statement, code.without(statement), after="")


def drop_zero_grad(code: Code, answer: Answer) -> Iterator[Change]:
    """Gradients are never set back."""
    for statement in code.nodes(ast.stmt):
        if _zeroes_a_gradient(statement):
            yield code.change(Operator.ZERO_GRAD, statement, code.without(statement), after="")


def _zeroes_a_gradient(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Attribute) and target.attr == "grad" for target in statement.targets)
    call = statement.value if isinstance(statement, ast.Expr) else None
    if is_call_of(call, "zero_grad"):
        return True
    function = call.func if isinstance(call, ast.Call) else None
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("zero_", "fill_")
        and isinstance(function.value, ast.Attribute)
        and function.value.attr == "grad"
    )


def drop_no_grad(code: Code, answer: Answer) -> Iterator[Change]:
    """What should not be followed is followed."""
    for block in code.nodes(ast.With):
        for item in block.items:
            if is_call_of(item.context_expr, "no_grad", "inference_mode"):
                edit = code.replace(item.context_expr, "torch.enable_grad()")
                yield code.change(Operator.NO_GRAD, item.context_expr, edit, after="torch.enable_grad()")


def cut_off(code: Code, answer: Answer) -> Iterator[Change]:
    """A result is detached, or a `detach` that is needed is forgotten."""
    for call in code.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "detach" and not call.args:
            text = code.text(call.func.value)
            yield code.change(Operator.DETACH, call, code.replace(call, text), after=text)
    if not answer.differentiates:
        return
    for value in code.results():
        is_computed = isinstance(value, ast.BinOp) or (isinstance(value, ast.Call) and not is_call_of(value, "detach"))
        if is_computed and not _makes_a_leaf(value):
            text = f"{code.as_operand(value)}.detach()"
            yield code.change(Operator.DETACH, value, code.replace(value, text), after=text)


def _makes_a_leaf(value: ast.expr) -> bool:
    return is_torch_maker(value) or (isinstance(value, ast.Call) and root_name(value) in ("nn", "np"))


def use_data(code: Code, answer: Answer) -> Iterator[Change]:
    """`x` becomes `x.data`: the same numbers, which autograd knows nothing of."""
    for name in code.nodes(ast.Name):
        if not (isinstance(name.ctx, ast.Load) and name.id in answer.leaves):
            continue
        parent = code.parents.get(name)
        is_plain = isinstance(parent, ast.BinOp | ast.Call | ast.Compare)
        if is_plain and not is_call_of(parent, "print", "grad", "SGD", "Adam"):
            text = f"{name.id}.data"
            yield code.change(Operator.DATA, name, code.replace(name, text), after=text)


def double_backward(code: Code, answer: Answer) -> Iterator[Change]:
    """`backward` runs twice, so gradients are added up."""
    for statement in code.nodes(ast.Expr):
        call = statement.value
        if not (isinstance(call, ast.Call) and is_call_of(call, "backward")):
            continue
        at = code.end(call) - 1
        comma = ", " if call.args or call.keywords else ""
        kept = Edit(start=at, end=at, text=f"{comma}retain_graph=True")
        again = f"\n{code.indent_of(statement)}{code.text(call)}"
        edits = [Edit(start=code.end(statement), end=code.end(statement), text=again)]
        if keyword_of(call, "retain_graph") is None:
            edits.append(kept)
        yield code.change(Operator.BACKWARD_TWICE, statement, *edits, after=f"{code.text(call)} × 2")


def take_value_for_gradient(code: Code, answer: Answer) -> Iterator[Change]:
    """The value of the function is shown or kept where its derivative is asked for; nothing is differentiated."""
    passes = [
        (statement, code.text(statement.value.func.value))
        for statement in code.nodes(ast.Expr)
        if isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr == "backward"
    ]
    for attribute in code.nodes(ast.Attribute):
        if attribute.attr != "grad" or not isinstance(attribute.ctx, ast.Load) or root_name(attribute) == "torch":
            continue
        if isinstance(code.parents.get(attribute), ast.Attribute | ast.Call) and not _is_argument(code, attribute):
            continue
        for statement, value in passes:
            edits = (code.replace(attribute, value), code.without(statement))
            yield code.change(Operator.VALUE_FOR_GRADIENT, attribute, *edits, after=value)
    for call in code.nodes(ast.Call):
        if is_call_of(call, "grad") and call.args:
            text = code.text(call.args[0])
            kept = f"({text},)" if root_name(call.func) in ("torch", "autograd") else text
            yield code.change(Operator.VALUE_FOR_GRADIENT, call, code.replace(call, kept), after=text)


def _is_argument(code: Code, node: ast.expr) -> bool:
    parent = code.parents.get(node)
    return isinstance(parent, ast.Call) and node in parent.args


def forget_modes(code: Code, answer: Answer) -> Iterator[Change]:
    """`model.eval()` or `model.train()` is forgotten."""
    for statement in code.nodes(ast.Expr):
        call = statement.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("eval", "train"):
            yield code.change(Operator.MODE, statement, code.without(statement), after="")


def shuffle_labels(code: Code, answer: Answer) -> Iterator[Change]:
    """Labels do not belong to their inputs any more."""
    for call in code.nodes(ast.Call):
        word = called_name(call).lower()
        if len(call.args) == 2 and any(part in word for part in _LOSS_WORDS) and _is_in_loop(code, call):
            text = f"{code.as_operand(call.args[1])}.flip(0)"
            yield code.change(Operator.LABELS, call.args[1], code.replace(call.args[1], text), after=text)


def _is_in_loop(code: Code, node: ast.AST) -> bool:
    while node in code.parents:
        node = code.parents[node]
        if isinstance(node, ast.For | ast.While):
            return True
    return False
