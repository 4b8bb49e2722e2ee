"""Whether what the reference shows occurs in what a student shows, and how the nearest thing differs."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue
from grader.grading.arrays import array_value
from grader.grading.display import Item
from grader.grading.printed import Container, PrintedNumbers, count_differences, summarised

_MAX_CANDIDATES = 200
"""Who shows more numbers like a wanted one than this may show the right one by chance."""
_MAX_LOOSE = 16
_MAX_PAIRS = 2_000_000
"""Of a shown and a wanted item that are compared one by one: some seconds."""
_SEQUENCES = frozenset({Container.SIZE, Container.LIST, Container.TUPLE})


class _Fit(IntEnum):
    """How well an item of the student's stands for a wanted one."""

    NOT = 0
    OTHER_CONTAINER = 1
    OTHER_DTYPE = 2
    EXACT = 3


_LOOSER: tuple[tuple[_Fit, str], ...] = ((_Fit.OTHER_DTYPE, "dtype"), (_Fit.OTHER_CONTAINER, "type"))


def compare_items(items: Sequence[Item], wanted: Sequence[Item], *, in_any_order: bool = False) -> Finding:
    """Find every wanted item among the student's.

    Args:
        items: what the student's question shows.
        wanted: what the reference's question shows; at least one.
        in_any_order: each wanted item needs one of its own, wherever it stands.
    """
    too_many = Finding(verdict=Verdict.NEEDS_REVIEW, code="output.too_many", facts={"count": len(items)})
    if in_any_order and len(items) * len(wanted) > _MAX_PAIRS:
        return too_many
    find_missing = _first_missing_anywhere if in_any_order else _first_missing
    if find_missing(items, wanted, least=_Fit.EXACT) is None:
        candidates = sum(any(_is_like(item, one) for one in wanted) for item in items)
        if candidates > _MAX_CANDIDATES * len(wanted):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.too_many", facts={"count": candidates})
        return Finding(verdict=Verdict.PASSED, code="output.matches", facts={"count": len(wanted)})
    missing: int | None = 0
    for least, rung in _LOOSER:
        missing = find_missing(items, wanted, least=least)
        if missing is None:
            return _wrong_kind(items, wanted, least=least, rung=rung)
    if len(items) * len(wanted) > _MAX_PAIRS:
        return too_many
    if all(_first_missing(items, [one], least=_Fit.EXACT) is None for one in wanted):
        code = "output.too_seldom" if in_any_order else "output.order"
        return Finding(verdict=Verdict.FAILED, code=code, facts={"count": len(wanted)})
    return _explain_missing(items, wanted[missing or 0], position=(missing or 0) + 1, count=len(wanted))


def right_places(items: Sequence[Item], wanted: Sequence[Item]) -> frozenset[int]:
    """Where among the items one stands that is a wanted one; of a size shown number by number, its first number."""
    return frozenset(
        place for place in range(len(items)) if any(_take(items, place, one, least=_Fit.EXACT) for one in wanted)
    )


def _is_like(item: Item, wanted: Item) -> bool:
    if isinstance(item, str) or isinstance(wanted, str):
        return item == wanted
    return item.shape == wanted.shape


def _first_missing(items: Sequence[Item], wanted: Sequence[Item], *, least: _Fit) -> int | None:
    """The first wanted item that does not follow on those before it; None where all are found."""
    found = position = 0
    while found < len(wanted) and position < len(items):
        taken = _take(items, position, wanted[found], least=least)
        found += bool(taken)
        position += taken or 1
    return found if found < len(wanted) else None


def _first_missing_anywhere(items: Sequence[Item], wanted: Sequence[Item], *, least: _Fit) -> int | None:
    """The first wanted item that no item, or only another one's, stands for."""
    is_free = [True] * len(items)
    for number, one in enumerate(wanted):
        for place in range(len(items)):
            taken = _take(items, place, one, least=least) if is_free[place] else 0
            if taken and all(is_free[place : place + taken]):
                is_free[place : place + taken] = [False] * taken
                break
        else:
            return number
    return None


def _take(items: Sequence[Item], position: int, wanted: Item, *, least: _Fit) -> int:
    """How many items from here on stand for the wanted one: one, for a size also its numbers one by one, or none."""
    if _fit(items[position], wanted) >= least:
        return 1
    if isinstance(wanted, str) or wanted.container not in _SEQUENCES or len(wanted.shape) != 1:
        return 0
    length = len(wanted.elements)
    loose = items[position : position + length] if 0 < length <= _MAX_LOOSE else ()
    numbers = [item.elements[0] for item in loose if isinstance(item, PrintedNumbers) and not item.shape]
    return length if tuple(numbers) == wanted.elements else 0


