"""When a difference is not the student's: no GPU here, a package that kernels lack, a kernel that had ended before."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.domain.execution import CellRun, CellState, Execution, Outcome
from grader.domain.python import parse_python, walk
from grader.domain.remember import remember_by_text
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.notebook.names import feeding, names_of_import, used_names

_NOTHING_SHOWN = ("gradient.not_shown",)
NOT_THERE = frozenset(
    {
        "value.missing_name",
        "value.missing_expression",
        "value.expression_lacks",
        "gradient.missing",
        "gradient.missing_name",
        "gradient.none",
        "function.missing_name",
        "module.missing_name",
        "module.missing_instance",
        "training.missing_name",
        "training.no_history",
        "training.no_losses",
        "training.predict_missing",
        "output.nothing",
        "figure.nothing",
    }
)
"""What is said of an answer that is not there; where its cell was interrupted, that is the reason to tell."""
CUT_SHORT = frozenset({"gradient.missing_name", "gradient.no_module", "training.no_losses", "training.one_loss"})
"""The same where an error stopped the cell, of kinds that do not look for one themselves."""
_RAISED_IN_CALLS = (
    "function.raised",
    "function.raised_somewhere",
    "module.raised",
    "module.raised_somewhere",
    "training.predict_raised",
)


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What happened around one question's cells."""

    outcome: Outcome
    never_ran: bool = False
    """None of the question's cells ran: the kernel had ended, or the time for the whole notebook was over."""
    ended_kernel_cell: int | None = None
    """Number of the question's cell that ended the kernel."""
    gpu_cell: int | None = None
    """Number of a cell the answer builds on that stopped for want of a GPU."""
    gpu_guard: bool = False
    """The answer, or a cell it builds on, does its work only `if torch.cuda.is_available()`."""
    uses_cuda: bool = False
    """The answer, or a cell it builds on, names a CUDA device: a hidden call that raises may only lack the GPU, or its
    inputs, which are on the CPU, may have met what is on the GPU."""
    has_gpu: bool = False
    """It ran where there is one."""
    calls_cuda: bool = False
    """The answer, or a cell it builds on, calls `.cuda()`, perhaps in a function that only a check calls."""
    package: str | None = None
    """A package that kernels lack and whose names the answer builds on."""
    timed_out_cell: int | None = None
    """Number of the question's cell that was interrupted when its time was over."""
    raised: CellRun | None = None
    """The first of the question's cells that an error stopped."""

    @classmethod
    def of(
        cls,
        *,
        code_cells: Sequence[int],
        runs: Sequence[CellRun],
        sources: Mapping[int, str],
        execution: Execution,
    ) -> "Circumstances":
        """Gather them from an execution for the question with these cells."""
        order = sorted(index for index in sources if index <= max(code_cells, default=-1))
        places = {index: place for place, index in enumerate(order)}
        plain = [sources[index] for index in order]
        builds_on = {order[place] for place in feeding(plain, start=[places[index] for index in code_cells])}
        by_index = {run.index: run for run in execution.cells}
        gpu = [index for index in sorted(builds_on) if index in by_index and by_index[index].needs_gpu]
        without_gpu = builds_on if execution.gpu is None else frozenset[int]()
        return cls(
            outcome=execution.outcome,
            never_ran=bool(runs) and all(run.state is CellState.NOT_RUN for run in runs),
            ended_kernel_cell=_first_number(runs, CellState.ENDED_KERNEL),
            gpu_cell=gpu[0] + 1 if gpu else None,
            gpu_guard=any(_guards_for_gpu(sources[index]) for index in without_gpu),
            uses_cuda=any(_uses_cuda(sources[index]) for index in builds_on),
            has_gpu=execution.gpu is not None,
            calls_cuda=any(_calls_cuda(sources[index]) for index in without_gpu),
            package=_lost_package(by_index, builds_on, sources),
            timed_out_cell=_first_number(runs, CellState.TIMED_OUT),
            raised=next((run for run in runs if run.state is CellState.RAISED and run.error is not None), None),
        )


