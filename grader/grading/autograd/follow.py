"""Follows autograd's results through a question's source, without executing it: which names and prints come from them.

A small abstract interpreter in the order of execution. Loops run once, the branches of an `if` are joined, functions
of the student's are entered where they are called. What it cannot follow becomes Blended: a person looks at it.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from grader.grading.autograd.calls import Calls
from grader.grading.autograd.expressions import Shown, TooLarge
from grader.grading.autograd.traces import (
    PLAIN,
    Blended,
    Derived,
    Doubt,
    Kind,
    Path,
    Plain,
    Routine,
    Trace,
    Transform,
    Wording,
    blend,
    concatenated,
    element,
    join,
)
from grader.grading.syntax import MAX_SOURCE, parse_leniently


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where autograd's results go in one question."""

    has_call: bool = False
    """The question's cells reach a public autograd call."""
    has_call_before: bool = False
    """Some earlier cell does."""
    names: Mapping[str, Trace] = field(default_factory=dict)
    """Of the variables at the end of the question."""
    shown: tuple[Shown, ...] = ()
    ends_in_result: bool = False
    """The question's last statement is the last one in `shown`, and may be its cell's result."""
    doubts: frozenset[Doubt] = frozenset()
    is_complete: bool = True
    """The whole source could be followed."""


@lru_cache(maxsize=16)
def follow_autograd(*, source: str, notebook_source: str) -> Provenance:
    """Follow autograd's results through a question.

    Args:
        source: the question's cells, joined.
        notebook_source: all cells up to the question's last one, joined.
    """
    before = notebook_source.removesuffix(source) if source else notebook_source
    follower = _Follower()
    is_complete = follower.run(parse_leniently(before)) and len(before) <= MAX_SOURCE
    has_call_before = follower.has_call
    follower.start_question()
    tree = parse_leniently(source)
    is_complete = follower.run(tree) and is_complete and len(source) <= MAX_SOURCE
    last = tree.body[-1] if tree.body else None
    return Provenance(
        has_call=follower.has_call,
        has_call_before=has_call_before,
        names=dict(follower.scopes[0]),
        shown=tuple(follower.shown),
        ends_in_result=isinstance(last, ast.Expr) and not follower.is_silent(last.value),
        doubts=frozenset(follower.doubts),
        is_complete=is_complete,
    )


