"""Whether code may do what a pattern forbids out of its sight: by another name, or from within a text."""

import ast
from collections.abc import Iterator

from grader.domain.python import walk
from grader.domain.remember import remember_by_text
from grader.grading.live import live_tree
from grader.grading.pattern import Pattern, variable_of
from grader.grading.syntax import mentioned_names, parse_leniently, top_level_names

_BY_NAME = frozenset({"eval", "exec", "compile", "__import__", "import_module", "attrgetter", "methodcaller", "vars",
                      "globals", "locals", "__dict__", "__getattribute__"})  # fmt: skip
"""Through these code reaches anything by a name that is put together when it runs."""


def may_hide(pattern: Pattern, *, source: str, notebook_source: str, keeps_definitions: bool) -> bool:
    """Whether a pattern that the question's own code does not contain may be there all the same.

    Args:
        pattern: must not occur, and does not occur in the live code of the question.
        source: the question's code.
        notebook_source: all code up to its end; what the question uses of it is looked at, too.
        keeps_definitions: as in `live_tree`.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    earlier, nodes = _looked_at(source, notebook_source=notebook_source, keeps_definitions=keeps_definitions)
    if pattern.occurs_in(earlier):
        return True
    expression = pattern.expression
    if isinstance(expression, ast.Call) and [variable_of(one) for one in expression.args] != [""]:
        return False  # it is about what a call is given
    function = expression.func if isinstance(expression, ast.Call) else None
    return any(
        _reaches_by_name(node, function) or (function is not None and _is_other_name(node, function)) for node in nodes
    )


@remember_by_text
def _looked_at(source: str, *, notebook_source: str, keeps_definitions: bool) -> tuple[ast.Module, tuple[ast.AST, ...]]:
    """What the question uses of earlier cells, and all nodes of that and of its own live code."""
    question = live_tree(source, keeps_definitions=keeps_definitions)
    earlier = _used_definitions(question, notebook=parse_leniently(notebook_source))
    return earlier, (*_without_called(question), *_without_called(earlier))


def _used_definitions(question: ast.Module, *, notebook: ast.Module) -> ast.Module:
    """What earlier cells bind, by statements of the top level, and the question uses, directly or through others."""
    known: dict[str, list[ast.stmt]] = {}
    for statement in notebook.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.ImportFrom):
            for name in top_level_names(ast.Module(body=[statement], type_ignores=[])):
                known.setdefault(name, []).append(statement)
    found: dict[ast.stmt, None] = {}
    waiting = sorted(mentioned_names(question) - {*top_level_names(question)})
    while waiting:
        for statement in known.pop(waiting.pop(), ()):
            if statement not in found:
                found[statement] = None
                waiting += sorted(mentioned_names(ast.Module(body=[statement], type_ignores=[])))
    return ast.Module(body=list(found), type_ignores=[])


def _without_called(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes but the names of functions that are called, for which their calls stand."""
    called = {id(node.func) for node in walk(tree) if isinstance(node, ast.Call)}
    return (node for node in walk(tree) if isinstance(node, ast.Call) or id(node) not in called)


def _reaches_by_name(node: ast.AST, function: ast.expr | None) -> bool:
    if isinstance(node, ast.Call) and _word(node.func) == "getattr" and len(node.args) > 1:
        match node.args[1]:
            case ast.Name():
                return False  # of a few methods the one that is asked for, as in getattr(losses, reduction)
            case ast.Constant(value=name):
                return function is None or name == _word(function)
        return True
    return _word(node.func if isinstance(node, ast.Call) else node) in _BY_NAME


def _is_other_name(node: ast.AST, function: ast.expr) -> bool:
    """A function that must not be called is called by another path, bound to another name or imported."""
    word = _word(function)
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == word for alias in node.names)
    if isinstance(node, ast.Call):
        return _word(node.func) == word
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load) or _word(node) != word:
        return False
    # `W.grad` is no `torch.autograd.grad`, but any `.softmax` may be what `$X.softmax` stands for.
    is_any = isinstance(function, ast.Attribute) and variable_of(function.value) is not None
    return is_any or ast.unparse(node) == ast.unparse(function)


def _word(node: ast.AST) -> str:
    """The last name of a dotted expression."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
