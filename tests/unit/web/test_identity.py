"""Signing in at a real identity provider, and what its word opens here."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from identity_provider import run_provider

from grader.flow import accounts, joining
from grader.flow.people import NewMember, add_member

pytestmark = [
    pytest.mark.usefixtures("cheap_hashes"),
    # The provider runs in a thread of ours and uses parts of Authlib that are to go; nothing of ours does.
    pytest.mark.filterwarnings("ignore:(?s).*(will be removed|be compatible before):DeprecationWarning"),
]

LEAVE = "/sign-in/provider"


@pytest.fixture(scope="module")
def provider():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def open_signer(services, open_browser, provider):
    """Opens a browser on a service with this provider."""

    def open_signer(**client):
        return open_browser(services=replace(services, identity_provider=provider.client(**client)))

    return open_signer


@pytest.fixture
def signer(open_signer):
    return open_signer()


def sign_in(browser, provider, subject, *, to="/"):
    """There and back again; gives our answer."""
    away = browser.get(LEAVE, params={"next": to})
    return browser.get(provider.sign_in(away.headers["location"], subject=subject))


def test_who_has_the_login_is_signed_in_and_known_from_then_on_whatever_they_are_called(signer, provider, open_signer):
    assert "Sign in with Campus" in signer.get("/sign-in").text
    provider.register("ann-1", preferred_username="ann", name="Ann A.")
    answer = sign_in(signer, provider, "ann-1", to="/courses/demo")
    assert answer.headers["location"] == "/courses/demo"
    assert signer.get("/courses/demo").status_code == 200
    provider.register("ann-1", preferred_username="ann.married", name="Ann B.")
    again = open_signer()
    sign_in(again, provider, "ann-1")
    assert again.get("/courses/demo").status_code == 200


def test_who_is_new_gets_an_account_that_is_in_no_course(signer, provider, school):
    provider.register("zoe-1", preferred_username="zoe", name="Zoe Z.")
    sign_in(signer, provider, "zoe-1")
    assert "Zoe Z." in signer.get("/").text
    assert signer.get("/courses/demo").status_code == 404
    add_member(NewMember(login="zoe", name=""), course="demo", stores=school.stores)
    assert signer.get("/courses/demo").status_code == 200


@pytest.mark.parametrize(
    ("subject", "claims", "words"),
    [
        pytest.param("eve-1", {"preferred_username": "eve"}, "Admins sign in with their password", id="an admin"),
        pytest.param("x-1", {"name": "X"}, "did not say who you are", id="no login"),
        pytest.param("x-2", {"preferred_username": " "}, "did not say who you are", id="an empty login"),
        pytest.param("x-3", {"preferred_username": ["ann"]}, "did not say who you are", id="a login that is none"),
        pytest.param("dora-1", {"preferred_username": "dora"}, "was made with a join code", id="taken by anybody"),
    ],
)
def test_a_providers_word_does_not_open_every_account(signer, provider, school, subject, claims, words):
    code = joining.renew_join_code("demo", stores=school.stores)
    new = joining.NewAccount(login="dora", name="Dora", student_number="7", password="correct horse 8")
    joining.join(code, new, stores=school.stores)
    provider.register(subject, **claims)
    answer = sign_in(signer, provider, subject)
    assert answer.status_code == 403
    assert words in answer.text
    assert "session" not in signer.cookies


def test_an_account_that_the_provider_gave_to_somebody_else_stays_closed_to_them(signer, provider, open_signer):
    provider.register("bob-1", preferred_username="bob")
    provider.register("bob-2", preferred_username="bob")
    assert sign_in(signer, provider, "bob-1").status_code == 303
    assert "Somebody else has signed in" in sign_in(open_signer(), provider, "bob-2").text


@pytest.mark.parametrize(
    ("verified", "status"), [(True, 303), (False, 403), (None, 403)], ids=["verified", "not verified", "not said"]
)
def test_a_mail_address_is_a_login_only_when_it_is_verified(open_signer, provider, verified, status):
    claims = {} if verified is None else {"email_verified": verified}
    provider.register(f"mail-{verified}", email=f"{verified}@x.jp", **claims)
    assert sign_in(open_signer(login="email"), provider, f"mail-{verified}").status_code == status


def test_who_does_not_finish_there_is_not_signed_in(signer, provider):
    away = signer.get(LEAVE).headers["location"]
    answer = signer.get(provider.refuse(away))
    assert answer.status_code == 403
    assert "You did not finish there" in answer.text


def test_an_answer_to_another_browsers_question_is_refused(signer, provider, open_signer):
    provider.register("ann-1", preferred_username="ann")
    stolen = provider.sign_in(signer.get(LEAVE).headers["location"], subject="ann-1")
    stranger = open_signer()
    assert "began in another browser" in stranger.get(stolen).text
    stranger.get(LEAVE)
    assert stranger.get(stolen).status_code == 403
    assert "session" not in stranger.cookies


def test_a_cookie_of_nonsense_is_passed_over(signer):
    for cookie in ("", "[]", "{}", '{"state": 1}', "null", "[" * 5000):
        signer.cookies.set("departure", cookie)
        assert signer.get(f"{LEAVE}/back", params={"code": "x", "state": "1"}).status_code == 403, cookie


def test_a_code_that_the_provider_did_not_give_is_its_failure_not_ours(signer):
    (state,) = parse_qs(urlsplit(signer.get(LEAVE).headers["location"]).query)["state"]
    answer = signer.get(f"{LEAVE}/back", params={"code": "made up", "state": state})
    assert answer.status_code == 502
    assert "session" not in signer.cookies


def test_a_provider_that_calls_itself_otherwise_is_not_believed(open_signer, provider):
    assert open_signer(issuer=provider.url.replace("localhost", "127.0.0.1") + "/x").get(LEAVE).status_code == 502


def test_the_question_holds_what_ties_the_answer_to_this_browser_and_this_moment(signer):
    asked = parse_qs(urlsplit(signer.get(LEAVE).headers["location"]).query)
    assert asked["redirect_uri"] == ["http://testserver/sign-in/provider/back"]
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert signer.get(LEAVE).headers["location"] != signer.get(LEAVE).headers["location"]


def test_nobody_is_sent_to_another_site_afterwards(signer, provider):
    provider.register("ann-1", preferred_username="ann")
    assert sign_in(signer, provider, "ann-1", to="//evil.example").headers["location"] == "/"


def test_without_a_provider_there_is_no_such_page(browser):
    assert browser.get(LEAVE).status_code == 404
    assert "Sign in with" not in browser.get("/sign-in").text


def test_a_link_and_a_password_still_work_beside_the_provider(signer, school):
    link = accounts.invite("ann", stores=school.stores)
    typed = {"password": "correct horse 8", "again": "correct horse 8"}
    assert signer.post(f"/invitation/{link.secret}", data=typed).status_code == 303


def test_on_https_no_other_host_can_plant_what_we_remember_of_who_left(signer, services, open_browser, provider):
    secure = replace(services, identity_provider=provider.client(), public_url="https://testserver")
    browser = open_browser(services=secure)
    kept = browser.get(LEAVE).headers["set-cookie"]
    assert kept.startswith("__Host-departure=")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Secure"} <= set(kept.split("; "))
    forgotten = browser.get(f"{LEAVE}/back", params={"error": "x"}).headers["set-cookie"]
    assert forgotten.startswith("__Host-departure=")
    assert {"Max-Age=0", "Path=/", "Secure"} <= set(forgotten.split("; "))
    assert signer.get(LEAVE).headers["set-cookie"].startswith("departure=")
