"""Browsers that wait are told each change once, by one poller, until the result is there."""

import asyncio
import threading
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest
from school import notebook_bytes
from starlette.testclient import TestClient

from grader.domain.jobs import JobKind, SandboxState, WorkerHealth
from grader.domain.submission import RunState
from grader.domain.text import Note
from grader.flow import accounts
from grader.flow.grade import claim_next
from grader.flow.waiting import HELD_BACK, may_go_on_waiting
from grader.web.app import create_app
from grader.web.events import Lookout

ENDS_A_FAILURE_S = 60
"""What should end by itself would otherwise go on for ever."""


@pytest.fixture
def submission_id(school):
    school.work_off()
    return school.submit("ann", notebook_bytes(x=3, y=4)).submission.submission_id


def report(school):
    health = WorkerHealth(worker="w", seen_at=school.clock.now(), sandbox=SandboxState.READY)
    with school.stores.storage.writing() as tx:
        tx.workers.report(health)


@pytest.fixture
def enter(school, cheap_hashes, open_browser):
    def enter(login, language="en"):
        browser = open_browser(language)
        link = accounts.invite(login, stores=school.stores)
        issued = accounts.accept_invitation(link.secret, "correct horse battery", stores=school.stores)
        browser.cookies.set("session", issued.secret)
        return browser

    return enter


def test_each_change_is_told_once_until_it_is_over(school, submission_id):
    async def follow():
        told = []
        async for waiting in Lookout(school.stores).follow(submission_id):
            told.append(waiting.state)
            if len(told) == 1:
                await asyncio.to_thread(school.work_off)
        return told

    told = asyncio.run(follow())

    assert (told[0], told[-1], len(set(told))) == (RunState.QUEUED, RunState.FINISHED, len(told))


def test_all_who_wait_share_one_poller_which_ends_with_them(school, submission_id):
    async def follow():
        lookout = Lookout(school.stores)

        async def last():
            return [waiting.state async for waiting in lookout.follow(submission_id)][-1]

        waiters = [asyncio.create_task(last()) for _ in range(3)]
        await asyncio.sleep(0)
        pollers = [task for task in asyncio.all_tasks() if "_keep_looking" in repr(task)]
        await asyncio.to_thread(school.work_off)
        ended = await asyncio.gather(*waiters)
        await asyncio.gather(*pollers)
        return len(pollers), ended

    assert asyncio.run(follow()) == (1, [RunState.FINISHED] * 3)


def test_nobody_looks_any_more_once_the_last_browser_has_gone(school, submission_id):
    async def leave():
        lookout = Lookout(school.stores)
        stream = lookout.follow(submission_id)
        await anext(stream)
        (poller,) = [task for task in asyncio.all_tasks() if "_keep_looking" in repr(task)]
        await stream.aclose()
        await poller

    asyncio.run(leave())


def test_a_database_that_cannot_be_read_ends_the_stream_instead_of_leaving_it_silent(school, submission_id):
    async def follow():
        lookout = Lookout(replace(school.stores, storage=None))
        return [waiting async for waiting in lookout.follow(submission_id)]

    assert asyncio.run(follow()) == []


@pytest.mark.parametrize(("language", "words"), [("ja", "採点が終わりました。"), ("en", "Graded.")])
def test_events_carry_the_part_of_the_page_in_the_readers_language(school, submission_id, enter, language, words):
    school.work_off()

    answer = enter("ann", language).get(f"/submissions/{submission_id}/events")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: progress\n" in answer.text
    assert words in answer.text
    assert "data-over" in answer.text


def test_browsers_without_events_can_ask(school, submission_id, enter):
    browser = enter("ann")
    path = f"/submissions/{submission_id}/progress"
    assert "data-over" not in browser.get(path).text
    school.work_off()

    assert "data-over" in browser.get(path).text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("ja", ["順番は次です。", "採点の順番を待っています"], id="japanese"),
        pytest.param("en", ["It is next.", "waits for its turn"], id="english"),
    ],
)
def test_the_place_in_the_queue_is_told_in_words(school, submission_id, enter, language, words):
    school.clock.pass_s(3)
    report(school)

    part = enter("ann", language).get(f"/submissions/{submission_id}/progress").text

    assert [word for word in words if word not in part] == []


