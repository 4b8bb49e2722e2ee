"""The author's reference on the way to expected values: where it answers, what is asked of it, what it gives."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from grader.domain.assignment import Assignment, Check, InputSet, Question
from grader.domain.execution import CellState, Evidence, Execution, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, Location
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import Probe, TakeNames
from grader.domain.text import Fact, Note
from grader.errors import SpecDoesNotHold
from grader.flow.case import with_prefix
from grader.flow.expected import POOL_SIZE, Expected, check_path, sort_replies
from grader.flow.ports import LoadedAssignment, Runner
from grader.flow.prompts import check_prompts, prompt_outputs_of, with_prompt_cells
from grader.flow.self_contained import ALONE, AskedAlone, ask_alone
from grader.flow.sources import joined, plain_sources, until
from grader.notebook.locate import locate

_MAY_RAISE = "raises-exception"
"""Jupyter's own tag for a cell whose exception is meant."""
_BEFORE_ALL = -1
"""Index of a cell that no file has."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A reference that is ready to run."""

    loaded: LoadedAssignment
    notebook: Notebook
    """With a cell for each expression of a prompt."""
    prompt_cells: Mapping[int, tuple[QuestionId, str]]
    location: Location
    own_cells: Mapping[QuestionId, tuple[int, ...]]
    """The code cells of each answer, without those for prompts."""
    sources: Mapping[int, str]
    pools: Mapping[str, tuple[InputSet, ...]]
    """Hidden inputs by check path."""

    @property
    def assignment(self) -> Assignment:
        return self.loaded.assignment

    def probes(self, question: Question, check: Check, *, draws: int) -> tuple[Probe, ...]:
        """What a check asks, for its first sets of hidden inputs."""
        cells = self.own_cells[question.question_id]
        path = check_path(question.question_id, check.check_id)
        probes: list[Probe] = []
        pool = self.pools.get(path, ((),))[:draws]
        for draw, inputs in enumerate(pool):
            if inputs in pool[:draw]:
                continue  # Expected.evidence finds the answer of the first set like it
            asked = check.logic.probes(
                source=joined(self.sources, cells), notebook_source=until(self.sources, cells), inputs=inputs
            )
            probes += with_prefix(asked, f"{path}/{draw}/")
        return tuple(probes)

    def evidence(self, question_id: QuestionId, execution: Execution) -> Evidence:
        """What an execution of it brought for one question, without replies."""
        cells = self.own_cells[question_id]
        runs = tuple(run for run in execution.cells if run.index in cells)
        return Evidence(
            source=joined(self.sources, cells),
            notebook_source=until(self.sources, cells),
            outputs=tuple(output for run in runs for output in run.outputs),
            cell_runs=runs,
            replies={},
            written=self.location.answers[question_id].written,
        )


def prepare(loaded: LoadedAssignment, *, secret: bytes) -> Reference:
    """Find the answers and draw the hidden inputs.

    Raises:
        SpecDoesNotHold: a question has no answer in the reference.
    """
    assignment = loaded.assignment
    location = locate(loaded.reference, loaded.wanted)
    written_only = {
        question.question_id
        for question in assignment.questions
        if all(check.kind == "written" for check in question.checks)
    }
    lost = [
        Note(code="publish.reference_lacks", facts={"question": question_id})
        for question_id, answer in location.answers.items()
        if answer.found_by is FoundBy.NOT_FOUND or not (answer.code_cells or question_id in written_only)
    ]
    if lost:
        raise SpecDoesNotHold(lost, assignment=assignment.slug)
    notebook, prompt_cells = with_prompt_cells(loaded.reference, location, loaded.prompt_expressions)
    location = locate(notebook, loaded.wanted)
    return Reference(
        loaded=loaded,
        notebook=notebook,
        prompt_cells=prompt_cells,
        location=location,
        own_cells={
            question_id: tuple(index for index in answer.code_cells if index not in prompt_cells)
            for question_id, answer in location.answers.items()
        },
        sources=plain_sources(notebook),
        pools=_pools(assignment, secret=secret),
    )


