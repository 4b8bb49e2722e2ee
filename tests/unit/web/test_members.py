"""The roster on a page: who may see and change whom, links that are shown once, and who asks to join."""

import csv
import io
import re
from dataclasses import dataclass, field, replace

import pytest

from grader.domain.people import Role
from grader.errors import MailRefused
from grader.flow import accounts, joining, people
from grader.flow.mail_links import Post
from grader.flow.people import NewMember, add_member
from grader.web.pages.members import Question

pytestmark = pytest.mark.usefixtures("cheap_hashes")

ROSTER = "/courses/demo/members"
PASSWORD = "correct horse 8"


@pytest.fixture
def address_of(school):
    """A member's own page."""

    def address_of(login):
        with school.stores.storage.reading() as tx:
            return f"{ROSTER}/{tx.people.find_by_login(login).person_id}"

    return address_of


@pytest.fixture
def member_of(school):
    """How the course has somebody."""

    def member_of(login):
        with school.stores.storage.reading() as tx:
            course = tx.courses.find_by_slug("demo")
            return next(each for each in tx.courses.list_roster(course.course_id) if each.person.login == login)

    return member_of


def names_in(page):
    return re.findall(r'<th scope="row"><a[^>]*>([^<]*)</a>', page)


@pytest.mark.parametrize(
    ("login", "status"), [("ida", 200), ("tom", 200), ("eve", 200), ("ann", 403)], ids=lambda one: str(one)
)
def test_the_roster_is_for_staff(enter_as, address_of, login, status):
    browser = enter_as(login)
    assert [browser.get(path).status_code for path in (ROSTER, address_of("bob"))] == [status, status]


def test_who_is_no_member_does_not_learn_that_the_course_exists(school, enter_as, address_of):
    people.create_person("eric", name="Eric", stores=school.stores)
    assert enter_as("eric").get(address_of("bob")).status_code == 404


def test_staff_stand_first_and_a_search_knows_every_width_and_case(school, enter_as):
    add_member(NewMember(login="d7", name="Dora ベル", student_number="S7"), course="demo", stores=school.stores)
    ida = enter_as("ida")
    assert names_in(ida.get(ROSTER).text) == ["ida", "tom", "ann", "bob", "Dora ベル"]
    for words in ("dora", "ﾍﾞﾙ DORA", "ｓ７", "d7"):
        assert names_in(ida.get(ROSTER, params={"q": words}).text) == ["Dora ベル"]
    assert "Nobody found" in ida.get(ROSTER, params={"q": "zoe"}).text


def test_a_long_roster_comes_in_pages_that_keep_the_search(school, enter_as):
    for number in range(60):
        new = NewMember(login=f"s{number:02}", name=f"Student {number:02}")
        add_member(new, course="demo", stores=school.stores)
    ida = enter_as("ida")
    first = ida.get(ROSTER, params={"q": "student"}).text
    (after,) = re.findall(r'rel="next" href="([^"]*)"', first)
    second = ida.get(after.replace("&amp;", "&")).text
    assert [len(names_in(page)) for page in (first, second)] == [50, 10]
    assert 'rel="prev"' in second
    assert 'rel="next"' not in second


def test_an_address_of_another_page_holds_what_was_asked_for():
    assert Question(q="a b", left=True).address(page=2) == "?q=a+b&left=true&page=2"
    assert Question().address(page=1) == "?"


def test_an_instructor_adds_somebody_and_is_told_how_to_let_them_in(enter_as, member_of):
    ida = enter_as("ida")
    answer = ida.post(ROSTER, data={"login": "new@x.jp", "name": "New", "role": "ta", "student_number": ""})
    assert answer.status_code == 303
    assert "make a link below" in ida.get(answer.headers["location"]).text
    assert member_of("new@x.jp").membership.role is Role.TA


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        pytest.param({"login": " ", "name": "X"}, 422, "login", id="no login"),
        pytest.param({"login": "x", "name": "X", "student_number": "7"}, 409, "student number", id="a number taken"),
    ],
)
def test_what_cannot_be_added_is_asked_for_again_with_what_was_typed(school, enter_as, typed, status, words):
    add_member(NewMember(login="d7", name="Dora", student_number="7"), course="demo", stores=school.stores)
    answer = enter_as("ida").post(ROSTER, data=typed)
    assert answer.status_code == status
    assert words in re.search(r'role="alert"[^>]*>([^<]*)', answer.text)[1]
    assert 'name="name" value="X"' in answer.text


@pytest.mark.parametrize("path", ["", "/links", "/import"])
def test_a_ta_changes_nothing_about_the_roster(enter_as, path):
    tom = enter_as("tom")
    assert tom.post(ROSTER + path, data={"login": "x"}).status_code == 403
    assert "Import a roster" not in tom.get(ROSTER).text


