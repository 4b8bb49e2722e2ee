"""How far the reference's own values wander: with other seeds, in float64, and from run to run."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from grader.domain.assignment import Check
from grader.domain.execution import CellState, Evidence, Execution
from grader.domain.ids import QuestionId
from grader.domain.text import Fact, Note
from grader.flow.expected import Expected, check_path
from grader.flow.ports import Runner
from grader.flow.reference import Reference, run_after

_SEEDS: Final = (11, 222, 3333)
_SEED = '__import__("random").seed({0}); __import__("numpy").random.seed({0}); __import__("torch").manual_seed({0});'
_IN_FLOAT64: Final = """
def _compute_in_float64():
    import torch

    def drawn_in_float32(draw):
        def drawn(*size, requires_grad=False, **how):
            if {"dtype", "out"} & how.keys():
                return draw(*size, requires_grad=requires_grad, **how)
            return draw(*size, dtype=torch.float32, **how).double().requires_grad_(requires_grad)
        return drawn

    def filled_in_float32(fill):
        def filled(tensor, *bounds, **how):
            if tensor.dtype is not torch.float64:
                return fill(tensor, *bounds, **how)
            with torch.no_grad():
                return tensor.copy_(fill(torch.empty(tensor.shape, dtype=torch.float32), *bounds, **how))
        return filled

    torch.set_default_dtype(torch.float64)
    for name in ("rand", "randn"):
        setattr(torch, name, drawn_in_float32(getattr(torch, name)))
    for name in ("uniform_", "normal_"):
        setattr(torch.Tensor, name, filled_in_float32(getattr(torch.Tensor, name)))

_compute_in_float64()
del _compute_in_float64
"""
"""One seed gives other random numbers in float64: they are drawn in float32, so that only rounding differs."""

_WILD: Final = 1_000.0
"""Gaps of so many tolerances are other numbers and not noise: at the default tolerance of float32 one percent."""
_WILD_WHERE_MEASURED: Final = 100_000.0
"""Where the author lets the noise widen the tolerance, training may end in other places."""
_OTHER_SEEDS, _FLOAT64 = "other_seeds", "float64"


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What was measured, check by check."""

    overshoots: Mapping[str, float]
    """By check path, the largest gap in units of the check's tolerance."""
    findings: Mapping[str, Note]
    """By the same, where the spec does not hold because of it."""


def measure_noise(reference: Reference, *, expected: Expected, runner: Runner) -> Noise:
    """Run the reference a few more times, seeded otherwise and with float64 as the default dtype.

    A run in float64 that raises where the other did not says nothing, and neither does one whose numbers are others:
    both come from code that asks for a dtype, not from rounding.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure.
    """
    openings = [*map(_SEED.format, _SEEDS), _IN_FLOAT64]
    with ThreadPoolExecutor(max_workers=len(openings)) as pool:  # the runner lets in as many as it has slots
        *seeded, last = pool.map(lambda opening: run_after(reference, opening, runner=runner), openings)
    by_seeds = _largest(reference, (found for _, found in seeded), expected=expected)
    execution, in_float64 = last
    by_dtype = {} if _has_raised(execution) else _largest(reference, [in_float64], expected=expected)
    overshoots: dict[str, float] = {}
    findings: dict[str, Note] = {}
    for question in reference.assignment.questions:
        for check in question.checks:
            path = check_path(question.question_id, check.check_id)
            gaps = {_OTHER_SEEDS: by_seeds[path]} if path in by_seeds else {}
            if path in by_dtype and by_dtype[path] <= _WILD:
                gaps[_FLOAT64] = by_dtype[path]
            if gaps:
                overshoots[path] = max(gaps.values())
            note = _judge(question.question_id, check, gaps)
            if note is not None:
                findings[path] = note
    return Noise(overshoots=overshoots, findings=findings)


def _has_raised(execution: Execution) -> bool:
    return any(run.state is not CellState.OK for run in execution.cells)


def _largest(reference: Reference, runs: Iterable[Mapping[str, Evidence]], *, expected: Expected) -> dict[str, float]:
    """By check path, the largest gap between these runs and the one whose values are expected."""
    largest: dict[str, float] = {}
    for found in runs:
        for question in reference.assignment.questions:
            for check in question.checks:
                path = check_path(question.question_id, check.check_id)
                theirs = expected.evidence(question.question_id, check.check_id, draw=0)
                gap = check.logic.overshoot(actual=found[path], expected=theirs)
                if gap is not None:
                    largest[path] = max(gap, largest.get(path, 0.0))
    return largest


def _judge(question_id: QuestionId, check: Check, gaps: Mapping[str, float]) -> Note | None:
    """What is wrong with a check whose reference wanders so far, by what makes it wander."""
    facts: dict[str, Fact] = {"question": question_id, "check": check.check_id}
    is_measured = check.logic.widens_for_noise
    if gaps.get(_OTHER_SEEDS, 0.0) > (_WILD_WHERE_MEASURED if is_measured else _WILD):
        return Note(code="publish.not_deterministic", facts=facts)
    # Seeds come first: what differs with them differs in float64 too where the reference sets none.
    cause = next((cause for cause in (_OTHER_SEEDS, _FLOAT64) if gaps.get(cause, 0.0) > 1), None)
    if is_measured or cause is None:
        return None
    gap = float(f"{gaps[cause]:.2g}")
    return Note(code="publish.tolerance_below_noise", facts={**facts, "cause": cause, "gap": gap})