class _Follower(Calls):
    """How statements change what is known."""

    def start_question(self) -> None:
        """Forget what earlier cells did, but for their definitions and for patches, which last."""
        self.has_call = False
        self.in_question = True
        self.shown.clear()
        self.doubts &= {Doubt.PATCHED}
        self.uncertain_depth = 0
        self.steps = 0
        del self.scopes[1:], self.returns[:], self.active[:]

    def run(self, tree: ast.Module) -> bool:
        """Follow a source's statements; False where it is too large or too deep for that."""
        try:
            for statement in tree.body:
                if isinstance(statement, ast.Expr):
                    self._run_expression(statement.value)
                else:
                    self.execute(statement)
        except (TooLarge, RecursionError):
            return False
        return True

    def _run_expression(self, value: ast.expr) -> None:
        trace = self.trace(value)
        if self.in_question and not self.is_silent(value):
            wording = concatenated(Wording(()), trace)
            self.shown.append(Shown(how="result", wording=wording, is_once=True))

    def execute(self, statement: ast.stmt) -> bool:
        self.count_step()
        handler: Callable[[ast.stmt], bool | None] | None = getattr(
            self, f"_do_{type(statement).__name__.lower()}", None
        )
        if handler is not None:
            return bool(handler(statement))
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                self.trace(child)
        return isinstance(statement, ast.Raise)

    def _do_assign(self, node: ast.Assign) -> None:
        value = self.trace(node.value)
        for target in node.targets:
            self.bind(target, value, is_none=_is_none(node.value))

    def _do_annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.trace(node.value), is_none=_is_none(node.value))

    def _do_augassign(self, node: ast.AugAssign) -> None:
        value = self.trace(node.value)
        before = self.lookup(node.target.id) if isinstance(node.target, ast.Name) else PLAIN
        if isinstance(before, Wording) and isinstance(node.op, ast.Add):
            self.bind(node.target, concatenated(before, value))
            return
        if isinstance(before, Derived):
            self.doubt(Doubt.ASSIGNED_GRAD)  # in place: the tensor's .grad changes with it
        self.bind(node.target, blend([before, value]))

    def _do_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.bind(node.target, element(self.trace(node.iter)))
        self._loop(node)

    _do_asyncfor = _do_for

    def _do_while(self, node: ast.While) -> None:
        self.trace(node.test)
        self._loop(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        """Follow a loop's body as if it ran; a literal that it replaces may be what is left if it does not."""
        before = dict(self.scopes[-1])
        with self.uncertain():
            self.block(node.body)
            self.block(node.orelse)
        scope = self.scopes[-1]
        for name, trace in before.items():
            if isinstance(trace, Plain) and trace.numbers is not None and isinstance(scope.get(name), Derived):
                scope[name] = Blended()

    def _do_if(self, node: ast.If) -> bool:
        if ast.unparse(node.test) == "__name__ == '__main__'":
            return self.block(node.body)
        self.trace(node.test)
        before = dict(self.scopes[-1])
        with self.uncertain():
            body_ends = self.block(node.body)
            after_body = self.scopes[-1]
            self.scopes[-1] = before
            else_ends = self.block(node.orelse)
        after_else = self.scopes[-1]
        if body_ends or else_ends:
            self.scopes[-1] = after_else if body_ends else after_body
        else:
            self.scopes[-1] = _joined_scopes(after_body, after_else)
        return body_ends and else_ends

    def _do_with(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            trace = self.trace(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, trace)
        return self.block(node.body)

    _do_asyncwith = _do_with

    def _do_try(self, node: ast.Try) -> bool:
        ends = self.block(node.body)
        before = dict(self.scopes[-1])
        with self.uncertain():
            for handler in node.handlers:
                if handler.name:
                    self.scopes[-1][handler.name] = PLAIN
                self.block(handler.body)
        self.scopes[-1] = _joined_scopes(before, self.scopes[-1])
        self.block(node.orelse)
        self.block(node.finalbody)
        return ends and not node.handlers

    _do_trystar = _do_try

    def _do_match(self, node: ast.Match) -> None:
        self.trace(node.subject)
        with self.uncertain():
            for case in node.cases:
                self.block(case.body)

    def _do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        trace: Trace = Routine(node)
        for decorator in reversed(node.decorator_list):
            wrapper = self.trace(decorator)
            decorated = self.apply(wrapper, args=[trace], keywords={}) if isinstance(wrapper, Path) else PLAIN
            if isinstance(decorated, Transform):
                trace = decorated
            elif isinstance(wrapper, Routine | Kind):
                trace = Routine(node, is_wrapped=True)
        self.scopes[-1][node.name] = trace

    _do_asyncfunctiondef = _do_functiondef

    def _do_classdef(self, node: ast.ClassDef) -> None:
        kind = Kind(node)
        self.scopes[-1][node.name] = kind
        for member in node.body:
            if isinstance(member, ast.FunctionDef):
                self.methods.setdefault(member.name, []).append(member)
        self.suspect(kind)

    def _do_return(self, node: ast.Return) -> bool:
        if self.returns:
            self.returns[-1].append(PLAIN if node.value is None else self.trace(node.value))
        return True

    def _do_import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.split(".")[0]
            self.scopes[-1][alias.asname or root] = Path(alias.name if alias.asname else root)

    def _do_importfrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.star_modules.append(node.module or "")
            else:
                self.scopes[-1][alias.asname or alias.name] = Path(f"{node.module or ''}.{alias.name}")

    def _do_global(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:
            self.scopes[-1].pop(name, None)
            self.global_names.add(name)

    _do_nonlocal = _do_global


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _joined_scopes(one: Mapping[str, Trace], other: Mapping[str, Trace]) -> dict[str, Trace]:
    """What is known after either; a name that only one of them binds has that value or none."""
    names = {**one, **other}
    return {
        name: join([one[name], other[name]]) if name in one and name in other else trace
        for name, trace in names.items()
    }
