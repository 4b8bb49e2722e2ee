"""Whether the value of a variable stands written in the code, where it should have been computed."""

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.domain.python import walk
from grader.domain.remember import remember_by_subject
from grader.grading.live import live_tree
from grader.grading.syntax import top_level_names

_MAKERS = frozenset({"tensor", "Tensor", "as_tensor", "from_numpy", "array", "asarray", "FloatTensor", "DoubleTensor",
                     "LongTensor", "IntTensor", "BoolTensor", "Size", "list", "tuple", "dict", "int", "float", "bool",
                     "complex", "str", "float32", "float64", "int32", "int64", "full", "stack", "cat",
                     "concatenate", "zeros", "ones", "empty"})  # fmt: skip
"""Of written parts they make a written whole."""
_REFORMERS = frozenset({"float", "double", "half", "long", "int", "bool", "to", "type", "astype", "reshape", "view",
                        "squeeze", "unsqueeze", "t", "T", "mT", "clone", "detach", "numpy", "item", "tolist",
                        "requires_grad_", "split", "strip"})  # fmt: skip
"""They leave the numbers as they are."""
_PROPERTIES = frozenset({"dtype", "device", "requires_grad"})
_CHANGERS = frozenset({"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update",
                       "setdefault", "fill", "put"})  # fmt: skip
_ONLY_SHOW = frozenset({"print", "display", "plot", "show", "scatter", "title", "len"})


def is_written_down(name: str, *, source: str, notebook_source: str, given: Collection[str]) -> bool:
    """Whether what a name holds at the end was bound to it as written numbers, and nothing changed it afterwards.

    Only what runs at the top level decides. Arithmetic, even with written numbers alone, is a computation.

    Args:
        name: a variable.
        source: the question's code.
        notebook_source: all code up to its end, which decides where the question's own does not bind the name.
        given: names that the reference binds, too: what is made of them is computed, though they hold written numbers.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    for code in (source, notebook_source):
        body = live_tree(code).body
        if any(_bound_value(statement, name) or name in _touched(statement) for statement in body):
            return _Reading(body=body, given=frozenset(given)).is_written_name(name, seen=frozenset())
    return False


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """Statements of the top level, in the order in which they run."""

    body: Sequence[ast.stmt]
    given: frozenset[str]

    def is_written_name(self, name: str, *, seen: frozenset[str]) -> bool:
        last: ast.expr | None = None
        for statement in self.body:
            value = _bound_value(statement, name)
            if value is not None:
                last = value
            elif name in _touched(statement) and not self._fills_in(statement, name, seen=seen):
                last = None
        return last is not None and name not in seen and self._is_written(last, seen=seen | {name})

    def _fills_in(self, statement: ast.stmt, name: str, *, seen: frozenset[str]) -> bool:
        """Whether it puts written values into a place or places of what the name holds: `k[0], k[1] = 1.0, 2.0`."""
        if not isinstance(statement, ast.Assign) or not self._is_written(statement.value, seen=seen):
            return False
        targets = [part for one in statement.targets for part in getattr(one, "elts", [one])]
        return all(isinstance(one, ast.Subscript) and _is_name(one.value, name) for one in targets)

    def _is_written(self, value: ast.expr, *, seen: frozenset[str]) -> bool:
        match value:
            case ast.Constant():
                return True
            case ast.Name(id=name):
                return name not in self.given and self.is_written_name(name, seen=seen)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return all(self._is_written(part, seen=seen) for part in parts)
            case ast.Dict(values=parts):
                return all(self._is_written(part, seen=seen) for part in parts)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._is_written(operand, seen=seen)
            case ast.ListComp(elt=part, generators=[ast.comprehension(target=ast.Name(id=name), iter=whole)]):
                return self._is_written(whole, seen=seen) and _only_casts(part, name)
            case ast.BinOp(left=left, right=ast.Constant(value=complex())):
                return self._is_written(left, seen=seen)
            case ast.Attribute(value=base, attr=attribute):
                return attribute in _REFORMERS and self._is_written(base, seen=seen)
            case ast.Call():
                return self._is_written_call(value, seen=seen)
        return False

    def _is_written_call(self, call: ast.Call, *, seen: frozenset[str]) -> bool:
        word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
        if isinstance(call.func, ast.Attribute) and word in _REFORMERS and self._is_written(call.func.value, seen=seen):
            return True
        parts = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg not in _PROPERTIES)]
        return word in _MAKERS and bool(parts) and all(self._is_written(part, seen=seen) for part in parts)


def _only_casts(part: ast.expr, name: str) -> bool:
    """Whether a comprehension gives each item as it is, or cast: `[float(word) for word in words]`."""
    while isinstance(part, ast.Call) and len(part.args) == 1 and getattr(part.func, "id", None) in _MAKERS:
        part = part.args[0]
    return _is_name(part, name)


def _bound_value(statement: ast.stmt, name: str) -> ast.expr | None:
    """What a plain assignment binds to a name; None for every other statement."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value if _is_name(statement.target, name) else None
    if not isinstance(statement, ast.Assign):
        return None
    for target in statement.targets:
        if _is_name(target, name):
            return statement.value
        if isinstance(target, ast.Tuple | ast.List) and isinstance(statement.value, ast.Tuple | ast.List):
            for place, part in enumerate(target.elts[: len(statement.value.elts)]):
                if _is_name(part, name):
                    return statement.value.elts[place]
    return None


@remember_by_subject
def _touched(statement: ast.stmt) -> frozenset[str]:
    """The names that a statement binds, and those of which it may change what they hold."""
    names = {*top_level_names(ast.Module(body=[statement], type_ignores=[]))}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
        if word not in _ONLY_SHOW:  # a function may change what it is given
            names.update(part.id for part in call.args if isinstance(part, ast.Name))
    return frozenset(names.union(*map(_changed, walk(statement))))


def _changed(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Del()) | ast.keyword(arg="out", value=ast.Name(id=name)):
            return (name,)
        case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
            return _roots(node)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
        case ast.Call(func=ast.Attribute(value=base, attr=method)) if method != "requires_grad_":
            return _roots(base) if method in _CHANGERS or method.endswith("_") else ()
    return ()


def _roots(node: ast.AST) -> Iterator[str]:
    """The name behind `name[0].data`, where there is one."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
