"""The history of a training's loss: whether it fell, and what it looks like where it did not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grader.domain.text import Fact
from grader.domain.values import Value
from grader.grading.difference import find_numbers

CLEAR_FALL = 0.05
"""Share of its start by which a loss has to fall, unless it falls in nearly every step."""
_CLEAR_TREND = -0.5
"""Rank correlation of loss and step."""
_EXPLODED = 100.0
_WINDOW_MAX = 20
"""Steps of one batch each are noisy: start and end are means over some of them."""
_EQUAL = 1e-7


@dataclass(frozen=True, kw_only=True)
class HistoryFault:
    """What is wrong with a history: the end of a code, and the facts of its sentence."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def read_history(value: Value | None) -> NDArray[np.float64] | None:
    """The losses in the order of the steps; None where the value is no list of numbers."""
    numbers = None if value is None else find_numbers(value)
    if numbers is None or numbers.dtype.kind == "c":
        return None
    return np.asarray(numbers, dtype=np.float64).reshape(-1)


def find_fault(losses: NDArray[np.float64], *, falls: bool, below: float | None) -> HistoryFault | None:
    """The first thing that is wrong with the losses; None where training went as it should.

    Args:
        losses: one for each step or epoch.
        falls: whether the end has to lie clearly below the start.
        below: what the end has to lie below.
    """
    if not losses.size:
        return HistoryFault(code="no_losses")
    broken = np.flatnonzero(~np.isfinite(losses))
    if broken.size:
        return HistoryFault(code="diverged", facts={"step": int(broken[0]) + 1, "total": int(losses.size)})
    start, end = _ends(losses)
    if falls:
        fault = _find_no_fall(losses, start=start, end=end)
        if fault is not None:
            return fault
    if below is not None and min(end, float(losses[-1])) >= below:
        facts: dict[str, Fact] = {"end": _short(float(losses[-1])), "below": _short(below)}
        return HistoryFault(code="loss_above", facts=facts)
    return None


def _find_no_fall(losses: NDArray[np.float64], *, start: float, end: float) -> HistoryFault | None:
    if losses.size == 1:
        return HistoryFault(code="one_loss")
    if np.ptp(losses) <= _EQUAL * np.abs(losses).max():
        return HistoryFault(code="loss_equal", facts={"total": int(losses.size)})
    if end > start:
        ratio = end / start if start > 0 else 0.0
        if ratio > _EXPLODED:
            return HistoryFault(code="exploded", facts={"total": int(losses.size)})
        return HistoryFault(code="loss_rose", facts={"total": int(losses.size)})
    if start - end < CLEAR_FALL * abs(start) and _trend(losses) > _CLEAR_TREND:
        return HistoryFault(code="barely_fell", facts={"total": int(losses.size)})
    return None


def _ends(losses: NDArray[np.float64]) -> tuple[float, float]:
    """The loss at the start and at the end, each a mean over a few steps where there are many."""
    window = max(1, min(losses.size // 5, _WINDOW_MAX))
    return float(losses[:window].mean()), float(losses[-window:].mean())


def _trend(losses: NDArray[np.float64]) -> float:
    """The rank correlation of loss and step, from -1 (falls in every step) to 1."""
    ranks = np.argsort(np.argsort(losses, kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, np.arange(losses.size))[0, 1])


def _short(number: float) -> float:
    return float(f"{number:.3g}")
