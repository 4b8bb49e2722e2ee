"""Joining with a code: it opens nothing before staff have said that somebody is who they say."""

import functools
from dataclasses import replace

import pytest

from grader.domain.accounts import Identified, Identity, JoinRequestId
from grader.domain.people import Role
from grader.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAdmittedYet,
    NotFound,
    PasswordRefused,
    TooManyTries,
)
from grader.flow import accounts, joining, people
from grader.flow.identities import sign_in_identified
from grader.flow.joining import NewAccount
from grader.flow.people import NewMember, add_member
from grader.flow.roster import preview_roster

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "correct horse 8"


@pytest.fixture
def code(school):
    return joining.renew_join_code("demo", stores=school.stores)


def join(school, code, login="dora", *, number="7", password=PASSWORD):
    new = NewAccount(login=login, name="Dora", student_number=number, password=password)
    issued = joining.join(code, new, stores=school.stores)
    return accounts.find_caller(issued.secret, stores=school.stores)


def again(school, caller):
    """The same person, as found by what they sign in with."""
    return accounts.find_caller(
        accounts.sign_in(caller.person.login, PASSWORD, stores=school.stores).secret, stores=school.stores
    )


def pending(school, by=None):
    return joining.list_pending("demo", stores=school.stores, by=by)


def admit(school, by=None):
    (one,) = pending(school)
    return joining.admit(one.request.request_id, course="demo", stores=school.stores, by=by)


def roster(school):
    with school.stores.storage.reading() as tx:
        course = tx.courses.find_by_slug("demo")
        return {member.person.login: member.membership for member in tx.courses.list_roster(course.course_id)}


def test_who_joins_is_signed_in_and_sees_nothing_of_the_course_yet(school, code):
    caller = join(school, code)
    assert (caller.person.login, caller.memberships) == ("dora", ())
    assert [course.slug for course in joining.list_asked(caller=caller, stores=school.stores)] == ["demo"]


def test_staff_see_who_asks_and_whom_the_roster_has_under_the_number(school, code):
    add_member(NewMember(login="n7", name="Dora D.", student_number="7"), course="demo", stores=school.stores)
    join(school, code, number="７")
    (one,) = pending(school, by=school.caller("tom"))
    assert (one.request.person.login, one.request.student_number) == ("dora", "7")
    assert one.expected.person.name == "Dora D."


def test_who_is_admitted_is_a_student_under_the_number(school, code):
    caller = join(school, code)
    admit(school, by=school.caller("tom"))
    (membership,) = again(school, caller).memberships
    assert (membership.role, membership.student_number) == (Role.STUDENT, "7")
    assert pending(school) == ()
    assert joining.list_asked(caller=caller, stores=school.stores) == ()


def test_the_account_that_a_roster_made_and_nobody_used_makes_room(school, code):
    add_member(NewMember(login="n7", name="Dora", student_number="7"), course="demo", stores=school.stores)
    join(school, code)
    admit(school)
    assert roster(school)["dora"].student_number == "7"
    assert (roster(school)["n7"].student_number, roster(school)["n7"].left_at) == (None, school.clock.now())


def choose_password(school):
    link = accounts.invite("ann", stores=school.stores).secret
    accounts.accept_invitation(link, PASSWORD, stores=school.stores)


def come_from_the_provider(school):
    identity = Identity(issuer="https://campus.example", subject="1")
    sign_in_identified(Identified(identity=identity, login="ann", name="Ann"), stores=school.stores)


@pytest.mark.parametrize("sign_in", [choose_password, come_from_the_provider])
def test_nobody_takes_the_number_of_a_member_who_has_signed_in(school, code, sign_in):
    add_member(NewMember(login="ann", name="", student_number="7"), course="demo", stores=school.stores)
    sign_in(school)
    join(school, code)
    with pytest.raises(Conflict):
        admit(school)
    assert roster(school)["ann"].student_number == "7"
    assert len(pending(school)) == 1


def expect(school, number, *, name="Dora", **facts):
    add_member(
        NewMember(login=f"n{number}", name=name, student_number=number, **facts), course="demo", stores=school.stores
    )


def admit_fitting(school, by="tom"):
    return joining.admit_fitting("demo", stores=school.stores, by=school.caller(by))


