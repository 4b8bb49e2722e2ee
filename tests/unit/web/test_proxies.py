"""What a reverse proxy says is believed from those that the settings name, and from nobody else."""

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from grader.settings import Settings
from grader.web.proxies import TrustedProxies

PROXY, STRANGER, READER = "10.1.2.3", "203.0.113.9", "198.51.100.7"


async def tell(scope, receive, send):
    request = Request(scope)
    seen = {"url": str(request.url), "client": request.client.host, "told": "x-forwarded-host" in request.headers}
    await JSONResponse(seen)(scope, receive, send)


def ask(headers, *, client=PROXY, trusted="10.0.0.0/8, ::1"):
    app = TrustedProxies(tell, networks=Settings(trusted_proxies=trusted).proxy_networks)
    return TestClient(app, base_url="http://inside:8000", client=(client, 5)).get("/x", headers=headers).json()


ALL = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "grader.example", "X-Forwarded-For": READER}


def test_a_trusted_proxy_tells_how_people_reached_us():
    assert ask(ALL) == {"url": "https://grader.example/x", "client": READER, "told": False}


@pytest.mark.parametrize(
    ("client", "trusted"), [(STRANGER, "10.0.0.0/8"), (PROXY, "none"), ("testclient", "10.0.0.0/8")]
)
def test_nobody_else_is_believed_and_what_they_said_is_gone(client, trusted):
    assert ask(ALL, client=client, trusted=trusted) == {"url": "http://inside:8000/x", "client": client, "told": False}


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        pytest.param(READER, READER, id="one hop"),
        pytest.param(f"1.1.1.1, {READER}, 10.9.9.9", READER, id="a reader who makes up an earlier hop"),
        pytest.param("10.9.9.9", PROXY, id="trusted ones alone"),
        pytest.param("nonsense", PROXY, id="no address"),
        pytest.param("", PROXY, id="nothing"),
    ],
)
def test_the_reader_is_the_last_hop_that_is_not_trusted(hops, client):
    assert ask({"X-Forwarded-For": hops})["client"] == client


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Forwarded-Proto": "javascript"}, id="a scheme of its own"),
        pytest.param({"X-Forwarded-Host": "evil/x?"}, id="more than a host"),
        pytest.param({"X-Forwarded-Host": "user@evil"}, id="a user"),
    ],
)
def test_what_is_no_scheme_or_host_is_passed_over(headers):
    assert ask(headers)["url"] == "http://inside:8000/x"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_a_network_that_is_none_stops_the_start(text):
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=text)
