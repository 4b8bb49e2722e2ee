"""The pages of reviewing, as a browser without scripts meets them, in both languages."""

import base64
import html
import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from png_file import write_png
from reviewing import ReviewedLoaded, ToldLogic, desk_of, give, hand_in, open_review_school
from school import School
from starlette.testclient import TestClient

from grader.domain.ids import QuestionId
from grader.domain.people import Role
from grader.domain.result import Verdict
from grader.domain.text import Note
from grader.flow import accounts, people
from grader.flow.progress import read_result
from grader.flow.review import history
from grader.web.app import create_app
from grader.web.services import Services

DESK = "/courses/demo/review/tiny/q2?need=written&check=words"


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


@pytest.fixture(scope="module")
def app():
    """The application, whose first request takes longer than all that a test asks of it: made once."""
    return create_app(SimpleNamespace(max_upload_bytes=1 << 20, public_url=None, stores=None))


@pytest.fixture
def open_browser(app, school, cheap_hashes):
    """A browser in which somebody is signed in."""
    app.state.services = Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )

    def open_browser(login="tom", *, language="en"):
        link = accounts.invite(login, stores=school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=school.stores)
        browser = TestClient(app, headers={"Accept": "text/html", "Accept-Language": language}, follow_redirects=False)
        browser.cookies.set("session", issued.secret)
        return browser

    return open_browser


def form_of(page, *, act="decide", **typed):
    """What a browser sends of the form for points."""
    fields = {name: re.findall(rf'name="{name}" value="([^"]*)"', page) for name in ("member", "next")}
    members = sorted(set(fields["member"]))
    return {"member": members, "next": html.unescape(fields["next"][0]), "act": act, **typed}


def points_of(school, submission_id):
    result = read_result(submission_id, caller=school.caller("tom"), stores=school.stores).result
    return result.questions[1].checks[1]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["人が見る解答", "問題2", "文章・式・写真の解答", "採点する（1）"], id="japanese"),
        pytest.param("en", ["Answers for a person", "Question 2", "Written answer", "Review (1)"], id="english"),
    ],
)
def test_the_queue_tells_what_waits_and_leads_to_it(school, open_browser, language, words):
    hand_in(school, "ann", "It is four.")
    browser = open_browser(language=language)

    page = browser.get("/courses/demo/review").text

    assert [word for word in words if word not in page] == []
    assert DESK.replace("&", "&amp;") in page
    assert browser.get(DESK).status_code == 200


def test_an_empty_queue_says_so(open_browser):
    page = open_browser().get("/courses/demo/review").text

    assert "Nothing waits for a person." in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["理由がある", "+3 点", "模範解答：", "学生へのコメント"], id="japanese"),
        pytest.param("en", ["Gives a reason", "+3", "Model answer:", "Comment for the student"], id="english"),
    ],
)
def test_the_answer_stands_beside_rubric_and_model_answer(school, open_browser, language, words):
    hand_in(school, "ann", "It is $x^2$ **four**.")

    page = open_browser(language=language).get(DESK).text

    assert [word for word in words if word not in page] == []
    assert "<strong>four</strong>" in page
    assert '<span class="math">x^2</span>' in page


def test_rubric_items_give_points_to_everybody_with_these_words_and_lead_on(school, open_browser):
    alike = [hand_in(school, login, "It is four.") for login in ("ann", "bob")]
    other = hand_in(school, "cam", "Other words.")
    browser = open_browser()
    page = browser.get(DESK).text
    assert "2 students gave the very same answer" in page

    answer = browser.post(DESK, data=form_of(page, item=["reason"], comment="Which unit?"))

    assert answer.status_code == 303
    assert [(points_of(school, each).score, points_of(school, each).facts["comment"]) for each in alike] == [
        (3, "Which unit?")
    ] * 2
    assert f"/submissions/{other}" in browser.get(answer.headers["location"]).text


NOT_SAVED = {"ja": "まだ保存していません。満たしている項目を選ぶか", "en": "Nothing is saved yet. Please tick"}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    "ticked",
    [
        pytest.param([], id="nothing: the Enter key alone is no zero"),
        pytest.param(["reason", ""], id="an item and none of them"),
    ],
)
def test_what_says_nothing_of_the_rubric_is_asked_for_again_with_all_that_was_typed(
    school, open_browser, ticked, language
):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser(language=language)

    answer = browser.post(DESK, data=form_of(browser.get(DESK).text, item=ticked, comment="Kept words."))

    assert answer.status_code == 422
    assert NOT_SAVED[language] in answer.text
    assert "Kept words." in answer.text
    assert answer.text.count(" checked") == len(ticked)
    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW


