"""Work that waits for a worker, and the lease under which one holds it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grader.domain.device import WITH_GPU, WITHOUT_GPU, Device
from grader.domain.ids import EnvironmentHash, JobId
from grader.domain.text import Note


class JobKind(StrEnum):
    """What can wait, in the order in which it is taken up."""

    GRADE = "grade"
    """Grade a run; `subject` is its RunId. A version that nobody has proved by then is proved with it."""
    PUBLISH = "publish"
    """Prove a version ahead of its first submission; `subject` is its VersionHash."""
    REGRADE = "regrade"
    """The same for an old submission; comes after fresh ones."""
    DRAFT = "draft"
    """Draft an assignment from a solved notebook; `subject` is its ManuscriptId."""
    TRY = "try"
    """Prove and self-test what somebody writes; `subject` is its ManuscriptId. Makes way for what comes before."""
    SELF_TEST = "self_test"
    """Look for mistakes that a version would not notice; `subject` is its VersionHash. Makes way for everything."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job that one worker holds for the time of its lease.

    `token` grows with every claim of the job: whoever shows an older one has lost the lease.
    """

    job_id: JobId
    kind: JobKind
    subject: str
    token: int
    attempt: int
    """This is the n-th time that a worker takes the job up, from 1; work given back does not count."""


@dataclass(frozen=True, kw_only=True)
class QueueDepth:
    """How much waits, for people who run the service."""

    waiting: int
    leased: int
    oldest_at: datetime | None
    waiting_for_gpu: int = 0
    """Of those that wait, how many only a worker with a GPU takes up."""


class SandboxState(StrEnum):
    READY = "ready"
    UNAVAILABLE = "unavailable"
    UNSAFE = "unsafe"
    """Kernels run, but one of them could do what must not work, or did not say that it could not."""
    STARTING = "starting"


@dataclass(frozen=True, kw_only=True)
class WorkerHealth:
    """What a worker last said of itself."""

    worker: str
    seen_at: datetime
    sandbox: SandboxState
    reason: Note | None = None
    """Why it is not ready: a `ready.` note."""
    environment: EnvironmentHash | None = None
    gpu: str | None = None
    """Name of its GPU; None where it works on the CPU alone."""

    @property
    def devices(self) -> frozenset[Device]:
        """What it takes up."""
        return WITHOUT_GPU if self.gpu is None else WITH_GPU
