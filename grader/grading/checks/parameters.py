"""A module's parameters beside the reference's: names, shapes and count, and which layer they speak of."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grader.domain.text import Fact
from grader.domain.values import ParameterShape
from grader.grading.difference import shape_word

_SHOWN = 12
"""Names or shapes in one sentence."""
Shape = tuple[int, ...]
Parameters = Mapping[str, ParameterShape]


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """The first thing about the parameters that is not as it should be."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def find_unlike(ours: Parameters, theirs: Parameters, *, by: str) -> Unlike | None:
    """Compare parameters; None where they are as the spec asks.

    Args:
        ours: the student's, in the order of registration.
        theirs: the reference's.
        by: 'names' (each name has its shape), 'shapes' (the same shapes, in any order) or 'count' (as many numbers).
    """
    found, wanted = count_elements(ours), count_elements(theirs)
    facts: dict[str, Fact] = {"count": found, "expected_count": wanted}
    if theirs and not ours:
        return Unlike(code="no_parameters", facts=facts)
    if by == "count":
        return None if found == wanted else Unlike(code="count", facts=facts)
    return (
        _in_shapes(_shapes(ours), _shapes(theirs), facts=facts)
        or (_in_names(ours, theirs) if by == "names" else None)
        or _in_training(ours, theirs)
    )


def count_elements(parameters: Parameters) -> int:
    """How many numbers the parameters hold."""
    return sum(math.prod(one.shape) for one in parameters.values())


def have_same_shapes(ours: Parameters, theirs: Parameters) -> bool:
    """Whether weights that depend on shape and order put both modules under the same ones."""
    return Counter(_shapes(ours)) == Counter(_shapes(theirs))


def have_twins(parameters: Parameters) -> bool:
    """Whether two parameters have the same shape, so that their order decides which is which."""
    return any(times > 1 for times in Counter(_shapes(parameters)).values())


def counterparts(ours: Parameters, theirs: Parameters, *, by: str) -> Mapping[str, str]:
    """For each of the reference's names the student's: the same one, or that of the same place among its shape's."""
    if by == "names":
        return {name: name for name in theirs if name in ours}
    waiting: dict[Shape, list[str]] = {}
    for name, one in ours.items():
        waiting.setdefault(one.shape, []).append(name)
    return {name: waiting[one.shape].pop(0) for name, one in theirs.items() if waiting.get(one.shape)}


def _shapes(parameters: Parameters) -> list[Shape]:
    return [one.shape for one in parameters.values()]


def _in_shapes(ours: Sequence[Shape], theirs: Sequence[Shape], *, facts: dict[str, Fact]) -> Unlike | None:
    extra, missing = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    if not extra and not missing:
        return None
    facts = facts | {"extra": _spell(extra), "missing": _spell(missing)}
    if not extra:
        code = "bias_missing" if _are_biases(missing, of=ours) else "parameters_missing"
    elif not missing:
        code = "bias_extra" if _are_biases(extra, of=theirs) else "parameters_extra"
    elif Counter({shape[::-1]: times for shape, times in extra.items() if len(shape) > 1}) == Counter(
        {shape: times for shape, times in missing.items() if len(shape) > 1}
    ):
        code = "sizes_swapped"
    else:
        code = "shapes"
        facts["place"] = next((n for n, pair in enumerate(zip(ours, theirs, strict=False), 1) if pair[0] != pair[1]), 1)
    return Unlike(code=code, facts=facts)


def _are_biases(shapes: Counter[Shape], *, of: Sequence[Shape]) -> bool:
    """All are vectors as long as the outputs of a layer that both modules have."""
    rows = {shape[0] for shape in of if len(shape) > 1}
    return all(len(shape) == 1 and shape[0] in rows for shape in shapes)


def _in_names(ours: Parameters, theirs: Parameters) -> Unlike | None:
    missing = [name for name in theirs if name not in ours]
    extra = [name for name in ours if name not in theirs]
    if missing or extra:
        return Unlike(code="names", facts={"missing": _listed(missing), "extra": _listed(extra)})
    for name, wanted in theirs.items():
        if ours[name].shape != wanted.shape:
            facts = {
                "parameter": name[:80],
                "shape": shape_word(ours[name].shape),
                "expected_shape": shape_word(wanted.shape),
            }
            return Unlike(code="named_shape", facts=dict(facts))
    return None


def _in_training(ours: Parameters, theirs: Parameters) -> Unlike | None:
    """As many parameters of each shape must be trained."""
    frozen = Counter(one.shape for one in theirs.values() if one.requires_grad)
    frozen.subtract(one.shape for one in ours.values() if one.requires_grad)
    if all(times == 0 for times in frozen.values()):
        return None
    is_frozen = any(times > 0 for times in frozen.values())
    named = [name for name, one in ours.items() if one.requires_grad is not is_frozen]
    return Unlike(code="frozen" if is_frozen else "not_frozen", facts={"parameters": _listed(named)})


def _spell(shapes: Counter[Shape]) -> str:
    return _listed([shape_word(shape) for shape, times in shapes.items() for _ in range(times)])


def _listed(words: Sequence[str]) -> str:
    shown = ", ".join(word[:80] for word in words[:_SHOWN])
    return f"{shown}, …" if len(words) > _SHOWN else shown or "-"
