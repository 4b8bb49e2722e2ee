"""What a question's code shows, read from its syntax tree: each shown expression with all that flows into it.

Values are followed through names, calls of the student's own functions and containers, in the order of the
statements. The result errs on the side of flowing: what may reach a print counts as reaching it.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from grader.domain.execution import Evidence
from grader.domain.python import walk
from grader.domain.remember import remember_by_subject, remember_by_text
from grader.grading.live import live_tree
from grader.grading.syntax import parse_leniently

_PRINTERS = frozenset({"print", "display", "pprint", "pp", "write", "exec"})
"""With exec, since a text that is run may show what is written in it, and nobody reads it there."""
_SILENT_METHODS = frozenset({"backward", "append", "extend", "seed", "manual_seed", "insert", "sort"})
_MAX_DEPTH = 8
_MAX_PARTS = 400
"""Expressions that flow into one shown thing; beyond them the oldest are forgotten."""
_MAX_SHOWN = 500
_MAX_ENTERED = 300
"""Calls of the student's functions that are followed; functions that call each other would take for ever."""

Parts: TypeAlias = tuple[ast.expr, ...]
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One thing that is shown: an argument of print or display, a gap of an f-string, a cell's last value."""

    expression: ast.expr
    parts: Parts
    """The expression and all expressions whose values flow into it."""
    is_once: bool
    """It is shown exactly once: neither in a loop, nor under a condition, nor in a handler."""


def find_shown(evidence: Evidence) -> tuple[Shown, ...]:
    """Everything that a question's code shows, in the order of its statements.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    results = _Results.of(evidence)
    return _find_shown(source=evidence.source, notebook_source=evidence.notebook_source, results=results)


@dataclass(frozen=True, kw_only=True)
class _Results:
    """The values of their last lines that a question's cells showed."""

    count: int
    is_last: bool
    """The last cell showed one."""
    is_one_cell: bool

    @classmethod
    def of(cls, evidence: Evidence) -> "_Results":
        outputs = evidence.cell_runs[-1].outputs if evidence.cell_runs else evidence.outputs
        return cls(
            count=sum(output.kind == "result" for output in evidence.outputs),
            is_last=any(output.kind == "result" for output in outputs),
            is_one_cell=len(evidence.cell_runs) <= 1,
        )


@remember_by_text
def _find_shown(*, source: str, notebook_source: str, results: _Results) -> tuple[Shown, ...]:
    tree = live_tree(source)
    functions = {**_functions(parse_leniently(notebook_source)), **_functions(tree)}
    reader = _Reader(functions=functions, budget=_Budget())
    last = _last_values(tree, source=source, results=results)
    for statement in tree.body:
        reader.read(statement, result=last.get(statement))
    return tuple(reader.shown)


@remember_by_subject
def _functions(tree: ast.Module) -> Mapping[str, _Function]:
    """Functions by name; methods count by their own name, whatever class they are of."""
    functions: dict[str, _Function] = {}
    for node in walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            functions |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    return functions


def _last_values(tree: ast.Module, *, source: str, results: _Results) -> dict[ast.stmt, bool]:
    """Statements that may show their value as the last of a cell, and whether it is certain that they do.

    Where one cell ends and the next begins is not known here; how many values were shown is, and whether by the last.
    """
    lines = source.split("\n")
    values = [one for one in tree.body if isinstance(one, ast.Expr) and not _is_silent(one, lines)]
    left = results.count
    found: dict[ast.stmt, bool] = {}
    if values and values[-1] is tree.body[-1]:
        last = values.pop()
        if results.is_last:
            found[last] = True
            left -= 1
    return found if left <= 0 or results.is_one_cell else found | dict.fromkeys(values, len(values) == left)


def _is_silent(statement: ast.Expr, lines: Sequence[str]) -> bool:
    """It prints, is None, or ends in a semicolon: its value is not shown."""
    value = statement.value
    if isinstance(value, ast.Call) and _called(value) in _PRINTERS | _SILENT_METHODS:
        return True
    line = lines[statement.end_lineno - 1] if statement.end_lineno and statement.end_lineno <= len(lines) else ""
    rest = line.encode("utf-8", "replace")[statement.end_col_offset or 0 :].decode("utf-8", "replace")
    return rest.lstrip().startswith(";") and not rest.lstrip(" ;").strip().strip(";")


@dataclass
class _Budget:
    entered: int = 0


