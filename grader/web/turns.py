"""Work that takes long, on threads of its own: pages never wait for it, and it never waits for long."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from grader.errors import Busy

T = TypeVar("T")

_COME_BACK_AFTER_S = 5
"""By then whoever is in line has had their turn, unless somebody keeps the line full on purpose."""


class Turns:
    """So many at once, so many more in line; whoever comes then is asked to come back.

    The threads that answer all other pages are few. Whatever keeps one of them for long keeps it from everybody.
    """

    def __init__(self, name: str, *, at_once: int, in_line: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._places = threading.BoundedSemaphore(at_once + in_line)

    async def take(self, action: Callable[[], T]) -> T:
        """What the action gives, once its turn has come.

        Raises:
            Busy: too many are in line already; nothing was done.
        """
        if not self._places.acquire(blocking=False):
            raise Busy(retry_after_s=_COME_BACK_AFTER_S)
        turn = self._threads.submit(copy_context().run, action)
        turn.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(turn)


def turns_for_hashing() -> Turns:
    """For whatever looks at a password or keeps one: each takes tens of milliseconds and 19 MiB.

    A whole class may sign in at the same minute; of more at once nobody would be done sooner.
    """
    return Turns("hashing", at_once=4, in_line=120)


def turns_for_provider() -> Turns:
    """For whatever asks the identity provider, which may take seconds to say nothing."""
    return Turns("provider", at_once=16, in_line=32)


async def _hashing_of(request: Request) -> Turns:
    return _checked(request.app.state.hashing)


async def _asking_of(request: Request) -> Turns:
    return _checked(request.app.state.asking)


def _checked(turns: object) -> Turns:
    assert isinstance(turns, Turns)  # noqa: S101  # set by create_app
    return turns


HashingTurns = Annotated[Turns, Depends(_hashing_of)]
ProviderTurns = Annotated[Turns, Depends(_asking_of)]
