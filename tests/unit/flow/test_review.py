"""What people decide: who may, what it does to the result, and that no regrade touches it."""

from dataclasses import replace

import pytest
from school import notebook_bytes

from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.domain.people import Role
from grader.domain.result import Verdict
from grader.domain.submission import DecisionKind
from grader.errors import Forbidden, InvalidRequest, NotFound
from grader.flow.people import NewMember, add_member
from grader.flow.progress import read_result
from grader.flow.regrade import regrade
from grader.flow.review import (
    Judgement,
    comment_together,
    decide_points,
    decide_points_together,
    history,
    override,
    withdraw,
)
from grader.flow.trial import RegradeWish, ask_regrade

RIGHT, WRONG = notebook_bytes(x=3, y=4), notebook_bytes(x=1, y=4)


class Desk:
    """A school with one graded submission of ann's, and shorthands for what a TA does to it."""

    def __init__(self, school):
        self.school = school
        self.submission_id = school.submit("ann", WRONG).submission.submission_id
        school.work_off()

    def judge(self, question, points, *, reason="", comment="", submission_id=None):
        return Judgement(
            submission_id=submission_id or self.submission_id,
            question_id=QuestionId(question),
            points=points,
            comment=comment,
            reason=reason,
        )

    def points(self, points, *, question="q2", by="tom", check=None, **words):
        return decide_points(
            self.judge(question, points, **words),
            caller=self.school.caller(by),
            stores=self.school.stores,
            assignments=self.school.assignments,
            check_id=None if check is None else CheckId(check),
        )

    def override(self, points, *, question="q1", by="tom", reason="typo in the prompt", **words):
        return override(
            self.judge(question, points, reason=reason, **words),
            caller=self.school.caller(by),
            stores=self.school.stores,
            assignments=self.school.assignments,
        )

    def result(self, login="ann"):
        return read_result(self.submission_id, caller=self.school.caller(login), stores=self.school.stores).result

    def totals(self):
        result = self.result()
        return result.score, result.decided, result.pending


@pytest.fixture
def desk(school):
    return Desk(school)


def test_before_anyone_decides_words_are_pending(desk):
    assert desk.totals() == (5, 15, 5)


def test_points_settle_a_written_check(desk):
    desk.points(3, comment="Say why.")
    assert desk.totals() == (8, 20, 0)
    check = desk.result().questions[1].checks[1]
    assert (check.verdict, check.code) == (Verdict.PARTIAL, "review.points")
    assert dict(check.facts) == {"points": 3, "of": 5, "comment": "Say why."}


@pytest.mark.parametrize(("points", "verdict"), [(5, "passed"), (0, "failed"), (2.5, "partial")])
def test_points_are_told_as_a_verdict(desk, points, verdict):
    desk.points(points)
    check = desk.result().questions[1].checks[1]
    assert (check.verdict, check.score, check.pending) == (verdict, points, 0)


def test_an_override_settles_a_whole_question(desk):
    desk.override(7, comment="The prompt was wrong.")
    assert desk.totals() == (12, 15, 5)
    question = desk.result().questions[0]
    assert (question.score, question.decided, question.pending) == (7, 10, 0)
    assert question.notes[-1].code == "review.overridden"
    assert dict(question.notes[-1].facts) == {"points": 7, "comment": "The prompt was wrong."}


def test_an_override_wins_over_points(desk):
    desk.points(5)
    desk.override(1, question="q2")
    assert desk.totals() == (1, 20, 0)


def test_the_newest_decision_is_valid_and_the_history_keeps_all(desk):
    desk.points(1, reason="first look")
    desk.points(4, by="ida", reason="second look")
    assert desk.totals() == (9, 20, 0)
    told = history(desk.submission_id, caller=desk.school.caller("tom"), stores=desk.school.stores)
    assert [(entry.points, entry.reason) for entry in told] == [(1, "first look"), (4, "second look")]
    people = [desk.school.caller(login).person.person_id for login in ("tom", "ida")]
    assert [entry.decided_by for entry in told] == people
    assert {entry.decided_at for entry in told} == {desk.school.clock.now()}