def test_all_whom_the_roster_has_are_admitted_at_once_and_the_others_go_on_waiting(school, code):
    for number in ("1", "2", "３"):
        join(school, code, f"dora{number}", number=number)
    expect(school, "1")
    expect(school, "3", name="ＤＯ ra")
    assert joining.read_pending("demo", page=1, stores=school.stores).fitting == 2

    assert admit_fitting(school) == 2

    assert [(login, each.student_number) for login, each in roster(school).items() if login.startswith("dora")] == [
        ("dora1", "1"),
        ("dora3", "3"),
    ]
    assert (roster(school)["n1"].student_number, roster(school)["n1"].left_at) == (None, school.clock.now())
    assert [each.request.student_number for each in pending(school)] == ["2"]
    assert joining.read_pending("demo", page=1, stores=school.stores).fitting == admit_fitting(school) == 0


def leave_again(school):
    expect(school, "7")
    with school.stores.storage.writing() as tx:
        tx.courses.put_member(replace(roster(school)["n7"], left_at=school.clock.now()))


def sign_in_before(school):
    add_member(NewMember(login="ann", name="Dora", student_number="7"), course="demo", stores=school.stores)
    choose_password(school)


def ask_twice(school):
    expect(school, "7")
    join(school, joining.find_join_code("demo", stores=school.stores), "other")


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda school: None, id="the roster lacks the number"),
        pytest.param(lambda school: expect(school, "7", name="Dana"), id="the number of somebody else"),
        pytest.param(lambda school: expect(school, "7", role=Role.TA), id="a number of staff"),
        pytest.param(leave_again, id="a number of who has left"),
        pytest.param(sign_in_before, id="a number of who has signed in"),
        pytest.param(ask_twice, id="two ask with one number"),
    ],
)
def test_what_needs_eyes_is_not_admitted_along_with_the_others(school, code, arrange):
    join(school, code)
    arrange(school)
    waiting = pending(school)

    assert joining.read_pending("demo", page=1, stores=school.stores).fitting == 0
    assert admit_fitting(school) == 0
    assert pending(school) == waiting


def test_students_admit_nobody(school):
    with pytest.raises(Forbidden):
        admit_fitting(school, by="ann")


def test_who_is_declined_stays_outside_and_may_ask_again(school, code):
    caller = join(school, code)
    (one,) = pending(school)
    joining.decline(one.request.request_id, course="demo", stores=school.stores, by=school.caller("tom"))
    assert (pending(school), again(school, caller).memberships) == ((), ())
    joining.ask_to_join(code, student_number="8", caller=caller, stores=school.stores)
    assert len(pending(school)) == 1


def test_asking_again_replaces_what_was_asked_before(school, code):
    caller = join(school, code)
    joining.ask_to_join(code, student_number="8", caller=caller, stores=school.stores)
    assert [one.request.student_number for one in pending(school)] == ["8"]


def test_a_member_need_not_ask(school, code):
    with pytest.raises(Conflict):
        joining.ask_to_join(code, student_number="8", caller=school.caller("ann"), stores=school.stores)


def test_who_became_staff_meanwhile_stays_staff(school, code):
    people.add_course("other", title="Other", stores=school.stores)
    add_member(NewMember(login="uma", name=""), course="other", stores=school.stores)
    joining.ask_to_join(code, student_number="7", caller=school.caller("uma"), stores=school.stores)
    add_member(NewMember(login="uma", name="", role=Role.TA), course="demo", stores=school.stores)
    assert admit(school).role is Role.TA


@pytest.mark.parametrize("login", ["prof@x.jp", "ｐｒｏｆ@x.jp"], ids=["as it is", "typed full-width"])
@pytest.mark.parametrize("role", Role)
def test_a_session_that_waits_under_a_login_gets_no_course_when_that_login_is_added(school, code, role, login):
    caller = join(school, code, "prof@x.jp")
    new = NewMember(login=login, name="Prof", role=role)
    for by in (None, school.caller("ida"), school.caller("eve")):
        with pytest.raises(NotAdmittedYet) as caught:
            add_member(new, course="demo", stores=school.stores, by=by)
        assert caught.value.facts == {"login": "prof@x.jp"}
    assert again(school, caller).memberships == ()

    admit(school)
    add_member(new, course="demo", stores=school.stores)
    assert [entry.role for entry in again(school, caller).memberships] == [role]


