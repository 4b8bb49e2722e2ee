"""What a piece of a notebook binds, needs and may change: whether it may as well run behind its neighbour."""

import ast
import builtins
import symtable
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from grader.domain.python import parse_python, walk
from grader.notebook.magics import plain_python

_BUILTINS = frozenset(dir(builtins)) | {"display"}
_PURE_BUILTINS = frozenset(
    {"print", "len", "range", "float", "int", "bool", "str", "abs", "round", "type", "isinstance", "repr", "display",
     "super"}
)  # fmt: skip
_GOING_THROUGH = frozenset(
    {"list", "tuple", "dict", "set", "sum", "min", "max", "sorted", "reversed", "zip", "enumerate", "any", "all", "map"}
)
"""These go through what they are given: a loader draws by chance then, and a generator is used up."""
_PURE_METHODS = frozenset(
    {"size", "dim", "numel", "item", "tolist", "clone", "detach", "numpy", "view", "reshape", "flatten", "unsqueeze",
     "squeeze", "transpose", "permute", "t", "contiguous", "is_contiguous", "stride", "expand", "repeat", "sum", "mean",
     "std", "var", "prod", "max", "min", "argmax", "argmin", "abs", "exp", "log", "sqrt", "sin", "cos", "tanh", "pow",
     "matmul", "mm", "dot", "float", "double", "int", "long", "bool", "type", "eq", "ne", "lt", "gt", "all", "any",
     "norm", "values", "items", "keys", "format", "join", "astype", "copy", "data_ptr"}
)  # fmt: skip
_PURE_PACKAGES = frozenset({"torch", "numpy", "math"})
_PURE_CLASSES = "torch.optim."
_GRADIENT_MODES = frozenset({"torch.no_grad", "torch.enable_grad", "torch.inference_mode"})
_CHANCE = ("rand", "seed", "multinomial", "bernoulli", "normal", "uniform", "exponential", "shuffle", "dropout",
           "poisson", "empty", "nn.init", "set_", "seterr", "default", "backends", "autograd", "copyto", "put", "place",
           "load", "save")  # fmt: skip
