"""Decisions in a result: sums stay right whatever is decided, and the best submission counts once all is read."""

from dataclasses import replace

import pytest
from doubles import NOON
from hypothesis import given
from hypothesis import strategies as st
from reviewing import desk_of, give, hand_in, open_review_school

from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, PersonId, QuestionId, SubmissionId
from grader.domain.result import CheckResult, Verdict
from grader.domain.submission import Decision, DecisionId, DecisionKind
from grader.flow.review import Judgement, history, override
from grader.flow.standing import list_waiting_checks, points_awaited, settle_missing, valid_decisions, with_decisions
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


@given(results, decisions)
def test_what_waits_is_what_nobody_has_settled(result, history):
    standing = with_decisions(result, history)
    settled = {(each.question_id, each.check_id) for each in valid_decisions(history) if each.kind.settles}
    waiting = [
        (question.question_id, check.check_id)
        for question in result.questions
        for check in question.checks
        if check.verdict.is_pending
        and not settled & {(question.question_id, check.check_id), (question.question_id, None)}
    ]
    found = [(each.question_id, each.check_id) for each in list_waiting_checks(standing)]
    assert found == (waiting if standing.pending else [])


def test_what_an_earlier_release_left_is_settled(school):
    """As after a migration that made the table of what stands: there is a decision, and nothing in the table."""
    submission = school.submit("ann").submission
    others = school.submit("bob").submission
    school.work_off()
    judgement = Judgement(submission_id=submission.submission_id, question_id=QuestionId("q1"), points=1, reason="Hm.")
    override(judgement, caller=school.caller("tom"), stores=school.stores, assignments=school.assignments)
    with school.stores.storage.writing() as tx:
        before = tx.standings.list_of([submission.submission_id])
        for each in (submission, others):
            tx.standings.forget(each.submission_id)

    assert settle_missing(stores=school.stores) == 2

    with school.stores.storage.reading() as tx:
        assert tx.standings.list_of([submission.submission_id]) == before
        assert before[submission.submission_id].score == 6
    assert settle_missing(stores=school.stores) == 0


@pytest.mark.parametrize(
    ("kind", "verdict", "code", "points"),
    [
        pytest.param("written", Verdict.NEEDS_REVIEW, "written.waiting", 4, id="words"),
        pytest.param("written", Verdict.NEEDS_REVIEW, "written.attachment", 4, id="a photo"),
        pytest.param("written", Verdict.NEEDS_REVIEW, "written.empty", 0, id="nothing was written"),
        pytest.param("written", Verdict.NOT_FOUND, "check.not_found", 0, id="not found"),
        pytest.param("written", Verdict.SKIPPED, "check.skipped", 0, id="our failure"),
        pytest.param("value", Verdict.NEEDS_REVIEW, "value.no_expected", 0, id="a doubt of ours"),
        pytest.param("value", Verdict.NEEDS_GPU, "check.needs_gpu", 0, id="needs a GPU"),
    ],
)
def test_only_words_that_have_arrived_are_awaited(kind, verdict, code, points):
    waiting = replace(check(1, 4, verdict), kind=kind, code=code)
    questions = [sum_question(QuestionId("q1"), [waiting, check(2, 5, Verdict.PASSED)])]

    assert points_awaited(total(Outcome.COMPLETED, questions)) == points
    settled = [replace(question, decided=question.points, pending=0) for question in questions]
    assert points_awaited(total(Outcome.COMPLETED, settled)) == 0


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    open_review_school(folder).stores.storage.close()
    return folder


@pytest.fixture
def classroom(tmp_path, template):
    """The code is worth 15 points and the words 5; the best submission counts."""
    school = open_review_school(tmp_path / "classroom", template=template)
    yield school
    school.stores.storage.close()


def counting(school, login="ann"):
    person_id = school.caller(login).person.person_id
    with school.stores.storage.reading() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        return tx.submissions.find_counting(offering.offering_id, person_id=person_id)


@pytest.mark.parametrize(
    ("points", "newer_counts"),
    [
        pytest.param(4, True, id="they are better"),
        pytest.param(2, True, id="no better, no worse"),
        pytest.param(1, False, id="they are not"),
    ],
)
def test_other_words_are_read_and_then_the_best_counts(classroom, points, newer_counts):
    first = hand_in(classroom, "ann", "It is four.")
    give(classroom, first, points=2)

    second = hand_in(classroom, "ann", "It is four metres.")
    assert (counting(classroom), desk_of(classroom).waiting) == (second, 1)

    give(classroom, second, points=points)
    assert (counting(classroom), desk_of(classroom).waiting) == (second if newer_counts else first, 0)


def test_nobody_reads_what_newer_words_replaced(classroom):
    hand_in(classroom, "ann", "It is four.")
    second = hand_in(classroom, "ann", "It is four metres.")

    give(classroom, second, points=1)

    assert (counting(classroom), desk_of(classroom).waiting) == (second, 0)


def test_the_same_words_in_a_later_submission_get_the_same_points(classroom):
    first = hand_in(classroom, "ann", "It is four.")
    second = hand_in(classroom, "ann", "It is four.", y=5)
    assert counting(classroom) == first

    give(classroom, first, points=0)

    assert (counting(classroom), desk_of(classroom).waiting) == (first, 0)
    decisions = history(second, caller=classroom.caller("tom"), stores=classroom.stores)
    assert [(each.kind, each.points) for each in decisions] == [(DecisionKind.CARRIED, 0)]
