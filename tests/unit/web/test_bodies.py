"""A body has an end: in size, by what it is, and in time, by when it counts as here."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import Headers

from grader.web.bodies import SLOWEST_UPLOAD, Arrival, limit_of

DEADLINE = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
KB = 1024
UPLOAD_BYTES = 20 * KB * KB


class Line:
    """Somebody's connection: what they send of a body, and how long after the part before it."""

    def __init__(self, *pauses):
        self.now = DEADLINE
        self._pauses = list(pauses)

    async def receive(self):
        self.now += self._pauses.pop(0)
        return {"type": "http.request", "body": b"x", "more_body": bool(self._pauses)}


def received_at(*pauses):
    """When an application is told that a request came whose headers were here at the deadline."""
    line = Line(*pauses)
    told = {}

    async def read_all(scope, receive, send):
        told["early"] = scope["state"]["received_at"]
        while (await receive())["more_body"]:
            pass
        told["late"] = scope["state"]["received_at"]

    asyncio.run(Arrival(read_all, now=lambda: line.now)({"type": "http"}, line.receive, None))
    assert told["early"] == DEADLINE
    return told["late"]


@pytest.mark.parametrize(
    "pauses",
    [
        pytest.param([timedelta()], id="at once"),
        pytest.param([timedelta(seconds=100)] * 3, id="a slow line"),
    ],
)
def test_a_slow_line_makes_nobody_late(pauses):
    assert received_at(*pauses) == DEADLINE


@pytest.mark.parametrize(
    "pauses",
    [
        pytest.param([timedelta(hours=3)], id="all of it held back"),
        pytest.param([timedelta(), timedelta(hours=3)], id="the last byte held back"),
        pytest.param([timedelta(minutes=1)] * 180, id="a byte a minute"),
    ],
)
def test_headers_alone_hold_no_deadline_open(pauses):
    assert received_at(*pauses) == DEADLINE + timedelta(hours=3) - SLOWEST_UPLOAD


@pytest.mark.parametrize(
    ("kinds", "limit_bytes"),
    [
        pytest.param(["multipart/form-data; boundary=x"], UPLOAD_BYTES + 64 * KB, id="an upload"),
        pytest.param(["Application/X-WWW-Form-Urlencoded"], 2048 * KB, id="a form"),
        pytest.param(["application/json"], 256 * KB, id="JSON"),
        pytest.param([], 256 * KB, id="nothing said"),
        pytest.param(["application/json", "multipart/form-data"], 256 * KB, id="two kinds, of which the first is read"),
    ],
)
def test_what_a_body_is_says_how_large_it_may_be(kinds, limit_bytes):
    headers = Headers(raw=[(b"content-type", kind.encode()) for kind in kinds])
    assert limit_of(headers, upload_bytes=UPLOAD_BYTES) == limit_bytes


def in_pieces(count):
    """A body whose length no header tells."""
    return (b" " * KB for _ in range(count))


@pytest.mark.parametrize("body", [pytest.param(b" " * 257 * KB, id="at once"), pytest.param(None, id="in pieces")])
@pytest.mark.parametrize(
    ("language", "sentence"),
    [pytest.param("ja", "減らして", id="japanese"), pytest.param("en", "Please send less", id="english")],
)
def test_a_stranger_fills_no_memory_with_json(open_browser, body, language, sentence):
    browser = open_browser(language, Accept="application/json")

    answer = browser.post(
        "/api/v1/courses", content=body or in_pieces(257), headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"], answer.json()["facts"]) == (413, "too_much", {"limit_kb": 256})
    assert sentence in answer.json()["detail"]


def test_a_form_that_is_too_long_is_no_file_that_is_too_large(browser):
    answer = browser.post(
        "/sign-in", content=in_pieces(2049), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert answer.status_code == 413
    assert "Please send less" in answer.text
    assert "outputs" not in answer.text


def test_an_assignments_whole_yaml_can_be_sent(browser):
    answer = browser.post("/sign-in", data={"login": "ann", "password": "wrong", "yaml": "x" * 900 * KB})

    assert answer.status_code == 401


def test_an_upload_that_is_too_large_is_told_of_as_a_file(browser):
    answer = browser.post("/sign-in", files={"file": b"x" * 1200 * KB})

    assert answer.status_code == 413
    assert "The file is too large" in answer.text
