"""Signing in and out: what a password opens, for how long, and what nobody learns from trying."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from unicodedata import normalize

import pytest
import sqlalchemy as sa

from grader.domain.accounts import SessionLifetimes
from grader.domain.people import Role
from grader.errors import (
    Forbidden,
    InvitationEnded,
    NotFound,
    NotSignedIn,
    PasswordRefused,
    SignInRefused,
    StorageFull,
    TooManyTries,
)
from grader.flow import accounts, passwords, people

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "correct horse 8"
DAY_S = 24 * 3600


@pytest.fixture
def ann(school):
    """Has a password and is signed in."""
    return accept(school, "ann")


def accept(school, login, password=PASSWORD):
    return accounts.accept_invitation(
        accounts.invite(login, stores=school.stores).secret, password, stores=school.stores
    )


def sign_in(school, login="ann", password=PASSWORD, **more):
    return accounts.sign_in(login, password, stores=school.stores, **more)


def find_caller(school, issued):
    return accounts.find_caller(issued.secret, stores=school.stores)


def test_a_session_tells_who_shows_it(school, ann):
    caller = find_caller(school, sign_in(school))
    assert (caller.person.login, caller.token_id) == ("ann", None)
    assert [entry.role for entry in caller.memberships] == [Role.STUDENT]


@pytest.mark.parametrize(
    ("login", "password"),
    [
        pytest.param("ann", "wrong horse 8", id="another password"),
        pytest.param("ann", PASSWORD.upper(), id="other capitals"),
        pytest.param("ann", "", id="nothing"),
        pytest.param("ann", "x" * 10**6, id="a megabyte"),
        pytest.param("ann", "\ud800" * 12, id="surrogates"),
        pytest.param("bob", PASSWORD, id="a login without a password"),
        pytest.param("nobody", PASSWORD, id="no login"),
        pytest.param("\ud800\0", PASSWORD, id="what can be no login"),
        pytest.param("", PASSWORD, id="an empty login"),
    ],
)
def test_every_refusal_looks_the_same(school, ann, login, password):
    with pytest.raises(SignInRefused) as caught:
        sign_in(school, login, password)
    assert caught.value.facts == {}


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        pytest.param(PASSWORD, "ｃｏｒｒｅｃｔ　ｈｏｒｓｅ　８", id="full-width letters of an input method"),
        pytest.param(
            "がんばれ、ともだち！", normalize("NFD", "がんばれ、ともだち！"), id="letters and their marks apart"
        ),
    ],
)
def test_the_same_password_from_another_keyboard_signs_in(school, chosen, typed):
    accept(school, "ann", chosen)
    assert find_caller(school, sign_in(school, " ann ", typed)).person.login == "ann"


@pytest.mark.parametrize("login", ["ann", "bob", "nobody"])
def test_a_refusal_costs_the_same_work_for_every_login(school, ann, login, monkeypatch):
    verified = []

    class Counting(passwords.Argon2Hasher):
        def verify(self, password, hash):  # noqa: A002 - the library's name
            verified.append(hash)
            return super().verify(password, hash)

    monkeypatch.setattr(passwords, "_HASHER", Counting(memory_cost=8, time_cost=1, parallelism=1))
    with pytest.raises(SignInRefused):
        sign_in(school, login, "wrong horse 8")
    assert [one.startswith("$argon2id$v=19$m=8,t=1,p=1$") for one in verified] == [True]


@pytest.mark.parametrize("login", ["ann", "bob", "nobody"])
def test_guessing_has_to_wait_longer_each_time_whether_or_not_the_login_exists(school, ann, login):
    waits = []
    for _ in range(12):
        with pytest.raises((SignInRefused, TooManyTries)) as caught:
            sign_in(school, login, "wrong horse 8")
        if isinstance(caught.value, TooManyTries):
            waits.append(caught.value.retry_after_s)
            school.clock.pass_s(waits[-1])
    assert waits == [10, 20, 40, 80]


def test_the_longest_wait_is_short_since_anyone_can_bring_it_about(school):
    with school.stores.storage.writing() as tx:
        tx.connection.execute(
            sa.text("INSERT INTO sign_in_tries VALUES (:hash, 1000000000, :at)"),
            {"hash": accounts.hash_secret("ann"), "at": school.clock.now().replace(tzinfo=None).isoformat(" ")},
        )
    with pytest.raises(TooManyTries) as caught:
        sign_in(school)
    assert caught.value.retry_after_s == 300


def test_while_one_waits_even_the_right_password_is_not_looked_at_and_the_wait_grows_no_longer(school, ann):
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(school, password="wrong horse 8")
    for left in (10, 10):
        with pytest.raises(TooManyTries) as caught:
            sign_in(school)
        assert caught.value.retry_after_s == left
    school.clock.pass_s(10)
    sign_in(school)


def test_others_sign_in_while_one_login_waits(school, ann):
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(school, "bob", "wrong horse 8")
    sign_in(school)


def test_who_signs_in_begins_anew_with_the_free_tries(school, ann):
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(SignInRefused):
                sign_in(school, password="wrong horse 8")
        sign_in(school)


def test_many_tries_at_once_are_many_tries(school, ann):
    def attempt(_):
        try:
            sign_in(school, password="wrong horse 8")
        except (SignInRefused, TooManyTries) as error:
            return type(error)

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(attempt, range(12)))
    assert (seen.count(SignInRefused), seen.count(TooManyTries)) == (5, 7)


def test_tries_are_forgotten_after_a_day(school, ann):
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(school, password="wrong horse 8")
    school.clock.pass_s(DAY_S + 1)
    with pytest.raises(SignInRefused):
        sign_in(school, "bob")
    with school.stores.storage.reading() as tx:
        assert tx.accounts.find_tries(accounts.hash_secret("ann")) is None


def test_a_session_ends_when_it_is_not_used(school, ann):
    issued = sign_in(school, lifetimes=SessionLifetimes(idle_s=600, total_s=DAY_S))
    for _ in range(3):
        school.clock.pass_s(599)
        find_caller(school, issued)
    school.clock.pass_s(600)
    with pytest.raises(NotSignedIn):
        find_caller(school, issued)


def test_a_session_ends_even_when_it_is_used_all_the_time(school, ann):
    issued = sign_in(school, lifetimes=SessionLifetimes(idle_s=600, total_s=1000))
    school.clock.pass_s(500)
    find_caller(school, issued)
    school.clock.pass_s(499)
    find_caller(school, issued)
    school.clock.pass_s(1)
    with pytest.raises(NotSignedIn):
        find_caller(school, issued)


def test_a_page_that_is_read_writes_once_a_minute_at_most(school, ann):
    def used_at():
        with school.stores.storage.reading() as tx:
            return tx.sessions.find_by_hash(accounts.hash_secret(ann.secret)).used_at

    began = used_at()
    school.clock.pass_s(59)
    find_caller(school, ann)
    assert used_at() == began
    school.clock.pass_s(1)
    find_caller(school, ann)
    assert used_at() == began + timedelta(seconds=60)


def test_a_full_disk_signs_nobody_out(school, ann, monkeypatch):
    def writing():
        raise StorageFull(what="database")

    school.clock.pass_s(120)
    monkeypatch.setattr(school.stores.storage, "writing", writing)
    assert find_caller(school, ann).person.login == "ann"


@pytest.mark.parametrize("secret", ["", "nonsense", "A" * 43, "\ud800"])
def test_an_unknown_session_signs_nobody_in(school, secret):
    with pytest.raises(NotSignedIn):
        accounts.find_caller(secret, stores=school.stores)


def test_a_token_is_no_session_and_a_session_no_token(school, ann):
    school.caller("ann")
    with pytest.raises(NotSignedIn):
        accounts.find_caller(school.secrets["ann"], stores=school.stores)
    with pytest.raises(NotSignedIn):
        people.authenticate(ann.secret, stores=school.stores)


def test_signing_out_ends_one_session(school, ann):
    other = sign_in(school)
    accounts.sign_out(ann.secret, stores=school.stores)
    accounts.sign_out(ann.secret, stores=school.stores)
    with pytest.raises(NotSignedIn):
        find_caller(school, ann)
    find_caller(school, other)


def test_signing_out_everywhere_ends_all_sessions_of_one_person(school, ann):
    other, bob = sign_in(school), accept(school, "bob")
    accounts.sign_out_everywhere(ann.session.person_id, stores=school.stores)
    for issued in (ann, other):
        with pytest.raises(NotSignedIn):
            find_caller(school, issued)
    find_caller(school, bob)


def test_sessions_that_ended_are_swept_away(school, ann):
    school.clock.pass_s(31 * DAY_S)
    accept(school, "bob")
    with school.stores.storage.reading() as tx:
        assert tx.connection.execute(sa.text("SELECT count(*) FROM sessions")).scalar_one() == 1


def test_no_secret_and_no_password_is_kept(school, tmp_path):
    invitation = accounts.invite("ann", stores=school.stores)
    session = accounts.accept_invitation(invitation.secret, PASSWORD, stores=school.stores)
    another = accounts.invite("ann", stores=school.stores)
    with pytest.raises(SignInRefused):
        sign_in(school, "my password by mistake", PASSWORD)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (invitation.secret, session.secret, another.secret, PASSWORD, "my password by mistake"):
        assert not any(secret.encode() in data for data in kept)


def test_a_changed_password_ends_every_other_session(school, ann):
    other = sign_in(school)
    caller = find_caller(school, ann)
    accounts.set_password(caller, current=PASSWORD, new="another horse 9", stores=school.stores)
    find_caller(school, ann)
    with pytest.raises(NotSignedIn):
        find_caller(school, other)
    with pytest.raises(SignInRefused):
        sign_in(school)
    sign_in(school, password="another horse 9")


def test_who_finds_an_open_browser_cannot_change_the_password_by_guessing(school, ann):
    caller = find_caller(school, ann)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            accounts.set_password(caller, current="wrong horse 8", new="another horse 9", stores=school.stores)
    with pytest.raises(TooManyTries):
        accounts.set_password(caller, current=PASSWORD, new="another horse 9", stores=school.stores)


def test_a_password_that_was_changed_meanwhile_signs_nobody_in(school, ann, monkeypatch):
    def change_first(password, *, hashed):
        monkeypatch.undo()
        accept(school, "ann", "another horse 9")
        return True

    monkeypatch.setattr(accounts, "is_password", change_first)
    with pytest.raises(SignInRefused):
        sign_in(school)


def test_a_hash_of_other_costs_is_made_anew(school, ann, monkeypatch):
    def hash_of_ann():
        with school.stores.storage.reading() as tx:
            return tx.accounts.find_password(ann.session.person_id)

    monkeypatch.setattr(passwords, "_HASHER", passwords.Argon2Hasher(memory_cost=16, time_cost=1, parallelism=1))
    before = hash_of_ann()
    sign_in(school)
    assert ("m=8," in before, "m=16," in hash_of_ann()) == (True, True)
    sign_in(school)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        pytest.param("short 789", "too_short", id="nine characters"),
        pytest.param("あ" * 9, "too_short", id="nine characters of many bytes"),
        pytest.param("horse " * 50, "too_long", id="300 characters"),
        pytest.param("aaaaaaaaaabbbb", "too_simple", id="two different characters"),
        pytest.param("ANN.EXAMPLE@TEST", "known_word", id="the login in capitals"),
        pytest.param("山田　花子 Hanako", "known_word", id="the name with another blank"),
    ],
)
def test_a_password_that_is_guessed_first_is_refused_and_the_link_still_works(school, password, reason):
    people.create_person("ann.example@test", name="山田 花子 Hanako", stores=school.stores)
    link = accounts.invite("ann.example@test", stores=school.stores).secret
    with pytest.raises(PasswordRefused) as caught:
        accounts.accept_invitation(link, password, stores=school.stores)
    assert caught.value.reason == reason
    accounts.accept_invitation(link, PASSWORD, stores=school.stores)


def test_an_invitation_says_whom_it_is_for_as_often_as_it_is_looked_at(school):
    link = accounts.invite("ann", stores=school.stores).secret
    for _ in range(2):
        invitation = accounts.read_invitation(link, stores=school.stores)
        assert invitation.person.login == "ann"
    assert invitation.expires_at == school.clock.now() + timedelta(days=14)


def ended_links(school):
    used = accounts.invite("ann", stores=school.stores).secret
    accounts.accept_invitation(used, PASSWORD, stores=school.stores)
    replaced = accounts.invite("tom", stores=school.stores).secret
    accounts.invite("tom", stores=school.stores)
    expired = accounts.invite("bob", stores=school.stores).secret
    school.clock.pass_s(14 * DAY_S)
    return {"used": used, "replaced": replaced, "expired": expired, "unknown": "A" * 43, "surrogate": "\ud800"}


@pytest.mark.parametrize("how", ["used", "replaced", "expired", "unknown", "surrogate"])
def test_a_link_that_ended_opens_nothing_and_does_not_say_why(school, how):
    link = ended_links(school)[how]
    with pytest.raises(InvitationEnded) as caught:
        accounts.read_invitation(link, stores=school.stores)
    assert caught.value.facts == {}
    with pytest.raises(InvitationEnded):
        accounts.accept_invitation(link, PASSWORD, stores=school.stores)


def test_of_two_who_use_a_link_at_once_one_is_too_late(school):
    link = accounts.invite("ann", stores=school.stores).secret

    def use(password):
        try:
            return accounts.accept_invitation(link, password, stores=school.stores)
        except InvitationEnded:
            return None

    with ThreadPoolExecutor(4) as pool:
        won = [issued for issued in pool.map(use, [f"{PASSWORD} {n}" for n in range(8)]) if issued]
    assert len(won) == 1
    find_caller(school, won[0])


def test_a_new_link_lets_its_person_in_at_once_and_whoever_else_was_in_out(school, ann):
    for _ in range(5):
        with pytest.raises(SignInRefused):
            sign_in(school, password="wrong horse 8")
    new = accept(school, "ann", "another horse 9")
    find_caller(school, new)
    with pytest.raises(NotSignedIn):
        find_caller(school, ann)
    sign_in(school, password="another horse 9")


@pytest.mark.parametrize(
    ("by", "login", "error"),
    [
        pytest.param(None, "eve", None, id="the operator for anyone"),
        pytest.param("eve", "ida", None, id="an admin for anyone"),
        pytest.param("ida", "ann", None, id="an instructor for a student"),
        pytest.param("ida", "tom", None, id="an instructor for a TA"),
        pytest.param("tom", "ann", None, id="a TA for a student"),
        pytest.param("tom", "ida", Forbidden, id="a TA not for an instructor"),
        pytest.param("tom", "tom", Forbidden, id="a TA not for the like"),
        pytest.param("tom", "elsewhere", Forbidden, id="a TA not for a student who is in another course too"),
        pytest.param("ida", "eve", NotFound, id="an instructor not for who is in none of her courses"),
        pytest.param("ann", "bob", NotFound, id="a student not for others"),
        pytest.param("ann", "ann", NotFound, id="a student not even for herself"),
        pytest.param(None, "nobody", NotFound, id="nobody for who does not exist"),
    ],
)
def test_who_may_issue_a_link_for_whom(school, by, login, error):
    people.add_course("other", title="Other", stores=school.stores)
    for course in ("demo", "other"):
        people.add_member(people.NewMember(login="elsewhere", name=""), course=course, stores=school.stores)
    caller = None if by is None else school.caller(by)
    if error is None:
        accounts.invite(login, stores=school.stores, by=caller)
    else:
        with pytest.raises(error):
            accounts.invite(login, stores=school.stores, by=caller)


def test_an_instructor_gets_no_link_of_an_admin_by_making_her_a_student(school):
    people.add_member(people.NewMember(login="eve", name=""), course="demo", stores=school.stores)
    with pytest.raises(Forbidden):
        accounts.invite("eve", stores=school.stores, by=school.caller("ida"))


@pytest.fixture
def former_student(school):
    """ann is in 'demo' now; she was in 'other' once."""
    people.add_course("other", title="Other", stores=school.stores)
    _, membership = people.add_member(people.NewMember(login="ann", name=""), course="other", stores=school.stores)
    with school.stores.storage.writing() as tx:
        tx.courses.put_member(replace(membership, left_at=school.clock.now()))


@pytest.mark.usefixtures("former_student")
def test_nobody_takes_over_who_has_left_a_course_of_others_by_adding_them(school):
    ida = school.caller("ida")
    accounts.invite("ann", stores=school.stores, by=ida)  # an account that was never used holds nothing
    accept(school, "ann", PASSWORD)

    with pytest.raises(Forbidden):
        accounts.invite("ann", stores=school.stores, by=ida)
    with pytest.raises(Forbidden):
        people.make_token("ann", label="x", stores=school.stores, by=ida)
    accounts.invite("ann", stores=school.stores, by=school.caller("eve"))


@pytest.mark.usefixtures("former_student")
def test_who_has_only_ever_shown_a_token_is_not_taken_over_either(school):
    school.caller("ann")
    with pytest.raises(Forbidden):
        accounts.invite("ann", stores=school.stores, by=school.caller("ida"))
