"""Follow-through: what went wrong in one question costs nothing in the next, if that is right on right values.

A question that lost points, or waits for a person, and builds on names of an earlier question that failed runs once
more, in a second kernel and with the reference's values for those names. Nothing but verdicts leaves that kernel: it
holds reference code of earlier questions, never of the one that is tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.domain.assignment import Check, Question
from grader.domain.execution import Given
from grader.domain.ids import CheckId, QuestionId
from grader.domain.probe import Probe
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact, Note
from grader.flow.case import Case, Judge
from grader.flow.ports import Runner
from grader.flow.sources import joined, until
from grader.notebook.names import bound_names, imported_names, needed_names

_SLOWER = 5
"""The reference's code may take so many times longer beside a student's."""
_SPARE_S = 5.0

Findings = Mapping[QuestionId, Mapping[CheckId, Finding]]


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What takes the place of one question's first findings, and what is told beside them."""

    findings: Mapping[CheckId, Finding] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Retrial:
    """One question that is tried again."""

    question: Question
    checks: tuple[Check, ...]
    """Those that cost points or wait for a person."""
    sure: tuple[Check, ...]
    """Those that passed without asking the kernel: what is shown, on which they may rest, changes with the values."""
    lost: frozenset[CheckId]
    """Of these those that cost points."""
    given: Given
    notebook_source: str
    """What runs up to the answer's end, with the reference's code where it takes effect."""
    facts: Mapping[str, Fact]


def follow_through(case: Case, findings: Findings, *, runner: Runner) -> Mapping[QuestionId, Followed]:
    """Try again, all in one kernel, what may have failed through earlier mistakes only; without any there is no kernel.

    Args:
        case: the notebook.
        findings: of its first run.
        runner: the sandbox.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure; the work is done again.
    """
    followed = {question.question_id: Followed() for question in case.assignment.questions}
    found = [_find_retrial(case, question, findings) for question in case.assignment.questions]
    retrials = {retrial.question.question_id: retrial for retrial in found if retrial is not None}
    if retrials:
        judge = _run_again(case, retrials, runner=runner)
        followed |= {question_id: _judge_again(judge, retrial) for question_id, retrial in retrials.items()}
    return followed


def _find_retrial(case: Case, question: Question, findings: Findings) -> _Retrial | None:
    found = findings[question.question_id]
    checks = tuple(
        check
        for check in question.checks
        if not check.logic.is_self_contained and check.kind != "written" and _is_open(found[check.check_id])
    )
    cells = case.answer(question.question_id).code_cells
    if not (question.follow_through and checks and cells):
        return None
    needed = needed_names(joined(case.sources, cells))
    causes = {
        earlier.number: names
        for earlier in _failed_before(case, question, findings)
        if (names := needed & _names_left_by(case, earlier, cells))
    }
    by_number = {earlier.number: earlier for earlier in case.assignment.questions}
    if not causes or any(_share_a_cell(case, by_number[number], question) for number in causes):
        return None
    source = case.expected.questions[by_number[max(causes)].question_id].notebook_source
    return _Retrial(
        question=question,
        checks=checks,
        sure=tuple(
            check
            for check in question.checks
            if found[check.check_id].verdict is Verdict.PASSED and not case.probes(question, check)
        ),
        lost=frozenset(check.check_id for check in checks if _is_lost(found[check.check_id])),
        given=Given(
            source=source,
            names=tuple(sorted(needed & bound_names(source))),
            seconds=case.expected.seconds * _SLOWER + _SPARE_S,
        ),
        notebook_source=_with_given(case, cells, source),
        facts={"questions": [*causes], "names": [*sorted(frozenset().union(*causes.values()))]},
    )


def _failed_before(case: Case, question: Question, findings: Findings) -> list[Question]:
    """Questions before this one that went wrong or were not answered at all."""
    return [
        earlier
        for earlier in case.assignment.questions
        if earlier.number < question.number
        and any(
            _is_lost(finding) or finding.verdict is Verdict.NOT_FOUND
            for finding in findings[earlier.question_id].values()
        )
    ]