@dataclass(kw_only=True)
class _Reader:
    """Goes through the statements of one scope, with what flows into each name so far."""

    functions: Mapping[str, _Function]
    budget: _Budget
    shown: list[Shown] = field(default_factory=list)
    names: dict[str, Parts] = field(default_factory=dict)
    is_once: bool = True
    depth: int = 0

    # --- statements ---------------------------------------------------------------------------------------------------

    def read(self, statement: ast.stmt, *, result: bool | None = None) -> None:
        """Take one statement in; `result` tells whether its value is certainly (True) or maybe shown."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(statement, ast.ClassDef):
            for member in statement.body:
                self.read(member)
            return
        if isinstance(statement, ast.Expr) and result is not None:
            self._show(statement.value, is_once=self.is_once and result)
            return
        for expression in _own_expressions(statement):
            self._read_expression(expression)
        self._bind(statement)
        blocks = [getattr(statement, name, None) or [] for name in ("body", "orelse", "finalbody")]
        blocks += [part.body for part in getattr(statement, "handlers", []) + getattr(statement, "cases", [])]
        if any(blocks):
            self._read_blocks(statement, blocks)

    def _read_blocks(self, statement: ast.stmt, blocks: Sequence[Sequence[ast.stmt]]) -> None:
        before, names = self.is_once, dict(self.names)
        self.is_once = before and isinstance(statement, ast.With | ast.AsyncWith)
        for block in blocks:
            for inner in block:
                self.read(inner)
        self.is_once = before
        for name, parts in names.items():  # the block may not have run
            self.names[name] = _joined(parts, self.names[name])

    def _bind(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=target, value=value):
                self._add_to(target, self.parts(value))
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._assign(target, value)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._assign(item.optional_vars, item.context_expr)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = self.parts(value)
        elif isinstance(target, ast.Tuple | ast.List):
            pairs: list[tuple[ast.expr, ast.expr]] = [(element, value) for element in target.elts]
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                pairs = list(zip(target.elts, value.elts, strict=True))
            for element, part in pairs:
                self._assign(element, part)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, value)
        else:
            self._add_to(target, self.parts(value))

    def _add_to(self, target: ast.expr, parts: Parts) -> None:
        """A part of what a name holds is changed."""
        while isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
            target = target.value
        if isinstance(target, ast.Name):
            self.names[target.id] = _joined(self.names.get(target.id, ()), parts)

    # --- expressions --------------------------------------------------------------------------------------------------

    def _read_expression(self, expression: ast.expr) -> None:
        """What evaluating an expression shows, and what it puts into names."""
        if isinstance(expression, ast.Lambda):
            return
        if isinstance(expression, ast.Call):
            self._read_call(expression)
            return
        before = self.is_once
        if isinstance(expression, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            self.is_once = False
            for generator in expression.generators:
                self._assign(generator.target, generator.iter)
        elif isinstance(expression, ast.IfExp | ast.BoolOp):
            self.is_once = False
        elif isinstance(expression, ast.NamedExpr):
            self._assign(expression.target, expression.value)
        for child in ast.iter_child_nodes(expression):
            if isinstance(child, ast.expr):
                self._read_expression(child)
        self.is_once = before

    def _read_call(self, call: ast.Call) -> None:
        name, arguments = _called(call), [*call.args, *(keyword.value for keyword in call.keywords)]
        if name in _PRINTERS and name not in self.functions:
            for argument in call.args:
                self._show(argument, is_once=self.is_once)
            return
        for child in (call.func, *arguments):
            self._read_expression(child)
        if isinstance(call.func, ast.Attribute):
            self._add_to(call.func.value, _joined(*map(self.parts, arguments)))
        for used in _functions_used(call, self.functions):
            self._enter(used, call if used == name else None)

    def _enter(self, name: str, call: ast.Call | None) -> None:
        """What calling a function of the student's shows, its parameters being what the call gives them."""
        function = self.functions[name]
        inner = self._inside(function, call)
        if inner is None:
            return
        inner.is_once = self.is_once and call is not None
        if isinstance(function, ast.Lambda):
            inner._read_expression(function.body)
        else:
            for statement in function.body:
                inner.read(statement)
        self.shown += inner.shown[: _MAX_SHOWN - len(self.shown)]

    def _inside(self, function: _Function, call: ast.Call | None) -> "_Reader | None":
        """A reader for the function's body; None where calls are nested too deep or are too many."""
        self.budget.entered += 1
        if self.depth >= _MAX_DEPTH or self.budget.entered > _MAX_ENTERED:
            return None
        names = {**self.names, **self._parameters(function, call)}
        return _Reader(functions=self.functions, budget=self.budget, names=names, depth=self.depth + 1)

    def _parameters(self, function: _Function, call: ast.Call | None) -> dict[str, Parts]:
        arguments = function.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        others = [one.arg for one in (*arguments.kwonlyargs, arguments.vararg, arguments.kwarg) if one is not None]
        bound: dict[str, Parts] = dict.fromkeys([*names, *others], ())
        if call is None:
            return bound
        for default_of, default in zip(reversed(names), reversed(arguments.defaults), strict=False):
            bound[default_of] = self.parts(default)
        if isinstance(call.func, ast.Attribute) and names[:1] == ["self"]:
            names = names[1:]
        for place, argument in enumerate(call.args):
            target = names[place] if place < len(names) and not isinstance(argument, ast.Starred) else None
            for name in [target] if target else [*names, *others]:
                bound[name] = self.parts(argument) if target else _joined(bound[name], self.parts(argument))
        for keyword in call.keywords:
            for name in [keyword.arg] if keyword.arg in bound else others:
                bound[name] = _joined(bound[name], self.parts(keyword.value))
        return bound

    def _show(self, expression: ast.expr, *, is_once: bool) -> None:
        """Take one shown expression in: the gaps of an f-string, the sides of joined strings one by one."""
        before, self.is_once = self.is_once, is_once
        self._read_expression(expression)
        self.is_once = before
        for piece in _pieces(expression)[: _MAX_SHOWN - len(self.shown)]:
            is_single = is_once and not isinstance(piece, ast.Starred)
            self.shown.append(Shown(expression=piece, parts=self.parts(piece), is_once=is_single))

    def parts(self, expression: ast.expr) -> Parts:
        """The expression and all that flows into it."""
        found: list[Parts] = [(expression,)]
        for node in _evaluated(expression):
            if isinstance(node, ast.Name):
                found.append(self.names.get(node.id, ()))
            elif isinstance(node, ast.Call):
                used = _functions_used(node, self.functions)
                found += [self._returned(name, node if _called(node) == name else None) for name in used]
        return _joined(*found)

    def _returned(self, name: str, call: ast.Call | None) -> Parts:
        """What flows into the value of a function of the student's."""
        function = self.functions[name]
        inner = self._inside(function, call)
        if inner is None:
            return ()
        if isinstance(function, ast.Lambda):
            return inner.parts(function.body)
        found: Parts = ()
        for statement in function.body:
            inner.read(statement)
            for node in _evaluated(statement):
                if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
                    found = _joined(found, inner.parts(node.value))
        return found