"""In the name of what draws by chance, changes what all cells share, or depends on the machine."""
_IPYTHON = frozenset({"In", "Out"})
_COLLECTIONS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
_NEVER_MOVED = (ast.Global, ast.Nonlocal, ast.Delete, ast.Import, ast.ImportFrom, ast.AsyncFunctionDef, ast.Await,
                ast.AsyncFor, ast.AsyncWith)  # fmt: skip
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Deed(IntEnum):
    """How far what a piece of code does can be felt."""

    QUIET = 0
    """It makes new objects, and changes none."""
    CHANGES = 1
    """It may change whatever it can reach."""
    UNKNOWN = 2
    """It may be felt anywhere: chance, global settings, plots, files."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """`needs` are the names that it takes from other cells or that a check of it reads."""

    binds: frozenset[str]
    needs: frozenset[str]
    shows: bool
    is_movable: bool

    def is_apart_from(self, other: "Effects") -> bool:
        """Whether the two give the same in either order."""
        are_apart = self.binds.isdisjoint(other.binds | other.needs) and other.binds.isdisjoint(self.needs)
        return are_apart and self.is_movable and other.is_movable


class Surroundings:
    """What all code cells of a notebook together say about a name."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._trees = [tree for tree in map(_parse, sources) if tree is not None]
        nodes = [node for tree in self._trees for node in walk(tree)]
        self._places = Counter(name for node in nodes for name in _bound_by(node))
        """How often a name is bound, in any scope: one that stands for two things stands for nothing here."""
        self._imports = self._find_imports()
        self._collections = self._find_collections()
        self._functions: dict[str, _Deed] = {}
        for node in (node for tree in self._trees for node in tree.body):
            if isinstance(node, ast.FunctionDef):
                self._learn_function(node)

    def effects(self, sources: Sequence[str], *, asked: Collection[str] = ()) -> Effects:
        """Tell what the cells `sources` do, run one after another; `asked` are names that a check reads after them."""
        trees = [_parse(source) for source in sources]
        body = [statement for tree in trees if tree is not None for statement in tree.body]
        needs = self._needs(body)
        is_plain = all(tree is not None for tree in trees) and all(plain_python(each) == each for each in sources)
        return Effects(
            binds=frozenset().union(*map(_binds, body)),
            needs=needs | frozenset(asked),
            shows=_shows(body),
            is_movable=is_plain and self._is_movable(body, needs=needs),
        )

    def _is_movable(self, body: Sequence[ast.stmt], *, needs: frozenset[str]) -> bool:
        """It is felt by nobody who does not share a name with it."""
        if any(name.startswith("_") or name in _IPYTHON for name in needs):
            return False
        deed = max((self._deed(node) for node in _running(body)), default=_Deed.QUIET)
        # What it changes must be its own: an object from elsewhere may have other names, too.
        return deed is _Deed.QUIET or (deed is _Deed.CHANGES and self._is_closed(needs))

    def _is_closed(self, needs: Collection[str]) -> bool:
        """Nothing that could be changed comes from elsewhere."""
        return all(name in self._imports or name in self._functions for name in needs)

    def _needs(self, body: Sequence[ast.stmt]) -> frozenset[str]:
        return frozenset(name for name in _taken(body, bound=set()) if not self._is_builtin(name))

    def _is_builtin(self, name: str) -> bool:
        return name in _BUILTINS and name not in self._places

    # --- what names stand for -----------------------------------------------------------------------------------------

    def _find_imports(self) -> Mapping[str, str]:
        """The paths of imported names: 'torch.nn.functional' for F."""
        found: dict[str, list[str]] = {}
        for node in (node for tree in self._trees for node in walk(tree)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for name, alias in zip(_bound_by(node), node.names, strict=True):
                    path = package + alias.name if package or alias.asname else name
                    found.setdefault(name, []).append(path)
        # A module may be imported twice.
        return {
            name: paths[0] for name, paths in found.items() if len(set(paths)) == 1 and len(paths) == self._places[name]
        }

    def _find_collections(self) -> frozenset[str]:
        """Variables that are written down as lists or dictionaries: to go through these changes nothing."""
        return frozenset(
            target.id
            for node in (node for tree in self._trees for node in walk(tree))
            if isinstance(node, ast.Assign) and isinstance(node.value, _COLLECTIONS)
            for target in node.targets
            if isinstance(target, ast.Name) and self._places[target.id] == 1
        )

    def _learn_function(self, node: ast.FunctionDef) -> None:
        """Remember a function that does nothing but with what it is given, and whether it changes that."""
        keeps_state = any(not isinstance(value, ast.Constant) for value in _defaults(node))
        if self._places[node.name] != 1 or keeps_state or _shows([node]):
            return
        deed = max(map(self._deed, walk(node)))
        if deed < _Deed.UNKNOWN and self._is_closed(self._needs([node])):
            self._functions[node.name] = deed

    # --- what nodes do ------------------------------------------------------------------------------------------------

    def _deed(self, node: ast.AST) -> _Deed:
        """What this node does, without those inside it."""
        if isinstance(node, _NEVER_MOVED):
            return _Deed.UNKNOWN
        match node:
            case ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators):
                return _Deed.QUIET if all(isinstance(each, ast.Call) for each in decorators) else _Deed.UNKNOWN
            case ast.With(items=items):
                modes = (self._path(item.context_expr) for item in items)
                return _Deed.QUIET if all(mode in _GRADIENT_MODES for mode in modes) else _Deed.UNKNOWN
            case ast.Name() | ast.Attribute():
                return self._deed_of_reference(node)
            case ast.Call():
                return self._deed_of_call(node)
            case ast.For(iter=through) | ast.comprehension(iter=through):
                return _Deed.QUIET if self._is_collection(through) else _Deed.CHANGES
            case ast.AugAssign() | ast.Subscript(ctx=ast.Store()):
                return _Deed.CHANGES
            case _:
                return _Deed.QUIET

    def _deed_of_reference(self, node: ast.Name | ast.Attribute) -> _Deed:
        is_stored = not isinstance(node.ctx, ast.Load)
        path = self._path(node)
        if path is not None:
            is_known = path.split(".")[0] in _PURE_PACKAGES and not any(word in path for word in _CHANCE)
            return _Deed.QUIET if is_known and not is_stored else _Deed.UNKNOWN
        if isinstance(node, ast.Name):
            return self._functions.get(node.id, _Deed.QUIET)
        return _Deed.CHANGES if is_stored else _Deed.QUIET

    def _deed_of_call(self, call: ast.Call) -> _Deed:
        if any(keyword.arg in {"out", "inplace"} for keyword in call.keywords):
            return _Deed.CHANGES
        path = self._path(call.func)
        if path is not None:
            last = path.split(".")[-1]
            is_class = last[:1].isupper() and not path.startswith(_PURE_CLASSES)
            return _Deed.UNKNOWN if is_class else _Deed.CHANGES if last.endswith("_") else _Deed.QUIET
        match call.func:
            case ast.Name(id=name) if self._is_builtin(name):
                return self._deed_of_builtin(call, name=name)
            case ast.Name(id=name) if name in self._functions:
                return _Deed.QUIET  # beyond what naming it says
            case ast.Attribute(attr=name):
                if any(word in name for word in _CHANCE):
                    return _Deed.UNKNOWN
                return _Deed.QUIET if name in _PURE_METHODS else _Deed.CHANGES
            case _:
                return _Deed.CHANGES

    def _deed_of_builtin(self, call: ast.Call, *, name: str) -> _Deed:
        if name in _PURE_BUILTINS:
            return _Deed.QUIET
        if name not in _GOING_THROUGH:
            return _Deed.UNKNOWN
        return _Deed.QUIET if all(map(self._is_collection, call.args)) else _Deed.CHANGES

    def _is_collection(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self._collections
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="values" | "items" | "keys")):
                return name in self._collections
            case ast.Call(func=ast.Name(id="range")):
                return True
            case _:
                return isinstance(node, _COLLECTIONS)

    def _path(self, node: ast.AST) -> str | None:
        """'torch.nn.functional.relu' for F.relu, and for a call of it; None where it does not begin with a module."""
        if isinstance(node, ast.Call):
            node = node.func
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._imports:
            return None
        return ".".join([self._imports[node.id], *reversed(names)])


