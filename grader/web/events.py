"""Live progress: one poller of the database for all browsers that wait, and server-sent events to each of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from grader.domain.ids import SubmissionId
from grader.flow.ports import Stores
from grader.flow.waiting import Waiting, list_waiting, read_waiting
from grader.web.access import AppServices, PageCaller
from grader.web.services import Services
from grader.web.templating import render_page, render_part

router = APIRouter(include_in_schema=False, prefix="/submissions/{submission_id}")

_LOOK_EVERY_S = 0.1
_LOOK_SHARE = 4
"""It rests so many times longer than it looked: however many wait, grading keeps the processor."""
_PART = "progress_state.html"


@dataclass(eq=False, kw_only=True)
class _Follower:
    """One browser that waits."""

    submission_id: SubmissionId
    told: Waiting | None = None
    news: asyncio.Queue[Waiting | None] = field(default_factory=asyncio.Queue)
    """None: nobody looks any more."""

    def tell(self, waiting: Waiting) -> None:
        if waiting != self.told:
            self.told = waiting
            self.news.put_nowait(waiting)


class Lookout:
    """Looks at the database for everybody who waits, as long as somebody does."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._followers: set[_Follower] = set()
        self._look: asyncio.Task[None] | None = None

    async def follow(self, submission_id: SubmissionId) -> AsyncIterator[Waiting]:
        """How far it is now, then every change, until it is over or the database cannot be read."""
        follower = _Follower(submission_id=submission_id)
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
        try:
            while self._followers:
                began = time.monotonic()
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


def _lookout_of(request: Request) -> Lookout:
    lookout = request.app.state.lookout
    assert isinstance(lookout, Lookout)  # noqa: S101  # set by create_app
    return lookout


def _waiting_of(submission_id: str, services: AppServices, caller: PageCaller) -> Waiting:
    return read_waiting(SubmissionId(submission_id), caller=caller, stores=services.stores)


Asked = Annotated[Waiting, Depends(_waiting_of)]
"""Found before anything is sent, so that who may not see it gets an answer that says so."""


@router.get("/progress")
def get_progress(request: Request, services: AppServices, caller: PageCaller, waiting: Asked) -> Response:
    """How far it is: the part of a page that changes, for browsers that get no events."""
    return render_page(_PART, request, caller=caller, facts=_facts(waiting, services))


@router.get("/events", response_class=EventSourceResponse)
async def get_events(request: Request, services: AppServices, waiting: Asked) -> AsyncIterator[ServerSentEvent]:
    """The same part, each time it changes."""
    async for seen in _lookout_of(request).follow(waiting.submission_id):
        yield ServerSentEvent(event="progress", raw_data=render_part(_PART, request, facts=_facts(seen, services)))


def _facts(waiting: Waiting, services: Services) -> Mapping[str, object]:
    return {"waiting": waiting, "now": services.stores.clock.now()}
