"""Points go along with words that stay the same, and with nothing else."""

from dataclasses import replace

import pytest
from reviewing import WORDS, give, hand_in, open_review_school

from grader.domain.submission import DecisionKind, WrittenAnswer
from grader.flow.carry import carry_points
from grader.flow.regrade import regrade
from grader.flow.review import history, withdraw


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    open_review_school(folder).stores.storage.close()
    return folder


@pytest.fixture
def school(tmp_path, template):
    school = open_review_school(tmp_path, template=template)
    yield school
    school.stores.storage.close()


def told(school, submission_id):
    decisions = history(submission_id, caller=school.caller("tom"), stores=school.stores)
    return [(each.kind, each.points, each.items, each.comment, each.reason) for each in decisions]


def test_points_go_along_with_the_same_words(school):
    give(school, hand_in(school, "ann", "It is four.", x=1), items=("reason",), comment="Which unit?")

    again = hand_in(school, "ann", "It is four.")

    assert told(school, again) == [(DecisionKind.CARRIED, 3, ("reason",), "Which unit?", "submission 1")]


def test_they_are_given_once_however_often_a_submission_is_graded(school):
    give(school, hand_in(school, "ann", "It is four.", x=1), points=2)
    again = hand_in(school, "ann", "It is four.")

    regrade(again, stores=school.stores)
    school.work_off()

    assert len(told(school, again)) == 1


def test_what_was_taken_back_does_not_come_again(school):
    give(school, hand_in(school, "ann", "It is four.", x=1), points=2)
    again = hand_in(school, "ann", "It is four.")
    (carried,) = history(again, caller=school.caller("tom"), stores=school.stores)
    withdraw(carried, reason="", caller=school.caller("tom"), stores=school.stores)

    regrade(again, stores=school.stores)
    school.work_off()

    assert [kind for kind, *_ in told(school, again)] == [DecisionKind.CARRIED, DecisionKind.WITHDRAWN]


@pytest.mark.parametrize(
    ("login", "words"),
    [
        pytest.param("ann", "It is 4.", id="other words"),
        pytest.param("bob", "It is four.", id="another person's"),
    ],
)
def test_nothing_else_brings_points_along(school, login, words):
    give(school, hand_in(school, "ann", "It is four.", x=1), points=2)

    assert told(school, hand_in(school, login, words)) == []


def test_beside_a_picture_words_are_read_again(school):
    first = hand_in(school, "ann", "It is four.", x=1)
    give(school, first, points=2)
    second = school.submit("ann").submission
    with school.stores.storage.writing() as tx:
        (written,) = tx.submissions.list_written(first)
        assert isinstance(written, WrittenAnswer)
        pictured = replace(written, has_attachments=True)
        carry_points(tx, second, [pictured], at=school.clock.now())
        assert tx.decisions.list_of(second.submission_id) == ()
        carry_points(tx, second, [written], at=school.clock.now())
        assert [each.check_id for each in tx.decisions.list_of(second.submission_id)] == [WORDS.check_id]