def test_a_decision_taken_back_leaves_the_runs_own_verdict(desk):
    decided = desk.override(10)
    withdraw(decided, reason="wrong student", caller=desk.school.caller("tom"), stores=desk.school.stores)
    assert desk.totals() == (5, 15, 5)
    told = history(desk.submission_id, caller=desk.school.caller("tom"), stores=desk.school.stores)
    assert [entry.kind for entry in told] == [DecisionKind.OVERRIDE, DecisionKind.WITHDRAWN]
    desk.override(9)
    assert desk.totals() == (14, 15, 5)


def test_taking_points_back_leaves_the_override(desk):
    points = desk.points(5)
    desk.override(10)
    withdraw(points, reason="", caller=desk.school.caller("tom"), stores=desk.school.stores)
    assert desk.totals() == (15, 15, 5)


def test_what_a_person_decided_survives_a_regrade(desk):
    desk.points(4)
    desk.override(6)
    before = desk.result()
    regrade(desk.submission_id, stores=desk.school.stores)
    assert desk.result() == before
    assert desk.school.work_off() == 1
    assert desk.result() == before
    assert len(history(desk.submission_id, caller=desk.school.caller("tom"), stores=desk.school.stores)) == 2


def test_a_runs_own_result_is_not_touched(desk):
    with desk.school.stores.storage.reading() as tx:
        run = tx.runs.find_counting(desk.submission_id)
        before = tx.runs.load_result(run.run_id)
    desk.points(4)
    desk.override(6)
    with desk.school.stores.storage.reading() as tx:
        assert tx.runs.load_result(run.run_id) == before
        assert tx.runs.get(run.run_id) == run


def test_a_decision_can_make_another_submission_count(desk):
    school = desk.school
    better = school.submit("ann", notebook_bytes(x=3, y=4, words="For other reasons.")).submission
    school.work_off()
    desk.points(2, submission_id=better.submission_id)

    def counting():
        with school.stores.storage.reading() as tx:
            return tx.submissions.find_counting(better.offering_id, person_id=better.person_id)

    assert counting() == better.submission_id
    desk.override(10)
    desk.points(5)
    assert counting() == desk.submission_id
    decided = desk.points(0)
    assert counting() == better.submission_id
    withdraw(decided, reason="", caller=school.caller("tom"), stores=school.stores)
    assert counting() == better.submission_id


def test_points_can_be_given_before_the_machine_is_done(school):
    desk = Desk.__new__(Desk)
    desk.school = school
    desk.submission_id = school.submit("ann", RIGHT).submission.submission_id
    desk.points(5)
    assert desk.result() is None
    school.work_off()
    assert desk.totals() == (20, 20, 0)


@pytest.mark.parametrize("points", [-1, 5.01, float("nan"), float("inf")])
def test_points_lie_between_nothing_and_all(desk, points):
    with pytest.raises(InvalidRequest):
        desk.points(points)
    with pytest.raises(InvalidRequest):
        desk.override(points * 10)
    assert desk.totals() == (5, 15, 5)


def test_without_a_rubric_it_takes_a_number(desk):
    nothing = replace(desk.judge("q2", None), items=())
    with pytest.raises(InvalidRequest):
        decide_points(
            nothing,
            caller=desk.school.caller("tom"),
            stores=desk.school.stores,
            assignments=desk.school.assignments,
        )
    assert desk.totals() == (5, 15, 5)


@pytest.mark.parametrize(
    ("question", "check", "error"),
    [
        pytest.param("q2", "value", InvalidRequest, id="a check for machines"),
        pytest.param("q2", "other", NotFound, id="no such check"),
        pytest.param("q1", None, NotFound, id="no written check"),
        pytest.param("q9", None, NotFound, id="no such question"),
    ],
)
def test_points_are_for_written_checks(desk, question, check, error):
    with pytest.raises(error):
        desk.points(1, question=question, check=check)