def test_an_instructor_changes_name_role_and_number(enter_as, address_of, member_of):
    ida = enter_as("ida")
    answer = ida.post(address_of("bob"), data={"name": "  Bob  B. ", "role": "ta", "student_number": "１２"})
    assert "Saved." in ida.get(answer.headers["location"]).text
    bob = member_of("bob")
    assert (bob.person.name, bob.membership.role, bob.membership.student_number) == ("Bob B.", Role.TA, "12")


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        pytest.param({"name": " ", "role": "student"}, 422, id="no name"),
        pytest.param({"name": "bob", "role": "student", "student_number": "1" * 65}, 422, id="no number"),
        pytest.param({"name": "bob", "role": "student", "student_number": "7"}, 409, id="another's number"),
        pytest.param({"name": "bob", "role": "king"}, 422, id="no role"),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(school, enter_as, address_of, member_of, typed, status):
    add_member(NewMember(login="d7", name="Dora", student_number="7"), course="demo", stores=school.stores)
    before = member_of("bob")
    assert enter_as("ida").post(address_of("bob"), data=typed).status_code == status
    assert member_of("bob") == before


def test_who_is_in_another_course_keeps_their_name(school, enter_as, address_of, member_of):
    people.add_course("other", title="Other", stores=school.stores)
    add_member(NewMember(login="bob", name="bob"), course="other", stores=school.stores)
    ida = enter_as("ida")
    assert "in other courses too" in ida.get(address_of("bob")).text
    assert ida.post(address_of("bob"), data={"name": "Robert", "role": "student"}).status_code == 409
    assert member_of("bob").person.name == "bob"


def test_nobody_takes_their_own_role_away(enter_as, address_of, member_of):
    ida = enter_as("ida")
    own = address_of("ida")
    assert 'name="role" value="instructor"' in ida.get(own).text
    assert ida.post(own, data={"name": "ida", "role": "ta"}).status_code == 403
    assert ida.post(f"{own}/leave").status_code == 403
    assert member_of("ida").membership.role is Role.INSTRUCTOR


def test_who_is_removed_sees_nothing_and_can_be_taken_back(enter_as, address_of, member_of):
    ida, ann, own = enter_as("ida"), enter_as("ann"), address_of("ann")
    assert "Submissions and points stay." in ida.get(ida.post(f"{own}/leave").headers["location"]).text
    assert ann.get("/courses/demo").status_code == 404
    assert names_in(ida.get(ROSTER, params={"left": "true"}).text) == ["ann"]
    ida.post(f"{own}/return")
    assert member_of("ann").membership.left_at is None
    assert ann.get("/courses/demo").status_code == 200