def take_expected(reference: Reference, *, runner: Runner) -> Expected:
    """Run it once and keep what it gives, for every set of hidden inputs.

    Raises:
        SpecDoesNotHold: a cell of it raises or does not end, or an expression of a prompt fails.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    assignment = reference.assignment
    plan = [
        QuestionPlan(
            question_id=question.question_id,
            code_cells=reference.own_cells[question.question_id],
            probes=tuple(
                _with_names(probe, check.logic.reference_names)
                for check in question.checks
                if not check.logic.is_self_contained
                for probe in reference.probes(question, check, draws=POOL_SIZE)
            ),
            budget_s=question.budget_s,
            is_pool=True,
        )
        for question in assignment.questions
    ]
    execution = runner.run(reference.notebook, plan=plan, limits=assignment.limits, files=assignment.files)
    _check_ran(reference, execution)
    check_prompts(assignment, reference.prompt_cells, execution)
    alone = ask_alone(_asked_alone(reference), assignment=assignment, sources=reference.sources, runner=runner)
    return Expected(
        version=assignment.version,
        environment=execution.environment,
        wanted=reference.loaded.wanted,
        questions={question_id: reference.evidence(question_id, execution) for question_id in reference.own_cells},
        replies={**execution.replies, **{key.removeprefix(ALONE): reply for key, reply in alone.items()}},
        pools=reference.pools,
        prompt_outputs=prompt_outputs_of(reference.prompt_cells, execution),
        seconds=execution.seconds,
    )


def run_after(reference: Reference, prelude: str, *, runner: Runner) -> tuple[Execution, Mapping[str, Evidence]]:
    """Run it behind a cell of ours, with the first set of hidden inputs only; gives the evidence by check path.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure.
    """
    assignment = reference.assignment
    first = Cell(index=_BEFORE_ALL, kind=CellKind.CODE, source=prelude, cell_id="prelude")
    plan = [
        QuestionPlan(
            question_id=question.question_id,
            code_cells=reference.own_cells[question.question_id],
            probes=tuple(probe for check in question.checks for probe in reference.probes(question, check, draws=1)),
            budget_s=question.budget_s,
        )
        for question in assignment.questions
    ]
    notebook = replace(reference.notebook, cells=(first, *reference.notebook.cells))
    execution = runner.run(notebook, plan=plan, limits=assignment.limits, files=assignment.files)
    replies = sort_replies(execution.replies)
    found: dict[str, Evidence] = {}
    for question in assignment.questions:
        evidence = reference.evidence(question.question_id, execution)
        for check in question.checks:
            path = check_path(question.question_id, check.check_id)
            found[path] = replace(evidence, replies=replies.get(f"{path}/0/", {}))
    return execution, found


def _with_names(probe: Probe, names: tuple[str, ...]) -> Probe:
    return replace(probe, names=(*probe.names, *names)) if isinstance(probe, TakeNames) else probe


def _asked_alone(reference: Reference) -> list[AskedAlone]:
    return [
        AskedAlone(
            question=question,
            code_cells=reference.own_cells[question.question_id],
            probes=tuple(
                probe
                for check in question.checks
                if check.logic.is_self_contained
                for probe in reference.probes(question, check, draws=POOL_SIZE)
            ),
        )
        for question in reference.assignment.questions
    ]


def _pools(assignment: Assignment, *, secret: bytes) -> dict[str, tuple[InputSet, ...]]:
    pools: dict[str, tuple[InputSet, ...]] = {}
    for question in assignment.questions:
        for check in question.checks:
            if not check.logic.has_hidden_inputs:
                continue
            path = check_path(question.question_id, check.check_id)
            seeds = (_seed(secret, f"{assignment.version}/{path}/{draw}") for draw in range(POOL_SIZE))
            pools[path] = tuple(check.logic.draw_inputs(seed) for seed in seeds)
    return pools


def _seed(secret: bytes, name: str) -> int:
    return int.from_bytes(hmac.digest(secret, name.encode(), hashlib.sha256)[:8])


def _check_ran(reference: Reference, execution: Execution) -> None:
    """Every cell came to its end, unless its author said that it raises.

    Raises:
        SpecDoesNotHold: naming each cell as the author's file numbers it.
    """
    cells = [cell for cell in reference.notebook.cells if cell.index not in reference.prompt_cells]
    failed: list[Note] = []
    for number, cell in enumerate(cells, start=1):
        run = execution.cell(cell.index)
        if run is None:
            continue
        facts: dict[str, Fact] = {"cell": number}
        if run.state is CellState.RAISED and run.error is not None and _MAY_RAISE not in cell.tags:
            facts |= {"line": run.error.line, "error": run.error.name, "message": run.error.message[:500]}
            code = "publish.reference_raises" if run.error.line is not None else "publish.reference_raises_somewhere"
            failed.append(Note(code=code, facts=facts))
        elif run.state is CellState.TIMED_OUT:
            failed.append(Note(code="publish.reference_timed_out", facts=facts))
        elif run.state is CellState.ENDED_KERNEL:
            failed.append(Note(code=f"publish.reference_{execution.outcome.value}", facts=facts))
    if failed:
        raise SpecDoesNotHold(failed, assignment=reference.assignment.slug)
