"""Derivatives of a student's function beside the reference's, and finite differences as a witness of both.

Autograd sees only what is written so that it can be followed. The slope of a function can be measured without it: in
double precision, from two more calls a little to either side. Where that slope is right and autograd's is not, the
function is right and something cuts autograd off.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from grader.domain.python import walk
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, CallReply, MappingValue, SequenceValue, Value
from grader.grading.arrays import Array, array_value, find_array
from grader.grading.checks.inputs import directions, expand, step_of
from grader.grading.checks.returned import have_same_numbers
from grader.grading.compare import Tolerance
from grader.grading.difference import find_numbers
from grader.grading.syntax import parse_leniently

WITNESSED = 4
"""Calls whose slope is measured, at most: two more calls each."""
_AGREEMENT = 1e-3
"""Of a slope: far above what double precision leaves in doubt, far below any mistake."""
_CUTS = ("detach", "data", "item", "numpy", "tolist", "no_grad", "inference_mode", "as_tensor", "from_numpy")
"""Attributes and functions through which autograd does not see."""
_OUTSIDE = ("torch.tensor", "np.", "numpy.", "math.")
"""Likewise; `torch.tensor` copies."""


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """How one kind of derivative compares, over all calls and arguments."""

    right: int = 0
    total: int = 0
    without: tuple[int, ...] = ()
    """Places of the arguments that have none, though they should."""
    is_none_at_all: bool = False
    """No call has a derivative by any argument."""
    are_all_missing: bool = False
    """Of those that count."""
    actual: Value | None = None
    expected: Value | None = None
    """The first two that differ."""

    @property
    def are_right(self) -> bool:
        return self.right == self.total

    @property
    def counts(self) -> dict[str, Fact]:
        """As facts of a sentence."""
        return {"right": self.right, "total": self.total}


def compare_derivatives(
    pairs: Sequence[tuple[Sequence[Value | None], Sequence[Value | None]]],
    *,
    places: Sequence[int] | None,
    tolerance: Tolerance,
) -> Verdicts:
    """Compare the student's derivatives with the reference's; one that the reference lacks is not asked for.

    Args:
        pairs: of each call, the student's and the reference's by argument.
        places: of the arguments that count; None: all.
        tolerance: for their numbers.
    """
    right = total = missing = 0
    without: list[int] = []
    first: tuple[Value | None, Value] | None = None
    found_any = False
    for ours, theirs in pairs:
        has_some = any(one is not None for one in ours)
        found_any = found_any or has_some
        for place, expected in enumerate(theirs):
            if expected is None or (places is not None and place not in places):
                continue
            total += 1
            actual = ours[place] if place < len(ours) else None
            missing += actual is None
            # What an output does not depend on has a derivative of 0, or none: both say the same.
            is_right = (
                has_some and _is_zero(expected)
                if actual is None
                else have_same_numbers(actual=actual, expected=expected, tolerance=tolerance)
            )
            right += is_right
            if not is_right:
                first = first or (actual, expected)
                if actual is None:
                    without.append(place)
    return Verdicts(
        right=right,
        total=total,
        without=tuple(dict.fromkeys(without)),
        is_none_at_all=not found_any,
        are_all_missing=missing == total,
        actual=None if first is None else first[0],
        expected=None if first is None else first[1],
    )


def witnessed_calls(inputs: Sequence[object]) -> tuple[int, ...]:
    """Which calls of a spec's have their slope measured: the last ones, which are drawn where any are."""
    able = [
        number for number, call in enumerate(expand(inputs)) if any(step_of(argument) is not None for argument in call)
    ]
    return tuple(able[-WITNESSED:])


def moved_calls(calls: Sequence[tuple[Value, ...]], inputs: Sequence[object]) -> tuple[tuple[Value, ...], ...]:
    """For each witnessed call two more in double precision: a little up and a little down along one direction."""
    settings = list(expand(inputs))
    return tuple(
        tuple(
            _moved(value, settings[number][place] if place < len(settings[number]) else None, place=place, sign=sign)
            for place, value in enumerate(calls[number])
        )
        for number in witnessed_calls(inputs)
        if number < len(calls)
        for sign in (1, -1)
    )


@dataclass(frozen=True, kw_only=True)
class Witness:
    """What finite differences say of the reference and of a student."""

    is_available: bool
    """The reference's slope could be measured for some call."""
    confirms_reference: bool
    """For some call it is what the reference's autograd says."""
    confirms_student: bool
    """For every such call the student's function has the reference's slope."""


def hear_witness(ours: Sequence[CallReply], theirs: Sequence[CallReply], inputs: Sequence[object]) -> Witness:
    """Measure slopes from the replies to `moved_calls`, in their order."""
    settings = list(expand(inputs))
    available = confirmed = right = 0
    for turn, number in enumerate(witnessed_calls(inputs)):
        up, down = 2 * turn, 2 * turn + 1
        if down >= len(theirs):
            break
        slope = _slope(settings[number], theirs[up], theirs[down])
        measured = _difference(theirs[up], theirs[down], like=theirs[up])
        if slope is None or measured is None:
            continue
        available += 1
        if not slope.agrees(measured):
            continue  # a kink lies between the two, or the reference is wrong itself
        confirmed += 1
        student = _difference(ours[up], ours[down], like=theirs[up]) if down < len(ours) else None
        right += student is not None and slope.agrees(student)
    return Witness(
        is_available=available > 0, confirms_reference=confirmed > 0, confirms_student=0 < confirmed == right
    )


