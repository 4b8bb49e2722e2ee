"""The trace of an expression, and of the variables that assignments bind; calls are in `calls`."""

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from grader.grading.autograd.traces import (
    AUTOGRAD,
    BUILTINS,
    PLAIN,
    Blended,
    Derived,
    Doubt,
    Group,
    Kind,
    Path,
    Plain,
    Routine,
    Trace,
    Wording,
    blend,
    concatenated,
    element,
    filled,
    grown,
    join,
    points_of,
    single_number,
)
from grader.grading.syntax import top_level_names

STEPS = 50_000
"""Nodes visited before a source counts as too large to follow: far above any homework, under a second."""

_PASSING_ATTRIBUTES = frozenset({"data", "T", "mT", "real", "H"})
_FACT_ATTRIBUTES = frozenset({"shape", "dtype", "device", "requires_grad", "is_leaf", "grad_fn", "ndim", "itemsize"})
_DYNAMIC_ATTRIBUTES = frozenset({"run_cell", "ex", "user_ns"})
_HARMLESS_DUNDERS = frozenset({"__init__", "__name__", "__version__", "__doc__", "__call__", "__len__"})
_FAKING = frozenset(
    {
        *("backward", "grad", "_grad", "__str__", "__repr__", "__format__", "__float__"),
        *("__getattr__", "__getattribute__", "__torch_function__"),
    }
)
"""Members with which a class can pass something for a derivative."""
_PATCHABLE = ("torch.Tensor", "torch.autograd", "torch.func", "torch.tensor", "torch._", "builtins", "sys.std")


class TooLarge(Exception):
    """The source is too large to follow."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One print, one call of display, or one expression that a cell may show as its result."""

    how: str
    """'print', 'display' or 'result'."""
    wording: Wording
    is_once: bool
    """It runs exactly once and writes whole lines."""


