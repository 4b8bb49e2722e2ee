"""The reference proves its own assignment: expected answers are taken, and the spec must tell right from empty."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.domain.assignment import Assignment, InputSet
from grader.domain.execution import Evidence, Execution, QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.location import FoundBy, Location
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import Probe, TakeNames
from grader.domain.result import Result, Verdict
from grader.domain.text import Note
from grader.errors import SpecDoesNotHold
from grader.flow.assess import assess
from grader.flow.case import with_prefix
from grader.flow.expected import POOL_SIZE, Expected, check_path
from grader.flow.ports import LoadedAssignment, Runner
from grader.flow.prompts import check_prompts, prompt_outputs_of, with_prompt_cells
from grader.flow.sources import joined, plain_sources, until
from grader.notebook.locate import locate


def prove(loaded: LoadedAssignment, *, runner: Runner, secret: bytes) -> Expected:
    """Run the reference, keep what it gives as expected, and make sure that the spec holds.

    Three runs: one to take values; the reference handed in like a student's notebook, which must earn every automatic
    point (a reference that gives other values each time is caught here); a notebook with every heading and a `pass`
    under each, which must earn none.

    Args:
        loaded: the assignment with its reference.
        runner: the sandbox; expected values hold for its environment only.
        secret: seeds the hidden inputs.

    Raises:
        SpecDoesNotHold: with every question that is at fault.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    assignment = loaded.assignment
    expected = _take_expected(loaded, runner=runner, secret=secret)
    full = assess(loaded.reference, assignment=assignment, expected=expected, runner=runner, key=secret)
    findings = _lost_points(full.result)
    empty = assess(_empty_notebook(assignment), assignment=assignment, expected=expected, runner=runner, key=secret)
    findings += [
        Note(code="publish.empty_earns", facts={"question": question.question_id, "score": question.score})
        for question in empty.result.questions
        if question.score > 0
    ]
    if findings:
        raise SpecDoesNotHold(findings, assignment=assignment.slug)
    return expected


def _take_expected(loaded: LoadedAssignment, *, runner: Runner, secret: bytes) -> Expected:
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
    own_cells = {
        question_id: tuple(index for index in answer.code_cells if index not in prompt_cells)
        for question_id, answer in location.answers.items()
    }
    sources = plain_sources(notebook)
    pools = _pools(assignment, secret=secret)
    plan = [
        QuestionPlan(
            question_id=question.question_id,
            code_cells=own_cells[question.question_id],
            probes=_all_probes(assignment, question.question_id, own_cells[question.question_id], sources, pools),
            budget_s=question.budget_s,
        )
        for question in assignment.questions
    ]
    execution = runner.run(notebook, plan=plan, limits=assignment.limits, files=assignment.files)
    check_prompts(assignment, prompt_cells, execution)
    return Expected(
        version=assignment.version,
        environment=execution.environment,
        wanted=loaded.wanted,
        questions={
            question_id: _evidence(location, question_id, cells, sources, execution)
            for question_id, cells in own_cells.items()
        },
        replies=execution.replies,
        pools=pools,
        prompt_outputs=prompt_outputs_of(prompt_cells, execution),
        seconds=execution.seconds,
    )


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


def _all_probes(
    assignment: Assignment,
    question_id: QuestionId,
    cells: Sequence[int],
    sources: Mapping[int, str],
    pools: Mapping[str, tuple[InputSet, ...]],
) -> tuple[Probe, ...]:
    question = next(question for question in assignment.questions if question.question_id == question_id)
    source, before = joined(sources, cells), until(sources, cells)
    probes: list[Probe] = []
    for check in question.checks:
        path = check_path(question_id, check.check_id)
        for draw, inputs in enumerate(pools.get(path, ((),))):
            asked = check.logic.probes(source=source, notebook_source=before, inputs=inputs)
            asked = tuple(_with_names(probe, check.logic.reference_names) for probe in asked)
            probes.extend(with_prefix(asked, f"{path}/{draw}/"))
    return tuple(probes)


def _with_names(probe: Probe, names: tuple[str, ...]) -> Probe:
    return replace(probe, names=(*probe.names, *names)) if isinstance(probe, TakeNames) else probe


def _evidence(
    location: Location,
    question_id: QuestionId,
    cells: Sequence[int],
    sources: Mapping[int, str],
    execution: Execution,
) -> Evidence:
    runs = tuple(run for run in execution.cells if run.index in cells)
    return Evidence(
        source=joined(sources, cells),
        notebook_source=until(sources, cells),
        outputs=tuple(output for run in runs for output in run.outputs),
        cell_runs=runs,
        replies={},
        written=location.answers[question_id].written,
    )


def _lost_points(result: Result) -> list[Note]:
    """Each automatic check that the reference does not pass, followed by what the check itself says."""
    return [
        note
        for question in result.questions
        for check in question.checks
        if check.kind != "written" and check.verdict is not Verdict.PASSED
        for note in (
            Note(code="publish.reference_loses", facts={"question": question.question_id, "check": check.check_id}),
            Note(code=check.code, facts=check.facts),
        )
    ]


def _empty_notebook(assignment: Assignment) -> Notebook:
    cells: list[Cell] = []
    for question in assignment.questions:
        for kind, source in ((CellKind.MARKDOWN, f"## 問題{question.number}"), (CellKind.CODE, "pass")):
            index = len(cells)
            cells.append(Cell(index=index, kind=kind, source=source, cell_id=f"empty-{index}"))
    return Notebook(cells=tuple(cells))
