"""What an author may ask of a tensor besides its numbers: device, requires_grad, is_leaf, finite."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from grader.domain.text import Fact
from grader.domain.values import ArrayValue, MappingValue, SequenceValue, Value
from grader.grading.difference import find_numbers, is_tensor

_MAX_DEPTH = 50
_MAX_PLACE = 200


@dataclass(frozen=True, kw_only=True)
class BrokenProperty:
    """The first tensor that lacks something it should have."""

    code: str
    """'device', 'requires_grad', 'is_leaf' or 'not_finite'."""
    place: str
    """Where it is in lists and dicts, as Python spells it; '' for the value itself."""
    value: Value
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WantedProperties:
    """What every tensor must have; None and False ask for nothing."""

    device: str | None = None
    requires_grad: bool | None = None
    is_leaf: bool | None = None
    finite: bool = False

    def find_broken(self, value: Value) -> BrokenProperty | None:
        """The first property that a tensor lacks, in the value or anywhere in its lists and dicts."""
        for place, part in _parts(value, place="", depth=0):
            if isinstance(part, ArrayValue) and is_tensor(part):
                for name, asked, found in self._unmet(part):
                    facts: dict[str, Fact] = {"asked": str(asked), "found": str(found)[:40]}
                    return BrokenProperty(code=name, place=place, value=part, facts=facts)
            if self.finite and not _is_finite(part):
                return BrokenProperty(code="not_finite", place=place, value=part)
        return None

    def _unmet(self, tensor: ArrayValue) -> Iterator[tuple[str, object, object]]:
        if self.device is not None and not _is_on(tensor.device, self.device):
            yield "device", self.device, tensor.device
        if self.requires_grad is not None and tensor.requires_grad != self.requires_grad:
            yield "requires_grad", self.requires_grad, tensor.requires_grad
        if self.is_leaf is not None and tensor.is_leaf != self.is_leaf:
            yield "is_leaf", self.is_leaf, tensor.is_leaf


def _parts(value: Value, *, place: str, depth: int) -> Iterator[tuple[str, Value]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, SequenceValue):
        for number, item in enumerate(value.items):
            yield from _parts(item, place=f"{place}[{number}]"[:_MAX_PLACE], depth=depth + 1)
    elif isinstance(value, MappingValue):
        for key, item in value.items:
            yield from _parts(item, place=f"{place}[{key.value!r}]"[:_MAX_PLACE], depth=depth + 1)
    else:
        yield place, value


def _is_on(device: str, asked: str) -> bool:
    """'cuda' stands for any of them, 'cuda:0' for itself."""
    return device.split(":")[: asked.count(":") + 1] == asked.split(":")


def _is_finite(value: Value) -> bool:
    array = find_numbers(value)
    if array is None or array.dtype.kind in "biu":
        return True
    wide = array if array.dtype.kind in "fc" else array.astype(np.float32)
    return bool(np.isfinite(wide).all())
