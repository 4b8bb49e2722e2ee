"""What waits for a person: which answers, what is looked at together, and whose share it is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import NOON
from reviewing import FIRST, WORDS, ReviewedLoaded, ToldLogic, give, hand_in, open_review_school

from grader.domain.people import Role
from grader.domain.publishing import Dates
from grader.domain.result import Verdict
from grader.domain.review import Need
from grader.domain.text import Note
from grader.errors import Forbidden, NotFound
from grader.flow import people
from grader.flow.review import Judgement, override
from grader.flow.review_items import Part
from grader.flow.review_queue import read_queue
from grader.flow.standing import settle_missing


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


def queue_of(school, *, by="tom", **options):
    return read_queue("demo", caller=school.caller(by), stores=school.stores, assignments=school.assignments, **options)


def lines_of(school, **options):
    """By reason: what is looked at, and of how many submissions."""
    return {
        line.part: (line.items, line.submissions)
        for section in queue_of(school, **options).sections
        for line in section.lines
    }


def set_dates(school, **dates):
    with school.stores.storage.writing() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        tx.offerings.set_dates(offering.offering_id, Dates(**dates))


def test_the_same_words_are_looked_at_once(school):
    for login, words in (("ann", "It is four."), ("bob", "It is four."), ("cam", "It is 4.")):
        hand_in(school, login, words)

    assert lines_of(school) == {WORDS: (2, 3)}


def test_what_was_decided_waits_no_more_until_it_is_taken_back(school):
    ann = hand_in(school, "ann", "It is four.")
    give(school, ann, points=3)

    assert lines_of(school) == {}


def test_an_override_leaves_what_waits_of_other_questions(school):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    ann = hand_in(school, "ann", "It is four.", x=1)
    judgement = Judgement(submission_id=ann, question_id=FIRST, points=0, reason="Not there.")
    override(judgement, caller=school.caller("tom"), stores=school.stores, assignments=school.assignments)

    assert lines_of(school) == {WORDS: (1, 1)}


def test_what_waits_is_known_again_after_an_upgrade(school):
    """As after a migration that forgot what stands: results and decisions are there, and nothing in the tables."""
    ann, bob = hand_in(school, "ann", "It is four."), hand_in(school, "bob", "It is 4.")
    give(school, bob, points=3)
    before = lines_of(school)
    with school.stores.storage.writing() as tx:
        for each in (ann, bob):
            tx.standings.forget(each)
    assert lines_of(school) == {}

    settle_missing(stores=school.stores)

    assert lines_of(school) == before == {WORDS: (1, 1)}


def test_only_the_submission_that_counts_waits(school):
    hand_in(school, "ann", "First words.", x=1)
    hand_in(school, "ann", "Better words.", x=3)

    assert lines_of(school) == {WORDS: (1, 1)}


def test_what_staff_hand_in_to_try_waits_for_nobody(school):
    hand_in(school, "tom", "Only trying.")

    assert queue_of(school).sections == ()


def test_before_the_due_date_nothing_waits_unless_asked_for(school):
    hand_in(school, "ann", "It is four.")
    set_dates(school, due_at=NOON + timedelta(hours=1))

    early = queue_of(school)
    assert (early.sections, early.early) == ((), 1)
    (section,) = queue_of(school, with_early=True).sections
    assert (section.is_early, len(section.lines)) == (True, 1)


@pytest.mark.parametrize(
    ("verdict", "need"),
    [
        (Verdict.NOT_FOUND, Need.NOT_FOUND),
        (Verdict.NEEDS_GPU, Need.NEEDS_GPU),
        (Verdict.NEEDS_PACKAGE, Need.NEEDS_PACKAGE),
        (Verdict.SKIPPED, Need.SKIPPED),
        pytest.param(Verdict.NEEDS_REVIEW, Need.DOUBT, id="a comparison that does not decide"),
    ],
)
def test_whatever_is_pending_waits_with_its_reason(school, verdict, need):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=verdict))
    hand_in(school, "ann", "It is four.", x=1)

    assert lines_of(school) == {Part(FIRST, need, None): (1, 1), WORDS: (1, 1)}


def test_what_was_not_found_is_confirmed_for_all_at_once(school):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    for login in ("ann", "bob"):
        hand_in(school, login, f"I am {login}.", x=1)

    assert lines_of(school)[Part(FIRST, Need.NOT_FOUND, None)] == (1, 2)


def test_a_submission_that_we_could_not_grade_waits_too(school):
    submission = school.submit("ann").submission
    with school.stores.storage.writing() as tx:
        run = tx.runs.get_newest(submission.submission_id)
        tx.runs.fail(run.run_id, trouble=Note(code="run.worker_lost", facts={"attempts": 3}), at=NOON)

    (section,) = queue_of(school).sections
    assert [(one.submission_id, one.person.login) for one in section.ungraded] == [(submission.submission_id, "ann")]


def test_every_answer_is_one_reviewers_share(school):
    people.add_member(people.NewMember(login="tia", name="tia", role=Role.TA), course="demo", stores=school.stores)
    for login in ("ann", "bob", "cam"):
        hand_in(school, login, f"The words of {login}.")

    shares = [queue_of(school, by=login).sections[0].lines[0].own for login in ("tom", "tia")]

    assert sum(shares) == 3
    assert queue_of(school).reviewers == 2


def test_where_there_is_no_ta_the_instructors_review(school):
    tom = school.caller("tom").person.person_id
    with school.stores.storage.writing() as tx:
        course_id = tx.courses.find_by_slug("demo").course_id
        membership = tx.courses.find_membership(course_id, tom)
        tx.courses.put_member(replace(membership, left_at=NOON))
    hand_in(school, "ann", "It is four.")

    queue = queue_of(school, by="ida")
    assert (queue.has_share, queue.sections[0].lines[0].own) == (True, 1)


@pytest.mark.parametrize(("login", "error"), [("ann", Forbidden), ("nobody", NotFound)])
def test_the_queue_is_for_staff(school, login, error):
    if login == "nobody":
        people.create_person("nobody", name="Nobody", stores=school.stores)
    with pytest.raises(error):
        queue_of(school, by=login)