def _joined(*groups: Parts) -> Parts:
    return tuple(dict.fromkeys(part for group in groups for part in group))[:_MAX_PARTS]


def _called(call: ast.Call) -> str | None:
    """The last part of the called function's name."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _functions_used(call: ast.Call, functions: Mapping[str, _Function]) -> list[str]:
    """The student's function that is called, and those that are handed on, as `map(show, ...)` does."""
    names = [_called(call), *(argument.id for argument in call.args if isinstance(argument, ast.Name))]
    return list(dict.fromkeys(name for name in names if name is not None and name in functions))


def _own_expressions(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement that are evaluated, those of inner statements and annotations left out."""
    found = []
    for name, value in ast.iter_fields(statement):
        values = value if isinstance(value, list) else [value]
        found += [one for one in values if isinstance(one, ast.expr) and name != "annotation"]
        found += [one.context_expr for one in values if isinstance(one, ast.withitem)]
    return found


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it that is evaluated with it: no bodies of functions."""
    todo = [node]
    while todo:
        one = todo.pop()
        yield one
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(one))


def _pieces(expression: ast.expr) -> list[ast.expr]:
    """What a shown expression shows one after the other."""
    if isinstance(expression, ast.JoinedStr):
        return [piece for value in expression.values for piece in _pieces(value)]
    if isinstance(expression, ast.List | ast.Tuple):
        return [piece for element in expression.elts for piece in _pieces(element)]
    if isinstance(expression, ast.FormattedValue):
        return [expression.value]
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        template = expression.func.value
        if expression.func.attr == "format" and isinstance(template, ast.Constant):
            return [template, *expression.args, *(keyword.value for keyword in expression.keywords)]
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add) and _is_text(expression):
        return [*_pieces(expression.left), *_pieces(expression.right)]
    return [expression]


def _is_text(expression: ast.expr) -> bool:
    """A sum of which one side is a written string joins strings."""
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return _is_text(expression.left) or _is_text(expression.right)
    if isinstance(expression, ast.JoinedStr):
        return True
    return isinstance(expression, ast.Constant) and isinstance(expression.value, str)
