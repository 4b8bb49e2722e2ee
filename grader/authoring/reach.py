"""How far a change in one cell can be felt: in later cells, through names and through what goes by chance."""

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grader.authoring.mutants_text import root_name
from grader.domain.python import parse_python, walk
from grader.grading.syntax import mentioned_names
from grader.notebook.names import bound_names, imported_names, needed_names

_CHANCE = ("rand", "seed", "normal", "uniform", "bernoulli", "multinomial", "poisson", "ropout", "shuffle",
           "DataLoader", "empty", "choice", "sample", "init", "Linear", "Conv", "Embedding", "LSTM", "GRU", "RNN",
           "Transformer", "Attention")  # fmt: skip
"""Draws from a generator that the whole session shares, or from memory that was not cleared."""
_WHOLE_SESSION = ("set_default", "set_grad_enabled", "set_printoptions", "deterministic", "num_threads", "rcParams",
                  "global ", "globals(", "open(", "save(", "load(", "exec(")  # fmt: skip
_QUIET_CALLS = frozenset(
    {"print", "len", "range", "float", "int", "bool", "str", "list", "tuple", "dict", "set", "sum", "min", "max", "abs",
     "round", "sorted", "zip", "enumerate", "type", "isinstance", "repr", "display", "getattr", "hasattr", "id"}
)  # fmt: skip
_CHANGING_METHODS = frozenset(
    {"backward", "append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "sort", "reverse",
     "step", "zero_grad", "train", "eval", "load_state_dict", "register_hook", "retain_grad", "fill", "resize", "put",
     "add", "discard", "to", "cuda", "cpu", "apply"}
)  # fmt: skip
_REMEMBERED = 512


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a change may be felt in."""

    cells: frozenset[int]
    names: frozenset[str]
    """Variables that may be other ones in the end, or hold something else."""

    def touches(self, cells: Collection[int], *, names: Collection[str] = ()) -> bool:
        """Whether one of these cells, or of these variables, can feel it."""
        return not (self.cells.isdisjoint(cells) and self.names.isdisjoint(names))


def find_reach(sources: Mapping[int, str], *, cell: int, source: str) -> Reach:
    """Follow a change from its cell through the cells behind it.

    Args:
        sources: the notebook's code as plain Python, by cell index.
        cell: the one that is changed.
        source: what it is changed into.
    """
    definitions = _definitions(tuple(sources.values()))
    both = [_look(text, definitions=definitions) for text in (sources[cell], source)]
    cells = {cell}
    names = both[0].changed | both[1].changed
    is_chance, is_everywhere = any(one.is_chance for one in both), any(one.is_everywhere for one in both)
    for index in sorted(sources):
        if index <= cell:
            continue
        seen = _look(sources[index], definitions=definitions)
        if is_everywhere or (is_chance and seen.is_chance) or not names.isdisjoint(seen.needed):
            cells.add(index)
            names |= seen.changed
            is_chance, is_everywhere = is_chance or seen.is_chance, is_everywhere or seen.is_everywhere
        else:
            names -= seen.bound_anew
    return Reach(cells=frozenset(cells), names=names)


@dataclass(frozen=True, kw_only=True)
class _Cell:
    needed: frozenset[str]
    changed: frozenset[str]
    bound_anew: frozenset[str]
    is_chance: bool
    is_everywhere: bool


@dataclass(frozen=True, kw_only=True)
class _Definition:
    """A function or class of the notebook's."""

    mentioned: frozenset[str]
    is_changing: bool
    is_chance: bool


@lru_cache(maxsize=_REMEMBERED)
def _definitions(sources: tuple[str, ...]) -> "_Definitions":
    found: dict[str, _Definition] = {}
    imported = frozenset().union(*map(imported_names, sources))
    for tree in filter(None, map(parse_python, sources)):
        for node in walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name] = _Definition(
                    mentioned=mentioned_names(ast.Module(body=[node], type_ignores=[])) - imported,
                    is_changing=any(map(_changes, walk(node))),
                    is_chance=_has(ast.unparse(node), _CHANCE),
                )
    return _Definitions(imported=imported, by_name=tuple(found.items()))


@dataclass(frozen=True)
class _Definitions:
    imported: frozenset[str]
    by_name: tuple[tuple[str, _Definition], ...]


@lru_cache(maxsize=_REMEMBERED)
def _look(source: str, *, definitions: _Definitions) -> _Cell:
    called = dict(definitions.by_name)
    tree = parse_python(source)
    nodes = [] if tree is None else list(walk(tree))
    bound = bound_names(source)
    outside = frozenset() if tree is None else mentioned_names(tree)
    needed = (set(needed_names(source)) & outside) - definitions.imported
    todo = {node.id for node in nodes if isinstance(node, ast.Name)} & called.keys()
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        needed |= called[name].mentioned | {name}
        todo |= (called[name].mentioned & called.keys()) - seen
    is_changing = any(map(_changes, nodes)) or any(called[name].is_changing for name in seen)
    unknown = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    is_changing = is_changing or not unknown <= _QUIET_CALLS | called.keys() | definitions.imported
    is_readable = tree is not None
    return _Cell(
        needed=frozenset(needed),
        changed=(bound | needed if is_changing else bound) - (definitions.imported - imported_names(source)),
        bound_anew=(bound - needed) if is_readable else frozenset(),
        is_chance=_has(source, _CHANCE) or any(called[name].is_chance for name in seen),
        is_everywhere=not is_readable or _has(source, _WHOLE_SESSION),
    )


def _changes(node: ast.AST) -> bool:
    """It may change an object that exists: then every object that its cell knows may be the one."""
    match node:
        case ast.AugAssign() | ast.Delete() | ast.Global() | ast.Nonlocal() | ast.Await():
            return True
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            is_in_place = name.endswith("_") and not name.endswith("__")
            return is_in_place or name in _CHANGING_METHODS or any(keyword.arg == "out" for keyword in node.keywords)
        case ast.Call(func=ast.Call() | ast.Subscript() as function):
            return root_name(function) is None
        case _:
            return False


def _has(source: str, words: Sequence[str]) -> bool:
    return any(word in source for word in words)