def test_a_login_typed_full_width_is_the_same_persons(school, code):
    caller = join(school, code, "ｄｏｒａ　")
    assert caller.person.login == "dora"
    accounts.sign_in("ｄｏｒａ", PASSWORD, stores=school.stores)
    with pytest.raises(Conflict):
        join(school, code, "ｄora")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 900_000, id="without end"),
        pytest.param("Dora\u202egro.elpmaxe", id="turns what follows around"),
        pytest.param("Dora\0", id="a control character"),
        pytest.param("\ud800", id="a surrogate"),
    ],
)
def test_what_is_no_name_makes_no_account(school, code, name):
    new = NewAccount(login="dora", name=name, student_number="7", password=PASSWORD)
    with pytest.raises(InvalidRequest) as caught:
        joining.join(code, new, stores=school.stores)
    assert caught.value.facts["what"] == "person_name"
    with pytest.raises(InvalidRequest):
        add_member(NewMember(login="n7", name=name), course="demo", stores=school.stores)
    assert pending(school) == ()


def test_a_name_on_two_lines_is_kept_on_one(school, code):
    new = NewAccount(login="dora", name="Dora\n D. ", student_number="7", password=PASSWORD)
    joining.join(code, new, stores=school.stores)
    assert [each.request.person.name for each in pending(school)] == ["Dora D."]


def test_who_has_no_name_at_the_provider_that_could_be_shown_is_called_by_the_login(school):
    for subject, name in (("z1", "x" * 201), ("z2", "Z\u202e"), ("z3", " Zoe\nZ. ")):
        identity = Identity(issuer="https://campus.example", subject=subject)
        login = subject.translate({ord("z"): "ｚ"})
        sign_in_identified(Identified(identity=identity, login=login, name=name), stores=school.stores)
    with school.stores.storage.reading() as tx:
        assert [tx.people.find_by_login(login).name for login in ("z1", "z2", "z3")] == ["z1", "z2", "Zoe Z."]


def test_a_taken_login_is_told_and_leaves_nothing_behind(school, code):
    with pytest.raises(Conflict):
        join(school, code, "ann")
    assert pending(school) == ()
    with school.stores.storage.reading() as tx:
        ann = tx.people.find_by_login("ann")
        assert tx.accounts.find_password(ann.person_id) is None


@pytest.mark.parametrize(
    ("login", "number", "password", "error"),
    [
        pytest.param("", "7", PASSWORD, InvalidRequest, id="no login"),
        pytest.param("a\nb", "7", PASSWORD, InvalidRequest, id="a login on two lines"),
        pytest.param("x" * 256, "7", PASSWORD, InvalidRequest, id="a login without end"),
        pytest.param("dora", " ", PASSWORD, InvalidRequest, id="no number"),
        pytest.param("dora", "7" * 65, PASSWORD, InvalidRequest, id="a number without end"),
        pytest.param("dora", "\ud800", PASSWORD, InvalidRequest, id="a surrogate"),
        pytest.param("dora", "7", "short", PasswordRefused, id="a short password"),
    ],
)
def test_what_cannot_be_an_account_makes_none(school, code, login, number, password, error):
    with pytest.raises(error):
        join(school, code, login, number=number, password=password)
    assert pending(school) == ()
    with school.stores.storage.reading() as tx:
        assert tx.people.find_by_login("dora") is None


@pytest.mark.parametrize("typed", ["{0} ", "{1}", "{2}-{3}"], ids=["as it is", "small letters", "in two halves"])
def test_a_code_is_read_however_it_was_typed(school, code, typed):
    typed = typed.format(code, code.lower(), code[:4], code[4:])
    assert joining.read_join_code(typed, asker="192.0.2.7", stores=school.stores).slug == "demo"


@pytest.mark.parametrize("typed", ["", "AAAAAAAA", "x" * 10**5, "\ud800"], ids=["empty", "other", "long", "surrogate"])
def test_another_code_is_no_courses(school, code, typed):
    with pytest.raises(NotFound):
        join(school, typed)


def guess(school, typed, asker="192.0.2.7"):
    return joining.read_join_code(typed, asker=asker, stores=school.stores).slug


def guess_wrong(school, times, asker="192.0.2.7"):
    for _ in range(times):
        with pytest.raises(NotFound):
            guess(school, "AAAAAAAA", asker)


