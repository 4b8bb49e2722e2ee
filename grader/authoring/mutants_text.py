"""A code cell's text beside its syntax tree, and changes of the one that the other asks for."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from grader.domain.python import parse_python, walk
from grader.domain.text import Fact

_Node = TypeVar("_Node", bound=ast.AST)

_DECORATING = frozenset({"plt", "ax", "axes", "fig", "sns", "tqdm", "warnings"})
"""What is called on these draws or decorates: a title or a colour is nobody's answer."""
_MAKERS = frozenset(
    {"tensor", "zeros", "ones", "full", "arange", "linspace", "eye", "rand", "randn", "as_tensor", "randint"}
)
SEEDING = ("manual_seed", "seed", "default_rng")
"""Chance is no mistake: a mutant without its seed would live today and die tomorrow."""
_COMPOUND = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.Await, ast.NamedExpr)


class Operator(StrEnum):
    """What a mutant does to the reference: each word is a mistake that students make."""

    ARITHMETIC = "arithmetic"
    COMPARISON = "comparison"
    SIGN = "sign"
    CONSTANT = "constant"
    SLICE = "slice"
    TERM = "term"
    AGGREGATE = "aggregate"
    DTYPE = "dtype"
    SHAPE = "shape"
    TRANSPOSE = "transpose"
    REQUIRES_GRAD = "requires_grad"
    ZERO_GRAD = "zero_grad"
    NO_GRAD = "no_grad"
    DETACH = "detach"
    DATA = "data"
    BACKWARD_TWICE = "backward_twice"
    IN_PLACE = "in_place"
    NUMPY = "numpy"
    HARD_CODED = "hard_coded"
    VALUE_FOR_GRADIENT = "value_for_gradient"
    STALE = "stale"
    STATEMENT = "statement"
    LEARNING_RATE = "learning_rate"
    STEPS = "steps"
    ACTIVATION = "activation"
    MODE = "mode"
    LABELS = "labels"