def _is_open(finding: Finding) -> bool:
    """Lost, or in doubt: what is shown may only seem to come from elsewhere because it is made of wrong values."""
    return _is_lost(finding) or finding.verdict is Verdict.NEEDS_REVIEW


def _is_lost(finding: Finding) -> bool:
    return finding.verdict is not Verdict.PASSED and not finding.verdict.is_pending


def _names_left_by(case: Case, earlier: Question, cells: Sequence[int]) -> frozenset[str]:
    """Names that the reference binds in a question; not the modules that the student has imported as well."""
    source = case.expected.questions[earlier.question_id].source
    return bound_names(source) - (imported_names(source) & bound_names(until(case.sources, cells)))


def _share_a_cell(case: Case, earlier: Question, later: Question) -> bool:
    """The values would come too late for the student's cell; or the reference's code would hold the later answer."""
    first, second = (set(case.answer(question.question_id).code_cells) for question in (earlier, later))
    given, wanted = (
        [run.index for run in case.expected.questions[question.question_id].cell_runs] for question in (earlier, later)
    )
    return bool(first & second) or max(given, default=-1) >= min(wanted, default=0)


def _with_given(case: Case, cells: Sequence[int], source: str) -> str:
    before = [index for index in sorted(case.sources) if index < min(cells)]
    own = [index for index in sorted(case.sources) if min(cells) <= index <= max(cells)]
    return "\n".join((joined(case.sources, before), source, joined(case.sources, own)))


def _run_again(case: Case, retrials: Mapping[QuestionId, _Retrial], *, runner: Runner) -> Judge:
    """One more run, up to the last of these answers."""
    last = max(max(case.answer(question_id).code_cells) for question_id in retrials)
    plan = [
        case.plan(question, probes=_probes(case, retrial), given=retrial.given)
        if (retrial := retrials.get(question.question_id)) is not None
        else case.plan(question)
        for question in case.assignment.questions
    ]
    limits = case.assignment.limits
    given_s = sum(retrial.given.seconds for retrial in retrials.values())
    execution = runner.run(
        replace(case.notebook, cells=tuple(cell for cell in case.notebook.cells if cell.index <= last)),
        plan=plan,
        limits=replace(limits, total_s=limits.total_s + given_s),
        files=case.assignment.files,
    )
    return Judge(case=case, execution=execution, alone={})


def _probes(case: Case, retrial: _Retrial) -> list[Probe]:
    return [
        probe
        for check in retrial.checks
        for probe in case.probes(retrial.question, check, notebook_source=retrial.notebook_source)
    ]


def _judge_again(judge: Judge, retrial: _Retrial) -> Followed:
    if retrial.question.question_id in judge.execution.not_given:
        waits = Finding(verdict=Verdict.NEEDS_REVIEW, code="follow.unavailable", facts=retrial.facts)
        return Followed(findings=dict.fromkeys(retrial.lost, waits))
    passed = Finding(verdict=Verdict.PASSED, code="follow.passed", facts=retrial.facts)
    judged = (*retrial.checks, *retrial.sure)
    again = judge.findings(retrial.question, checks=judged, notebook_source=retrial.notebook_source)
    tried = {check.check_id for check in retrial.checks}
    found = {check_id: passed for check_id in tried if again[check_id].verdict is Verdict.PASSED}
    if not found:
        return Followed()
    # Only right output can be doubted: that it came from elsewhere than it should shows in this run alone.
    doubts = {check_id: one for check_id, one in again.items() if one.verdict is Verdict.NEEDS_REVIEW}
    return Followed(
        findings=found | {check_id: one for check_id, one in doubts.items() if check_id not in tried},
        notes=(Note(code="follow.tried_again", facts=retrial.facts),),
    )
