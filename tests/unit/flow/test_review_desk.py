"""Going on from one answer to the next."""

import pytest
from reviewing import FIRST, WORDS, ReviewedLoaded, ToldLogic, desk_of, give, hand_in, open_review_school

from grader.domain.people import Role
from grader.domain.result import Verdict
from grader.domain.review import Need
from grader.flow import people
from grader.flow.review_desk import Stop, Walk
from grader.flow.review_items import Part

STUDENTS = ("ann", "bob", "cam")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    open_review_school(folder).stores.storage.close()
    return folder


@pytest.fixture
def school(tmp_path, template):
    school = open_review_school(tmp_path, template=template)
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    yield school
    school.stores.storage.close()


def next_of(school, submission_id, *, part=WORDS, **query):
    return desk_of(school, part=part, submission_id=submission_id, walk=Walk.STUDENT, **query).next


def test_after_one_students_last_question_the_next_students_first_that_waits_follows(school):
    one, two, three = sorted(hand_in(school, login, f"I am {login}.", x=1) for login in STUDENTS)
    not_found = Part(FIRST, Need.NOT_FOUND, None)

    assert next_of(school, one, part=not_found) == Stop(part=WORDS, submission_id=one)
    assert next_of(school, one) == Stop(part=not_found, submission_id=two)
    assert next_of(school, three) == Stop(part=not_found, submission_id=one)


def test_students_of_whom_nothing_waits_are_passed_over_until_nobody_is_left(school):
    one, two, three = sorted(hand_in(school, login, f"I am {login}.") for login in STUDENTS)
    give(school, two, points=1)
    assert next_of(school, one) == Stop(part=WORDS, submission_id=three)

    give(school, three, points=1)

    assert next_of(school, one) is None


def test_a_reviewer_who_reads_only_their_share_goes_on_to_nobody_elses(school):
    people.add_member(people.NewMember(login="tia", name="Tia", role=Role.TA), course="demo", stores=school.stores)
    here, *_ = [hand_in(school, login, f"I am {login}.") for login in STUDENTS]

    found = [next_of(school, here, by=login, only_own=True) for login in ("tom", "tia")]

    assert found[0] != found[1]
