"""A version that asks the same and weighs it otherwise: its points from what a run found before, without a kernel."""

from collections.abc import Mapping
from dataclasses import replace

from grader.domain.assignment import Question
from grader.domain.ids import CheckId, EnvironmentHash
from grader.domain.publishing import VersionState
from grader.domain.result import Finding, QuestionResult, Result, Verdict
from grader.domain.submission import Graded, Run
from grader.flow.assignments import StoredAssignments
from grader.flow.ports import LoadedAssignment, Transaction
from grader.flow.standing import is_held_up_by_us
from grader.grading.score import score_question, total


def find_rescored(
    tx: Transaction, run: Run, *, environment: EnvironmentHash, assignments: StoredAssignments
) -> Graded | None:
    """What the run would come to, from the run of another version that counts; None where a kernel has to say.

    Args:
        tx: to read in.
        run: a regrade that waits.
        environment: that it would run in.
        assignments: for both versions.
    """
    before = tx.runs.find_counting(run.submission_id)
    if before is None or before.version == run.version or before.environment != environment:
        return None
    if tx.versions.get(run.version).state is not VersionState.PROVED:
        return None
    choice = tx.cell_choices.find_newest(run.submission_id)
    if choice is not None or is_held_up_by_us(tx, before):
        return None
    wanted = assignments.load(run.version, tx=tx)
    if not _asks_the_same(assignments.load(before.version, tx=tx), wanted):
        return None
    graded = tx.runs.load_graded(before.run_id)
    result = _rescored(graded.result, wanted)
    return None if result is None else replace(graded, result=result, reused_from=before.reused_from or before.run_id)


def _asks_the_same(one: LoadedAssignment, other: LoadedAssignment) -> bool:
    """The same code, checks and limits: whatever is found in a notebook is the same by both."""
    return _asked(one) == _asked(other)


def _asked(loaded: LoadedAssignment) -> tuple[object, ...]:
    assignment = loaded.assignment
    questions = [
        (question.question_id, question.follow_through, [(check.check_id, check.logic) for check in question.checks])
        for question in assignment.questions
    ]
    code = [cell.source for cell in loaded.reference.code_cells]
    return questions, code, assignment.limits, assignment.device, dict(assignment.files), loaded.wanted


def _rescored(result: Result, wanted: LoadedAssignment) -> Result | None:
    found = {question.question_id: question for question in result.questions}
    scored = []
    for question in wanted.assignment.questions:
        findings = _findings(question, found[question.question_id])
        if findings is None:
            return None
        before = found[question.question_id]
        diagnoses = {check.check_id: check.diagnosis for check in before.checks if check.diagnosis is not None}
        scored.append(score_question(question, findings, diagnoses=diagnoses, notes=before.notes, cells=before.cells))
    return total(result.outcome, scored, result.notes)


def _findings(question: Question, before: QuestionResult) -> Mapping[CheckId, Finding] | None:
    """None where points hang on how far a comparison came, which is not kept."""
    stored = {check.check_id: check for check in before.checks}
    findings = {}
    for check in question.checks:
        known = stored[check.check_id]
        is_lost = known.verdict is not Verdict.PASSED and not known.verdict.is_pending
        if is_lost and check.partial:
            return None
        verdict = Verdict.FAILED if known.verdict is Verdict.PARTIAL else known.verdict
        findings[check.check_id] = Finding(verdict=verdict, code=known.code, facts=known.facts)
    return findings
