"""What repositories promise beyond what the flow's tests show: what is replaced, what is refused, which order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import NOON
from school import VERSION, notebook_bytes

from grader.domain.ids import EnvironmentHash, OfferingId, PersonId, QuestionId, SubmissionId, VersionHash
from grader.domain.jobs import SandboxState, WorkerHealth
from grader.domain.publishing import Dates, VersionState
from grader.domain.selftest import SelfTestReport
from grader.domain.submission import Decision, DecisionId, DecisionKind, WrittenAnswer
from grader.domain.text import Note
from grader.errors import NotFound


@pytest.fixture
def tx(school):
    with school.stores.storage.writing() as tx:
        yield tx


def test_what_is_not_there_cannot_be_changed(tx):
    nothing = VersionHash("f" * 64)
    with pytest.raises(NotFound):
        tx.versions.set_state(nothing, VersionState.PROVED)
    with pytest.raises(NotFound):
        tx.offerings.set_dates(OfferingId("none"), Dates())
    with pytest.raises(NotFound):
        tx.offerings.set_version(OfferingId("none"), VERSION, revision=1)


def test_a_version_that_is_known_keeps_everything_but_the_device(tx):
    known = tx.versions.get(VERSION)
    tx.versions.set_state(VERSION, VersionState.FAILED, findings=[Note(code="a", facts={"n": 1.5})])
    assert not tx.versions.add(replace(known, slug="other", points=1))
    assert tx.versions.get(VERSION) == replace(
        known, state=VersionState.FAILED, findings=(Note(code="a", facts={"n": 1.5}),)
    )


def test_expected_values_of_an_environment_are_replaced(tx):
    here, there = EnvironmentHash("here"), EnvironmentHash("there")
    for minute, (environment, blob) in enumerate([(here, "one"), (there, "two"), (here, "three")]):
        tx.versions.put_expected(VERSION, environment=environment, blob=blob, at=NOON + timedelta(minutes=minute))
    assert tx.versions.find_expected(VERSION, environment=here) == "three"
    assert tx.versions.find_expected(VERSION, environment=EnvironmentHash("nowhere")) is None
    assert list(tx.versions.list_expected(VERSION).items()) == [(here, "three"), (there, "two")]


def test_a_self_test_replaces_the_one_before(tx):
    def report(word):
        return SelfTestReport(
            version=VERSION, environment=EnvironmentHash(word), faults=(), remarks=(), mutants=(), tried=(word,)
        )

    tx.versions.put_self_test(report("first"), at=NOON)
    tx.versions.put_self_test(report("second"), at=NOON + timedelta(minutes=1))
    assert tx.versions.find_self_test(VERSION) == report("second")
    assert tx.versions.find_self_test(VERSION, since=NOON + timedelta(minutes=2)) is None


def test_a_worker_says_again_how_it_is(tx):
    lame = WorkerHealth(
        worker="w",
        seen_at=NOON,
        sandbox=SandboxState.UNAVAILABLE,
        reason=Note(code="sandbox.no_bwrap"),
        environment=None,
        gpu=None,
    )
    well = replace(
        lame,
        seen_at=NOON + timedelta(seconds=9),
        sandbox=SandboxState.READY,
        reason=None,
        environment=EnvironmentHash("e"),
        gpu="H100",
    )
    for health in (lame, well):
        tx.workers.report(health)
        assert tx.workers.list_seen(since=NOON) == (health,)
    assert tx.workers.list_seen(since=NOON + timedelta(seconds=10)) == ()
    tx.workers.forget("w")
    assert tx.workers.list_seen(since=NOON) == ()


def test_the_submission_that_counts_is_moved(school):
    first, second = (school.submit(data=notebook_bytes(x=x, y=4)).submission for x in (1, 2))
    with school.stores.storage.writing() as tx:
        for submission in (first, second, first):
            tx.submissions.set_counting(submission)
            found = tx.submissions.find_counting(first.offering_id, person_id=first.person_id)
            assert found == submission.submission_id
        assert tx.submissions.find_counting(first.offering_id, person_id=PersonId("nobody")) is None


def test_written_answers_replace_those_before(school):
    submission_id = school.submit().submission.submission_id

    def answer(question, text):
        return WrittenAnswer(question_id=QuestionId(question), text_hash="h", text=text, has_attachments=True)

    with school.stores.storage.writing() as tx:
        tx.submissions.set_written(submission_id, [answer("q2", "two"), answer("q1", "one")])
        assert tx.submissions.list_written(submission_id) == (answer("q1", "one"), answer("q2", "two"))
        tx.submissions.set_written(submission_id, [answer("q2", "other")])
        assert tx.submissions.list_written(submission_id) == (answer("q2", "other"),)
        tx.submissions.set_written(submission_id, [])
        assert tx.submissions.list_written(submission_id) == ()


@pytest.mark.parametrize("login", [None, "ann"], ids=["everybody's", "one person's"])
def test_pages_of_submissions_lead_from_the_newest_to_the_oldest(school, login):
    handed_in = []
    for x, (who, seconds) in enumerate([("ann", 0), ("bob", 5), ("ann", 9), ("ann", 9), ("bob", 9), ("ann", 3)]):
        submission = school.submit(who, notebook_bytes(x=x, y=4), seconds=seconds).submission
        handed_in += [submission] if login in (None, who) else []
    expected = sorted(handed_in, key=lambda each: (each.received_at, each.submission_id), reverse=True)
    offering_id, person_id = handed_in[0].offering_id, handed_in[0].person_id if login else None
    with school.stores.storage.reading() as tx:
        pages, after = [], None
        while page := tx.submissions.list_of(offering_id, person_id=person_id, after=after, limit=2):
            pages += page
            after = page[-1].submission_id
        assert pages == expected
        with pytest.raises(NotFound):
            tx.submissions.list_of(offering_id, person_id=person_id, after=SubmissionId("none"), limit=2)


def test_decisions_of_one_moment_keep_their_order(school):
    submission = school.submit().submission
    decisions = tuple(
        Decision(
            decision_id=DecisionId(name),
            submission_id=submission.submission_id,
            question_id=QuestionId("q1"),
            check_id=None,
            kind=DecisionKind.OVERRIDE,
            points=points,
            comment="",
            reason="a\ud800",
            decided_by=submission.person_id,
            decided_at=NOON,
            items=items,
        )
        for name, points, items in (("z", 10.0, None), ("a", 2.5, ("one", "two")), ("m", None, ()))
    )
    with school.stores.storage.writing() as tx:
        for decision in decisions:
            tx.decisions.add(decision)
        found = tx.decisions.list_of(submission.submission_id)
        assert found == tuple(replace(each, reason="a\ufffd") for each in decisions)
        assert [type(each.points) for each in found] == [int, float, type(None)]
        others = [SubmissionId("none")]
        assert tx.decisions.list_decided([submission.submission_id, *others]) == {submission.submission_id}
        assert tx.decisions.list_decided([]) == frozenset()
        assert tx.decisions.list_decided_in(submission.offering_id) == (submission.submission_id,)
