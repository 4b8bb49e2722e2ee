"""One notebook beside what its assignment's reference gives: what is asked of a kernel, what its answers come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from grader.domain.assignment import Assignment, Check, Question
from grader.domain.execution import CellRun, Evidence, Execution, Given, QuestionPlan
from grader.domain.ids import CheckId, QuestionId
from grader.domain.location import FoundBy, LocatedAnswer, Location
from grader.domain.notebook import Notebook
from grader.domain.probe import Probe
from grader.domain.result import Finding, Verdict
from grader.domain.values import Reply
from grader.flow.excuse import Circumstances, excuse
from grader.flow.expected import Expected, check_path, sort_replies
from grader.flow.self_contained import ALONE, needs_the_notebook
from grader.flow.sources import joined, until


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that asking and judging need of one notebook."""

    notebook: Notebook
    assignment: Assignment
    location: Location
    sources: Mapping[int, str]
    """Each code cell as plain Python, by cell index."""
    expected: Expected
    draws: Mapping[str, int]
    """Which set of hidden inputs each check has, by check path."""

    def answer(self, question_id: QuestionId) -> LocatedAnswer:
        return self.location.answers[question_id]

    def prefix(self, question: Question, check: Check) -> str:
        """What the keys of a check's probes and replies begin with."""
        path = check_path(question.question_id, check.check_id)
        return f"{path}/{self.draws[path]}/"

    def probes(self, question: Question, check: Check, *, notebook_source: str | None = None) -> tuple[Probe, ...]:
        """What a check asks of this answer; `notebook_source` stands for what has run up to its end, if not this."""
        cells = self.answer(question.question_id).code_cells
        path = check_path(question.question_id, check.check_id)
        asked = check.logic.probes(
            source=joined(self.sources, cells),
            notebook_source=until(self.sources, cells) if notebook_source is None else notebook_source,
            inputs=self.expected.inputs(path, self.draws[path]),
        )
        return with_prefix(asked, self.prefix(question, check))

    def plan(self, question: Question, *, probes: Sequence[Probe] = (), given: Given | None = None) -> QuestionPlan:
        """The question's cells and time, with what is asked after them."""
        return QuestionPlan(
            question_id=question.question_id,
            code_cells=self.answer(question.question_id).code_cells,
            probes=tuple(probes),
            given=given,
            budget_s=question.budget_s,
        )


def with_prefix(probes: Sequence[Probe], prefix: str) -> tuple[Probe, ...]:
    """A check's probes under keys that are unique within the notebook."""
    return tuple(replace(probe, key=prefix + probe.key) for probe in probes)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Compares what one execution of a case brought with what is expected."""

    case: Case
    execution: Execution
    alone: Mapping[str, Reply]
    """What functions that must do without the notebook answered, see flow.self_contained."""

    def runs(self, question: Question) -> list[CellRun]:
        """What the question's cells did."""
        cells = self.case.answer(question.question_id).code_cells
        return [run for run in self.execution.cells if run.index in cells]

    def findings(
        self, question: Question, *, checks: Sequence[Check] | None = None, notebook_source: str | None = None
    ) -> dict[CheckId, Finding]:
        """What each check finds.

        Args:
            question: one of the case's.
            checks: those of them that are wanted, if not all.
            notebook_source: what has run up to the answer's end, if not the student's own.
        """
        answer = self.case.answer(question.question_id)
        circumstances = Circumstances.of(
            code_cells=answer.code_cells,
            runs=self.runs(question),
            sources=self.case.sources,
            execution=self.execution,
        )
        evidence = self._evidence(question, notebook_source=notebook_source)
        return {
            check.check_id: self._finding(question, check, evidence=evidence, circumstances=circumstances)
            for check in (question.checks if checks is None else checks)
        }

    def _finding(
        self, question: Question, check: Check, *, evidence: Evidence, circumstances: Circumstances
    ) -> Finding:
        answer = self.case.answer(question.question_id)
        if answer.found_by is FoundBy.NOT_FOUND:
            return Finding(verdict=Verdict.NOT_FOUND, code="check.not_found", facts={"number": question.number})
        if check.kind != "written" and not answer.code_cells:
            return Finding(verdict=Verdict.NOT_FOUND, code="check.no_code", facts={"number": question.number})
        prefix = self.case.prefix(question, check)
        draw = self.case.draws[check_path(question.question_id, check.check_id)]
        expected = self.case.expected.evidence(question.question_id, check.check_id, draw=draw)
        actual = replace(evidence, replies=self._replies.get(prefix, {}))
        if check.kind == "written":
            return check.logic.evaluate(actual=actual, expected=expected)
        found = _excused(check, actual=actual, expected=expected, circumstances=circumstances)
        if not check.logic.is_self_contained:
            return found
        alone = replace(evidence, replies=self._replies_alone.get(prefix, {}))
        if not needs_the_notebook(alone=alone.replies, here=actual.replies):
            return _excused(check, actual=alone, expected=expected, circumstances=circumstances)
        if found.verdict is Verdict.PASSED:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="check.not_self_contained")
        return found

    @cached_property
    def _replies(self) -> Mapping[str, Mapping[str, Reply]]:
        return sort_replies(self.execution.replies)

    @cached_property
    def _replies_alone(self) -> Mapping[str, Mapping[str, Reply]]:
        return sort_replies({key.removeprefix(ALONE): reply for key, reply in self.alone.items()})

    def _evidence(self, question: Question, *, notebook_source: str | None) -> Evidence:
        answer, runs = self.case.answer(question.question_id), self.runs(question)
        sources = self.case.sources
        return Evidence(
            source=joined(sources, answer.code_cells),
            notebook_source=until(sources, answer.code_cells) if notebook_source is None else notebook_source,
            outputs=tuple(output for run in runs for output in run.outputs),
            cell_runs=tuple(runs),
            replies={},
            written=answer.written,
            has_attachments=answer.has_attachments,
        )


def _excused(check: Check, *, actual: Evidence, expected: Evidence, circumstances: Circumstances) -> Finding:
    return excuse(
        lambda: check.logic.evaluate(actual=actual, expected=expected),
        circumstances,
        has_all_replies=expected.replies.keys() <= actual.replies.keys(),
    )
