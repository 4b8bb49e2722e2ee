"""Answers in another order, where nothing that one of them does can be seen by the other."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.authoring.mutants_text import root_name
from grader.domain.location import Location
from grader.domain.notebook import CellKind, Notebook
from grader.domain.python import parse_python
from grader.notebook.magics import plain_python
from grader.notebook.names import bound_names, used_names

_PURE_CALLS = frozenset(
    {"print", "len", "range", "float", "int", "bool", "str", "list", "tuple", "dict", "sum", "min", "max", "abs",
     "round", "sorted", "zip", "enumerate", "type", "isinstance", "repr", "display"}
)  # fmt: skip
_PURE_METHODS = frozenset(
    {"size", "dim", "numel", "item", "tolist", "clone", "detach", "numpy", "view", "reshape", "flatten", "unsqueeze",
     "squeeze", "transpose", "permute", "t", "contiguous", "is_contiguous", "stride", "expand", "repeat", "sum", "mean",
     "std", "var", "prod", "max", "min", "argmax", "argmin", "abs", "exp", "log", "sqrt", "sin", "cos", "tanh", "pow",
     "matmul", "mm", "dot", "float", "double", "int", "long", "bool", "type", "eq", "ne", "lt", "gt", "all", "any",
     "format", "join", "astype", "copy", "data_ptr"}
)  # fmt: skip
_PURE_ROOTS = frozenset({"torch", "np", "numpy", "math"})
_CHANCE = ("rand", "seed", "multinomial", "bernoulli", "normal", "dropout", "set_", "no_grad", "default", "nn.init",
           "empty", "poisson", "from_numpy", "load", "save")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Block:
    """The cells from one question's heading up to the next one's."""

    first: int
    end: int
    binds: frozenset[str]
    uses: frozenset[str]
    is_quiet: bool


def reorder_answers(reference: Notebook, *, location: Location) -> Notebook:
    """Turn round every run of neighbouring answers that are independent of each other; the same where there is none."""
    blocks = _blocks(reference, location)
    order: list[_Block] = []
    run: list[_Block] = []
    for block in blocks:
        if block.is_quiet and all(_are_independent(block, other) for other in run):
            run.append(block)
            continue
        order += [*reversed(run)]
        run = [block] if block.is_quiet else []
        if not block.is_quiet:
            order.append(block)
    order += [*reversed(run)]
    if not blocks or order == blocks:
        return reference
    cells = [
        *reference.cells[: blocks[0].first],
        *(cell for block in order for cell in reference.cells[block.first : block.end]),
    ]
    return replace(reference, cells=tuple(replace(cell, index=index) for index, cell in enumerate(cells)))


def _blocks(reference: Notebook, location: Location) -> list[_Block]:
    """One for each question; [] where the notebook is not a sequence of headings with their answers."""
    firsts: list[int] = []
    for answer in location.answers.values():
        if not answer.code_cells:
            return []
        above = [index for index in answer.markdown_cells if index < answer.code_cells[0]]
        heading = min(above, default=None)
        if heading is None or reference.cells[heading].kind is CellKind.CODE:
            return []
        firsts.append(heading)
    if firsts != sorted(set(firsts)):
        return []
    ends = [*firsts[1:], len(reference.cells)]
    return [_block(reference, first, end) for first, end in zip(firsts, ends, strict=True)]


def _block(reference: Notebook, first: int, end: int) -> _Block:
    cells = [cell for cell in reference.cells[first:end] if cell.kind is CellKind.CODE]
    sources = [plain_python(cell.source) for cell in cells]
    is_plain = all(source == cell.source for source, cell in zip(sources, cells, strict=True))
    return _Block(
        first=first,
        end=end,
        binds=frozenset().union(*map(bound_names, sources)),
        uses=frozenset().union(*map(used_names, sources)),
        is_quiet=is_plain and _is_quiet(sources),
    )


def _are_independent(one: _Block, other: _Block) -> bool:
    return one.binds.isdisjoint(other.uses | other.binds) and other.binds.isdisjoint(one.uses)


def _is_quiet(sources: Sequence[str]) -> bool:
    """It changes no object that it did not make, draws nothing by chance, and calls nothing that might."""
    trees = [parse_python(source) for source in sources]
    return all(tree is not None and all(map(_is_quiet_node, ast.walk(tree))) for tree in trees)


def _is_quiet_node(node: ast.AST) -> bool:
    match node:
        case ast.Global() | ast.Nonlocal() | ast.Delete() | ast.AugAssign() | ast.Import() | ast.ImportFrom():
            return False
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
            return False
        case ast.Call(func=ast.Name(id=name)):
            return name in _PURE_CALLS
        case ast.Call(func=ast.Attribute() as function):
            text = ast.unparse(function)
            is_pure = root_name(function) in _PURE_ROOTS or function.attr in _PURE_METHODS
            is_changing = function.attr.endswith("_") or any(keyword.arg == "out" for keyword in node.keywords)
            return is_pure and not is_changing and not any(word in text for word in _CHANCE)
        case ast.Call() | ast.For() | ast.AsyncFor() | ast.While() | ast.With() | ast.comprehension():
            return False  # what is gone through may draw by chance, as a DataLoader does
        case _:
            return True
