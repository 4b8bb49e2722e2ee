"""What a provider's token must hold: one that was made by others, for others or for another time is nobody's word."""

import time

import pytest
from crooked_provider import CLIENT, run_crooked_provider, shared_secret
from joserfc.jwk import RSAKey

from grader.errors import IdentityRefused, ProviderUnreachable
from grader.web.identity_provider import IdentityProvider

BACK = "http://testserver/back"


@pytest.fixture(scope="module")
def crook():
    with run_crooked_provider() as provider:
        yield provider


@pytest.fixture
def client(crook):
    """Ours, which trusts this provider; what was crooked is straight again."""
    crook.claims, crook.signs_with, crook.algorithm, crook.told_by_userinfo = {}, None, "RS256", {}
    return IdentityProvider(crook.url, client_id=CLIENT, client_secret="s", login="preferred_username", name=None)


def receive(client, crook):
    _, departure = client.send(back=BACK, to="/")
    crook.nonce = departure.nonce
    return client.receive({"code": "c", "state": departure.state}, departure=departure, back=BACK)


def test_an_honest_token_says_who_it_is(client, crook):
    somebody = receive(client, crook)
    assert (somebody.login, somebody.identity.subject, somebody.identity.issuer) == ("ann", "1", crook.url)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://elsewhere.example"}, id="of another provider"),
        pytest.param({"aud": "another service"}, id="for another service"),
        pytest.param({"aud": [CLIENT, "another"], "azp": "another"}, id="given to another service"),
        pytest.param({"nonce": "of another time"}, id="an answer to another question"),
        pytest.param({"nonce": None}, id="an answer to no question"),
        pytest.param({"exp": int(time.time()) - 3600}, id="expired"),
        pytest.param({"exp": None}, id="for ever"),
        pytest.param({"iat": int(time.time()) + 3600}, id="of tomorrow"),
        pytest.param({"sub": None}, id="about nobody"),
        pytest.param({"at_hash": "x" * 22}, id="with another access token"),
    ],
)
def test_a_token_that_is_not_for_us_now_is_not_believed(client, crook, claims):
    crook.claims = claims
    with pytest.raises(ProviderUnreachable):
        receive(client, crook)


def test_a_token_that_somebody_else_signed_is_not_believed(client, crook):
    crook.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    with pytest.raises(ProviderUnreachable, match="Signature"):
        receive(client, crook)


def test_a_token_signed_with_a_secret_that_others_share_is_not_believed(client, crook):
    crook.signs_with, crook.algorithm = shared_secret(), "HS256"
    with pytest.raises(ProviderUnreachable):
        receive(client, crook)


def test_keys_are_read_anew_when_the_provider_has_changed_them(client, crook):
    receive(client, crook)
    crook.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    assert receive(client, crook).login == "ann"


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        pytest.param({"sub": "1", "preferred_username": "bob"}, None, id="of the same person"),
        pytest.param({"sub": "2", "preferred_username": "bob"}, ProviderUnreachable, id="of somebody else"),
        pytest.param({"sub": "1"}, IdentityRefused, id="that says no more"),
    ],
)
def test_what_a_token_does_not_say_is_asked_for(client, crook, told, refusal):
    crook.claims, crook.told_by_userinfo = {"preferred_username": None}, told
    if refusal is None:
        assert receive(client, crook).login == "bob"
    else:
        with pytest.raises(refusal):
            receive(client, crook)


def test_a_provider_that_is_not_there_is_told():
    client = IdentityProvider("http://127.0.0.1:9", client_id=CLIENT, client_secret=None, login="email", name=None)
    with pytest.raises(ProviderUnreachable):
        client.send(back=BACK, to="/")
