"""Where the right part of an output comes from: from which shown expressions, and from written values or from work."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.domain.execution import Evidence
from grader.domain.python import walk
from grader.domain.remember import remember_by_subject
from grader.grading.display import MAX_CHARACTERS, Item, read_shown, shown_text
from grader.grading.occurrence import right_places
from grader.grading.printed import Container, PrintedNumbers
from grader.grading.showing import Shown, find_shown
from grader.grading.syntax import parse_leniently

_FORMATTERS = frozenset({"print", "str", "repr", "format", "tensor", "Tensor", "LongTensor", "IntTensor", "FloatTensor",
                         "array", "asarray", "Size", "list", "tuple", "int", "float", "as_tensor"})  # fmt: skip
_RECODERS = frozenset({"decode", "b16decode", "b32decode", "b64decode", "b85decode", "a85decode", "unhexlify",
                       "fromhex", "decompress", "loads", "literal_eval", "eval", "exec", "compile", "bytes",
                       "bytearray", "chr", "map", "join", "split", "strip", "replace", "translate"})  # fmt: skip
"""They make other text of written text, or run it: what comes out was written all the same."""
_CODERS = frozenset({"base64", "binascii", "codecs", "zlib", "bz2", "lzma", "gzip", "json", "ast"})
_MODULES = frozenset({"torch", "np", "numpy"}) | _FORMATTERS | _RECODERS | _CODERS
_TYPED = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.JoinedStr, ast.FormattedValue, ast.BinOp, ast.UnaryOp,
          ast.Call, ast.Name, ast.Attribute, ast.keyword, ast.Starred, ast.operator, ast.unaryop,
          ast.expr_context, ast.ListComp, ast.GeneratorExp, ast.comprehension)  # fmt: skip
_NO_TENSOR = frozenset({"equal", "allclose", "len", "type", "dim", "numel", "dtype", "ndim", "device", "requires_grad"})
_MOST_TRIED = 4
"""Other things of the wanted kind that may be shown beside the answer."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A shown expression beside the items that it shows, where those can be told."""

    shown: Shown
    first: int | None
    """Place of its first item in the output; None where the output does not follow from the code line by line."""
    items: int


