"""What the flow needs of the world, as Protocols; adapters fit them by shape and wiring picks them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from grader.domain.assignment import Assignment
from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import EnvironmentHash, QuestionId
from grader.domain.location import Wanted
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


class LoadedAssignment(Protocol):
    """An assignment with what its author wrote around it, as catalog.parse gives it."""

    @property
    def assignment(self) -> Assignment: ...

    @property
    def reference(self) -> Notebook: ...

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """What `locate` may know of each question."""

    @property
    def prompt_expressions(self) -> Mapping[QuestionId, tuple[str, ...]]:
        """The `{{expression}}`s of each question's prompt."""
