"""One mistake costs once: a later question is tried again on right values, where that may help and not else."""

from dataclasses import dataclass, field, replace

import pytest
from doubles import FakeRunner
from school import NameLogic, WrittenLogic

from grader.domain.assignment import Assignment, Check, Question
from grader.domain.execution import CellState, Limits
from grader.domain.ids import CheckId, QuestionId, VersionHash
from grader.domain.location import Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.result import Verdict
from grader.domain.text import Language, Text
from grader.errors import SandboxFailed
from grader.feedback.catalogue import sentence
from grader.flow.assess import assess
from grader.flow.prove import prove

KEY = b"key"


def notebook_of(*parts):
    """Markdown where a part begins with '#', else code."""
    cells = [
        Cell(index=i, kind=CellKind.MARKDOWN if part.startswith("#") else CellKind.CODE, source=part, cell_id=str(i))
        for i, part in enumerate(parts)
    ]
    return Notebook(cells=tuple(cells))


def answers(*sources):
    """One cell under one heading for each question."""
    return notebook_of(*(part for n, source in enumerate(sources, start=1) for part in (f"## 問題{n}", source)))


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A question for each name: its variable is what is asked."""

    reference: Notebook
    names: tuple[str, ...] = ("x", "y", "z")
    follow_through: bool = True
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    prompt_expressions: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def assignment(self):
        questions = tuple(self._question(number, name) for number, name in enumerate(self.names, start=1))
        title = Text(ja="題", en="Title")
        return Assignment(
            slug="chain", title=title, version=VersionHash("a" * 64), questions=questions, limits=self.limits
        )

    @property
    def wanted(self):
        return tuple(
            Wanted(question_id=QuestionId(f"q{number}"), number=number, names=(name,))
            for number, name in enumerate(self.names, start=1)
        )

    def _question(self, number, name):
        text = Text(ja=f"問題{number}", en=f"Question {number}")
        own = (Check(check_id=CheckId("value"), logic=NameLogic(name=name), points=10),)
        return Question(
            question_id=QuestionId(f"q{number}"),
            number=number,
            title=text,
            prompt=text,
            checks=self.checks.get(f"q{number}", own),
            follow_through=self.follow_through,
        )


CHAIN = Loaded(reference=answers("x = 3", "y = x", "z = y"))


def grade(loaded, *sources, runner=None, notebook=None):
    """Grade answers; gives the result and the runner, whose runs before were for the reference."""
    runner = runner or FakeRunner()
    expected = prove(loaded, runner=runner, secret=KEY)
    runner.plans.clear()
    result = assess(
        notebook or answers(*sources), assignment=loaded.assignment, expected=expected, runner=runner, key=KEY
    ).result
    return result, runner


def scores(result):
    return [question.score for question in result.questions]


def check_of(result, number):
    return result.questions[number - 1].checks[0]


def test_a_right_notebook_costs_one_run():
    result, runner = grade(CHAIN, "x = 3", "y = x", "z = y")

    assert scores(result) == [10, 10, 10]
    assert len(runner.plans) == 1


def test_what_is_right_on_right_values_loses_nothing_and_is_told():
    result, runner = grade(CHAIN, "x = 4", "y = x", "z = y")

    assert scores(result) == [0, 10, 10]
    assert (check_of(result, 2).verdict, check_of(result, 2).code) == (Verdict.PASSED, "follow.passed")
    assert dict(check_of(result, 2).facts) == {"questions": [1], "names": ["x"]}
    assert [note.code for note in result.questions[1].notes] == ["follow.tried_again"]
    assert result.questions[0].notes == ()
    assert len(runner.plans) == 2


def test_a_later_question_is_tried_on_the_latest_of_the_failed_ones_it_builds_on():
    loaded = Loaded(reference=answers("x = 3", "y = x", "z = y"))

    result, runner = grade(loaded, "x = 4", "y = x", "z = y")

    by_id = {plan.question_id: plan.given for plan in runner.plans[1]}
    assert by_id["q1"] is None
    assert (by_id["q2"].source, by_id["q2"].names) == ("x = 3", ("x",))
    assert (by_id["q3"].source, by_id["q3"].names) == ("x = 3\ny = x", ("y",))
    assert dict(check_of(result, 3).facts) == {"questions": [2], "names": ["y"]}


def test_what_is_wrong_on_right_values_too_keeps_its_first_verdict():
    result, runner = grade(CHAIN, "x = 4", "y = x\ny = 5", "z = y")

    assert scores(result) == [0, 0, 10]
    assert check_of(result, 2).code == "value.differs"
    assert result.questions[1].notes == ()
    assert len(runner.plans) == 2


@pytest.mark.parametrize(
    "second",
    [
        pytest.param("y = 5", id="builds on nothing"),
        pytest.param("x = 5\ny = x", id="binds the name itself first"),
        pytest.param("w = 5\ny = w", id="builds on a name of its own"),
        pytest.param("y = other", id="builds on a name that the reference does not know"),
    ],
)
def test_a_question_that_builds_on_no_failed_one_needs_no_second_kernel(second):
    _, runner = grade(CHAIN, "x = 4", second, "z = 3")

    assert len(runner.plans) == 1


def test_a_question_before_the_failed_one_is_not_tried_again():
    loaded = Loaded(reference=answers("x = 3", "y = 3", "z = x"), names=("x", "y", "z"))

    _, runner = grade(loaded, "x = 3", "y = z", "z = 4")

    assert len(runner.plans) == 1


def test_one_mistake_alone_needs_no_second_kernel():
    result, runner = grade(CHAIN, "x = 3", "y = 7", "z = x")

    assert scores(result) == [10, 0, 10]
    assert len(runner.plans) == 1


def test_a_question_that_was_not_answered_counts_as_failed():
    result, _ = grade(CHAIN, notebook=notebook_of("## 問題1", "pass", "## 問題2", "y = x", "## 問題3", "z = y"))

    assert scores(result) == [0, 10, 10]


def test_it_is_off_where_the_author_says_so():
    result, runner = grade(replace(CHAIN, follow_through=False), "x = 4", "y = x", "z = y")

    assert scores(result) == [0, 0, 0]
    assert len(runner.plans) == 1


def test_a_question_in_one_cell_with_the_failed_one_cannot_be_followed_through():
    notebook = notebook_of(
        "# 問題1\nx = 4\n# 問題2\ny = x".replace("# 問題1\n", "import math\n# 問題1\n", 1), "## 問題3", "z = 3"
    )

    result, runner = grade(CHAIN, notebook=notebook)

    assert scores(result)[:2] == [0, 0]
    assert len(runner.plans) == 1


def test_the_reference_s_own_answer_is_never_given():
    """Where the reference answers both in one cell, its code for the first is its code for the second."""
    shared = Loaded(
        reference=notebook_of("import math\n# 問題1\nx = 3\n# 問題2\ny = x", "## 問題3", "z = 3"), names=("x", "y", "z")
    )

    result, runner = grade(shared, "x = 4", "y = x", "z = 3")

    assert scores(result) == [0, 0, 10]
    assert len(runner.plans) == 1


def test_only_checks_that_did_not_pass_are_asked_again_and_no_written_ones():
    passing = Check(check_id=CheckId("first"), logic=NameLogic(name="a"), points=4)
    failing = Check(check_id=CheckId("second"), logic=NameLogic(name="y"), points=6)
    words = Check(check_id=CheckId("words"), logic=WrittenLogic(), points=2)
    loaded = Loaded(reference=answers("x = 3", "a = 1\ny = x", "z = 3"), checks={"q2": (passing, failing, words)})

    result, runner = grade(loaded, "x = 4", "a = 1\ny = x", "z = 3")

    assert [check.code for check in result.questions[1].checks][:2] == ["value.passed", "follow.passed"]
    assert [probe.key for plan in runner.plans[1] for probe in plan.probes] == ["q2/second/0/names"]


def test_checks_that_failed_for_another_reason_stay_failed():
    """Each check is looked at by itself: right values mend what they can, and no more."""
    own = Check(check_id=CheckId("own"), logic=NameLogic(name="a"), points=4)
    built = Check(check_id=CheckId("built"), logic=NameLogic(name="y"), points=6)
    loaded = Loaded(reference=answers("x = 3", "a = 1\ny = x", "z = 3"), checks={"q2": (own, built)})

    result, _ = grade(loaded, "x = 4", "a = 2\ny = x", "z = 3")

    assert [(check.code, check.score) for check in result.questions[1].checks] == [
        ("value.differs", 0),
        ("follow.passed", 6),
    ]


class Reviewed(NameLogic):
    """Never says that an answer is wrong: a person looks at what is not right."""

    def evaluate(self, *, actual, expected):
        found = super().evaluate(actual=actual, expected=expected)
        return found if found.verdict is Verdict.PASSED else replace(found, verdict=Verdict.NEEDS_REVIEW)


REVIEWED = Loaded(
    reference=answers("x = 3", "y = x", "z = 3"),
    checks={"q2": (Check(check_id=CheckId("value"), logic=Reviewed(name="y"), points=10),)},
)


def test_a_doubt_that_right_values_clear_up_is_none():
    """What is shown may seem to come from elsewhere only because it is made of wrong values."""
    result, runner = grade(REVIEWED, "x = 4", "y = x", "z = 3")

    assert (check_of(result, 2).code, scores(result)) == ("follow.passed", [0, 10, 10])
    assert len(runner.plans) == 2


def test_a_doubt_that_stays_waits_for_a_person():
    result, _ = grade(REVIEWED, "x = 4", "y = x\ny = 5", "z = 3")

    assert (check_of(result, 2).verdict, check_of(result, 2).code) == (Verdict.NEEDS_REVIEW, "value.differs")
    assert result.questions[1].notes == ()


class LooksOdd(WrittenLogic):
    """Passes, but for a right answer that came about somehow: it asks the kernel nothing."""

    def evaluate(self, *, actual, expected):
        is_doubtful = "somehow" in actual.source and actual.notebook_source.count("x = ") > 1
        verdict = Verdict.NEEDS_REVIEW if is_doubtful else Verdict.PASSED
        verdict = verdict if "y = " in actual.source else Verdict.FAILED
        return replace(super().evaluate(actual=actual, expected=expected), verdict=verdict)


@pytest.mark.parametrize(
    ("second", "pending"),
    [pytest.param("y = x", 0, id="computed"), pytest.param("y = x  # somehow", 4, id="not as asked")],
)
def test_a_doubt_that_only_right_values_raise_waits_for_a_person(second, pending):
    checks = (
        Check(check_id=CheckId("value"), logic=NameLogic(name="y"), points=6),
        Check(check_id=CheckId("source"), logic=LooksOdd(kind="source"), points=4),
    )
    loaded = Loaded(reference=answers("x = 3", "y = x", "z = 3"), checks={"q2": checks})

    result, _ = grade(loaded, "x = 4", second, "z = 3")

    question = result.questions[1]
    assert (question.checks[0].verdict, question.pending) == (Verdict.PASSED, pending)


def test_a_doubt_without_a_mistake_before_is_not_tried_again():
    result, runner = grade(REVIEWED, "x = 3", "y = x\ny = 5", "z = 3")

    assert check_of(result, 2).verdict is Verdict.NEEDS_REVIEW
    assert len(runner.plans) == 1


def test_a_doubt_keeps_its_own_words_where_values_cannot_be_given():
    runner = FakeRunner()
    runner.cannot_give = ("q2",)

    result, _ = grade(REVIEWED, "x = 4", "y = x", "z = 3", runner=runner)

    assert (check_of(result, 2).verdict, check_of(result, 2).code) == (Verdict.NEEDS_REVIEW, "value.differs")


def test_values_that_cannot_be_given_leave_the_points_open():
    runner = FakeRunner()
    runner.cannot_give = ("q2",)

    result, _ = grade(CHAIN, "x = 4", "y = x", "z = y", runner=runner)

    assert (check_of(result, 2).verdict, check_of(result, 2).code) == (Verdict.NEEDS_REVIEW, "follow.unavailable")
    assert (result.questions[1].score, result.questions[1].pending) == (0, 10)
    assert scores(result) == [0, 0, 10]


def test_a_sandbox_that_fails_at_the_second_run_gives_no_result_to_keep():
    """The work goes back to the queue: our failure is never a mark, and a retry costs less than a person's look."""
    runner = FakeRunner()
    expected = prove(CHAIN, runner=runner, secret=KEY)
    runner.trouble = [None, SandboxFailed(what="x")]

    with pytest.raises(SandboxFailed):
        assess(
            answers("x = 4", "y = x", "z = y"),
            assignment=CHAIN.assignment,
            expected=expected,
            runner=runner,
            key=KEY,
        )


