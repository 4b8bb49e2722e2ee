"""Test a spec against its own reference: right answers keep their points, empty ones earn none, mistakes lose some."""

import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

from grader.authoring.mutants import MUTANTS_PER_ASSIGNMENT, MUTANTS_PER_QUESTION, Mutant, make_mutants
from grader.authoring.mutants_literals import literal_of
from grader.authoring.mutants_text import Answer, Operator
from grader.authoring.variants import REORDERED, make_variants
from grader.domain.assignment import Assignment, Question
from grader.domain.ids import VersionHash
from grader.domain.location import Location
from grader.domain.notebook import Notebook
from grader.domain.result import QuestionResult, Result, Verdict
from grader.domain.selftest import Fate, MutantReport, SelfTestReport
from grader.domain.text import Fact, Note
from grader.errors import NotebookRefused
from grader.flow.assess import Assessment, assess
from grader.flow.expected import Expected
from grader.flow.felt import Felt, settings_text, words_in
from grader.flow.observe import Observation, Piece, observe
from grader.flow.ports import LoadedAssignment, Runner
from grader.grading.syntax import mentioned_names, parse_leniently
from grader.notebook.locate import locate
from grader.notebook.read import read

EQUIVALENTS = "equivalents/"
_TEMPLATE = re.compile(r"template\.\w+\.ipynb")
_SETTING = re.compile(r"(?<![\w.])\w+=(?!=)")
"""`inputs=` in what a check was told: a word of ours, not of the notebook."""
_FOLLOWED_PER_QUESTION = 2
_PATIENCE = 10
"""A mutant may take so many times as long as the reference: one that never ends must not hold up all others."""
_LEAST_SECONDS = 5.0
_ROUND_THE_QUESTION = frozenset({Operator.HARD_CODED, Operator.VALUE_FOR_GRADIENT, Operator.STALE})
"""Right by another way than the one asked for: the same numbers say nothing in their favour."""
_ABOUT_NUMBERS = frozenset(
    {
        *(Operator.ARITHMETIC, Operator.SIGN, Operator.CONSTANT, Operator.TERM, Operator.AGGREGATE),
        *(Operator.ACTIVATION, Operator.LEARNING_RATE, Operator.LABELS, Operator.COMPARISON),
    }
)
"""Another formula. Where it gives the same for one set of numbers, the numbers were badly chosen; where a function
gives the same for many inputs, it is the same function."""


def asked_names(question: Question) -> frozenset[str]:
    """Whatever may be a name of the notebook's that the question's checks read."""
    return words_in(_SETTING.sub("", settings_text(question)))


