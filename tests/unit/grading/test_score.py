"""Points: properties that hold for every question, and the rules one by one."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.assignment import Check, Question
from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, QuestionId
from grader.domain.publishing import LatePolicy, LateUnit
from grader.domain.result import CheckResult, Finding, QuestionResult, Result, Verdict
from grader.domain.text import Note, Text
from grader.grading.score import deduct_late, late_percent, score_question, total

RUNGS = ("dtype", "values", "gradient")


@dataclass(frozen=True, kw_only=True)
class AnyKind:
    kind: str = "value"


def check(name: str, points: float, **settings: object) -> Check:
    return Check(check_id=CheckId(name), logic=AnyKind(), points=points, **settings)


def question(*checks: Check) -> Question:
    return Question(
        question_id=QuestionId("q1"), number=1, title=Text("題", "t"), prompt=Text("問", "p"), checks=checks
    )


def found(verdict: Verdict, rung: str | None = None, share: float | None = None) -> Finding:
    return Finding(verdict=verdict, code=f"value.{verdict}", rung=rung, share=share)


def score(*pairs: tuple[Check, Finding]) -> QuestionResult:
    return score_question(question(*(c for c, _ in pairs)), {c.check_id: finding for c, finding in pairs})


def numbers(result: CheckResult | QuestionResult | Result) -> tuple[float, float, float, float]:
    return result.score, result.decided, result.pending, result.points


findings = st.builds(
    found, st.sampled_from(Verdict), st.sampled_from([None, *RUNGS]), st.none() | st.floats(0, 1, exclude_max=True)
)
point_values = st.one_of(st.integers(0, 100), st.integers(0, 4000).map(lambda cents: cents / 100))


@st.composite
def graded(draw: st.DrawFn) -> list[tuple[Check, Finding]]:
    shared = draw(point_values)
    checks = []
    for number in range(draw(st.integers(1, 4))):
        shares = draw(st.booleans())
        carries = shares and not any(c.shares_points for c in checks)
        points = (shared if carries else 0) if shares else draw(point_values)
        partial = draw(st.dictionaries(st.sampled_from(RUNGS), point_values | st.just("share"), max_size=2))
        checks.append(check(f"c{number}", points, shares_points=shares, partial=partial))
    return [(c, draw(findings)) for c in checks]


@given(graded())
def test_points_are_earned_lost_or_pending_and_never_negative(pairs: list[tuple[Check, Finding]]) -> None:
    result = score(*pairs)
    for part in (result, *result.checks):
        lost = part.decided - part.score
        assert min(part.score, lost, part.pending, part.points) >= 0
        assert part.decided == pytest.approx(part.points - part.pending, abs=1e-9)
    assert result.score == pytest.approx(sum(part.score for part in result.checks))
    assert result.points == pytest.approx(float(sum(c.points for c, _ in pairs)))


@given(graded(), st.data())
def test_one_more_passed_check_never_loses_points(pairs: list[tuple[Check, Finding]], data: st.DataObject) -> None:
    lucky = data.draw(st.integers(0, len(pairs) - 1))
    better = [(c, found(Verdict.PASSED) if i == lucky else finding) for i, (c, finding) in enumerate(pairs)]
    assert score(*better).score >= score(*pairs).score


@given(graded())
def test_a_pending_verdict_on_everything_decides_nothing(pairs: list[tuple[Check, Finding]]) -> None:
    result = score(*((c, found(Verdict.NOT_FOUND)) for c, _ in pairs))
    assert (result.score, result.decided, result.pending) == (0, 0, result.points)


@given(point_values, st.integers(1, 300), st.data())
def test_one_more_right_element_never_loses_points(points: float, total: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, total - 1))
    scores = [
        score((check("c", points, partial={"values": "share"}), found(Verdict.FAILED, "values", count / total)))
        for count in (right, right + 1)
    ]
    assert scores[0].score <= scores[1].score <= points


@pytest.mark.parametrize(
    ("points", "share", "earned", "verdict"),
    [
        pytest.param(10, 0.5, 5, Verdict.PARTIAL, id="half of ten"),
        pytest.param(10, 1 / 3, 3.33, Verdict.PARTIAL, id="a third, rounded"),
        pytest.param(10, 2 / 3, 6.67, Verdict.PARTIAL, id="two thirds, rounded"),
        pytest.param(10, 0.0, 0, Verdict.FAILED, id="nothing right"),
        pytest.param(1, 0.001, 0, Verdict.FAILED, id="next to nothing"),
        pytest.param(10, None, 0, Verdict.FAILED, id="a share that nobody told"),
    ],
)
def test_points_by_the_share_of_right_elements(
    points: float, share: float | None, earned: float, verdict: Verdict
) -> None:
    result = score((check("c", points, partial={"values": "share"}), found(Verdict.FAILED, "values", share)))
    assert (result.score, result.decided, result.checks[0].verdict) == (earned, points, verdict)


def test_a_share_counts_only_where_the_rung_says_so() -> None:
    other = check("c", 10, partial={"values": 4, "dtype": "share"})
    assert score((other, found(Verdict.FAILED, "values", 0.9))).score == 4
    assert score((check("c", 10), found(Verdict.FAILED, "values", 0.9))).score == 0


@given(st.lists(point_values, max_size=8))
def test_sums_carry_no_float_noise(values: list[float]) -> None:
    parts = [score((check("c", points), found(Verdict.PASSED))) for points in values]
    result = total(Outcome.COMPLETED, parts)
    assert result.score == round(sum(values), 2)
    assert numbers(result) == (result.points, result.points, 0, result.points)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param((Verdict.PASSED, Verdict.PASSED), (10, 10, 0, 10), id="all passed earns the points"),
        pytest.param((Verdict.PASSED, Verdict.FAILED), (0, 10, 0, 10), id="one failure loses them"),
        pytest.param((Verdict.MISSING, Verdict.PASSED), (0, 10, 0, 10), id="missing is a decided failure"),
        pytest.param((Verdict.PASSED, Verdict.NEEDS_REVIEW), (0, 0, 10, 10), id="a pending check keeps them pending"),
        pytest.param((Verdict.NEEDS_REVIEW, Verdict.FAILED), (0, 10, 0, 10), id="a failure decides whatever pends"),
    ],
)
def test_checks_without_points_share_the_questions(verdicts: tuple[Verdict, ...], expected: tuple[int, ...]) -> None:
    checks = (check("output", 10, shares_points=True), check("source", 0, shares_points=True))
    result = score(*zip(checks, map(found, verdicts), strict=True))
    assert numbers(result) == expected
    assert [part.verdict for part in result.checks] == list(verdicts)


def test_a_rung_earns_its_partial_points_and_is_called_partial() -> None:
    result = score((check("value", 20, partial={"dtype": 14}), found(Verdict.FAILED, "dtype")))
    assert numbers(result) == (14, 20, 0, 20)
    assert result.checks[0].verdict is Verdict.PARTIAL


def test_a_check_alone_in_its_group_may_be_partial() -> None:
    alone = check("value", 20, shares_points=True, partial={"dtype": 14})
    assert score((alone, found(Verdict.FAILED, "dtype"))).score == 14


def test_a_group_of_two_gives_nothing_in_parts() -> None:
    first = check("value", 20, shares_points=True, partial={"dtype": 14})
    second = check("source", 0, shares_points=True)
    result = score((first, found(Verdict.FAILED, "dtype")), (second, found(Verdict.PASSED)))
    assert (result.score, result.checks[0].verdict) == (0, Verdict.FAILED)


@pytest.mark.parametrize("rung", [None, "values"], ids=["no rung", "another rung"])
def test_a_rung_that_partial_does_not_name_earns_nothing(rung: str | None) -> None:
    assert score((check("value", 20, partial={"dtype": 14}), found(Verdict.FAILED, rung))).score == 0


def test_partial_points_never_exceed_the_checks() -> None:
    assert score((check("value", 5, partial={"dtype": 14}), found(Verdict.FAILED, "dtype"))).score == 5


def test_a_pending_verdict_earns_no_partial_points() -> None:
    result = score((check("value", 20, partial={"dtype": 14}), found(Verdict.NEEDS_REVIEW, "dtype")))
    assert numbers(result) == (0, 0, 20, 20)


def test_own_points_count_beside_the_shared_ones() -> None:
    own = check("written", 10)
    shared = (check("output", 10, shares_points=True), check("source", 0, shares_points=True))
    result = score(
        (shared[0], found(Verdict.PASSED)), (own, found(Verdict.NEEDS_REVIEW)), (shared[1], found(Verdict.PASSED))
    )
    assert numbers(result) == (10, 10, 10, 20)


def test_whole_points_are_ints_and_halves_round_up() -> None:
    assert repr(score((check("c", 10.0), found(Verdict.PASSED))).score) == "10"
    assert score((check("c", 2.5), found(Verdict.PASSED))).score == 2.5
    assert score((check("c", 1, partial={"dtype": 0.125}), found(Verdict.FAILED, "dtype"))).score == 0.13


def test_a_check_without_a_finding_is_our_failure_not_a_zero() -> None:
    with pytest.raises(KeyError):
        score_question(question(check("c", 1)), {})


def test_the_result_carries_codes_facts_diagnoses_notes_and_cells() -> None:
    note, diagnosis = Note(code="locate.last_counts"), Note(code="diagnose.doubled")
    finding = Finding(verdict=Verdict.FAILED, code="gradient.wrong", facts={"name": "x"})
    result = score_question(
        question(check("g", 7)),
        {CheckId("g"): finding},
        diagnoses={CheckId("g"): diagnosis},
        notes=(note,),
        cells=(3, 5),
    )
    assert (result.notes, result.cells) == ((note,), (3, 5))
    (part,) = result.checks
    assert (part.code, part.facts, part.diagnosis, part.kind) == ("gradient.wrong", {"name": "x"}, diagnosis, "value")
    whole = total(Outcome.TIMED_OUT, [result], (note,))
    assert (whole.outcome, whole.questions, whole.notes) == (Outcome.TIMED_OUT, (result,), (note,))


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("late_by", "policy", "percent"),
    [
        pytest.param(-HOUR, LatePolicy(percent=10), 0, id="in time"),
        pytest.param(timedelta(0), LatePolicy(percent=10), 0, id="at the last moment"),
        pytest.param(timedelta(seconds=1), LatePolicy(percent=10), 10, id="a day has begun"),
        pytest.param(DAY, LatePolicy(percent=10), 10, id="to the second a day"),
        pytest.param(DAY + HOUR, LatePolicy(percent=10), 20, id="the second day has begun"),
        pytest.param(3 * HOUR, LatePolicy(percent=2.5, unit=LateUnit.HOUR), 7.5, id="by the hour"),
        pytest.param(HOUR, LatePolicy(percent=10, grace_minutes=60), 0, id="at the end of the grace"),
        pytest.param(DAY + HOUR, LatePolicy(percent=10, grace_minutes=60), 10, id="days begin after the grace"),
        pytest.param(9 * DAY, LatePolicy(percent=10, most_percent=30), 30, id="never more than that"),
        pytest.param(99 * DAY, LatePolicy(percent=10), 100, id="nor more than everything"),
    ],
)
def test_what_being_late_costs(late_by: timedelta, policy: LatePolicy, percent: float) -> None:
    assert late_percent(late_by, policy) == percent


@given(graded(), st.integers(0, 10000).map(lambda cents: cents / 100))
def test_being_late_takes_nothing_but_a_share_of_what_is_earned(
    pairs: list[tuple[Check, Finding]], percent: float
) -> None:
    result = total(Outcome.COMPLETED, [score(*pairs)])
    late = deduct_late(result, percent=percent)

    assert 0 <= late.score <= result.score
    assert (late.decided, late.pending, late.points, late.questions) == (
        result.decided,
        result.pending,
        result.points,
        result.questions,
    )
    assert bool(late.notes) == bool(percent)