def test_that_no_item_is_met_is_said_with_a_box_of_its_own(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text
    assert "None of these: 0 points" in page

    browser.post(DESK, data=form_of(page, act="draft", item=[""]))
    assert re.search(r'value="" [^>]* checked', browser.get(DESK).text)
    answer = browser.post(DESK, data=form_of(page, item=[""]))

    assert answer.status_code == 303
    assert (points_of(school, ann).score, points_of(school, ann).decided) == (0, 5)
    assert re.search(r'value="" [^>]* checked', browser.get(f"{DESK}&submission={ann}").text)


def test_some_of_those_who_wrote_the_same_can_be_left_out(school, open_browser):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    ann, bob = (hand_in(school, login, f"I am {login}.", x=1) for login in ("ann", "bob"))
    browser = open_browser()
    here = "/courses/demo/review/tiny/q1?need=not_found"
    page = browser.get(here).text
    assert "No answer was found in 2 notebooks" in page
    form = form_of(page, act="override", points="0", reason="It is empty.")
    nobody = browser.post(here, data={**form, "member": [], "lead": ann})
    assert (nobody.status_code, "Please choose at least one student" in nobody.text) == (422, True)

    answer = browser.post(here, data={**form, "member": [each for each in form["member"] if each.startswith(ann)]})

    assert f"/submissions/{bob}" in browser.get(answer.headers["location"]).text
    assert history(bob, caller=school.caller("tom"), stores=school.stores) == ()


def test_when_nothing_is_left_the_page_says_so(school, open_browser):
    hand_in(school, "ann", "It is four.")
    browser = open_browser()

    answer = browser.post(DESK, data=form_of(browser.get(DESK).text, points="５"))

    page = browser.get(answer.headers["location"]).text
    assert "Nothing of this question waits any more" in page
    assert desk_of(school).waiting == 0


def test_two_reviewers_never_overwrite_each_other(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text
    give(school, ann, by="ida", points=1, comment="From Ida.")

    answer = browser.post(DESK, data=form_of(page, points="4", comment="From Tom."))

    assert answer.status_code == 409
    assert [word for word in ("Decided by ida", "From Tom.", "From Ida.") if word not in answer.text] == []
    assert points_of(school, ann).score == 1
    browser.post(DESK, data=form_of(answer.text, points="4", comment="From Tom."))
    assert points_of(school, ann).score == 4


def test_who_was_quicker_is_told_where_it_was_about_another_of_the_same_words(school, open_browser):
    _, bob = (hand_in(school, login, "It is four.") for login in ("ann", "bob"))
    browser = open_browser()
    page = browser.get(DESK).text
    give(school, bob, by="ida", points=1)

    answer = browser.post(DESK, data=form_of(page, points="4"))

    assert (answer.status_code, "Decided by ida" in answer.text) == (409, True)


def test_a_rubric_that_changes_under_the_judges_hands_is_told_in_words(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text
    services = browser.app.state.services
    browser.app.state.services = replace(services, assignments=Hasty(school))

    answer = browser.post(DESK, data=form_of(page, item=["reason"]))

    assert (answer.status_code, "The rubric was changed meanwhile" in answer.text) == (409, True)
    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW


@dataclass
class Hasty:
    """Assignments of which somebody publishes another text as soon as one is read."""

    school: School
    is_over: bool = False

    def load(self, version, **facts):
        loaded = self.school.assignments.load(version, **facts)
        if self.is_over:
            return loaded
        self.is_over = True
        with self.school.stores.storage.writing() as tx:
            (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
            now = tx.versions.get_revision(version)
            files = {**now.files, f"{now.number}.txt": now.files["assignment.yaml"]}
            newer = tx.versions.add_revision(
                version, title=now.title, points=now.points, rubrics=now.rubrics, files=files, at=now.created_at
            )
            tx.offerings.set_version(offering.offering_id, version, revision=newer.number)
        return loaded


def test_an_empty_field_is_no_zero_where_there_is_no_rubric(school, open_browser):
    school.loaded = ReviewedLoaded(rubric=())
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()

    answer = browser.post(DESK, data=form_of(browser.get(DESK).text))

    assert (answer.status_code, "Please give points as a number, from 0" in answer.text) == (422, True)
    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW


def test_what_no_written_check_is_asked_for_stores_nothing(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text

    answer = browser.post(DESK.partition("?")[0], data=form_of(page, points="4"))

    assert answer.status_code in (404, 422)
    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize("points", ["6", "-1", "many", "nan"])
def test_points_that_are_none_are_asked_for_again_with_all_that_was_typed(school, open_browser, points):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()

    answer = browser.post(DESK, data=form_of(browser.get(DESK).text, points=points, comment="Kept words."))

    assert answer.status_code == 422
    assert "Please give points as a number, from 0" in answer.text
    assert "Kept words." in answer.text
    assert f'value="{points}"' in answer.text
    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW


def test_what_is_typed_is_kept_and_others_are_told(school, open_browser):
    hand_in(school, "ann", "It is four.")
    browser = open_browser()
    typed = form_of(browser.get(DESK).text, act="autosave", item=["unit"], comment="Half a thought")

    assert browser.post(DESK, data=typed).status_code == 204

    again = browser.get(DESK).text
    assert "Half a thought" in again
    assert re.search(r'value="unit"[^>]* checked', again)
    other = open_browser("ida").get(DESK).text
    assert "tom is working on this answer too" in other
    assert "Half a thought" not in other


def test_what_was_on_its_way_while_its_author_decided_is_no_draft(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text
    browser.post(DESK, data=form_of(page, points="2", comment="A whole thought"))

    assert browser.post(DESK, data=form_of(page, act="autosave", comment="Half a thought")).status_code == 204

    with school.stores.storage.reading() as tx:
        assert tx.reviews.list_drafts(ann, question_id=QuestionId("q2")) == ()


def test_what_is_typed_about_the_whole_question_is_kept_apart_until_it_settles_it(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text
    whole = form_of(page, act="autosave", whole="yes", points="3", comment="In full", reason="Half a reason")

    browser.post(DESK, data=form_of(page, act="autosave", comment="Half a thought"))
    assert browser.post(DESK, data=whole).status_code == 204

    again = browser.get(DESK).text
    assert re.search(r'name="points" value=""', again)
    assert re.search(r'id="all-points" name="points" value="3"', again)
    assert [again.count(words) for words in ("Half a thought", "In full", "Half a reason")] == [1, 1, 1]
    assert "tom is working on this answer too" in open_browser("ida").get(DESK).text
    browser.post(DESK, data={**whole, "act": "override"})
    with school.stores.storage.reading() as tx:
        (left,) = tx.reviews.list_drafts(ann, question_id=QuestionId("q2"))
    assert (left.check_id, left.comment) == ("words", "Half a thought")


def test_points_for_the_words_or_a_comment_leave_the_draft_about_the_whole_question(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser()
    page = browser.get(DESK).text
    whole = form_of(page, act="autosave", whole="yes", points="3", reason="Half a reason")

    browser.post(DESK, data=form_of(page, points="2"))
    browser.post(DESK, data=whole)
    with school.stores.storage.reading() as tx:
        (draft,) = tx.reviews.list_drafts(ann, question_id=QuestionId("q2"))
    assert (draft.check_id, draft.reason) == (None, "Half a reason")

    browser.post(DESK, data={**whole, "act": "override", "member": [f"{ann}:1"]})
    browser.post(DESK, data=whole)
    with school.stores.storage.reading() as tx:
        assert tx.reviews.list_drafts(ann, question_id=QuestionId("q2")) == ()


def test_a_draft_stands_in_its_form_when_taking_back_was_refused(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    give(school, ann, points=2)
    here, tom, ida = f"{DESK}&submission={ann}", open_browser(), open_browser("ida")
    page = tom.get(here).text
    tom.post(here, data=form_of(page, act="autosave", comment="Half a thought"))
    tom.post(here, data=form_of(page, act="autosave", whole="yes", reason="Half a reason"))
    ida.post(here, data=form_of(ida.get(here).text, points="1"))
    (button,) = re.findall(r'value="(withdraw:[0-9a-f]+)"', page)

    refused = tom.post(here, data=form_of(page, act=button))

    assert refused.status_code == 409
    assert [refused.text.count(words) for words in ("Half a thought", "Half a reason")] == [1, 1]


def test_what_is_typed_where_nothing_was_found_is_kept_too(school, open_browser):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    hand_in(school, "ann", "It is four.", x=1)
    browser = open_browser()
    here = "/courses/demo/review/tiny/q1?need=not_found"

    browser.post(here, data=form_of(browser.get(here).text, act="draft", whole="yes", points="4", reason="Cell 7"))

    page = browser.get(here).text
    assert re.search(r'id="all-points" name="points" value="4"', page)
    assert re.search(r'id="reason" name="reason" value="Cell 7"', page)
    assert "Draft kept:" in page


def test_the_team_shares_comments(school, open_browser):
    hand_in(school, "ann", "It is four.")
    tom, ida = open_browser(), open_browser("ida")
    tom.post(DESK, data=form_of(tom.get(DESK).text, act="keep", comment="Say why."))

    page = ida.get(DESK).text
    (button,) = re.findall(r'value="(insert:[0-9a-f]+)"', page)
    ida.post(DESK, data=form_of(page, act=button, comment="Nearly."))
    assert "Nearly.\nSay why." in ida.get(DESK).text

    ida.post(DESK, data=form_of(page, act=button.replace("insert", "forget")))
    assert "insert:" not in tom.get(DESK).text


def test_changed_words_come_back_with_the_difference_and_unchanged_ones_keep_their_points(school, open_browser):
    first = hand_in(school, "ann", "It is four.", x=1)
    give(school, first, items=("reason",), comment="And the unit?")

    same = hand_in(school, "ann", "It is four.")
    assert (points_of(school, same).score, desk_of(school).waiting) == (3, 0)

    hand_in(school, "ann", "It is four metres.")
    page = open_browser().get(DESK).text
    assert "What changed since submission 2" in page
    assert re.search(r"<ins>[^<]*metres[^<]*</ins>", page)
    assert "And the unit?" in page


def test_where_names_are_hidden_nothing_on_the_page_tells_whose_it_is(school, open_browser):
    words = "氏名：cam です。CAM wrote this, Ｃａｍ too; a camera stays."
    hand_in(school, "cam", words)
    browser = open_browser()
    assert "CAM wrote this" in browser.get(DESK).text

    browser.post("/review-preferences", data={"names": "hidden"})
    page = browser.get(DESK).text

    assert re.findall(r"\bcam\b|Ｃａｍ", page, re.IGNORECASE) == []
    assert "■■■ wrote this, ■■■ too; a camera stays." in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", "画像の中に書かれた名前は隠せません。", id="japanese"),
        pytest.param("en", "Names inside pictures cannot be hidden.", id="english"),
    ],
)
def test_where_names_are_hidden_it_is_said_that_those_in_pictures_are_not(school, open_browser, language, words):
    photo = base64.b64encode(write_png(np.zeros((2, 2, 3), dtype=np.uint8))).decode()
    cam = hand_in(school, "cam", f"![my notes](data:image/png;base64,{photo})")
    ann = hand_in(school, "ann", "It is four.")
    browser = open_browser(language=language)

    def is_said(submission_id):
        return words in browser.get(f"{DESK}&submission={submission_id}").text

    assert (is_said(cam), is_said(ann)) == (False, False)
    browser.post("/review-preferences", data={"names": "hidden"})
    assert (is_said(cam), is_said(ann)) == (True, False)


def test_a_whole_question_is_settled_with_a_reason_and_can_be_taken_back(school, open_browser):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    ann = hand_in(school, "ann", "It is four.", x=1)
    browser = open_browser()
    here = "/courses/demo/review/tiny/q1?need=not_found"
    page = browser.get(here).text
    assert "No answer found" in page

    refused = browser.post(here, data=form_of(page, act="override", points="4", reason=" "))
    assert (refused.status_code, "Please give a reason" in refused.text) == (422, True)
    browser.post(here, data=form_of(page, act="override", points="4", reason="It stood in cell 7."))

    page = browser.get(f"{here}&submission={ann}").text
    assert "It stood in cell 7." in page
    (button,) = re.findall(r'value="(withdraw:[0-9a-f]+)"', page)
    browser.post(here, data=form_of(page, act=button))
    assert [each.kind for each in history(ann, caller=school.caller("tom"), stores=school.stores)] == [
        "override",
        "withdrawn",
    ]
    assert browser.get(here).status_code == 200


@pytest.mark.parametrize(
    ("language", "told"),
    [pytest.param("ja", "点の訂正", id="japanese"), pytest.param("en", "Correction", id="english")],
)
def test_what_the_machine_decided_is_corrected_with_a_reason(school, open_browser, language, told):
    ann = hand_in(school, "ann", "It is four.", x=1)
    browser = open_browser(language=language)
    here = f"/courses/demo/review/tiny/q1?need=decided&submission={ann}"

    page = browser.get(here).text
    answer = browser.post(here, data=form_of(page, act="override", points="4", reason="The prompt was wrong."))

    assert told in page
    assert (answer.status_code, answer.headers["location"]) == (303, f"/submissions/{ann}#q1")
    (question, _) = read_result(ann, caller=school.caller("ann"), stores=school.stores).result.questions
    assert (question.score, question.decided) == (4, 10)
    assert "The prompt was wrong." in browser.get(here).text


def test_a_whole_question_is_settled_for_others_only_where_somebody_says_so(school, open_browser):
    """Their words are the same, their code need not be."""
    words = "It is four."
    ann, bob = hand_in(school, "ann", words), hand_in(school, "bob", words)
    browser = open_browser()
    page = browser.get(f"{DESK}&submission={ann}").text
    whole = page.partition('name="whole"')[0].rpartition("<form")[2]

    ticked = {f"{one}:0": f'value="{one}:0" checked' in whole for one in (ann, bob)}
    assert f'type="hidden" name="member" value="{ann}:0"' in whole
    assert re.search(rf'type="checkbox" name="member" value="{bob}:0">', whole)
    assert ticked == {f"{ann}:0": False, f"{bob}:0": False}
    form = form_of(page, act="override", whole="yes", points="3", reason="Too late.")
    browser.post(DESK, data={**form, "lead": ann, "member": [f"{ann}:0"]})

    def told(login, submission_id):
        result = read_result(submission_id, caller=school.caller(login), stores=school.stores).result
        return result.questions[1].checks[1].code

    assert (told("ann", ann), told("bob", bob)) == ("review.settled", "written.waits")


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("q1?need=decided&submission=nobody", id="no such submission"),
        pytest.param("q9?need=decided&submission={ann}", id="no such question"),
        pytest.param("q1?need=not_found&submission={ann}", id="the queue has only what waits"),
    ],
)
def test_what_is_not_there_cannot_be_corrected(school, open_browser, place):
    ann = hand_in(school, "ann", "It is four.", x=1)

    assert open_browser().get(f"/courses/demo/review/tiny/{place.format(ann=ann)}").status_code == 404


def test_a_submission_that_waits_for_its_grading_cannot_be_corrected(school, open_browser):
    ann = school.submit("ann").submission.submission_id

    answer = open_browser().get(f"/courses/demo/review/tiny/q1?need=decided&submission={ann}")

    assert answer.status_code == 404


def test_taking_back_never_erases_what_somebody_else_decided_meanwhile(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    give(school, ann, points=2)
    browser = open_browser()
    here = f"{DESK}&submission={ann}"
    page = browser.get(here).text
    (button,) = re.findall(r'value="(withdraw:[0-9a-f]+)"', page)
    school.clock.pass_s(1)
    give(school, ann, by="ida", points=1)

    answer = browser.post(here, data=form_of(page, act=button))

    assert (answer.status_code, "Decided by ida" in answer.text) == (409, True)
    assert points_of(school, ann).score == 1


def test_one_students_questions_follow_each_other(school, open_browser):
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", wrong=Verdict.NOT_FOUND))
    ann = hand_in(school, "ann", "It is four.", x=1)
    browser = open_browser()

    page = browser.get(f"/courses/demo/review/tiny/q1?need=not_found&submission={ann}&walk=student").text

    (onwards,) = set(re.findall(r'<a href="([^"]*)" rel="next"', page))
    assert html.unescape(onwards).startswith(f"{DESK}&submission={ann}&walk=student")


def test_what_a_sentence_names_is_a_link_unless_it_would_say_whose_it_is(school, open_browser):
    note = Note(code="diagnose.capital_tensor", facts={"places": [{"cell": 2, "line": 1}, {"cell": 9, "line": 1}]})
    school.loaded = ReviewedLoaded(first=ToldLogic(name="x", told=note))
    ann = hand_in(school, "ann", "It is four.", x=1)
    hand_in(school, "bob", "It is five.", x=1)
    browser = open_browser()
    desk, shared = f"/courses/demo/review/tiny/q1?need=decided&submission={ann}", "/courses/demo/review/tiny"

    def links(page):
        return set(re.findall(r'<a href="([^"]*#?cell-[^"]*)">', browser.get(page).text))

    far = f"/submissions/{ann}/executed#cell-9-line-1"
    assert links(desk) == {"#cell-2-line-1", far}
    assert {link.partition("#")[2] for link in links(shared)} == {"cell-2-line-1", "cell-9-line-1"}
    browser.post("/review-preferences", data={"names": "hidden"})
    assert links(desk) == {"#cell-2-line-1"}
    assert links(shared) == set()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_everybody_with_the_same_mistake_is_told_at_once(school, open_browser, language):
    those = [hand_in(school, login, f"I am {login}.", x=1) for login in ("ann", "bob")]
    browser = open_browser(language=language)
    page = browser.get("/courses/demo/review/tiny").text
    fields = dict(re.findall(r'type="hidden" name="(question|check|code|diagnosis)" value="([^"]*)"', page))

    assert browser.post("/courses/demo/review/tiny", data=fields).status_code == 422
    answer = browser.post("/courses/demo/review/tiny", data={**fields, "comment": "Look at cell 3."})

    assert answer.status_code == 303
    assert "2" in browser.get(answer.headers["location"]).text
    for submission_id in those:
        question = read_result(submission_id, caller=school.caller("tom"), stores=school.stores).result.questions[0]
        assert (question.notes[-1].code, question.notes[-1].facts["comment"]) == ("review.commented", "Look at cell 3.")
        assert question.score == 0


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["まだ送っていません", "このコメントは置き換わります。ida さん"], id="japanese"),
        pytest.param("en", ["nothing was sent", "ida wrote it"], id="english"),
    ],
)
def test_a_comment_for_all_waits_until_the_one_before_was_read(school, open_browser, language, words):
    for login in ("ann", "bob"):
        hand_in(school, login, f"I am {login}.", x=1)
    tom, ida = open_browser(language=language), open_browser("ida")

    def send(browser, page, comment):
        fields = re.findall(r'type="hidden" name="(question|check|code|diagnosis|seen)" value="([^"]*)"', page)
        return browser.post("/courses/demo/review/tiny", data={**dict(fields), "comment": comment})

    page = tom.get("/courses/demo/review/tiny").text
    send(ida, page, "From Ida.")

    answer = send(tom, page, "From Tom.")

    assert answer.status_code == 409
    assert [word for word in (*words, "From Ida.", ">From Tom.<") if word not in answer.text] == []
    assert send(tom, answer.text, "From Tom.").status_code == 303


@pytest.mark.parametrize("login", ["ann", "dora"])
def test_students_and_strangers_review_nothing(school, open_browser, login):
    ann = hand_in(school, "ann", "It is four.")
    if login == "dora":
        people.create_person("dora", name="Dora", stores=school.stores)
    browser = open_browser(login)
    typed = {"member": [f"{ann}:0"], "points": "5", "act": "decide", "comment": "x", "question": "q2"}

    for path in ("/courses/demo/review", "/courses/demo/review/tiny", DESK):
        answers = [browser.get(path), browser.post(path, data=typed)]
        assert {answer.status_code for answer in answers} <= {403, 404, 405}

    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW


def test_nobody_decides_about_another_courses_answers(school, open_browser):
    ann = hand_in(school, "ann", "It is four.")
    people.add_course("other", title="Other", stores=school.stores)
    people.add_member(people.NewMember(login="oz", name="Oz", role=Role.TA), course="other", stores=school.stores)
    browser = open_browser("oz")
    typed = {"member": [f"{ann}:0"], "points": "5", "comment": "x", "reason": "x"}

    for act in ("decide", "draft", "autosave", "keep", "override", "withdraw:1", "insert:1", "forget:1"):
        assert browser.post(DESK, data={**typed, "act": act}).status_code == 404, act

    assert desk_of(school).sheet.others == ()
    assert points_of(school, ann).verdict is Verdict.NEEDS_REVIEW