def _fit(item: Item, wanted: Item) -> _Fit:
    if isinstance(item, str) or isinstance(wanted, str):
        return _Fit.EXACT if item == wanted else _Fit.NOT
    if wanted.is_abbreviated and not item.is_abbreviated:
        item = summarised(item, like=wanted)
    if item.shape != wanted.shape or item.is_abbreviated != wanted.is_abbreviated:
        return _Fit.NOT
    if len(item.elements) != len(wanted.elements) or count_differences(actual=item, expected=wanted):
        return _Fit.NOT
    if item.container is wanted.container and item.container in (Container.TENSOR, Container.ARRAY):
        return _Fit.EXACT if _dtype_word(item) == _dtype_word(wanted) else _Fit.OTHER_DTYPE
    if (item.number_class == "bool") != (wanted.number_class == "bool"):
        return _Fit.NOT
    if not item.shape or {item.container, wanted.container} <= _SEQUENCES:
        return _Fit.EXACT
    if wanted.container is Container.SIZE and item.container is Container.ARRAY:
        return _Fit.EXACT
    return _Fit.OTHER_CONTAINER if item.number_class == wanted.number_class else _Fit.NOT


def _dtype_word(item: PrintedNumbers) -> str:
    return item.dtype or item.number_class


def _wrong_kind(items: Sequence[Item], wanted: Sequence[Item], *, least: _Fit, rung: str) -> Finding:
    """Every number is right; say what kind of thing holds them and what should."""
    for one in wanted:
        fits = [item for item in items if isinstance(item, PrintedNumbers) and _fit(item, one) is least]
        if isinstance(one, PrintedNumbers) and fits and _first_missing(items, [one], least=_Fit.EXACT) is not None:
            if least is _Fit.OTHER_DTYPE:
                facts: dict[str, Fact] = {"actual": _dtype_word(fits[-1]), "expected": _dtype_word(one)}
                return Finding(verdict=Verdict.FAILED, code="output.dtype", facts=facts, rung=rung)
            facts = {"actual": _CONTAINER_WORDS[fits[-1].container], "expected": _CONTAINER_WORDS[one.container]}
            return Finding(verdict=Verdict.FAILED, code="output.container", facts=facts, rung=rung)
    return Finding(verdict=Verdict.FAILED, code="output.order", facts={"count": len(wanted)})


_CONTAINER_WORDS = {
    Container.TENSOR: "torch.Tensor",
    Container.ARRAY: "numpy.ndarray",
    Container.SIZE: "torch.Size",
    Container.LIST: "list",
    Container.TUPLE: "tuple",
    Container.NUMBER: "number",
}


def _explain_missing(items: Sequence[Item], wanted: Item, *, position: int, count: int) -> Finding:
    """Say how the nearest thing the student shows differs from the wanted item that was not found."""
    place: dict[str, Fact] = {"position": position, "count": count}
    numbers = [item for item in items if isinstance(item, PrintedNumbers)]
    not_shown = "output.not_shown" if count == 1 else "output.item_not_shown"
    if isinstance(wanted, str):
        return Finding(verdict=Verdict.FAILED, code=not_shown, facts=place)
    same_shape = [item for item in numbers if item.shape == wanted.shape]
    if any(item.is_abbreviated or wanted.is_abbreviated for item in same_shape or numbers):
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.abbreviated", facts=place)
    if same_shape:
        return _wrong_numbers(same_shape, wanted, place=place)
    alike = [item for item in numbers if item.container is wanted.container and wanted.shape]
    if alike:
        facts = place | {"actual": _shape_word(alike[-1]), "expected": _shape_word(wanted)}
        values = _as_values(alike[-1], wanted)
        return Finding(verdict=Verdict.FAILED, code="output.shape", facts=facts, actual=values[0], expected=values[1])
    return Finding(verdict=Verdict.FAILED, code=not_shown, facts=place)


def _wrong_numbers(candidates: Sequence[PrintedNumbers], wanted: PrintedNumbers, *, place: dict[str, Fact]) -> Finding:
    """The nearest candidate: in the right kind of container where there is one, the fewest wrong numbers, the last."""
    same_kind = [item for item in candidates if item.container is wanted.container] or candidates
    counts = [count_differences(actual=item, expected=wanted) for item in same_kind]
    nearest = len(counts) - 1 - counts[::-1].index(min(counts))
    item, different = same_kind[nearest], counts[nearest]
    if not different and wanted.shape:  # right numbers of another type, in another container: both at once is no rung
        facts = place | {"actual": _CONTAINER_WORDS[item.container], "expected": _CONTAINER_WORDS[wanted.container]}
        return Finding(verdict=Verdict.FAILED, code="output.container", facts=facts)
    facts = place | {"different": different, "elements": len(wanted.elements)}
    values = _as_values(item, wanted)
    number = "output.number" if place["count"] == 1 else "output.item_number"
    code = "output.values" if wanted.shape else number
    return Finding(verdict=Verdict.FAILED, code=code, facts=facts, actual=values[0], expected=values[1])


def _shape_word(item: PrintedNumbers) -> str:
    return str(item.shape)


def _as_values(*items: PrintedNumbers) -> list[ArrayValue | None]:
    """The items as wire values, for the diagnosis; None where their numbers have no plain double form."""
    values: list[ArrayValue | None] = []
    for item in items:
        is_plain = item.number_class in ("int", "float") and not item.is_abbreviated
        is_small = all(abs(element) < 2**53 for element in item.elements if isinstance(element, int))
        if is_plain and is_small and len(item.elements) == int(np.prod(item.shape)):
            dtype = np.int64 if item.number_class == "int" else np.float64
            array = np.array(item.elements, dtype=dtype).reshape(item.shape)
            values.append(array_value(array, type_name="ndarray"))
        else:
            values.append(None)
    return values
