"""Decisions in a result: sums stay right whatever is decided."""

from doubles import NOON
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, PersonId, QuestionId, SubmissionId
from grader.domain.result import CheckResult, Verdict
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.flow.review import Judgement, override
from grader.flow.standing import settle_missing, valid_decisions, with_decisions
from grader.grading.score import sum_question, total

points = st.integers(0, 1000).map(lambda cents: cents / 100)


def check(number, available, verdict):
    score = available if verdict is Verdict.PASSED else 0
    pending = available if verdict.is_pending else 0
    return CheckResult(
        check_id=CheckId(f"c{number}"),
        kind="written" if verdict.is_pending else "value",
        verdict=verdict,
        score=score,
        decided=available - pending,
        pending=pending,
        points=available,
        code="x",
    )


verdicts = st.sampled_from([Verdict.PASSED, Verdict.FAILED, Verdict.NEEDS_REVIEW])
checks = st.lists(st.tuples(points, verdicts), min_size=1, max_size=4).map(
    lambda pairs: [check(number, *pair) for number, pair in enumerate(pairs)]
)
results = st.lists(checks, min_size=1, max_size=4).map(
    lambda groups: total(
        Outcome.COMPLETED, [sum_question(QuestionId(f"q{n}"), group) for n, group in enumerate(groups)]
    )
)
decisions = st.lists(
    st.builds(
        Decision,
        decision_id=st.just(DecisionId("d")),
        submission_id=st.just(SubmissionId("s")),
        question_id=st.sampled_from([QuestionId(f"q{n}") for n in range(5)]),
        check_id=st.none(),
        kind=st.sampled_from([DecisionKind.OVERRIDE, DecisionKind.WITHDRAWN]),
        points=st.just(0),
        comment=st.just(""),
        reason=st.just(""),
        decided_by=st.just(PersonId("p")),
        decided_at=st.just(NOON),
    )
    | st.builds(
        Decision,
        decision_id=st.just(DecisionId("d")),
        submission_id=st.just(SubmissionId("s")),
        question_id=st.sampled_from([QuestionId(f"q{n}") for n in range(5)]),
        check_id=st.sampled_from([CheckId(f"c{n}") for n in range(4)]),
        kind=st.sampled_from([DecisionKind.POINTS, DecisionKind.WITHDRAWN]),
        points=points,
        comment=st.just(""),
        reason=st.just(""),
        decided_by=st.just(PersonId("p")),
        decided_at=st.just(NOON),
    ),
    max_size=8,
)


@given(results, decisions)
def test_decided_and_pending_are_all_points_and_none_is_earned_undecided(result, history):
    standing = with_decisions(result, history)
    for part in (standing, *standing.questions):
        assert abs(part.decided + part.pending - part.points) < 1e-6
        assert 0 <= part.score <= part.decided + 1e-9
    assert standing.points == result.points


@given(results, decisions)
def test_deciding_never_makes_more_pending(result, history):
    assert with_decisions(result, history).pending <= result.pending


@given(results)
def test_without_decisions_a_result_is_what_its_run_found(result):
    assert with_decisions(result, []) == result


@given(decisions)
def test_one_decision_is_valid_for_each_question_and_check(history):
    valid = valid_decisions(history)
    places = [(decision.question_id, decision.check_id) for decision in valid]
    assert len(places) == len(set(places))
    for decision in valid:
        assert decision.kind is not DecisionKind.WITHDRAWN
        same = [d for d in history if (d.question_id, d.check_id) == (decision.question_id, decision.check_id)]
        assert same[-1] is decision


rubrics = st.dictionaries(
    st.sampled_from([QuestionId(f"q{n}") for n in range(5)]),
    st.dictionaries(
        st.sampled_from([CheckId(f"c{n}") for n in range(4)]), st.dictionaries(st.sampled_from("123"), points)
    ),
)


@given(results, decisions, rubrics)
def test_whatever_a_rubric_weighs_by_now_the_sums_stay_right(result, history, rubrics):
    standing = with_decisions(result, history, rubrics=rubrics)
    for part in (standing, *standing.questions, *(check for each in standing.questions for check in each.checks)):
        assert abs(part.decided + part.pending - part.points) < 1e-6
        assert 0 <= part.score <= part.decided + 1e-9
    for question in standing.questions:
        for check in question.checks:
            if check.check_id in rubrics.get(question.question_id, {}):
                assert abs(check.points - sum(rubrics[question.question_id][check.check_id].values())) < 1e-6


def test_what_an_earlier_release_left_is_settled(school):
    """As after a migration that made the table of what stands: there is a decision, and nothing in the table."""
    submission = school.submit("ann").submission
    school.submit("bob")
    school.work_off()
    judgement = Judgement(submission_id=submission.submission_id, question_id=QuestionId("q1"), points=1, reason="Hm.")
    override(judgement, caller=school.caller("tom"), stores=school.stores, assignments=school.assignments)
    with school.stores.storage.writing() as tx:
        before = tx.standings.list_of([submission.submission_id])
        for each in tx.standings.list_graded(submission.offering_id):
            tx.standings.forget(each)

    assert settle_missing(stores=school.stores) == 2

    with school.stores.storage.reading() as tx:
        assert tx.standings.list_of([submission.submission_id]) == before
        assert before[submission.submission_id].score == 6
    assert settle_missing(stores=school.stores) == 0
