"""The reference proves its own assignment: expected answers are taken, and the spec must tell right from empty."""

from collections.abc import Collection
from dataclasses import replace

from grader.domain.assignment import Assignment
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.result import CheckResult, Result, Verdict
from grader.domain.text import Fact, Note
from grader.errors import SpecDoesNotHold
from grader.flow.assess import assess
from grader.flow.expected import Expected, check_path
from grader.flow.noise import measure_noise
from grader.flow.ports import LoadedAssignment, Runner
from grader.flow.reference import prepare, take_expected

_MATCHED = frozenset({"source.forbidden", "source.too_often", "source.too_few", "source.syntax_error"})
"""What is said of a pattern that does match somewhere, or of code that cannot be read."""


def prove(loaded: LoadedAssignment, *, runner: Runner, secret: bytes) -> Expected:
    """Run the reference, keep what it gives as expected, and make sure that the spec holds.

    Several runs: one to take values; a few that measure how far they wander by themselves; the reference handed in like
    a student's notebook, which must earn every automatic point; a notebook with every heading and a `pass` under each,
    which must earn none.

    Args:
        loaded: the assignment with its reference.
        runner: the sandbox; expected values hold for its environment only.
        secret: seeds the hidden inputs.

    Raises:
        SpecDoesNotHold: with every question that is at fault.
        SandboxUnavailable, SandboxFailed: our failure.
    """
    assignment = loaded.assignment
    reference = prepare(loaded, secret=secret)
    expected = take_expected(reference, runner=runner)
    noise = measure_noise(reference, expected=expected, runner=runner)
    expected = replace(expected, overshoots=noise.overshoots)
    full = assess(loaded.reference, assignment=assignment, expected=expected, runner=runner, key=secret)
    expected = replace(expected, seconds=full.execution.seconds)
    findings = [*noise.findings.values(), *_lost_points(full.result, told=noise.findings.keys())]
    empty = assess(_empty_notebook(assignment), assignment=assignment, expected=expected, runner=runner, key=secret)
    findings += [
        Note(code="publish.empty_earns", facts={"question": question.question_id, "score": question.score})
        for question in empty.result.questions
        if question.score > 0
    ]
    if findings:
        raise SpecDoesNotHold(findings, assignment=assignment.slug)
    return expected


def _lost_points(result: Result, *, told: Collection[str]) -> list[Note]:
    """Each automatic check that the reference does not pass, followed by what the check itself says.

    Args:
        result: of the reference, handed in.
        told: paths of checks of which it is known already why they cannot be passed.
    """
    return [
        note
        for question in result.questions
        for check in question.checks
        if check.kind != "written" and check.verdict is not Verdict.PASSED
        if check_path(question.question_id, check.check_id) not in told
        for note in _tell_lost(question.question_id, check)
    ]


def _tell_lost(question_id: QuestionId, check: CheckResult) -> list[Note]:
    facts: dict[str, Fact] = {"question": question_id, "check": check.check_id}
    if "pattern" in check.facts and check.code not in _MATCHED:
        return [Note(code="publish.pattern_matches_nothing", facts=facts | {"pattern": check.facts["pattern"]})]
    return [Note(code="publish.reference_loses", facts=facts), Note(code=check.code, facts=check.facts)]


def _empty_notebook(assignment: Assignment) -> Notebook:
    cells: list[Cell] = []
    for question in assignment.questions:
        for kind, source in ((CellKind.MARKDOWN, f"## 問題{question.number}"), (CellKind.CODE, "pass")):
            index = len(cells)
            cells.append(Cell(index=index, kind=kind, source=source, cell_id=f"empty-{index}"))
    return Notebook(cells=tuple(cells))