def test_a_link_is_shown_once_and_lets_its_holder_choose_a_password(enter_as, address_of, browser):
    tom = enter_as("tom")
    shown = tom.post(f"{address_of('ann')}/link").text
    (link,) = re.findall(r'id="link" value="([^"]*)"', shown)
    assert link.startswith("http://testserver/invitation/")
    assert browser.post(link, data={"password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert link not in tom.get(address_of("ann")).text


@pytest.mark.parametrize("login", ["tom", "ida", "eve"])
def test_a_ta_makes_links_for_students_only(school, enter_as, address_of, login):
    if login == "eve":
        add_member(NewMember(login="eve", name="Eve"), course="demo", stores=school.stores)
    tom = enter_as("tom")
    assert "/link" not in tom.get(address_of(login)).text
    assert tom.post(f"{address_of(login)}/link").status_code == 403


def test_links_come_as_a_file_that_runs_nothing(school, enter_as):
    evil = NewMember(login="eve2", name="=cmd()")
    add_member(evil, course="demo", stores=school.stores)
    accounts.accept_invitation(accounts.invite("ann", stores=school.stores).secret, PASSWORD, stores=school.stores)
    answer = enter_as("ida", "ja").post(f"{ROSTER}/links")
    assert answer.headers["content-disposition"] == 'attachment; filename="demo-links.csv"'
    heading, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heading == ["ログイン名", "名前", "リンク"]
    assert [line[:2] for line in lines] == [["bob", "bob"], ["eve2", "'=cmd()"]]
    assert all(line[2].startswith("http://testserver/invitation/") for line in lines)


@pytest.fixture
def dora(school):
    """Asks to join with number 7."""
    code = joining.renew_join_code("demo", stores=school.stores)
    new = joining.NewAccount(login="dora", name="Dora", student_number="7", password=PASSWORD)
    joining.join(code, new, stores=school.stores)
    (one,) = joining.list_pending("demo", stores=school.stores)
    return f"{ROSTER}/waiting/{one.request.request_id}"


def test_staff_see_who_asks_and_let_them_in(enter_as, member_of, dora):
    tom = enter_as("tom")
    page = tom.get(ROSTER).text
    assert "Requests to join (1)" in page
    assert "This number is not on the roster." in page
    assert "Admitted." in tom.get(tom.post(dora, data={"answer": "admit"}).headers["location"]).text
    assert member_of("dora").membership.student_number == "7"


@pytest.mark.parametrize(
    ("language", "words"),
    [pytest.param("ja", "2 / 2 ページ", id="japanese"), pytest.param("en", "Page 2 of 2", id="english")],
)
def test_very_many_who_ask_come_in_pages(school, enter_as, language, words):
    code = joining.renew_join_code("demo", stores=school.stores)
    for number in range(21):
        name = f"Stranger {number:02}"
        new = joining.NewAccount(login=name, name=name, student_number=f"{number}", password=PASSWORD)
        joining.join(code, new, stores=school.stores)
        school.clock.pass_s(1)
    tom = enter_as("tom", language)

    first, second = (tom.get(f"{ROSTER}{query}").text for query in ("", "?waiting=2"))
    assert [re.findall(r"<h3>Stranger (..)</h3>", page) for page in (first, second)] == [
        [f"{number:02}" for number in range(20)],
        ["20"],
    ]
    assert f'href="{ROSTER}?waiting=2#waiting"' in first
    assert words in second


@pytest.mark.parametrize(
    ("language", "offer", "told"),
    [
        pytest.param("ja", "名簿と合う2件を承認", "2件の参加を承認しました。", id="japanese"),
        pytest.param("en", "Admit all 2 whose number and name", "Admitted: 2.", id="english"),
    ],
)
def test_staff_let_all_in_whom_the_roster_has(school, enter_as, language, offer, told):
    code = joining.renew_join_code("demo", stores=school.stores)
    for number in "123":
        name = f"Dora {number}"
        new = joining.NewAccount(login=f"dora{number}", name=name, student_number=number, password=PASSWORD)
        joining.join(code, new, stores=school.stores)
        if number != "3":
            new_member = NewMember(login=f"n{number}", name=name, student_number=number)
            add_member(new_member, course="demo", stores=school.stores)
    tom = enter_as("tom", language)
    page = tom.get(ROSTER).text
    assert offer in page
    assert f'action="{ROSTER}/waiting"' in page

    answer = tom.post(f"{ROSTER}/waiting")

    assert answer.status_code == 303
    page = tom.get(answer.headers["location"]).text
    assert told in page
    assert re.findall(r"<h3>(.*)</h3>", page) == ["Dora 3"]
    assert f'action="{ROSTER}/waiting"' not in page


def test_staff_turn_somebody_down(enter_as, dora):
    tom = enter_as("tom")
    tom.post(dora, data={"answer": "decline"})
    assert "Requests to join" not in tom.get(ROSTER).text


def test_a_number_of_somebody_who_has_signed_in_is_told_and_the_request_stays(school, enter_as, dora):
    add_member(NewMember(login="d7", name="Dora", student_number="7"), course="demo", stores=school.stores)
    accounts.accept_invitation(accounts.invite("d7", stores=school.stores).secret, PASSWORD, stores=school.stores)
    answer = enter_as("tom").post(dora, data={"answer": "admit"})
    assert answer.status_code == 409
    assert "The roster has Dora (d7)" in answer.text


@pytest.mark.parametrize("done", ["admitted", "nonsense", "<script>"])
def test_only_what_can_have_been_done_is_told(enter_as, done):
    page = enter_as("ida").get(ROSTER, params={"done": done}).text
    assert ('role="status"' in page) == (done == "admitted")


@dataclass
class Postbox:
    """Keeps mails; there is no such address as 'gone@x.jp'."""

    mails: list = field(default_factory=list)
    is_closed: bool = False

    def send(self, mails):
        if self.is_closed:
            raise MailRefused(what="no route")
        self.mails += mails
        return frozenset({"gone@x.jp"})


@pytest.fixture
def postbox():
    return Postbox()


@pytest.fixture
def sender(enter_as, services, postbox):
    """An instructor where there is a mail server."""
    return enter_as("ida", services=replace(services, post=Post(mailer=postbox, domain="campus.jp")))


def test_links_are_mailed_in_both_languages_and_whom_no_mail_reaches_is_told(school, sender, postbox, browser):
    for login, name in (("gone@x.jp", "Gone"), ("two words", "Two")):
        add_member(NewMember(login=login, name=name), course="demo", stores=school.stores)
    page = sender.post(f"{ROSTER}/mail").text
    assert "Links were sent to 2 people." in page
    assert re.findall(r"</a> · ([^<]*)</li>", page) == ["gone@x.jp", "two words"]
    assert [mail.to for mail in postbox.mails] == ["ann@campus.jp", "bob@campus.jp", "gone@x.jp"]
    (first, *_) = postbox.mails
    assert "さん" in first.text
    assert "Dear ann" in first.text
    assert first.subject.count("Demo") == 2
    link = re.search(r"http://testserver(/invitation/\S+)", first.text)[1]
    assert browser.get(link).status_code == 200


def test_a_mail_server_that_takes_nothing_is_told(sender, postbox):
    postbox.is_closed = True
    answer = sender.post(f"{ROSTER}/mail")
    assert answer.status_code == 502
    assert "no route" in answer.text


def test_mail_is_for_instructors_and_only_where_there_is_a_server(enter_as, services, postbox, sender):
    post = Post(mailer=postbox, domain=None)
    assert enter_as("tom", services=replace(services, post=post)).post(f"{ROSTER}/mail").status_code == 403
    ida = enter_as("ida")
    assert ida.post(f"{ROSTER}/mail").status_code == 422
    assert ("Send links by mail" in ida.get(ROSTER).text, "Send links by mail" in sender.get(ROSTER).text) == (
        False,
        True,
    )
    assert postbox.mails == []