def find_cut(source: str, *, name: str) -> str | None:
    """The first thing in a function that autograd cannot follow, as it is written there: `.detach()`, `.data`."""
    for part in _parts_of(name, parse_leniently(source)):
        for node in walk(part):
            if isinstance(node, ast.Attribute) and node.attr in _CUTS:
                return f".{node.attr}" if node.attr == "data" else f"{node.attr}()"
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(_OUTSIDE):
                return f"{ast.unparse(node.func)}()"[:80]
            if isinstance(node, ast.ClassDef) and any("Function" in ast.unparse(base) for base in node.bases):
                return f"class {node.name}"[:80]
    return None


def _parts_of(name: str, tree: ast.Module) -> list[ast.AST]:
    """A function's definition and those that it uses; all of the code where it has none."""
    definitions: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            definitions |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    if name not in definitions:
        return [tree]
    reached = [name]
    for one in reached:
        used = (node.id for node in walk(definitions[one]) if isinstance(node, ast.Name))
        reached += [each for each in dict.fromkeys(used) if each in definitions and each not in reached]
    return [definitions[one] for one in reached]


@dataclass(frozen=True, kw_only=True)
class _Slope:
    """By how much the output should rise over half of the way from one call to the other, by autograd."""

    rise: float
    scale: float
    """What the rise would be if all of its parts had one sign."""
    size: float
    """Of the outputs."""

    def agrees(self, measured: float) -> bool:
        return abs(measured - self.rise) <= _AGREEMENT * self.scale + 1e-13 * self.size


def _moved(value: Value, argument: object, *, place: int, sign: int) -> Value:
    step = step_of(argument)
    array = find_array(value) if isinstance(value, ArrayValue) else None
    if array is None or not isinstance(value, ArrayValue):
        return value
    if step is None:
        return array_value(array.astype(np.float64), type_name="ndarray") if _is_float_ndarray(value) else value
    return array_value(
        array.astype(np.float64) + sign * step * directions(value, place=place), type_name=value.type_name
    )


def _is_float_ndarray(value: ArrayValue) -> bool:
    return value.type_name == "ndarray" and value.dtype in ("float16", "float32")


def _slope(arguments: Sequence[object], up: CallReply, down: CallReply) -> _Slope | None:
    rise = scale = 0.0
    for place, argument in enumerate(arguments):
        step = step_of(argument)
        if step is None or place >= min(len(up.gradients), len(down.gradients)):
            continue
        ends = [_wide(end.gradients[place]) for end in (up, down)]
        if ends[0] is None or ends[1] is None or ends[0].shape != ends[1].shape:
            return None
        gradient = up.gradients[place]
        signs = directions(gradient, place=place) if isinstance(gradient, ArrayValue) else np.ones(())
        rise += step * float((signs * (ends[0] + ends[1]) / 2).sum())
        scale += step * float(np.maximum(np.abs(ends[0]), np.abs(ends[1])).sum())
    total = _total(up.output, like=up.output)
    return None if total is None or not np.isfinite(scale) else _Slope(rise=rise, scale=scale, size=abs(total))


def _difference(up: CallReply, down: CallReply, *, like: CallReply) -> float | None:
    ends = [_total(end.output, like=like.output) for end in (up, down)]
    return None if ends[0] is None or ends[1] is None else (ends[0] - ends[1]) / 2


def _total(output: Value | None, *, like: Value | None) -> float | None:
    """Sum of the outputs that the reference's autograd starts from; None where they are not in double precision."""
    parts = list(_parts(output, like))
    wide = [_wide(part) for part in parts]
    if not parts or any(numbers is None for numbers in wide):
        return None
    total = sum(float(numbers.sum()) for numbers in wide if numbers is not None)
    return total if np.isfinite(total) else None


def _parts(output: Value | None, like: Value | None) -> Iterator[Value | None]:
    """The parts of an output whose counterparts require grad; None for one that is not there."""
    if isinstance(like, ArrayValue):
        if like.requires_grad:
            yield output
    elif isinstance(like, SequenceValue):
        items = output.items if isinstance(output, SequenceValue) else ()
        for place, root in enumerate(like.items):
            yield from _parts(items[place] if place < len(items) else None, root)
    elif isinstance(like, MappingValue):
        entries = dict(output.items) if isinstance(output, MappingValue) else {}
        for key, root in like.items:
            yield from _parts(entries.get(key), root)


def _wide(value: Value | None) -> Array | None:
    """The numbers of a value in double precision; None for anything else."""
    numbers = None if value is None else find_numbers(value)
    return numbers if numbers is not None and numbers.dtype == np.float64 else None


def _is_zero(value: Value) -> bool:
    numbers = find_numbers(value)
    return numbers is not None and not np.any(numbers)
