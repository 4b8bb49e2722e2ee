"""Live progress: one poller of the database for all browsers that wait, and server-sent events to each of them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from grader.domain.ids import PersonId, SubmissionId
from grader.errors import Busy
from grader.flow.ports import Stores
from grader.flow.waiting import Waiting, list_waiting, may_go_on_waiting, read_waiting
from grader.web.access import AppServices, PageCaller, session_cookie
from grader.web.services import Services
from grader.web.templating import render_page, render_part

router = APIRouter(include_in_schema=False, prefix="/submissions/{submission_id}")

_LOOK_EVERY_S = 0.1
_LOOK_SHARE = 4
"""It rests so many times longer than it looked: however many wait, grading keeps the processor."""
_CHECK_EVERY_S = 20.0
"""For so long a page that is open hears more after its reader has signed out or left the course."""
_STREAMS_EACH = 6
"""Of one person. Browsers open no more to one server over HTTP/1.1; a page that gets none asks every two seconds."""
_ASK_AFTER_S = 2
_PART = "progress_state.html"


@dataclass(eq=False, kw_only=True)
class _Follower:
    """One browser that waits."""

    submission_id: SubmissionId
    is_welcome: Callable[[], bool]
    """May it still be told? Asked now and then, in another thread."""
    told: Waiting | None = None
    news: asyncio.Queue[Waiting | None] = field(default_factory=asyncio.Queue)
    """None: nobody looks any more."""

    def tell(self, waiting: Waiting) -> None:
        if waiting != self.told:
            self.told = waiting
            self.news.put_nowait(waiting)


class Lookout:
    """Looks at the database for everybody who waits, as long as somebody does."""

    def __init__(self, stores: Stores, *, check_every_s: float = _CHECK_EVERY_S) -> None:
        self._stores = stores
        self._check_every_s = check_every_s
        self._followers: set[_Follower] = set()
        self._look: asyncio.Task[None] | None = None
        self._streams: Counter[PersonId] = Counter()

    @contextmanager
    def hold_place(self, person_id: PersonId) -> Iterator[None]:
        """One stream of this person's.

        Raises:
            Busy: they have enough of them.
        """
        if self._streams[person_id] >= _STREAMS_EACH:
            raise Busy(retry_after_s=_ASK_AFTER_S)
        self._streams[person_id] += 1
        try:
            yield
        finally:
            self._streams[person_id] -= 1
            if not self._streams[person_id]:
                del self._streams[person_id]

    async def follow(
        self, submission_id: SubmissionId, *, is_welcome: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[Waiting]:
        """How far it is now, then every change, until it is over, unwelcome, or the database cannot be read."""
        follower = _Follower(submission_id=submission_id, is_welcome=is_welcome)
        self._followers.add(follower)
        if self._look is None:
            self._look = asyncio.create_task(self._keep_looking())
        try:
            while (waiting := await follower.news.get()) is not None:
                yield waiting
                if waiting.is_over:
                    return
        finally:
            self._followers.discard(follower)

    async def _keep_looking(self) -> None:
        checked = time.monotonic()
        try:
            while self._followers:
                began = time.monotonic()
                if began - checked >= self._check_every_s:
                    checked = began
                    for follower in await run_in_threadpool(_list_unwelcome, tuple(self._followers)):
                        follower.news.put_nowait(None)
                wanted = {follower.submission_id for follower in self._followers}
                found = await run_in_threadpool(list_waiting, wanted, stores=self._stores)
                for follower in tuple(self._followers):
                    if follower.submission_id in found:
                        follower.tell(found[follower.submission_id])
                await asyncio.sleep(max(_LOOK_EVERY_S, _LOOK_SHARE * (time.monotonic() - began)))
        finally:
            self._look = None
            for follower in self._followers:
                follower.news.put_nowait(None)


def _list_unwelcome(followers: Collection[_Follower]) -> Collection[_Follower]:
    return [follower for follower in followers if not follower.is_welcome()]


def _lookout_of(request: Request) -> Lookout:
    lookout = request.app.state.lookout
    assert isinstance(lookout, Lookout)  # noqa: S101  # set by create_app
    return lookout


def _waiting_of(submission_id: str, services: AppServices, caller: PageCaller) -> Waiting:
    return read_waiting(SubmissionId(submission_id), caller=caller, stores=services.stores)


Asked = Annotated[Waiting, Depends(_waiting_of)]
"""Found before anything is sent, so that who may not see it gets an answer that says so."""


async def _place_of(request: Request, caller: PageCaller) -> AsyncIterator[None]:
    with _lookout_of(request).hold_place(caller.person.person_id):
        yield


@router.get("/progress")
def get_progress(request: Request, services: AppServices, caller: PageCaller, waiting: Asked) -> Response:
    """How far it is: the part of a page that changes, for browsers that get no events."""
    return render_page(_PART, request, caller=caller, facts=_facts(waiting, services))


@router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(_place_of)])
async def get_events(request: Request, services: AppServices, waiting: Asked) -> AsyncIterator[ServerSentEvent]:
    """The same part, each time it changes."""
    secret = request.cookies[session_cookie(services)]
    is_welcome = partial(may_go_on_waiting, waiting.submission_id, secret=secret, stores=services.stores)
    async for seen in _lookout_of(request).follow(waiting.submission_id, is_welcome=is_welcome):
        yield ServerSentEvent(event="progress", raw_data=render_part(_PART, request, facts=_facts(seen, services)))


def _facts(waiting: Waiting, services: Services) -> Mapping[str, object]:
    return {"waiting": waiting, "now": services.stores.clock.now()}
