"""Say whether kernels may run student code now: the cage was tried, not long ago, in the environment as it is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grader.domain.cage import CageLine, not_proved
from grader.domain.ids import EnvironmentHash
from grader.errors import SandboxUnsafe
from grader.flow.ports import Canary, Clock, Runner


class CageWatch:
    """Remembers when the cage was proved last, and in which environment."""

    def __init__(self, canary: Canary, *, runner: Runner, clock: Clock, every_s: float) -> None:
        self._canary = canary
        self._runner = runner
        self._clock = clock
        self._every = timedelta(seconds=every_s)
        self._proved_at: datetime | None = None
        self._mark: str | None = None

    def is_due(self) -> bool:
        """Whether `prove` must succeed before the next kernel runs student code; cheap enough for every job."""
        if self._proved_at is None or self._clock.now() - self._proved_at >= self._every:
            return True
        return self.has_new_environment()

    def has_new_environment(self) -> bool:
        """Whether what kernels are started from is another than when the cage was proved."""
        return self._mark is not None and self._canary.mark() != self._mark

    def prove(self) -> EnvironmentHash:
        """Try the cage; gives what kernels run in.

        After a failure, and in a new environment, it is tried in a new cage: the one that runs knows nothing of
        what an operator or a package manager did meanwhile.

        Raises:
            SandboxUnavailable, SandboxFailed: there is no kernel to try.
            SandboxUnsafe: something succeeded that must not work, or nothing can be said of it.
        """
        mark = self._canary.mark()  # before anything starts: what changes meanwhile shows as another mark
        if self._proved_at is None or mark != self._mark:
            self._canary.renew()
        self._proved_at, self._mark = None, mark
        environment = self._runner.environment
        lines = not_proved(self._canary.try_cage())
        if lines:
            raise SandboxUnsafe(lines=[line.name for line in lines], found=_spell(lines))
        self._proved_at = self._clock.now()
        return environment


def _spell(lines: Sequence[CageLine]) -> str:
    return "; ".join(f"{line.name} ({line.state.value}) {line.found}".rstrip() for line in lines)