def excuse(evaluate: Callable[[], Finding], circumstances: Circumstances, *, has_all_replies: bool) -> Finding:
    """The check's finding, unless something else than the answer is to blame for what is missing.

    Args:
        evaluate: compares; called only where a comparison means something.
        circumstances: what happened around the question's cells.
        has_all_replies: the kernel answered every probe of this check.
    """
    if circumstances.ended_kernel_cell is not None:
        code = f"check.ended_{circumstances.outcome.value}"
        return Finding(verdict=Verdict.FAILED, code=code, facts={"cell": circumstances.ended_kernel_cell})
    if circumstances.never_ran and circumstances.outcome is not Outcome.COMPLETED:
        return Finding(verdict=Verdict.SKIPPED, code="check.skipped", facts={"outcome": circumstances.outcome.value})
    if not has_all_replies:
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="check.no_reply")
    finding = evaluate()
    if circumstances.gpu_guard and (finding.verdict is Verdict.MISSING or finding.code in _NOTHING_SHOWN):
        return Finding(verdict=Verdict.NEEDS_GPU, code="check.gpu_guard")
    if finding.verdict is Verdict.PASSED or finding.verdict.is_pending:
        return finding
    if circumstances.gpu_cell is not None:
        return Finding(verdict=Verdict.NEEDS_GPU, code="check.needs_gpu", facts={"cell": circumstances.gpu_cell})
    if circumstances.uses_cuda and finding.code in _RAISED_IN_CALLS:
        if circumstances.has_gpu:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="check.gpu_inputs")
        return Finding(verdict=Verdict.NEEDS_GPU, code="check.gpu_guard")
    if circumstances.calls_cuda and finding.code == "value.missing_expression":
        return Finding(verdict=Verdict.NEEDS_GPU, code="check.gpu_guard")
    if circumstances.package is not None:
        facts: dict[str, Fact] = {"package": circumstances.package}
        return Finding(verdict=Verdict.NEEDS_PACKAGE, code="check.needs_package", facts=facts)
    if circumstances.timed_out_cell is not None and finding.code in NOT_THERE:
        facts = {"cell": circumstances.timed_out_cell}
        return Finding(verdict=finding.verdict, code="check.not_there_in_time", facts=facts)
    run = circumstances.raised
    if run is not None and run.error is not None and finding.code in CUT_SHORT:
        facts = {"cell": run.index + 1, "error": run.error.name[:80]}
        return Finding(verdict=finding.verdict, code="check.not_there_after_error", facts=facts)
    return finding


def _first_number(runs: Sequence[CellRun], state: CellState) -> int | None:
    return next((run.index + 1 for run in runs if run.state is state), None)


def _lost_package(by_index: Mapping[int, CellRun], builds_on: set[int], sources: Mapping[int, str]) -> str | None:
    """A missing package counts only where a name it would have brought is used by what the answer builds on.

    Otherwise a plotting package missing beside `import torch` would turn every wrong answer into a pending one.
    """
    used = frozenset().union(*(used_names(sources[index]) for index in builds_on)) if builds_on else frozenset()
    for index, run in by_index.items():
        package = run.missing_package
        if package and index in sources and names_of_import(sources[index], package) & used:
            return package
    return None


@remember_by_text
def _guards_for_gpu(source: str) -> bool:
    guards = (node.test for node in _nodes(source, having="is_available") if isinstance(node, ast.If))
    return any("cuda.is_available" in ast.unparse(test) for test in guards)


@remember_by_text
def _uses_cuda(source: str) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "cuda")
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("cuda"))
        for node in _nodes(source, having="cuda")
    )


@remember_by_text
def _calls_cuda(source: str) -> bool:
    calls = (node.func for node in _nodes(source, having="cuda") if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Attribute) and called.attr == "cuda" for called in calls)


def _nodes(source: str, *, having: str) -> Iterator[ast.AST]:
    tree = parse_python(source) if having in source else None
    return iter(()) if tree is None else walk(tree)
