"""When one fork server takes another's place, on a stand-in that loads nothing and locks nobody in."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.domain.execution import Limits
from grader.errors import SandboxUnavailable
from grader.sandbox.box import Box, Proc
from grader.sandbox.fork_server import Fork, ForkServer, Lifetime

PATIENCE_S = 60

STAND_IN = """
import json, os, select, signal, socket, sys
control = socket.socket(fileno=int(sys.argv[1]))
grows_by = int(sys.argv[2])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
control.sendall(json.dumps({"environment": {}, "data_bytes": 0}).encode())
held_bytes = 0
while True:
    message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
    if not message:
        break
    kernel = socket.socket(fileno=descriptors[0])
    held_bytes += grows_by
    pid = os.fork()
    if pid == 0:
        control.close()
        kernel.sendall(os.getppid().to_bytes(4, "little"))
        kernel.recv(1)  # until its host hangs up
        os._exit(0)
    pidfd = os.pidfd_open(pid)
    socket.send_fds(control, [json.dumps({"held_bytes": held_bytes}).encode()], [pidfd])
    os.close(pidfd)
    kernel.close()
"""


@dataclass(frozen=True, kw_only=True)
class StandInBox(Box):
    """Starts the stand-in; what it does is in a list, so that a test can change its mind."""

    does: tuple[dict[str, int], ...] = ({},)

    def check(self) -> None:
        if self.does[0].get("is_missing"):
            raise SandboxUnavailable(what="nothing is there")

    def command(self, *, control_fd: int) -> list[str]:
        does = self.does[0]
        if does.get("is_broken"):
            return [sys.executable, "-c", "raise SystemExit('broken')"]
        return [sys.executable, "-c", STAND_IN, str(control_fd), str(does.get("grows_by", 0))]


class Served:
    """A fork server, and the kernels that it gave."""

    def __init__(self, *, lifetime: Lifetime | None = None, **does: int) -> None:
        self.does = does
        box = StandInBox(kernel_python=Path(sys.executable), wanted_proc=Proc.OWN, does=(self.does,))
        self.server = ForkServer(box, lifetime=lifetime)
        self.forks: list[Fork] = []

    async def fork(self) -> int:
        """Which fork server the next kernel comes from."""
        fork = await self.server.fork(Limits())
        self.forks.append(fork)
        return int.from_bytes(await asyncio.to_thread(fork.sock.recv, 4), "little")

    def end(self, fork: Fork) -> None:
        self.forks.remove(fork)
        fork.sock.close()
        os.close(fork.pidfd)
        fork.on_gone()

    async def succeeded(self) -> None:
        """Until the successor that is being started has taken over."""
        assert self.server._successor is not None
        async with asyncio.timeout(PATIENCE_S):
            await self.server._successor


def serving(test: Callable[[Served], Awaitable[None]], *, lifetime: Lifetime | None = None, **does: int) -> None:
    async def serve() -> None:
        served = Served(lifetime=lifetime, **does)
        try:
            await test(served)
        finally:
            for fork in list(served.forks):
                served.end(fork)
            served.server.close()

    asyncio.run(serve())


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("lifetime", "does"),
    [
        pytest.param(Lifetime(forks=3), {}, id="after so many forks"),
        pytest.param(Lifetime(growth_bytes=200), {"grows_by": 100}, id="when it has grown"),
    ],
)
def test_a_worn_fork_server_has_its_successor_started_beside_it_and_ends_with_its_last_kernel(lifetime, does):
    async def test(served):
        first = await served.fork()
        assert [await served.fork(), await served.fork()] == [first, first]
        await served.succeeded()

        second = await served.fork()
        assert second != first
        for fork in served.forks[:2]:
            served.end(fork)
        assert lives(first)
        served.end(served.forks[0])
        assert not lives(first)
        assert await served.fork() == second

    serving(test, lifetime=lifetime, **does)


def test_a_worn_one_goes_on_where_no_other_can_be_started():
    async def test(served):
        first = await served.fork()
        served.does["is_broken"] = 1
        assert await served.fork() == first
        await served.succeeded()
        assert await served.fork() == first

        served.does["is_broken"] = 0
        assert await served.fork() == first
        await served.succeeded()
        assert await served.fork() != first

    serving(test, lifetime=Lifetime(forks=2))


def test_after_a_renewal_the_next_kernel_is_of_a_new_one_and_those_that_live_go_on():
    async def test(served):
        first = await served.fork()
        await served.server.renew()
        assert lives(first)
        second = await served.fork()
        assert second != first
        assert lives(first)
        served.end(served.forks[0])
        assert not lives(first)
        await served.server.renew()
        await served.server.renew()
        assert lives(second)

    serving(test)


def test_a_renewal_ends_one_that_has_no_kernels_at_once():
    async def test(served):
        first = await served.fork()
        served.end(served.forks[0])
        assert lives(first)
        await served.server.renew()
        assert not lives(first)

    serving(test)


def test_a_question_that_is_broken_off_leaves_no_wrong_answer_to_the_next():
    async def test(served):
        before = await served.fork()
        asking = asyncio.create_task(served.server.fork(Limits()))
        await asyncio.sleep(0)
        assert served.server._asking.locked()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        after = await served.fork()
        assert after != before
        assert lives(before)
        pid = int(next(line for line in fdinfo(served.forks[-1]) if line.startswith("Pid:")).split()[1])
        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(served.forks[-1].sock.recv, 1) == b""

    serving(test)


def fdinfo(fork: Fork) -> list[str]:
    with open(f"/proc/self/fdinfo/{fork.pidfd}", encoding="ascii") as lines:  # noqa: PTH123 - not a file
        return list(lines)


def test_closing_ends_the_retired_too():
    async def test(served):
        first = await served.fork()
        await served.server.renew()
        second = await served.fork()
        served.server.close()
        assert (lives(first), lives(second)) == (False, False)

    serving(test)


def test_one_that_died_is_replaced_and_one_that_cannot_be_is_told():
    async def test(served):
        first = await served.fork()
        process = served.server._running.process
        process.kill()
        process.wait()
        assert await served.fork() != first

        served.server.close()
        served.does["is_missing"] = 1
        with pytest.raises(SandboxUnavailable, match="nothing is there"):
            await served.fork()

    serving(test)
