"""No cheat earns more points than the honest part of its answer: each is graded as a student would hand it in."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from cheats import Cheat, hand_in, judge, load_cheats

from grader.catalog import bundled, parse, read_bundle
from grader.domain.execution import CellState
from grader.domain.result import QuestionResult
from grader.flow.assess import Assessment, assess
from grader.flow.reference import prepare, take_expected
from grader.notebook.locate import locate
from grader.notebook.read import read
from grader.sandbox.runner import SandboxRunner

CHEATS = load_cheats()
LOADED = {slug: parse(read_bundle(bundled()[slug])) for slug in sorted({cheat.assignment for cheat in CHEATS})}
KERNEL_PYTHON = Path(__file__).parents[3] / ".venv-kernel" / "bin" / "python"
SECRET = b"secret"


@pytest.fixture(scope="module")
def runner():
    with SandboxRunner(KERNEL_PYTHON, ready=1) as runner:
        yield runner


@pytest.fixture(scope="module")
def grade(runner) -> Callable[[Cheat], Assessment]:
    """Grades the notebook that a cheat is in; those in one notebook together, and each notebook once."""
    prepared, graded = {}, {}

    def prepare_assignment(slug):
        loaded = LOADED[slug]
        expected = take_expected(prepare(loaded, secret=SECRET), runner=runner)
        return loaded, expected, locate(loaded.reference, loaded.wanted)

    def grade(cheat):
        if cheat.assignment not in prepared:
            prepared[cheat.assignment] = prepare_assignment(cheat.assignment)
        if cheat.hand_in not in graded:
            loaded, expected, location = prepared[cheat.assignment]
            together = [one for one in CHEATS if one.hand_in == cheat.hand_in]
            data = hand_in(together, reference=loaded.reference, location=location)
            graded[cheat.hand_in] = assess(
                read(data), assignment=loaded.assignment, expected=expected, runner=runner, key=SECRET
            )
        return graded[cheat.hand_in]

    return grade


def question_of(assessment: Assessment, cheat: Cheat) -> QuestionResult:
    return next(one for one in assessment.result.questions if one.question_id == cheat.question)


@pytest.mark.parametrize("cheat", CHEATS, ids=str)
def test_a_cheat_earns_what_its_honest_part_is_worth(cheat, grade):
    assessment = grade(cheat)
    question = question_of(assessment, cheat)

    told = [(check.check_id, check.verdict.value, check.code, check.score) for check in question.checks]
    assert judge(cheat, question) == [], (cheat.tries, told)
    assert assessment.result.outcome == cheat.outcome
    runs = [run for run in assessment.execution.cells if run.index + 1 in question.cells]
    if cheat.outcome == "completed":
        errors = [run.error for run in runs if run.state is CellState.RAISED]
        assert bool(errors) is cheat.raises, errors  # a cheat that stumbles over itself shows nothing
        assert CellState.TIMED_OUT not in [run.state for run in runs]


def test_the_catalogue_is_wide():
    kinds = {
        check.kind
        for cheat in CHEATS
        for question in LOADED[cheat.assignment].assignment.questions
        if question.question_id == cheat.question
        for check in question.checks
    }

    assert len(CHEATS) >= 40
    assert len({cheat.assignment for cheat in CHEATS}) >= 6
    assert kinds == {"value", "gradient", "function", "module", "training", "output", "source", "figure", "written"}


def test_every_cheat_says_what_it_is():
    doubles = [one for one, count in Counter((cheat.assignment, cheat.name) for cheat in CHEATS).items() if count > 1]

    assert doubles == []
    assert all(cheat.tries.endswith(".") and cheat.code.strip() for cheat in CHEATS)
    assert [str(cheat) for cheat in CHEATS if bool(cheat.honest) is not (cheat.score > 0)] == []


def test_no_question_of_a_notebook_is_answered_twice():
    answered = Counter((*cheat.hand_in, cheat.question) for cheat in CHEATS)

    assert [one for one, count in answered.items() if count > 1] == []


@pytest.mark.parametrize("cheat", CHEATS, ids=str)
def test_an_honest_answer_would_be_worth_more(cheat):
    """Else nothing could be gained, and the cheat would show nothing."""
    questions = LOADED[cheat.assignment].assignment.questions
    points = next(
        sum(check.points for check in question.checks if check.kind != "written")
        for question in questions
        if question.question_id == cheat.question
    )

    assert cheat.score < points


@pytest.mark.parametrize(
    ("score", "pending", "said"),
    [
        pytest.param(4.0, 0.0, [], id="as it should be"),
        pytest.param(5.0, 0.0, ["earns 5 where its honest part is worth 4"], id="a cheat that wins"),
        pytest.param(3.0, 0.0, ["earns only 3, less than its honest part, 4"], id="honest work that is lost"),
        pytest.param(4.0, 6.0, ["leaves 6 points open, not 0"], id="points left open"),
    ],
)
def test_the_judge_says_what_is_wrong(score, pending, said):
    cheat = Cheat(assignment="a", name="n", tries="T.", question="q1", code="pass", score=4, pending=0)
    question = QuestionResult(
        question_id="q1", points=10, score=score, decided=10 - pending, pending=pending, checks=()
    )

    assert judge(cheat, question) == said