class Interrupted(Exception):
    """The self-test was asked to make way; what it found out so far is kept."""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """What testing one spec needs. `known` keeps what became of mutants, so that a test can be taken up again."""

    loaded: LoadedAssignment
    files: Mapping[str, bytes]
    """The bundle's: equivalents and templates are looked for here."""
    expected: Expected
    runner: Runner
    secret: bytes
    jobs: int = 1
    """So many notebooks run at the same time."""
    limit: int | None = None
    """Mutants a question; by default as many as are made of an assignment of this size."""
    should_stop: Callable[[], bool] = lambda: False
    on_progress: Callable[[int, int], None] = lambda done, total: None
    """Told how many of how many mutants are done."""
    known: MutableMapping[str, MutantReport] = field(default_factory=dict)

    @property
    def assignment(self) -> Assignment:
        return self.loaded.assignment

    def run(self) -> SelfTestReport:
        """Grade every notebook that the spec has to tell apart.

        Raises:
            Interrupted: `should_stop` said so.
            SandboxUnavailable, SandboxFailed: our failure.
        """
        said = _Said()
        with ThreadPoolExecutor(max_workers=self.jobs) as pool:
            # What several threads will ask for is made once, beside the notebooks that do not need it.
            made = [pool.submit(getattr, self, name) for name in ("_reference_seen", "_reference")]
            tried = list(self._right_and_empty())
            results = pool.map(self._try, [notebook for _, notebook, _ in tried])
            for one in made:
                one.result()
            for (name, notebook, judge), result in zip(tried, results, strict=True):
                said.tried.append(name)
                if isinstance(notebook, NotebookRefused):
                    said.faults += [Note(code="selftest.unreadable", facts={"notebook": name}), notebook.note]
                elif result is not None:
                    judge(said, result)
            mutants = self._mutants
            self._hurried, self._followed  # noqa: B018 - made here, before several threads ask
            fates = []
            for fate in pool.map(self._examine, mutants):
                fates.append(fate)
                self.on_progress(len(fates), len(mutants))
        return SelfTestReport(
            version=self.assignment.version,
            environment=self.expected.environment,
            faults=tuple(said.faults),
            remarks=(*said.remarks, *_untried(said.tried), *self._remarks(fates)),
            mutants=tuple(fates),
            tried=tuple(said.tried),
        )

    def _try(self, notebook: Notebook | NotebookRefused) -> Result | None:
        self._check_time()
        return self._assess(notebook, self.assignment).result if isinstance(notebook, Notebook) else None

    # --- what must earn everything, or nothing ------------------------------------------------------------------------

    def _right_and_empty(self) -> Iterator[tuple[str, Notebook | NotebookRefused, Callable[["_Said", Result], None]]]:
        """Each notebook by its name, and who judges its result."""
        named = frozenset(word for text in self._said_by_checks for word in words_in(text))
        respelled = [q.question_id for q in self.assignment.questions if "print" not in settings_text(q)]
        location = locate(self.loaded.reference, self.expected.wanted)
        variants = make_variants(
            self.loaded.reference,
            location=location,
            named=named,
            asked={question.question_id: asked_names(question) for question in self.assignment.questions},
            respelled=respelled,
        )
        for variant in variants:
            yield variant.name, variant.notebook, self._tell_lost_points
        for name, data in sorted(self.files.items()):
            if name.startswith(EQUIVALENTS) and name.endswith(".ipynb"):
                yield name, _read(data), self._tell_lost_points
            elif _TEMPLATE.fullmatch(name):
                yield name, _read(data), _tell_earned_points

    @property
    def _said_by_checks(self) -> Iterable[str]:
        yield from map(settings_text, self.assignment.questions)
        for expressions in self.loaded.prompt_expressions.values():
            yield from expressions

    def _tell_lost_points(self, said: "_Said", result: Result) -> None:
        """A right notebook must earn what the reference earns; what a person has to judge is not lost."""
        for question, full in zip(result.questions, self._full, strict=True):
            if question.score >= full.score:
                continue
            is_lost = _held(question) < _held(full)
            told = said.faults if is_lost else said.remarks
            code = "selftest.right_loses" if is_lost else "selftest.right_waits"
            told.append(Note(code=code, facts={"notebook": said.tried[-1], "question": question.question_id}))
            told += [
                Note(code=check.code, facts=check.facts)
                for check in question.checks
                if check.kind != "written" and check.verdict is not Verdict.PASSED
            ]

    # --- mutants ------------------------------------------------------------------------------------------------------

    @cached_property
    def _reference(self) -> Assessment:
        return self._assess(self.loaded.reference, self.assignment)

    @cached_property
    def _felt(self) -> Felt:
        # A mistake within a cell moves no heading, and the reference has one for every question.
        return Felt(self.loaded.reference, assignment=self.assignment, location=self._reference.location)

    @property
    def _full(self) -> Sequence[QuestionResult]:
        return self._reference.result.questions

    @cached_property
    def _reference_seen(self) -> tuple[Observation, frozenset[Piece]]:
        """What the reference shows, and the part of it that changes from run to run."""
        first, second = (self._observe(self.loaded.reference, self.assignment) for _ in range(2))
        return first, first.unsteady(second)

    @cached_property
    def _mutants(self) -> Sequence[Mutant]:
        seen, _ = self._reference_seen
        location = locate(self.loaded.reference, self.expected.wanted)
        return make_mutants(
            self.loaded.reference,
            cells={question_id: answer.code_cells for question_id, answer in location.answers.items()},
            answers={question.question_id: _answer(question, seen) for question in self.assignment.questions},
            limit=self.limit or MUTANTS_PER_QUESTION,
            total=MUTANTS_PER_ASSIGNMENT if self.limit is None else sys.maxsize,
            always=self.loaded.accepted.keys(),
        )

    @cached_property
    def _followed(self) -> frozenset[str]:
        """Ids of the mutants that are graded in later questions, too.

        What one mistake of a question costs behind it, the others cost by the same names; and this is most of the
        work. Where the author asks for more mutants, all are followed.
        """
        by_question: dict[str, list[str]] = {}
        for mutant in self._mutants:
            by_question.setdefault(mutant.question_id, []).append(mutant.mutant_id)
        most = _FOLLOWED_PER_QUESTION if self.limit is None else sys.maxsize
        return frozenset(mutant_id for ids in by_question.values() for mutant_id in ids[:most])

    def _examine(self, mutant: Mutant) -> MutantReport:
        if mutant.mutant_id not in self.known:
            self._check_time()
            self.known[mutant.mutant_id] = self._judge(mutant)
        return self._with_decision(self.known[mutant.mutant_id])

    def _judge(self, mutant: Mutant) -> MutantReport:
        is_followed = mutant.mutant_id in self._followed
        questions = tuple(
            question
            for question in self._felt.questions_behind(mutant)
            if is_followed or question.question_id == mutant.question_id
        )
        reached = {question.question_id for question in questions}
        shortened = self._felt.shorten(mutant, questions=questions)
        graded = self._assess(shortened, replace(self._hurried, questions=questions), location=self._felt.location)
        full = [question for question in self._full if question.question_id in reached]
        pairs = list(zip(graded.result.questions, full, strict=True))
        lost = {question.question_id for question, whole in pairs if _held(question) < _held(whole)}
        lower = {question.question_id for question, whole in pairs if question.score < whole.score}
        if mutant.question_id in lost:
            fate = Fate.KILLED
        elif mutant.question_id in lower:
            fate = Fate.REVIEWED
        elif self._is_equivalent(mutant):
            fate = Fate.EQUIVALENT
        else:
            fate = Fate.SURVIVED
        return MutantReport(
            mutant_id=mutant.mutant_id,
            question_id=mutant.question_id,
            operator=mutant.operator.value,
            facts=mutant.facts,
            diff=mutant.diff,
            fate=fate,
            spilled=tuple(sorted(lost - {mutant.question_id})),
        )

    def _is_equivalent(self, mutant: Mutant) -> bool:
        """Whether it is the same answer in other words; the docs tell where observation is believed."""
        if mutant.operator in _ROUND_THE_QUESTION:
            return False
        if mutant.operator in _ABOUT_NUMBERS and mutant.function is None:
            return False
        if mutant.function is not None and not self._is_called(mutant.function):
            return False
        questions = self._felt.questions_behind(mutant)
        notebook = self._felt.cut(mutant, questions=questions)
        again = self._observe(notebook, replace(self.assignment, questions=questions), location=self._felt.location)
        seen, unsteady = self._reference_seen
        return seen.equals(again, unsteady=unsteady)

    def _is_called(self, function: str) -> bool:
        """A check calls it on hidden inputs, or the notebook itself does."""
        if any(function in words_in(text) for text in self._said_by_checks):
            return True
        sources = "\n".join(cell.source for cell in self.loaded.reference.code_cells)
        return function in mentioned_names(parse_leniently(sources))

    def _with_decision(self, report: MutantReport) -> MutantReport:
        reason = self.loaded.accepted.get(report.mutant_id)
        if reason is None or report.fate is not Fate.SURVIVED:
            return report
        return replace(report, fate=Fate.ACCEPTED, reason=reason)

    def _remarks(self, reports: Sequence[MutantReport]) -> Iterator[Note]:
        """Decisions that decide nothing."""
        fates = {report.mutant_id: report.fate for report in reports}
        for mutant_id in self.loaded.accepted:
            if mutant_id not in fates:
                yield Note(code="selftest.accepted_unknown", facts={"id": mutant_id})
            elif fates[mutant_id] is not Fate.ACCEPTED:
                yield Note(code="selftest.accepted_needless", facts={"id": mutant_id})

    # --- running ------------------------------------------------------------------------------------------------------

    @cached_property
    def _hurried(self) -> Assignment:
        """The assignment for mutants: the same, but for the time that they may take."""
        limits = self.assignment.limits
        seconds = max(_LEAST_SECONDS, _PATIENCE * self._reference.execution.seconds)
        hurried = {
            name: min(getattr(limits, name), seconds * factor)
            for name, factor in (("question_s", 1), ("outside_s", 1), ("total_s", 3))
        }
        return replace(self.assignment, limits=replace(limits, **hurried))

    def _assess(self, notebook: Notebook, assignment: Assignment, *, location: Location | None = None) -> Assessment:
        return assess(
            notebook,
            assignment=assignment,
            expected=self.expected,
            runner=self.runner,
            key=self.secret,
            location=location,
        )

    def _observe(self, notebook: Notebook, assignment: Assignment, *, location: Location | None = None) -> Observation:
        return observe(notebook, assignment=assignment, expected=self.expected, runner=self.runner, location=location)

    def _check_time(self) -> None:
        if self.should_stop():
            raise Interrupted