def test_a_check_can_be_named(desk):
    assert desk.points(1, check="words").check_id == "words"


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_override_needs_a_reason(desk, reason):
    with pytest.raises(InvalidRequest):
        desk.override(1, reason=reason)


@pytest.mark.parametrize(("login", "error"), [("ann", Forbidden), ("bob", NotFound)])
def test_students_decide_nothing_and_learn_of_nobody_elses_work(desk, login, error):
    decided = desk.points(1)
    caller = desk.school.caller(login)
    with pytest.raises(error):
        desk.points(5, by=login)
    with pytest.raises(error):
        desk.override(5, by=login)
    with pytest.raises(error):
        withdraw(decided, reason="", caller=caller, stores=desk.school.stores)
    with pytest.raises(error):
        history(desk.submission_id, caller=caller, stores=desk.school.stores)
    with pytest.raises(error):
        regrade(desk.submission_id, stores=desk.school.stores, by=caller)
    assert desk.totals() == (6, 20, 0)


def make(school, login, role):
    """The person's role in the course from now on."""
    add_member(NewMember(login=login, name=login, role=role), course="demo", stores=school.stores)


def give_points(desk, by):
    desk.points(5, by=by)


def give_comment(desk, by):
    comment_together(
        [desk.judge("q2", None, comment="Well done.")],
        caller=desk.school.caller(by),
        stores=desk.school.stores,
        assignments=desk.school.assignments,
    )


def settle_question(desk, by):
    desk.override(10, by=by)


def take_back(desk, by):
    (decided,) = history(desk.submission_id, caller=desk.school.caller("ida"), stores=desk.school.stores)
    withdraw(decided, reason="", caller=desk.school.caller(by), stores=desk.school.stores)


def grade_again(desk, by):
    regrade(desk.submission_id, stores=desk.school.stores, by=desk.school.caller(by))


def ask_to_grade_again(desk, by):
    wish = RegradeWish(submission_id=desk.submission_id)
    ask_regrade("demo", "tiny", wish=wish, caller=desk.school.caller(by), stores=desk.school.stores)


@pytest.mark.parametrize(
    "act", [give_points, give_comment, settle_question, take_back, grade_again, ask_to_grade_again]
)
def test_what_a_ta_handed_in_as_a_student_somebody_else_judges(desk, act):
    desk.points(1, by="ida")
    make(desk.school, "ann", Role.TA)
    before = desk.totals()

    with pytest.raises(Forbidden) as caught:
        act(desk, "ann")
    make(desk.school, "ann", Role.STUDENT)
    assert caught.value.facts == {"needs": "another_reviewer"}
    assert desk.totals() == before

    make(desk.school, "ann", Role.TA)
    act(desk, "tom")


def test_who_teaches_may_judge_what_they_handed_in_to_try(school):
    tried = school.submit("ida").submission.submission_id
    school.work_off()
    desk = Desk(school)

    assert desk.points(5, by="ida", submission_id=tried).points == 5


def test_a_group_of_answers_with_the_judges_own_among_them_is_judged_as_a_whole_or_not_at_all(desk):
    own = desk.school.submit("bob", WRONG).submission.submission_id
    desk.school.work_off()
    make(desk.school, "bob", Role.TA)
    before = desk.totals()

    with pytest.raises(Forbidden):
        decide_points_together(
            [desk.judge("q2", 5), desk.judge("q2", 5, submission_id=own)],
            caller=desk.school.caller("bob"),
            stores=desk.school.stores,
            assignments=desk.school.assignments,
        )
    assert desk.totals() == before


def test_nothing_is_decided_about_what_does_not_exist(desk):
    with pytest.raises(NotFound):
        desk.points(1, submission_id=SubmissionId("none"))


def test_a_comment_of_any_characters_is_kept(desk):
    desk.points(1, comment="良い\ud800\0")
    assert desk.result().questions[1].checks[1].facts["comment"] == "良い\ufffd\ufffd"
