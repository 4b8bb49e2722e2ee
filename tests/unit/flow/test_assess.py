"""One notebook against one assignment: which inputs it draws, what it is told, and what is nobody's fault."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from doubles import FakeRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from school import NameLogic, TinyLoaded, notebook_bytes, read_tiny

from grader.catalog import bundled, parse, read_bundle
from grader.domain.execution import CellError, CellRun, CellState, Execution, Outcome
from grader.domain.ids import EnvironmentHash, VersionHash
from grader.domain.location import FoundBy
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.result import Verdict
from grader.domain.text import Language, Note
from grader.errors import SandboxFailed
from grader.feedback.catalogue import sentence
from grader.flow.assess import assess, draw_inputs
from grader.flow.expected import POOL_SIZE
from grader.flow.prove import prove
from grader.flow.sources import joined, plain_sources, until
from grader.notebook.read import read

KEY = b"key"
PATH = "q6/function"


def code(*sources):
    """A notebook of code cells, and of Markdown where a source begins with '#'."""
    cells = [
        Cell(
            index=index,
            kind=CellKind.MARKDOWN if source.startswith("#") else CellKind.CODE,
            source=source.removeprefix("#>"),
            cell_id=str(index),
        )
        for index, source in enumerate(sources)
    ]
    return Notebook(cells=tuple(cells))


@pytest.fixture(scope="module")
def homework_8():
    return parse(read_bundle(bundled()["torch-tensor"])).assignment


class TestDraws:
    def draw(self, assignment, notebook, *, key=KEY):
        return draw_inputs(assignment, plain_sources(notebook), key=key)

    def test_every_check_has_a_draw_and_only_hidden_inputs_are_drawn(self, homework_8):
        draws = self.draw(homework_8, code("x = 1"))

        checks = {
            f"{question.question_id}/{check.check_id}": check.logic
            for question in homework_8.questions
            for check in question.checks
        }
        assert list(draws) == list(checks)
        assert not any(draws[path] for path, logic in checks.items() if not logic.has_hidden_inputs)
        assert checks[PATH].has_hidden_inputs

    @settings(max_examples=40)
    @given(st.lists(st.text(), min_size=1, max_size=4), st.binary(min_size=1))
    def test_the_same_code_and_key_draw_the_same(self, homework_8, sources, key):
        first = self.draw(homework_8, code(*sources), key=key)

        assert self.draw(homework_8, code(*sources), key=key) == first
        assert 0 <= first[PATH] < POOL_SIZE

    @settings(max_examples=40)
    @given(st.text(), st.text())
    def test_words_and_ids_of_cells_do_not_change_it(self, homework_8, before, after):
        plain = code("x = 1", "y = 2")
        dressed = code(f"#{before}", "x = 1", f"#>{after}", "y = 2")
        dressed = replace(
            dressed, cells=tuple(replace(c, cell_id=f"new-{c.index}", tags=("q1",)) for c in dressed.cells)
        )

        assert self.draw(homework_8, dressed) == self.draw(homework_8, plain)

    def test_outputs_metadata_and_counts_of_the_file_do_not_change_it(self, homework_8):
        def file(**changes):
            cell = {"cell_type": "code", "source": ["x = 1\n", "y = 2"], "metadata": {}, "outputs": []}
            cells = [cell | changes]
            return read(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode())

        plain = self.draw(homework_8, file(execution_count=None))

        assert plain == self.draw(homework_8, file(execution_count=12, metadata={"id": "colab"}, source="x = 1\ny = 2"))
        output = {"output_type": "stream", "name": "stdout", "text": "1"}
        assert plain == self.draw(homework_8, file(outputs=[output], id="other"))

    def test_keys_codes_and_versions_usually_draw_otherwise(self, homework_8):
        """Of 40 draws from 64, one value twice as often as chance would is still far from all the same."""
        other = replace(homework_8, version=VersionHash("f" * 64))

        by_key = {self.draw(homework_8, code("x = 1"), key=bytes([n]))[PATH] for n in range(40)}
        by_code = {self.draw(homework_8, code(f"x = {n}"))[PATH] for n in range(40)}
        by_version = {
            self.draw(assignment, code(f"x = {n}"))[PATH] == self.draw(homework_8, code(f"x = {n}"))[PATH]
            for n in range(10)
            for assignment in (other,)
        }

        assert len(by_key) > 20
        assert len(by_code) > 20
        assert False in by_version

    def test_where_a_cell_ends_matters(self, homework_8):
        draws = {
            self.draw(homework_8, code(*sources))[PATH] for sources in (("a", "b"), ("ab",), ("a\nb",), ("", "ab"))
        }

        assert len(draws) > 1

    def test_characters_that_are_none_can_be_drawn_for(self, homework_8):
        assert PATH in self.draw(homework_8, code("x = '\ud800'"))


def test_sources_are_plain_python_by_cell():
    sources = plain_sources(code("#words", "%matplotlib inline\nx = 1", "!ls\ny = x"))

    assert list(sources) == [1, 2]
    for source in sources.values():
        compile(source, "cell", "exec")


def test_code_is_joined_by_cells_and_up_to_the_last_of_them():
    sources = {1: "a", 3: "b", 4: "c", 7: "d"}

    assert joined(sources, (1, 4)) == "a\nc"
    assert until(sources, (1, 4)) == "a\nb\nc"
    assert until(sources, ()) == ""


class ScriptedRunner(FakeRunner):
    """Runs like the fake one, then says that cells fared otherwise."""

    def __init__(self, *, outcome=Outcome.COMPLETED, notes=(), unanswered=(), **cells):
        super().__init__()
        self.plans = []
        self._outcome, self._notes, self._unanswered = outcome, notes, unanswered
        self._cells = {int(name.removeprefix("cell_")): changes for name, changes in cells.items()}

    def run(self, notebook, *, plan, limits, files=None, on_phase=None):
        self.plans.append(plan)
        execution = super().run(notebook, plan=plan, limits=limits, files=files, on_phase=on_phase)
        runs = tuple(replace(run, **self._cells.get(run.index, {})) for run in execution.cells)
        replies = {k: reply for k, reply in execution.replies.items() if not k.startswith(tuple(self._unanswered))}
        return replace(execution, outcome=self._outcome, cells=runs, notes=self._notes, replies=replies)


@pytest.fixture(scope="module")
def tiny():
    loaded = TinyLoaded()
    return SimpleNamespace(assignment=loaded.assignment, expected=prove(loaded, runner=FakeRunner(), secret=KEY))


def graded(tiny, notebook, *, runner=None, **more):
    return assess(
        notebook,
        assignment=tiny.assignment,
        expected=tiny.expected,
        runner=runner or FakeRunner(),
        key=KEY,
        **more,
    )


def codes(question):
    return [(check.verdict, check.code) for check in question.checks]


RIGHT = read_tiny(notebook_bytes(x=3, y=4))


def test_a_right_notebook_earns_its_points_and_names_its_cells(tiny):
    assessment = graded(tiny, RIGHT)

    assert (assessment.result.score, assessment.result.pending, assessment.result.points) == (15, 5, 20)
    assert [question.cells for question in assessment.result.questions] == [(2,), (4,)]
    assert assessment.draws == {"q1/value": 0, "q2/value": 0, "q2/words": 0}
    assert assessment.location.answers["q1"].code_cells == (1,)
    assert assessment.result.questions[0].notes == ()


def test_phases_are_told_in_order(tiny):
    phases = []

    graded(tiny, RIGHT, on_phase=phases.append)

    assert phases == ["executing", "comparing"]


def test_a_failure_of_ours_gives_no_result(tiny):
    with pytest.raises(SandboxFailed):
        graded(tiny, RIGHT, runner=FakeRunner(trouble=[SandboxFailed(what="x")]))


def test_a_question_that_is_not_there_is_pending(tiny):
    result = graded(tiny, code("#>## 問題1", "x = 3", "#>## 問題7", "z = 4")).result

    first, second = result.questions
    assert first.score == 10
    assert codes(second) == [(Verdict.NOT_FOUND, "check.not_found")] * 2
    assert [dict(check.facts) for check in second.checks] == [{"number": 2}] * 2
    assert (second.score, second.decided, second.pending, second.cells) == (0, 0, 10, ())


def test_an_answer_in_words_alone_is_pending_and_its_words_are_for_a_ta(tiny):
    runner = ScriptedRunner()

    assessment = graded(tiny, code("#>## 問題1", "x = 3", "#>## 問題2\n\ny は 4 です。"), runner=runner)

    second = assessment.result.questions[1]
    assert assessment.location.answers["q2"].found_by is FoundBy.HEADING
    assert assessment.location.answers["q2"].written == ("y は 4 です。",)
    assert [check.verdict for check in second.checks] == [Verdict.NOT_FOUND, Verdict.NEEDS_REVIEW]
    assert second.checks[0].code == "check.no_code"
    assert second.pending == 10
    assert [plan.probes for plan in runner.plans[0]][1] == ()


def test_an_error_in_a_questions_cell_is_noted_there(tiny):
    error = CellError(name="ValueError", message="m" * 600, line=2)
    runner = ScriptedRunner(cell_1={"state": CellState.RAISED, "error": error})

    first, second = graded(tiny, RIGHT, runner=runner).result.questions

    facts = {"cell": 2, "error": "ValueError", "message": "m" * 500, "place": [{"cell": 2, "line": 2}]}
    assert first.notes == (Note(code="cell.raised", facts=facts),)
    assert second.notes == ()
    assert first.score == 10  # what the cell did before counts


def test_an_error_without_words_is_noted_without_them(tiny):
    runner = ScriptedRunner(cell_1={"state": CellState.RAISED, "error": CellError(name="SystemExit", message=" ")})

    first, _ = graded(tiny, RIGHT, runner=runner).result.questions

    assert [sentence(note, Language.EN) for note in first.notes] == ["SystemExit in cell 2."]


@pytest.mark.parametrize(
    ("state", "note"),
    [(CellState.TIMED_OUT, "cell.timed_out"), (CellState.ENDED_KERNEL, "cell.ended_kernel")],
)
def test_a_cell_that_was_stopped_is_noted(tiny, state, note):
    runner = ScriptedRunner(outcome=Outcome.TIMED_OUT, cell_1={"state": state})

    first = graded(tiny, RIGHT, runner=runner).result.questions[0]

    assert first.notes == (Note(code=note, facts={"cell": 2}),)


def test_a_cell_that_asked_for_input_is_told_in_our_words_only(tiny):
    error = CellError(name="StdinNotImplementedError", message="raw_input was called")
    told = (Note(code="execution.no_input", facts={"cells": [2], "what": ""}),)
    runner = ScriptedRunner(notes=told, cell_1={"state": CellState.RAISED, "error": error}, cell_3={"error": error})

    result = graded(tiny, RIGHT, runner=runner).result

    assert [question.notes for question in result.questions] == [(), ()]
    assert result.notes == told


def test_what_is_true_of_several_questions_is_told_once_above_them(tiny):
    error = CellError(name="ValueError", message="m")
    runner = ScriptedRunner(cell_0={"state": CellState.RAISED, "error": error})

    result = graded(tiny, code("import math\n# 問題1\nx = 3\n# 問題2\ny = 4"), runner=runner).result

    assert [question.notes for question in result.questions] == [(), ()]
    assert [note.code for note in result.notes] == ["locate.shared_cell", "cell.raised"]


def test_errors_outside_all_questions_are_noted_nowhere(tiny):
    runner = ScriptedRunner(cell_0={"state": CellState.RAISED, "error": CellError(name="E", message="m")})

    result = graded(tiny, code("z = 1", "#>## 問題1", "x = 3", "#>## 問題2", "y = 4"), runner=runner).result

    assert [question.notes for question in result.questions] == [(), ()]
    assert result.score == 15


def test_questions_after_the_end_of_the_kernel_are_pending(tiny):
    runner = ScriptedRunner(
        outcome=Outcome.OUT_OF_MEMORY,
        unanswered=["q1", "q2"],
        cell_1={"state": CellState.ENDED_KERNEL},
        cell_3={"state": CellState.NOT_RUN},
    )

    result = graded(tiny, RIGHT, runner=runner).result

    assert result.outcome is Outcome.OUT_OF_MEMORY
    assert codes(result.questions[0]) == [(Verdict.FAILED, "check.ended_out_of_memory")]
    assert codes(result.questions[1])[0] == (Verdict.SKIPPED, "check.skipped")
    assert (result.score, result.decided, result.pending) == (0, 10, 10)


def test_an_unanswered_probe_is_for_a_person(tiny):
    result = graded(tiny, RIGHT, runner=ScriptedRunner(unanswered=["q1"])).result

    assert codes(result.questions[0]) == [(Verdict.NEEDS_REVIEW, "check.no_reply")]
    assert result.questions[1].score == 5


def test_what_happened_to_the_whole_notebook_is_told_once_and_in_order(tiny):
    repair, ran = Note(code="repair.old_format"), Note(code="execution.input")
    notebook = replace(code("#>## 問題1", "x = 1", "#>## 問題1", "x = 3", "#>## 問題2", "y = 4"), repairs=(repair,))

    assessment = graded(tiny, notebook, runner=ScriptedRunner(notes=(ran,)))

    notes = assessment.result.notes
    assert (notes[0], notes[-1]) == (repair, ran)
    assert notes == (repair, *assessment.location.notes, ran)


def test_the_last_of_two_answers_counts_and_the_student_is_told(tiny):
    notebook = code("#>## 問題1", "x = 1", "#>## 問題2", "y = 4", "#>## 問題1", "x = 3")

    result = graded(tiny, notebook).result

    assert result.score == 15
    assert result.questions[0].cells == (6,)
    assert result.questions[0].notes


def test_another_notebook_is_told_so_and_costs_nothing(tiny):
    assessment = graded(tiny, code("#># 講義", "z = 1"))

    assert (assessment.result.score, assessment.result.decided, assessment.result.pending) == (0, 0, 20)
    assert assessment.location.notes


def test_only_its_own_replies_reach_a_check(tiny):
    """Two questions may ask for the same name at different times."""

    class Swapped(FakeRunner):
        def run(self, notebook, **how):
            execution = super().run(notebook, **how)
            replies = {f"q9/{key}": reply for key, reply in execution.replies.items()}
            return replace(execution, replies=execution.replies | replies)

    assert graded(tiny, RIGHT, runner=Swapped()).result.score == 15


def test_a_check_is_never_asked_about_an_answer_without_code(tiny):
    class Strict(NameLogic):
        def probes(self, *, source, notebook_source, inputs):
            assert source
            return super().probes(source=source, notebook_source=notebook_source, inputs=inputs)

        def evaluate(self, *, actual, expected):
            assert actual.cell_runs
            return super().evaluate(actual=actual, expected=expected)

    questions = [
        replace(question, checks=(replace(question.checks[0], logic=Strict(name=name)), *question.checks[1:]))
        for question, name in zip(tiny.assignment.questions, "xy", strict=True)
    ]
    strict = SimpleNamespace(assignment=replace(tiny.assignment, questions=tuple(questions)), expected=tiny.expected)

    result = graded(strict, code("#>## 問題1", "x = 3", "#>## 問題2\n\nwords")).result

    assert result.score == 10


def test_a_run_that_names_no_cell_leaves_every_question_open(tiny):
    """Not even a runner that says nothing at all turns into points or a zero."""

    class Silent(FakeRunner):
        def run(self, notebook, **how):
            return Execution(
                outcome=Outcome.DIED,
                cells=tuple(CellRun(index=cell.index, state=CellState.NOT_RUN) for cell in notebook.code_cells),
                replies={},
                environment=EnvironmentHash("e" * 64),
                executed_notebook=b"{}",
            )

    result = graded(tiny, RIGHT, runner=Silent()).result

    assert (result.score, result.decided, result.pending) == (0, 0, 20)
