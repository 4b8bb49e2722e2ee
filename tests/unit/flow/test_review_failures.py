"""One comment for everybody who made the same mistake, beside whatever else was decided."""

from dataclasses import dataclass, replace

import pytest
from reviewing import FIRST, WORDS, ReviewedLoaded, ToldLogic, give, hand_in, open_review_school

from grader.domain.ids import CheckId
from grader.domain.result import Verdict
from grader.domain.review import Failure
from grader.errors import Conflict, InvalidRequest, NotFound
from grader.flow.progress import read_result
from grader.flow.review import Judgement, comment_together, override
from grader.flow.review_failures import NOTHING_SAID, comment_failure, list_failures
from grader.flow.table import TableQuery, read_table

MISTAKE = Failure(question_id=FIRST, check_id=CheckId("value"), code="value.missing_name", diagnosis=None)


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


def tell(school, words, *, failure=MISTAKE, by="tom", seen=None):
    return comment_failure(
        failure,
        words,
        course="demo",
        assignment="tiny",
        caller=school.caller(by),
        stores=school.stores,
        assignments=school.assignments,
        seen=seen,
    )


def group_of(school):
    seen = list_failures(
        "demo", "tiny", caller=school.caller("tom"), stores=school.stores, assignments=school.assignments
    )
    (group,) = seen.groups
    return group


def first_question(school, submission_id):
    result = read_result(submission_id, caller=school.caller("tom"), stores=school.stores).result
    return result.questions[0]


def said(question):
    return [note.facts["comment"] for note in question.notes if note.code == "review.commented"]


def test_what_several_got_wrong_alike_is_a_group(school):
    for login, x in (("ann", 1), ("bob", 2), ("cam", 3)):
        hand_in(school, login, f"I am {login}.", x=x)

    group = group_of(school)

    assert (group.failure, group.count, group.check.verdict) == (MISTAKE, 2, Verdict.FAILED)


def test_a_comment_reaches_all_of_them_and_nobody_else(school):
    wrong = [hand_in(school, login, "Words.", x=1) for login in ("ann", "bob")]
    right = hand_in(school, "cam", "Words.")

    assert len(tell(school, "  Look at cell 3. ")) == 2

    assert [said(first_question(school, each)) for each in (*wrong, right)] == [["Look at cell 3."]] * 2 + [[]]


def test_a_comment_stands_beside_an_override_and_the_newest_one_counts(school):
    ann = hand_in(school, "ann", "Words.", x=1)
    judgement = Judgement(submission_id=ann, question_id=FIRST, points=7, reason="The prompt was wrong.")
    override(judgement, caller=school.caller("ida"), stores=school.stores, assignments=school.assignments)

    tell(school, "First.")
    tell(school, "Second.")

    question = first_question(school, ann)
    assert (question.score, said(question)) == (7, ["Second."])
    table = read_table("demo", query=TableQuery(), caller=school.caller("tom"), stores=school.stores)
    assert [row.total.score for row in table.rows if row.student.login == "ann"] == [12]


def test_a_comment_that_was_not_read_is_never_replaced(school):
    ann, _ = (hand_in(school, login, "Words.", x=1) for login in ("ann", "bob"))
    assert (group_of(school).last, group_of(school).seen) == (None, NOTHING_SAID)
    tell(school, "From Ida.", by="ida", seen=NOTHING_SAID)

    with pytest.raises(Conflict):
        tell(school, "From Tom.", seen=NOTHING_SAID)

    group = group_of(school)
    assert (group.last.by.login, group.last.decision.comment) == ("ida", "From Ida.")
    assert said(first_question(school, ann)) == ["From Ida."]
    tell(school, "From Tom.", seen=group.seen)
    assert said(first_question(school, ann)) == ["From Tom."]


@dataclass(frozen=True, kw_only=True)
class TwiceLoaded(ReviewedLoaded):
    """The first question has another check, which everybody fails in the same way."""

    @property
    def assignment(self):
        plain = ReviewedLoaded.assignment.fget(self)
        one, two = plain.questions
        again = replace(one.checks[0], check_id=CheckId("again"), logic=ToldLogic(name="x", verdict=Verdict.FAILED))
        return replace(plain, questions=(replace(one, checks=(*one.checks, again)), two))


def test_comments_on_two_mistakes_in_a_question_stand_beside_each_other(school):
    school.loaded = TwiceLoaded()
    ann, _ = (hand_in(school, login, "Words.", x=1) for login in ("ann", "bob"))

    tell(school, "The one.")
    tell(school, "The other.", failure=Failure(**{**vars(MISTAKE), "check_id": CheckId("again")}))
    tell(school, "The one, again.")

    assert said(first_question(school, ann)) == ["The one, again.", "The other."]


def test_a_comment_on_a_check_neither_hides_its_points_nor_goes_along_with_the_words(school):
    first = hand_in(school, "ann", "Words.", x=1)
    give(school, first, points=2)
    remark = Judgement(submission_id=first, question_id=WORDS.question_id, comment="Look again.")
    comment_together(
        [remark],
        caller=school.caller("tom"),
        stores=school.stores,
        assignments=school.assignments,
        check_id=WORDS.check_id,
    )

    second = hand_in(school, "ann", "Words.")

    for each, score, comments in ((first, 7, ["Look again."]), (second, 17, [])):
        result = read_result(each, caller=school.caller("tom"), stores=school.stores).result
        assert (result.score, said(result.questions[1])) == (score, comments)


@pytest.mark.parametrize(
    ("words", "failure", "error"),
    [
        pytest.param("  ", MISTAKE, InvalidRequest, id="no words"),
        pytest.param("Words", Failure(**{**vars(MISTAKE), "code": "value.other"}), NotFound, id="nobody's mistake"),
    ],
)
def test_nothing_is_said_where_there_is_nothing_to_say(school, words, failure, error):
    ann = hand_in(school, "ann", "Words.", x=1)

    with pytest.raises(error):
        tell(school, words, failure=failure)

    assert said(first_question(school, ann)) == []