def test_who_guesses_codes_waits_longer_each_time_and_others_do_not(school, code):
    guess_wrong(school, 5)
    for wait_s in (10, 20):
        for typed in ("AAAAAAAB", code):
            with pytest.raises(TooManyTries) as caught:
                guess(school, typed)
            assert caught.value.retry_after_s == wait_s
        school.clock.pass_s(wait_s)
        guess_wrong(school, 1)
    assert guess(school, code, "192.0.2.8") == "demo"


def test_a_right_code_ends_the_wait_of_all_who_share_an_address(school, code):
    guess_wrong(school, 5)
    school.clock.pass_s(10)
    assert guess(school, code) == "demo"
    guess_wrong(school, 5)


def test_wrong_codes_do_not_keep_anybody_from_signing_in(school, code):
    caller = join(school, code)
    guess_wrong(school, 5, caller.person.person_id)
    guess_wrong(school, 5, "dora")
    assert again(school, caller).person == caller.person


def test_who_asks_again_and_again_waits(school, code):
    caller = join(school, code)
    for number in range(5):
        joining.ask_to_join(code, student_number=f"{number}", caller=caller, stores=school.stores)
    with pytest.raises(TooManyTries):
        joining.ask_to_join(code, student_number="6", caller=caller, stores=school.stores)
    assert [one.request.student_number for one in pending(school)] == ["4"]


def test_those_who_ask_come_in_pages(school, code):
    for number in range(21):
        join(school, code, f"dora{number:02}", number=f"{number}")
        school.clock.pass_s(1)

    def page(number):
        return joining.read_pending("demo", page=number, stores=school.stores)

    assert [one.request.person.login for one in page(1).joins] == [f"dora{number:02}" for number in range(20)]
    assert [one.request.person.login for one in page(2).joins] == ["dora20"]
    assert {(page(number).count, page(number).pages) for number in (1, 2)} == {(21, 2)}
    assert len(pending(school)) == 21
    assert [page(number).page for number in (-1, 0, 2, 3, 10**30)] == [1, 1, 2, 2, 2]


def test_an_earlier_code_and_a_closed_one_open_nothing(school, code):
    newer = joining.renew_join_code("demo", stores=school.stores, by=school.caller("ida"))
    assert joining.find_join_code("demo", stores=school.stores, by=school.caller("tom")) == newer
    with pytest.raises(NotFound):
        join(school, code)
    joining.close_joining("demo", stores=school.stores, by=school.caller("ida"))
    assert joining.find_join_code("demo", stores=school.stores) is None
    with pytest.raises(NotFound):
        join(school, newer)


@pytest.mark.parametrize("by", ["ann", "tom"])
def test_only_who_teaches_makes_and_closes_codes(school, by):
    for act in (joining.renew_join_code, joining.close_joining):
        with pytest.raises(Forbidden):
            act("demo", stores=school.stores, by=school.caller(by))


def test_students_learn_and_decide_nothing_about_who_asks(school, code):
    join(school, code)
    (one,) = pending(school)
    ann = school.caller("ann")
    for act in (joining.list_pending, joining.find_join_code, functools.partial(joining.read_pending, page=1)):
        with pytest.raises(Forbidden):
            act("demo", stores=school.stores, by=ann)
    for act in (joining.admit, joining.decline):
        with pytest.raises(Forbidden):
            act(one.request.request_id, course="demo", stores=school.stores, by=ann)
    assert len(pending(school)) == 1


def test_a_request_is_answered_in_its_own_course_only(school, code):
    people.add_course("other", title="Other", stores=school.stores)
    add_member(NewMember(login="uma", name="", role=Role.INSTRUCTOR), course="other", stores=school.stores)
    join(school, code)
    (one,) = pending(school)
    for request_id in (one.request.request_id, JoinRequestId("none")):
        with pytest.raises(NotFound):
            joining.admit(request_id, course="other", stores=school.stores, by=school.caller("uma"))


def test_a_roster_does_not_let_in_who_took_somebodys_login_with_a_code(school, code):
    caller = join(school, code, "bella@example.test")
    data = b"login,number\nann,1\nbob,2\nbella@example.test,3\n"
    (problem,) = preview_roster(data, course="demo", stores=school.stores).plan.problems
    assert (problem.line, problem.note.code) == (4, "roster.signed_up")
    admit(school)
    assert preview_roster(data, course="demo", stores=school.stores).plan.problems == ()
    assert again(school, caller).memberships