def test_nothing_of_the_second_run_is_kept_but_verdicts():
    class Telling(FakeRunner):
        def run(self, notebook, **how):
            execution = super().run(notebook, **how)
            is_second = any(plan.given for plan in how["plan"])
            secret = {"q2/value/0/names": replace(execution.replies["q2/value/0/names"])}
            return replace(execution, executed_notebook=b"secret", replies=secret) if is_second else execution

    runner = Telling()
    expected = prove(CHAIN, runner=runner, secret=KEY)

    assessment = assess(
        answers("x = 4", "y = x", "z = y"), assignment=CHAIN.assignment, expected=expected, runner=runner, key=KEY
    )

    assert assessment.execution.executed_notebook == b'{"cells": []}'
    assert assessment.execution.replies["q2/value/0/names"].values["y"].value == 4


def test_only_the_cells_up_to_the_last_question_tried_run_again():
    notebook = notebook_of("## 問題1", "x = 4", "## 問題2", "y = x", "## 問題3", "z = 3", "# after", "w = 1")

    _, runner = grade(CHAIN, notebook=notebook)

    assert [cell.index for cell in runner.notebooks[-1].cells] == [0, 1, 2, 3]


def test_the_reference_s_time_is_not_the_student_s():
    class Slow(FakeRunner):
        def run(self, notebook, **how):
            self.limits = how["limits"]
            return replace(super().run(notebook, **how), seconds=2.0)

    _, runner = grade(CHAIN, "x = 4", "y = x", "z = 3", runner=Slow())

    (given,) = [plan.given for plan in runner.plans[1] if plan.given]
    assert given.seconds == 2.0 * 5 + 5
    assert runner.limits.total_s == CHAIN.limits.total_s + given.seconds


