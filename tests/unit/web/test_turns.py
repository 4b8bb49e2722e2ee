"""What takes long has threads of its own: pages of others answer meanwhile, and a line that is full says so."""

import asyncio
import threading
from dataclasses import replace

import httpx2
import pytest
from anyio.to_thread import current_default_thread_limiter

from grader.domain.accounts import Departure, SessionLifetimes
from grader.errors import Busy
from grader.flow import accounts, joining, passwords
from grader.web.app import create_app
from grader.web.turns import Turns

PASSWORD = "correct horse battery"
ENDS_A_FAILURE_S = 30
"""A page that waits for others would do so for ever."""


class Hold:
    """Keeps whoever comes until it is told to let go; it stands for whatever takes long."""

    name = "Campus"

    def __init__(self):
        self.gate = threading.Event()
        self.came = threading.Semaphore(0)

    async def see_somebody(self):
        assert await asyncio.to_thread(self.came.acquire, timeout=ENDS_A_FAILURE_S)

    def wait(self, *args):
        self.came.release()
        self.gate.wait(2 * ENDS_A_FAILURE_S)
        return "held"

    hash = verify = wait

    def send(self, *, back, to):
        return self.wait(), Departure(state="", nonce="", verifier="", to=to)


@pytest.fixture
def hold(cheap_hashes, monkeypatch):
    hold = Hold()
    monkeypatch.setattr(passwords, "_HASHER", hold)
    yield hold
    hold.gate.set()


@pytest.fixture
def app(services, hold):
    return create_app(replace(services, identity_provider=hold))


@pytest.fixture
def session(school):
    """Ann's."""
    with school.stores.storage.writing() as tx:
        person = tx.people.find_by_login("ann")
        return accounts.start_session(tx, person, lifetimes=SessionLifetimes(), at=school.clock.now()).secret


def browse(app, language="en", **cookies):
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
        base_url="http://testserver",
        headers={"Accept": "text/html", "Accept-Language": language},
        cookies=cookies,
    )


def sign_in(browser, school, who="ann"):
    return browser.post("/sign-in", data={"login": who, "password": PASSWORD})


def choose(browser, school, who):
    link = accounts.invite(who, stores=school.stores)
    return browser.post(f"/invitation/{link.secret}", data={"password": PASSWORD, "again": PASSWORD})


def change(browser, school, who):
    return browser.post("/account/password", data={"current_password": "x", "password": PASSWORD, "again": PASSWORD})


def join(browser, school, who):
    code = joining.find_join_code("demo", stores=school.stores)
    typed = {"code": code, "login": f"new {who}", "name": who, "student_number": who}
    return browser.post("/join", data={**typed, "password": PASSWORD, "again": PASSWORD})


def leave(browser, school, who):
    return browser.get("/sign-in/provider")


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(sign_in, id="signing in"),
        pytest.param(choose, id="a link's first password"),
        pytest.param(change, id="another password"),
        pytest.param(join, id="joining with a code"),
        pytest.param(leave, id="a provider that does not answer"),
    ],
)
def test_the_pages_of_others_answer_while_some_wait(app, hold, school, session, ask):
    joining.renew_join_code("demo", stores=school.stores)

    async def rush():
        # As few as two who wait would take both of the threads that pages have.
        current_default_thread_limiter().total_tokens = 2
        async with browse(app, session=session) as browser, browse(app) as stranger:
            asking = stranger if ask is join else browser
            waiting = [asyncio.create_task(ask(asking, school, who)) for who in ("ann", "bob")]
            try:
                for _ in waiting:
                    await hold.see_somebody()
                return await asyncio.wait_for(browser.get("/"), ENDS_A_FAILURE_S), any(each.done() for each in waiting)
            finally:
                hold.gate.set()
                await asyncio.gather(*waiting)

    page, is_through = asyncio.run(rush())

    assert (page.status_code, is_through) == (200, False)


@pytest.mark.parametrize(("language", "words"), [("en", "Too many people"), ("ja", "いま操作が集中しているため")])
def test_who_finds_the_line_full_is_told_when_to_try_again_and_loses_nothing(app, hold, school, language, words):
    app.state.hashing = Turns("test", at_once=1, in_line=0)

    async def come_late():
        async with browse(app, language) as browser:
            first = asyncio.create_task(sign_in(browser, school))
            await hold.see_somebody()
            late = await sign_in(browser, school)
            hold.gate.set()
            await first
            return late, await sign_in(browser, school)

    late, later = asyncio.run(come_late())

    assert (late.status_code, late.headers["retry-after"]) == (503, "5")
    assert words in late.text
    assert 'value="ann"' in late.text
    assert later.status_code == 401


def test_those_in_line_have_their_turn_and_a_failure_is_their_own():
    hold, turns = Hold(), Turns("test", at_once=1, in_line=1)

    async def line_up():
        first = asyncio.create_task(turns.take(hold.wait))
        await hold.see_somebody()
        second = asyncio.create_task(turns.take(lambda: 1 // 0))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await turns.take(lambda: 3)
        hold.gate.set()
        ended = await asyncio.gather(first, second, return_exceptions=True)
        return ended, await turns.take(lambda: 3)

    (first, second), third = asyncio.run(line_up())

    assert (first, third) == ("held", 3)
    assert isinstance(second, ZeroDivisionError)