def test_what_is_being_done_is_marked_among_the_steps(school, submission_id, enter):
    assert claim_next(worker="w", kinds=tuple(JobKind), bench=school.bench())
    with school.stores.storage.writing() as tx:
        tx.runs.set_phase(tx.runs.get_newest(submission_id).run_id, "comparing")
    school.clock.pass_s(3)

    part = enter("ann").get(f"/submissions/{submission_id}/progress").text

    assert '<li aria-current="step">Comparing the results</li>' in part
    assert "Preparing the assignment" not in part


def test_an_upload_that_is_held_back_tells_when_it_is_graded(school, submission_id, enter):
    with school.stores.storage.writing() as tx:
        facts = {"until": "2026-11-24T13:30:00+00:00", "count": 20}
        run_id = tx.runs.get_newest(submission_id).run_id
        tx.runs.wait(run_id, attempts=0, trouble=Note(code=HELD_BACK, facts=facts))

    assert "Tue 24 Nov, 22:30" in enter("ann").get(f"/submissions/{submission_id}/progress").text


@pytest.mark.parametrize("part", ["progress", "events"])
def test_others_are_told_nothing(submission_id, enter, part):
    assert enter("bob").get(f"/submissions/{submission_id}/{part}").status_code == 404


def test_who_is_not_welcome_any_more_is_told_no_more_and_the_others_are(school, submission_id):
    welcome = threading.Event()

    async def follow():
        lookout = Lookout(school.stores, check_every_s=0)

        async def listen(**facts):
            return [waiting.state async for waiting in lookout.follow(submission_id, **facts)]

        stays = asyncio.create_task(listen())
        told = await asyncio.wait_for(listen(is_welcome=welcome.is_set), ENDS_A_FAILURE_S)
        await asyncio.to_thread(school.work_off)
        return told, await stays

    told, stayed = asyncio.run(follow())

    assert RunState.FINISHED not in told
    assert stayed[-1] is RunState.FINISHED


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda school: accounts.sign_out_everywhere(person_of(school), stores=school.stores), id="out"),
        pytest.param(lambda school: school.clock.pass_s(31 * 24 * 3600), id="too long"),
    ],
)
def test_a_session_that_ended_is_welcome_no_more(school, submission_id, enter, leave):
    secret = enter("ann").cookies["session"]
    may_go_on = partial(may_go_on_waiting, submission_id, secret=secret, stores=school.stores)
    assert may_go_on()

    leave(school)

    assert not may_go_on()


def test_others_are_not_welcome_and_a_page_that_only_stays_open_prolongs_no_session(school, submission_id, enter):
    secrets = [enter(login).cookies["session"] for login in ("bob", "ann")]
    bob, ann = (partial(may_go_on_waiting, submission_id, secret=secret, stores=school.stores) for secret in secrets)
    school.clock.pass_s(6 * 24 * 3600)
    assert (bob(), ann()) == (False, True)

    school.clock.pass_s(2 * 24 * 3600)

    assert not ann()


def person_of(school):
    return school.caller("ann").person.person_id


def test_of_one_person_some_are_told_and_the_next_page_asks_by_itself(school, services, submission_id, enter):
    app = create_app(services)
    browser = TestClient(app, cookies=dict(enter("ann").cookies), raise_server_exceptions=False)
    with ExitStack() as streams:
        for _ in range(6):
            streams.enter_context(app.state.lookout.hold_place(person_of(school)))

        assert browser.get(f"/submissions/{submission_id}/events").status_code == 503
        assert browser.get(f"/submissions/{submission_id}/progress").status_code == 200
    school.work_off()

    assert [browser.get(f"/submissions/{submission_id}/events").status_code for _ in range(7)] == [200] * 7


def test_a_browser_that_goes_away_leaves_its_place(school, services, submission_id, enter):
    app, secret = create_app(services), enter("ann").cookies["session"]

    async def come_and_go():
        for _ in range(7):
            has_begun, began = asyncio.Event(), []

            async def receive(has_begun=has_begun):
                await has_begun.wait()
                return {"type": "http.disconnect"}

            async def send(message, has_begun=has_begun, began=began):
                began.append(message.get("status"))
                has_begun.set()

            scope = request_for(f"/submissions/{submission_id}/events", secret=secret)
            await asyncio.wait_for(app(scope, receive, send), ENDS_A_FAILURE_S)
            assert began[0] == 200

    asyncio.run(come_and_go())


def request_for(path, *, secret):
    headers = [(b"host", b"testserver"), (b"cookie", f"session={secret}".encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("testclient", 1),
        "server": ("testserver", 80),
    }