def test_a_module_that_the_student_imports_too_is_no_reason_to_try_again():
    loaded = Loaded(reference=answers("import math\nx = 3", "y = 3", "z = 3"))

    _, runner = grade(loaded, "import math\nx = 4", "y = 5\nmath", "z = 3")

    assert len(runner.plans) == 1


def test_an_import_that_was_forgotten_costs_once():
    loaded = Loaded(reference=answers("import math\nx = 3", "y = 3", "z = 3"))

    _, runner = grade(loaded, "x = 4", "y = 5\nmath", "z = 3")

    assert [plan.given.names for plan in runner.plans[1] if plan.given] == [("math",)]


def test_a_kernel_that_ended_over_the_first_mistake_leaves_later_questions_as_they_were():
    class Ending(FakeRunner):
        def run(self, notebook, **how):
            execution = super().run(notebook, **how)
            if not any(plan.given for plan in how["plan"]):
                return execution
            cells = tuple(replace(cell, state=CellState.NOT_RUN) for cell in execution.cells)
            return replace(execution, cells=cells, replies={})

    result, _ = grade(CHAIN, "x = 4", "y = x", "z = y", runner=Ending())

    assert scores(result) == [0, 0, 0]
    assert result.pending == 0


@pytest.mark.parametrize("language", list(Language))
def test_its_sentences_name_the_question_and_the_variable(language):
    result, _ = grade(CHAIN, "x = 4", "y = x", "z = 3")

    question = result.questions[1]
    for note in (*question.notes, replace(question.notes[0], code="follow.passed")):
        told = sentence(note, language)
        assert "1" in told
        assert "x" in told