@dataclass
class Expressions(ABC):
    """The interpreter's state, and how expressions are traced in it."""

    scopes: list[dict[str, Trace]] = field(default_factory=lambda: [{}])
    methods: dict[str, list[ast.FunctionDef]] = field(default_factory=dict)
    attributes: dict[str, Trace] = field(default_factory=dict)
    """Of all objects of the student's classes together."""
    global_names: set[str] = field(default_factory=set)
    """Names that some function declares global."""
    star_modules: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    doubts: set[Doubt] = field(default_factory=set)
    active: list[ast.AST] = field(default_factory=list)
    """Functions that are being followed, the innermost last; none is entered twice."""
    returns: list[list[Trace]] = field(default_factory=list)
    has_call: bool = False
    in_question: bool = False
    uncertain_depth: int = 0
    steps: int = 0

    @abstractmethod
    def execute(self, statement: ast.stmt) -> bool:
        """Follow one statement; True where nothing after it in its block is reached."""

    @abstractmethod
    def _of_call(self, node: ast.Call) -> Trace: ...

    def trace(self, node: ast.expr) -> Trace:
        """Where an expression's value comes from."""
        self.count_step()
        handler: Callable[[ast.expr], Trace] | None = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if handler is not None:
            return handler(node)
        return blend([self.trace(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)])

    def count_step(self) -> None:
        self.steps += 1
        if self.steps > STEPS:
            raise TooLarge

    def block(self, statements: Sequence[ast.stmt]) -> bool:
        return any(self.execute(statement) for statement in statements)

    @contextmanager
    def uncertain(self) -> Iterator[None]:
        """Within it, a print may run more or less often than once."""
        self.uncertain_depth += 1
        try:
            yield
        finally:
            self.uncertain_depth -= 1

    def doubt(self, doubt: Doubt) -> None:
        """Earlier cells of a lecture may do what an answer may not; only a patch outlasts its cell."""
        if self.in_question or doubt is Doubt.PATCHED:
            self.doubts.add(doubt)

    def suspect(self, kind: Kind) -> None:
        body = ast.Module(body=kind.node.body, type_ignores=[])
        if _FAKING & set(top_level_names(body)):
            self.doubt(Doubt.CUSTOM_BACKWARD)

    def lookup(self, name: str) -> Trace:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        for module in self.star_modules:
            if any(path.startswith(f"{module}.{name}") for path in AUTOGRAD):
                return Path(f"{module}.{name}")
        if name == "torch":  # imported in a cell that does not parse
            return Path("torch")
        return Path(f"builtins.{name}") if name in BUILTINS else PLAIN

    def bind(self, target: ast.expr, value: Trace, *, is_none: bool = False) -> None:
        """Give a value's trace to what is assigned; `is_none`: the value is a literal None."""
        if isinstance(target, ast.Name):
            scope = 0 if target.id in self.global_names else -1
            self.scopes[scope][target.id] = value
        elif isinstance(target, ast.Starred):
            self.bind(target.value, blend([value]))
        elif isinstance(target, ast.Tuple | ast.List):
            items = value.items if isinstance(value, Group) else ()
            if len(items) == len(target.elts) and not any(isinstance(part, ast.Starred) for part in target.elts):
                for part, item in zip(target.elts, items, strict=True):
                    self.bind(part, item)
            else:
                for part in target.elts:
                    self.bind(part, element(value))
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self._store(target, value, is_none=is_none)

    def _store(self, target: ast.Attribute | ast.Subscript, value: Trace, *, is_none: bool) -> None:
        owner = self.trace(target.value)
        if isinstance(owner, Path):
            if isinstance(target, ast.Attribute) and f"{owner.dotted}.{target.attr}".startswith(_PATCHABLE):
                self.doubt(Doubt.PATCHED)
            return
        if isinstance(owner, Derived) or (mentions_grad(target) and not is_none):
            self.doubt(Doubt.ASSIGNED_GRAD)
        if isinstance(target, ast.Attribute):
            self.note_attribute(target.attr)
            known = self.attributes.get(target.attr)
            self.attributes[target.attr] = value if known is None else join([known, value])
        elif isinstance(target.value, ast.Name):
            self.scopes[-1][target.value.id] = grown(owner, value, is_certain=self.uncertain_depth == 0)

    def _of_name(self, node: ast.Name) -> Trace:
        trace = self.lookup(node.id)
        if isinstance(trace, Kind):
            self.suspect(trace)
        return trace

    def _of_constant(self, node: ast.Constant) -> Trace:
        if isinstance(node.value, str):
            return Wording((node.value,))
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return Plain(single_number(node.value))
        return PLAIN

    def _of_attribute(self, node: ast.Attribute) -> Trace:
        return self.attribute(self.trace(node.value), node.attr)

    def note_attribute(self, name: str) -> None:
        """See whether an attribute is a way around what the source shows."""
        is_dunder = name.startswith("__") and name.endswith("__")
        if name in _DYNAMIC_ATTRIBUTES or (is_dunder and name not in _HARMLESS_DUNDERS):
            self.doubt(Doubt.DYNAMIC)

    def attribute(self, owner: Trace, name: str) -> Trace:
        """The trace of owner.name."""
        self.note_attribute(name)
        if isinstance(owner, Path):
            return Path(f"{owner.dotted}.{name}")
        if name == "grad":
            return Derived(points_of(owner))
        if isinstance(owner, Group) and len(owner.items) == 2 and name in ("primal", "tangent"):
            return owner.items[name == "tangent"]
        if name in _FACT_ATTRIBUTES:
            return PLAIN
        if name in _PASSING_ATTRIBUTES:
            return owner
        return self.attributes.get(name, blend([owner]))

    def _of_subscript(self, node: ast.Subscript) -> Trace:
        owner = self.trace(node.value)
        self.trace(node.slice)
        if isinstance(owner, Group):
            place = _constant_index(node.slice)
            if place is not None and -len(owner.items) <= place < len(owner.items):
                return owner.items[place]
            return element(owner)
        return owner if isinstance(owner, Derived | Blended) else blend([owner])

    def _of_tuple(self, node: ast.Tuple | ast.List) -> Trace:
        return Group(tuple(self.trace(item) for item in node.elts))

    _of_list = _of_tuple

    def _of_dict(self, node: ast.Dict) -> Trace:
        return Group(tuple(self.trace(value) for value in node.values))

    def _of_starred(self, node: ast.Starred) -> Trace:
        return element(self.trace(node.value))

    def _of_lambda(self, node: ast.Lambda) -> Trace:
        return Routine(node)

    def _of_compare(self, node: ast.Compare) -> Trace:
        for part in (node.left, *node.comparators):
            self.trace(part)
        return PLAIN

    def _of_ifexp(self, node: ast.IfExp) -> Trace:
        self.trace(node.test)
        return join([self.trace(node.body), self.trace(node.orelse)])

    def _of_namedexpr(self, node: ast.NamedExpr) -> Trace:
        value = self.trace(node.value)
        self.bind(node.target, value)
        return value

    def _of_unaryop(self, node: ast.UnaryOp) -> Trace:
        operand = self.trace(node.operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        if isinstance(node.op, ast.USub) and isinstance(operand, Plain) and operand.numbers is not None:
            return Plain(frozenset(-number for number in operand.numbers))
        return blend([operand])

    def _of_binop(self, node: ast.BinOp) -> Trace:
        left, right = self.trace(node.left), self.trace(node.right)
        if isinstance(node.op, ast.Add) and (isinstance(left, Wording) or isinstance(right, Wording)):
            return concatenated(left, right)
        if isinstance(node.op, ast.Mod) and isinstance(left, Wording):
            values = right.items if isinstance(right, Group) else (right,)
            return filled(left, values, mark=PERCENT_MARK)
        return blend([left, right])

    def _of_joinedstr(self, node: ast.JoinedStr) -> Trace:
        trace: Trace = Wording(())
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            trace = concatenated(trace, self.trace(inner))
        return trace

    def _of_listcomp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Trace:
        self.scopes.append({})
        with self.uncertain():
            for generator in node.generators:
                self.bind(generator.target, element(self.trace(generator.iter)))
                for condition in generator.ifs:
                    self.trace(condition)
            trace = self.trace(node.elt)
        self.scopes.pop()
        return trace if isinstance(trace, Derived) else blend([trace])

    _of_generatorexp = _of_listcomp
    _of_setcomp = _of_listcomp

    def _of_yield(self, node: ast.Yield) -> Trace:
        if node.value is not None and self.returns:
            self.returns[-1].append(self.trace(node.value))
        return PLAIN


PERCENT_MARK = r"%[-+ #0]*\d*(?:\.\d+)?[sdrfgeiGEF]"
BRACE_MARK = r"\{[^{}]*\}"


def mentions_grad(node: ast.expr) -> bool:
    """Whether `.grad` stands in a chain such as `x.grad.data[0]`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(node, ast.Attribute) and node.attr in ("grad", "_grad"):
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def _constant_index(node: ast.expr) -> int | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return sign * node.value
    return None