@dataclass(frozen=True, kw_only=True, order=True)
class Edit:
    """Put `text` in the place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One mistake in one cell."""

    operator: Operator
    edits: tuple[Edit, ...]
    before: str
    after: str
    """The two as a person is told."""
    at: int
    """Where the mistake stands, in characters of the cell."""
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is known of the question to which a cell belongs."""

    names: frozenset[str]
    """What its checks name."""
    typed: frozenset[str] = frozenset()
    """Those of them whose dtype is looked at."""
    literals: Mapping[str, str] = field(default_factory=dict)
    """Of the names it binds: how their values are written down."""
    printed: Mapping[int, str] = field(default_factory=dict)
    """What each of its cells prints, by cell index."""
    is_shown: bool = False
    """A check compares what its cells show."""
    is_drawn: bool = False
    """A check looks at its pictures."""
    earlier: tuple[str, ...] = ()
    """Variables that earlier cells bind, the latest first."""
    earlier_functions: tuple[str, ...] = ()
    leaves: frozenset[str] = frozenset()
    """Variables bound up to here that require grad from the start."""
    differentiates: bool = False
    """The notebook uses autograd."""


class Code:
    """A cell's source with its tree; places in the text for nodes of the tree."""

    def __init__(self, source: str, *, tree: ast.Module, index: int = 0) -> None:
        self.source = source
        self.tree = tree
        self.index = index
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    @classmethod
    def find(cls, source: str, *, index: int = 0) -> "Code | None":
        """None where the source is no plain Python, or breaks lines in ways that only Python does not count."""
        tree = parse_python(source)
        if tree is None or len(source.splitlines()) != len(source.split("\n")) - source.endswith("\n"):
            return None
        return cls(source, tree=tree, index=index)

    @cached_property
    def parents(self) -> Mapping[ast.AST, ast.AST]:
        return {child: node for node in walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def _hidden(self) -> frozenset[ast.AST]:
        """Nodes without a true place in the text (f-strings, before Python 3.12), and what only decorates."""
        roots = [
            node
            for node in walk(self.tree)
            if isinstance(node, ast.JoinedStr) or decorates(node) or is_call_of(node, *SEEDING)
        ]
        return frozenset(inner for root in roots for inner in walk(root))

    def nodes(self, *kinds: type[_Node]) -> Iterator[_Node]:
        """Nodes of these kinds that can be changed, in the order of the text."""
        found = [node for node in walk(self.tree) if isinstance(node, kinds) and node not in self._hidden]
        yield from sorted(found, key=lambda node: (self.start(node), -self.end(node)))

    def results(self) -> Iterator[ast.expr]:
        """What statements assign or return."""
        for statement in self.nodes(ast.stmt):
            if isinstance(statement, ast.Assign | ast.Return) and statement.value is not None:
                yield statement.value

    def start(self, node: ast.AST) -> int:
        return self._place(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))

    def end(self, node: ast.AST) -> int:
        return self._place(getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0))

    def _place(self, line: int, byte: int) -> int:
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return self._starts[line - 1] + (byte if text.isascii() else len(text.encode()[:byte].decode(errors="ignore")))

    def text(self, node: ast.AST) -> str:
        return self.source[self.start(node) : self.end(node)]

    def line(self, place: int) -> int:
        """Line number, from 1."""
        return self.source.count("\n", 0, place) + 1

    def as_operand(self, node: ast.expr) -> str:
        """The expression's text, in brackets where it would fall apart among other operators."""
        return f"({self.text(node)})" if isinstance(node, _COMPOUND) else self.text(node)

    def replace(self, node: ast.AST, text: str) -> Edit:
        return Edit(start=self.start(node), end=self.end(node), text=text)

    def between(self, left: ast.AST, right: ast.AST, *, old: str, new: str) -> Edit | None:
        """Replace an operator's sign, which has no node of its own: it stands between its operands."""
        place = self.source.find(old, self.end(left), self.start(right))
        return None if place < 0 else Edit(start=place, end=place + len(old), text=new)

    def without(self, statement: ast.stmt) -> Edit:
        """Take a statement away; `pass` holds the place of one that stands alone."""
        block = self.block_of(statement)
        if len(block) == 1:  # a cell without any code would not be looked at
            return self.replace(statement, "pass")
        start, end = self.start(statement), self.end(statement)
        line_start = self.source.rfind("\n", 0, start) + 1
        line_end = self.source.find("\n", end)
        line_end = len(self.source) if line_end < 0 else line_end + 1
        is_alone = not self.source[line_start:start].strip() and _is_rest_of_line(self.source[end:line_end])
        return Edit(start=line_start, end=line_end, text="") if is_alone else Edit(start=start, end=end, text="pass")

    def block_of(self, statement: ast.stmt) -> Sequence[ast.stmt]:
        """The statement with its neighbours of the same body."""
        parent = self.parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and statement in block:
                return block
        return [statement]

    def is_mere_display(self, node: ast.AST) -> bool:
        """It stands in a statement that shows what is known already: `print(x)`, or `x` at a cell's end."""
        statement = self.statement_of(node)
        if not isinstance(statement, ast.Expr):
            return False
        call = statement.value
        shown: Sequence[ast.AST] = [call]
        if is_call_of(call, "print", "display") and isinstance(call, ast.Call):
            shown = [*call.args, *call.keywords]
        elif statement is not self.tree.body[-1]:
            return False
        return not any(isinstance(inner, ast.Call) for part in shown for inner in walk(part))

    def statement_of(self, node: ast.AST) -> ast.stmt | None:
        while not isinstance(node, ast.stmt):
            if node not in self.parents:
                return None
            node = self.parents[node]
        return node

    def function_of(self, node: ast.AST) -> str | None:
        """The name of the outermost function or class that the node stands in."""
        found = None
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found = node.name
        return found

    def indent_of(self, statement: ast.stmt) -> str:
        start = self.start(statement)
        line = self.source[self.source.rfind("\n", 0, start) + 1 : start]
        return line if not line.strip() else ""

    def apply(self, edits: Sequence[Edit]) -> str:
        """The source with the edits, which must not overlap."""
        text = self.source
        for edit in sorted(edits, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    def change(
        self, operator: Operator, node: ast.AST, *edits: Edit, after: str, before: str | None = None, **facts: Fact
    ) -> Change:
        return Change(
            operator=operator,
            edits=edits,
            before=before if before is not None else self.text(node),
            after=after,
            at=self.start(node),
            facts=facts,
        )


def _is_rest_of_line(text: str) -> bool:
    rest = text.strip()
    return not rest or rest.startswith("#")


def decorates(node: ast.AST) -> bool:
    """It draws, or says how something is drawn."""
    return isinstance(node, ast.Call) and root_name(node.func) in _DECORATING


def root_name(node: ast.AST) -> str | None:
    """The name at the left end of `a.b(c).d`."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def called_name(call: ast.Call) -> str:
    """The last word of what is called: 'sum' of torch.sum(x) and of x.sum()."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def is_torch_maker(node: ast.AST) -> bool:
    """A call such as torch.tensor(...) that makes a tensor of nothing but numbers and sizes."""
    return isinstance(node, ast.Call) and called_name(node) in _MAKERS and root_name(node.func) == "torch"


def is_call_of(node: ast.AST | None, *names: str) -> bool:
    return isinstance(node, ast.Call) and called_name(node) in names


def keyword_of(call: ast.Call, name: str) -> ast.keyword | None:
    return next((keyword for keyword in call.keywords if keyword.arg == name), None)


def number_of(node: ast.AST) -> int | float | None:
    """A plain number; truth values are none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    return None