def _parse(source: str) -> ast.Module | None:
    """The syntax tree, if the scopes in it make sense, too."""
    tree = parse_python(source)
    try:
        return tree if tree is not None and symtable.symtable(source, "cell", "exec") else None
    except SyntaxError:
        return None


def _bound_by(node: ast.AST) -> Sequence[str]:
    """Names that this very node binds, in whatever scope."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases):
            return [alias.asname or alias.name.split(".")[0] for alias in aliases]
        case ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
        case _:
            return []


def _defaults(node: ast.FunctionDef) -> Iterator[ast.expr]:
    yield from node.args.defaults
    yield from (value for value in node.args.kw_defaults if value is not None)


def _shows(body: Sequence[ast.stmt]) -> bool:
    nodes = [node for statement in body for node in walk(statement)]
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return not called.isdisjoint({"print", "display"}) or (bool(body) and isinstance(body[-1], ast.Expr))


def _called(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that running these statements reads, also in the functions and classes that they define and use."""
    called = {name for each in body if not isinstance(each, _DEFINITIONS) for name in _reads(each)}
    waiting = [each for each in body if isinstance(each, _DEFINITIONS)]
    while used := [each for each in waiting if each.name in called]:
        called.update(name for each in used for name in _reads(each))
        waiting = [each for each in waiting if each not in used]
    return frozenset(called)


def _running(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """The parts that run: the inside of a function only where these statements use it."""
    called = _called(body)
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.ClassDef) and node.name in called:
            todo.extend(part for part in walk(node) if part is not node)
        elif isinstance(node, ast.FunctionDef) and node.name not in called:
            todo.extend([*node.decorator_list, *_defaults(node)])
        else:
            todo.extend(ast.iter_child_nodes(node))


def _taken(body: Sequence[ast.stmt], *, bound: set[str]) -> frozenset[str]:
    """Names that these statements read before they bind them, and add to `bound` what they bind.

    A loop is taken to run, as it does in a solution.
    """
    taken: set[str] = set()
    for statement in body:
        match statement:
            case ast.For(target=target, iter=through, body=inner, orelse=[]):
                taken |= _reads(ast.Expr(through)) - bound
                bound |= {node.id for node in walk(target) if isinstance(node, ast.Name)}
                taken |= _taken(inner, bound=bound)
            case ast.With(body=inner):
                for item in statement.items:
                    taken |= _reads(ast.Expr(item.context_expr)) - bound
                taken |= _taken(inner, bound=bound)
            case _:
                taken |= _reads(statement) - bound
        bound |= _binds(statement)
    return frozenset(taken)


def _reads(statement: ast.stmt) -> frozenset[str]:
    """Names of the notebook that it reads, in the insides of functions, too."""
    added = {node.target.id for node in walk(statement)
             if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)}  # fmt: skip
    top = _table(statement)
    own = {symbol.get_name() for symbol in top.get_symbols()}
    inner = {symbol.get_name() for table in _inner(top) for symbol in table.get_symbols() if symbol.is_global()}
    return frozenset(
        {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()} | inner | added & own
    )


def _binds(statement: ast.stmt) -> frozenset[str]:
    symbols = _table(statement).get_symbols()
    return frozenset(symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported())


def _table(statement: ast.stmt) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(statement), "cell", "exec")


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)