def could_be_from(matches: Callable[[Sequence[ast.expr]], bool], *, actual: Evidence, wanted: Sequence[Item]) -> bool:
    """Whether something right in the output is shown by an expression that matches.

    Args:
        matches: decides by all the expressions that flow into what is shown.
        actual: a question's code and what it shows.
        wanted: what the reference shows; something of it is shown here.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    items = read_shown(shown_text(actual)[-MAX_CHARACTERS:])
    right = right_places(items, wanted)
    slots = _align(find_shown(actual), items)
    judged = [(slot, matches(slot.shown.parts)) for slot in slots]
    fitting = [slot for slot, fits in judged if fits]
    others = [slot for slot, fits in judged if not fits and not _shows_no_tensor(slot.shown.expression)]
    if not fitting:
        return False
    if not others:
        return True
    if slots[0].first is not None:
        return any(slot.first in right for slot in fitting)
    return len(right) > len(others) and all(slot.shown.is_once for slot in others)


def _align(shown: Sequence[Shown], items: Sequence[Item]) -> list[Slot]:
    """Give each expression its items: written text those it contains, any other one, if that comes out even."""
    counts = [_count_written(one.expression) for one in shown]
    is_even = sum(counts) == len(items) and all(one.is_once for one in shown)
    slots, place = [], 0
    for one, count in zip(shown, counts, strict=True):
        if count or not isinstance(one.expression, ast.Constant):
            slots.append(Slot(shown=one, first=place if is_even else None, items=count))
        place += count
    return slots


def _count_written(expression: ast.expr) -> int:
    return len(read_shown(str(expression.value))) if isinstance(expression, ast.Constant) else 1


def _shows_no_tensor(expression: ast.expr) -> bool:
    """It is text, a truth or a count, which nobody takes for the answer."""
    if isinstance(expression, ast.Compare | ast.Constant):
        return True
    function = expression.func if isinstance(expression, ast.Call) else expression
    if isinstance(function, ast.Attribute):
        return function.attr in _NO_TENSOR
    return isinstance(function, ast.Name) and expression is not function and function.id in _NO_TENSOR


def is_typed_in(*, actual: Evidence, expected: Evidence, wanted: Sequence[Item]) -> bool:
    """Whether all that is right in an output was written into the code as values, where the reference computes it.

    Args:
        actual: a question's code and what it shows; all wanted items are shown.
        expected: the reference's.
        wanted: what the reference shows.

    Raises:
        RecursionError: the code is nested absurdly deep.
    """
    if not (theirs := find_shown(expected)) or all(map(_Typed(expected.source).is_shown, theirs)):
        return False
    ours, judge = find_shown(actual), _Typed(actual.source)
    typed = [one for one in ours if judge.is_shown(one)]
    if ours and len(typed) == len(ours):
        return True
    counts = [len(right_places(read_shown(_written_text(one)), wanted)) for one in typed]
    if any(count and not one.is_once for count, one in zip(counts, typed, strict=True)):
        return True
    return len(right_places(read_shown(shown_text(actual)[-MAX_CHARACTERS:]), wanted)) <= sum(counts)


class _Typed:
    """Tells what of a source is written values only: no name from elsewhere, no call that computes, no subscript."""

    def __init__(self, source: str) -> None:
        self._names = _MODULES | _own_names(parse_leniently(source))
        self._known: dict[ast.expr, bool] = {}

    def is_shown(self, shown: Shown) -> bool:
        return all(map(self._is_part, shown.parts))

    def _is_part(self, part: ast.expr) -> bool:
        if part not in self._known:
            self._known[part] = all(map(self._is_node, walk(part)))
        return self._known[part]

    def _is_node(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return _only_formats(node)
        return node.id in self._names if isinstance(node, ast.Name) else isinstance(node, _TYPED)


@remember_by_subject
def _own_names(tree: ast.Module) -> frozenset[str]:
    """Names that are bound anywhere, and those of arguments."""
    arguments = (node.arg for node in walk(tree) if isinstance(node, ast.arg))
    bound = (node.id for node in walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return frozenset((*arguments, *bound))


def _only_formats(call: ast.Call) -> bool:
    function, harmless = call.func, _FORMATTERS | _RECODERS
    if isinstance(function, ast.Attribute):
        return function.attr in harmless or isinstance(function.value, ast.Constant)
    return isinstance(function, ast.Name) and function.id in harmless


def _written_text(shown: Shown) -> str:
    """The written values as they would be printed: strings as they are, `torch.tensor([1])` as it stands."""
    return "\n".join(
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else ast.unparse(part)
        for part in shown.parts
    )


def count_tried(items: Sequence[Item], wanted: Sequence[Item]) -> int:
    """How many different things of a wanted item's kind are shown that are not it, beyond what exploring explains.

    0 where they are few. Single numbers do not count: every loop shows some.
    """
    most = 0
    for one in wanted:
        if isinstance(one, str) or not one.shape or one.container not in (Container.TENSOR, Container.SIZE):
            continue
        of_kind = [item for item in items if _is_of_kind(item, one)]
        tried = {item.elements for item in of_kind if isinstance(item, PrintedNumbers)}
        tried -= {other.elements for other in wanted if isinstance(other, PrintedNumbers)}
        allowed = max(_MOST_TRIED, sum(_is_of_kind(other, one) for other in wanted))
        most = max(most, len(tried) if len(tried) > allowed else 0)
    return most


def _is_of_kind(item: Item, wanted: PrintedNumbers) -> bool:
    return (
        isinstance(item, PrintedNumbers) and item.container is wanted.container and len(item.shape) == len(wanted.shape)
    )
