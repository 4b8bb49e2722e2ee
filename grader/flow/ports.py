"""What the flow needs of the world, as Protocols; adapters fit them by shape and wiring picks them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import EnvironmentHash
from grader.domain.notebook import Notebook
from grader.domain.values import Reply


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, UTC."""


class Runner(Protocol):
    """Executes notebooks in the sandbox, one at a time."""

    @property
    def environment(self) -> EnvironmentHash:
        """What kernels run in; starts the sandbox if need be.

        Raises:
            SandboxUnavailable: no kernel can run on this machine.
        """

    def run(
        self,
        notebook: Notebook,
        *,
        plan: Sequence[QuestionPlan],
        limits: Limits,
        on_phase: Callable[[str], None] | None = None,
    ) -> Execution:
        """Execute every code cell in order; at the end of each question's cells ask its probes.

        Raises:
            SandboxUnavailable, SandboxFailed: our failure; nothing about the notebook can be said.
        """


class ReplyCodec(Protocol):
    """Turns probe replies into bytes that can be kept, and back."""

    def encode(self, replies: Mapping[str, Reply], *, cap_bytes: int) -> bytes:
        """Compressed; values over the cap are kept as hash, dtype and shape only."""

    def decode(self, data: bytes) -> Mapping[str, Reply]:
        """Raises BadWireBytes for anything that `encode` did not make."""