class SelfTests:
    """Self-tests that can be interrupted: what became of mutants is kept in memory meanwhile."""

    def __init__(self) -> None:
        self._begun: dict[VersionHash, dict[str, MutantReport]] = {}

    def run(self, test: SelfTest) -> SelfTestReport:
        """Begin it, or go on where one of the same version was left. Raises as `SelfTest.run`."""
        version = test.assignment.version
        report = replace(test, known=self._begun.setdefault(version, {})).run()
        self._begun.pop(version, None)
        return report


@dataclass(kw_only=True)
class _Said:
    """What has been found of right and empty notebooks so far."""

    tried: list[str] = field(default_factory=list)
    faults: list[Note] = field(default_factory=list)
    remarks: list[Note] = field(default_factory=list)


def _read(data: bytes) -> Notebook | NotebookRefused:
    try:
        return read(data)
    except NotebookRefused as error:
        return error


def _untried(tried: Collection[str]) -> Iterator[Note]:
    """What the self-test promises and could not do here."""
    if REORDERED not in tried:
        yield Note(code="selftest.not_reordered")


def _tell_earned_points(said: _Said, result: Result) -> None:
    """An empty template must earn nothing."""
    for question in result.questions:
        if question.score > 0:
            facts: dict[str, Fact] = {"notebook": said.tried[-1], "question": question.question_id}
            said.faults.append(Note(code="selftest.empty_earns", facts=facts | {"score": question.score}))


def _held(question: QuestionResult) -> float:
    """Points that are not lost: earned, or waiting for a person."""
    return question.score + question.pending


def _answer(question: Question, seen: Observation) -> Answer:
    names = frozenset(name for check in question.checks for name in check.logic.answer_names)
    values = seen.values.get(question.question_id, {})
    literals = {name: literal_of(values[name]) for name in names if name in values}
    return Answer(
        names=names,
        typed=frozenset(n for check in question.checks if check.kind == "value" for n in check.logic.answer_names),
        literals={name: text for name, text in literals.items() if text is not None},
        printed={index: text.rstrip("\n") for index, text in seen.printed.items() if text},
        is_shown=any(check.kind == "output" for check in question.checks),
        is_drawn=any(check.kind == "figure" for check in question.checks),
    )
