"""What the flow needs of the world, as Protocols; adapters fit them by shape and wiring picks them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from grader.domain.assignment import Assignment
from grader.domain.cage import CageLine
from grader.domain.device import WITHOUT_GPU, Device
from grader.domain.execution import Execution, Limits, QuestionPlan
from grader.domain.ids import (
    BlobKey,
    CourseId,
    EnvironmentHash,
    JobId,
    OfferingId,
    PersonId,
    QuestionId,
    RunId,
    SubmissionId,
    VersionHash,
)
from grader.domain.jobs import Claim, JobKind, QueueDepth, WorkerHealth
from grader.domain.location import Wanted
from grader.domain.notebook import Notebook
from grader.domain.people import Course, Member, Membership, Person
from grader.domain.publishing import Dates, Offering, PublishedVersion, Revision, Rubrics, Rules, VersionState
from grader.domain.result import Points, Result
from grader.domain.selftest import SelfTestReport
from grader.domain.submission import Decision, DecisionKind, Graded, Run, Submission, WrittenAnswer
from grader.domain.text import Language, Note, Text
from grader.domain.values import Reply
from grader.flow.account_ports import Accounts, Joins, Sessions, Tokens
from grader.flow.choice_ports import CellChoices
from grader.flow.course_ports import Identities, RosterUploads
from grader.flow.manuscript_ports import Manuscripts
from grader.flow.overview_ports import Overview, Standings
from grader.flow.regrade_ports import Regrades
from grader.flow.review_ports import Reviews
from grader.flow.visit_ports import Visits


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, UTC."""


class Runner(Protocol):
    """Executes notebooks in the sandbox; several threads may ask at once, and wait where it is full."""

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
        files: Mapping[str, bytes] | None = None,
        on_phase: Callable[[str], None] | None = None,
    ) -> Execution:
        """Execute every code cell in order; at the end of each question's cells ask its probes.

        Args:
            files: lie in the kernel's working folder, by relative path, before the first cell runs.

        Raises:
            SandboxUnavailable, SandboxFailed: our failure; nothing about the notebook can be said.
        """


class Canary(Protocol):
    """Tries what must not work in a kernel."""

    def mark(self) -> str:
        """Of the environment that kernels are started from: another mark, another environment. Cheap."""

    def renew(self) -> None:
        """Forget what was started: the next kernel is one of a new cage, in the environment as it is now."""

    def try_cage(self) -> tuple[CageLine, ...]:
        """One line for each attempt.

        Raises:
            SandboxUnavailable, SandboxFailed: there is no kernel to try.
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

    @property
    def languages(self) -> tuple[Language, ...]: ...

    @property
    def accepted(self) -> Mapping[str, str]:
        """Survivors of the self-test that may stay: the author's reason, by mutant."""


class AssignmentReader(Protocol):
    """Turns the files of a stored bundle into an assignment; catalog.parse behind it."""

    def __call__(self, files: Mapping[str, bytes], slug: str) -> LoadedAssignment:
        """Raises InvalidAssignment with every mistake."""


class BlobStore(Protocol):
    """Files by the SHA-256 of their bytes."""

    def put(self, data: bytes) -> BlobKey:
        """Keep the bytes; once this returns, a power cut does not lose them.

        Raises:
            StorageFull: the disk is full.
        """

    def get(self, key: BlobKey) -> bytes:
        """Raises NotFound; StorageDamaged where the bytes are not those that were put."""

    def measure(self, key: BlobKey) -> int:
        """How many bytes it has; 0 where it is not there."""


class People(Protocol):
    def add(self, person: Person) -> None:
        """Raises Conflict: the login is taken."""

    def get(self, person_id: PersonId) -> Person:
        """Raises NotFound."""

    def find_by_login(self, login: str) -> Person | None: ...

    def has_admin(self) -> bool: ...

    def rename(self, person_id: PersonId, *, name: str) -> None: ...


class Courses(Protocol):
    def add(self, course: Course) -> None:
        """Raises Conflict: the slug is taken."""

    def change(self, course: Course) -> None:
        """Its title, zone, policy and switches. Raises NotFound."""

    def get(self, course_id: CourseId) -> Course:
        """Raises NotFound."""

    def find_by_slug(self, slug: str) -> Course | None: ...

    def list_all(self) -> tuple[Course, ...]: ...

    def list_of(self, person_id: PersonId) -> tuple[Course, ...]:
        """Those the person is a member of, by slug."""

    def put_member(self, membership: Membership) -> None:
        """Add or change a member.

        Raises:
            Conflict: another member of the course has this student number.
        """

    def find_membership(self, course_id: CourseId, person_id: PersonId) -> Membership | None: ...

    def list_memberships(self, person_id: PersonId) -> tuple[Membership, ...]: ...

    def list_memberships_ever(self, person_id: PersonId) -> tuple[Membership, ...]:
        """Those of courses that the person has left, too."""

    def list_members(self, course_id: CourseId, *, after: str | None, limit: int) -> tuple[Member, ...]:
        """By login; `after` is the login of the last one seen."""

    def list_roster(self, course_id: CourseId) -> tuple[Member, ...]:
        """Everybody who is or was a member, by login."""

    def list_staff(self, course_id: CourseId) -> tuple[Member, ...]:
        """Its members who are no students, by login."""

    def was_ever_member(self, person_id: PersonId) -> bool:
        """Of any course."""


class Versions(Protocol):
    def add(self, version: PublishedVersion) -> bool:
        """Store it as UNPROVED unless it is known; True if it is new."""

    def find(self, version: VersionHash) -> PublishedVersion | None: ...

    def get(self, version: VersionHash) -> PublishedVersion:
        """Raises NotFound."""

    def list_all(self, *, slug: str | None = None) -> tuple[PublishedVersion, ...]:
        """Newest first."""

    def set_state(self, version: VersionHash, state: VersionState, *, findings: Sequence[Note] = ()) -> None: ...

    def add_revision(
        self,
        version: VersionHash,
        *,
        title: Text,
        points: Points,
        rubrics: Rubrics,
        files: Mapping[str, BlobKey],
        at: datetime,
    ) -> Revision:
        """Store the bundle's files as the next revision; the newest one again where nothing differs."""

    def get_revision(self, version: VersionHash, *, number: int | None = None) -> Revision:
        """The newest one by default. Raises NotFound."""

    def find_expected(self, version: VersionHash, *, environment: EnvironmentHash) -> BlobKey | None: ...

    def list_expected(self, version: VersionHash) -> Mapping[EnvironmentHash, BlobKey]:
        """Newest first: any of them serves to show what the reference prints."""

    def put_expected(
        self, version: VersionHash, *, environment: EnvironmentHash, blob: BlobKey, at: datetime
    ) -> None: ...

    def put_self_test(self, report: SelfTestReport, *, at: datetime) -> None:
        """Keep it beside its version, in place of an earlier one."""

    def find_self_test(self, version: VersionHash, *, since: datetime | None = None) -> SelfTestReport | None:
        """The newest, if it was kept at that moment or later."""


class Offerings(Protocol):
    def add(self, offering: Offering) -> None:
        """Raises Conflict: the course offers this slug already."""

    def get(self, offering_id: OfferingId) -> Offering:
        """Raises NotFound."""

    def find(self, course_id: CourseId, *, slug: str) -> Offering | None: ...

    def list_of(self, course_id: CourseId) -> tuple[Offering, ...]:
        """By due date, those without one last, then by slug."""

    def set_dates(self, offering_id: OfferingId, dates: Dates) -> None: ...

    def set_rules(self, offering_id: OfferingId, rules: Rules) -> None: ...

    def set_version(self, offering_id: OfferingId, version: VersionHash, *, revision: int) -> None:
        """Offer it, and read its results with this revision."""

    def put_revision(self, offering_id: OfferingId, version: VersionHash, *, revision: int) -> None:
        """Read results of a version with this revision, offered or not."""

    def find_revision(self, offering_id: OfferingId, version: VersionHash) -> int | None:
        """The one that results of a version are read with; None: it was neither offered nor published there."""

    def list_revisions(self, offering_id: OfferingId) -> Mapping[VersionHash, int]:
        """The same of every version."""


class Submissions(Protocol):
    def add(self, submission: Submission) -> None: ...

    def get(self, submission_id: SubmissionId) -> Submission:
        """Raises NotFound."""

    def find_newest(self, offering_id: OfferingId, *, person_id: PersonId) -> Submission | None:
        """The one with the highest number."""

    def list_of(
        self,
        offering_id: OfferingId,
        *,
        person_id: PersonId | None = None,
        after: SubmissionId | None = None,
        limit: int,
    ) -> tuple[Submission, ...]:
        """Newest first; `after` is the last one seen."""

    def set_counting(self, submission: Submission) -> None:
        """From now on this one counts for its person and offering."""

    def clear_counting(self, submission: Submission) -> None:
        """From now on none counts for its person and offering."""

    def mark_late(self, submissions: Sequence[Submission]) -> None:
        """Keep what their moments mean by the dates and rules of now."""

    def find_counting(self, offering_id: OfferingId, *, person_id: PersonId) -> SubmissionId | None: ...

    def set_written(self, submission_id: SubmissionId, answers: Sequence[WrittenAnswer]) -> None:
        """Replaces what was located before."""

    def list_written(self, submission_id: SubmissionId) -> tuple[WrittenAnswer, ...]: ...


class Runs(Protocol):
    def add(self, run: Run) -> None: ...

    def get(self, run_id: RunId) -> Run:
        """Raises NotFound."""

    def list_of(self, submission_id: SubmissionId) -> tuple[Run, ...]:
        """Oldest first."""

    def get_newest(self, submission_id: SubmissionId) -> Run:
        """Every submission has one. Raises NotFound."""

    def set_counting(self, submission_id: SubmissionId, run_id: RunId) -> None:
        """From now on this run's result is the submission's."""

    def clear_counting(self, submission_id: SubmissionId) -> None:
        """From now on no run's result is the submission's."""

    def find_counting(self, submission_id: SubmissionId) -> Run | None: ...

    def list_counting(self, submission_ids: Sequence[SubmissionId]) -> Mapping[SubmissionId, Run]: ...

    def start(self, run_id: RunId, *, attempts: int, at: datetime) -> None:
        """QUEUED -> RUNNING."""

    def set_phase(self, run_id: RunId, phase: str) -> None:
        """Nothing happens unless it is RUNNING."""

    def wait(self, run_id: RunId, *, attempts: int, trouble: Note | None) -> None:
        """Back to QUEUED."""

    def fail(self, run_id: RunId, *, trouble: Note, at: datetime) -> None:
        """It waits for an operator."""

    def finish(self, run_id: RunId, graded: Graded, *, at: datetime) -> None:
        """RUNNING -> FINISHED, with everything the run keeps."""

    def load_result(self, run_id: RunId) -> Result:
        """Raises NotFound: the run has none."""

    def load_graded(self, run_id: RunId) -> Graded:
        """The same with everything around it; written answers are the submission's. Raises NotFound."""

    def find_twin(self, run_id: RunId, *, environment: EnvironmentHash) -> Run | None:
        """The newest finished run, in this environment, of the same version and the same student's same bytes."""

    def list_kept(self, offering_id: OfferingId, *, person_id: PersonId) -> frozenset[BlobKey]:
        """The files of a person's submissions for the offering and of their runs, trials aside."""

    def list_waiting(self, version: VersionHash) -> tuple[Run, ...]:
        """QUEUED ones, oldest first."""

    def list_failed(self) -> tuple[Run, ...]: ...


class Decisions(Protocol):
    def add(self, decision: Decision) -> None: ...

    def list_of(self, submission_id: SubmissionId) -> tuple[Decision, ...]:
        """Oldest first."""

    def list_decided(
        self, submission_ids: Sequence[SubmissionId], *, kinds: Collection[DecisionKind] = tuple(DecisionKind)
    ) -> frozenset[SubmissionId]:
        """Those of them about which anything of these kinds was ever decided, taken back or not."""

    def list_decided_in(self, offering_id: OfferingId) -> tuple[SubmissionId, ...]:
        """The offering's submissions about which anything was ever decided, oldest first."""


class Workers(Protocol):
    def report(self, health: WorkerHealth) -> None: ...

    def forget(self, worker: str) -> None: ...

    def list_seen(self, *, since: datetime) -> tuple[WorkerHealth, ...]: ...


class Transaction(Protocol):
    """What can be read and written together; ends with the `with` block that opened it."""

    @property
    def connection(self) -> object:
        """The open connection underneath, for a queue that lives in the same database."""

    @property
    def people(self) -> People: ...
    @property
    def courses(self) -> Courses: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def joins(self) -> Joins: ...
    @property
    def roster_uploads(self) -> RosterUploads: ...
    @property
    def identities(self) -> Identities: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def offerings(self) -> Offerings: ...
    @property
    def manuscripts(self) -> Manuscripts: ...
    @property
    def submissions(self) -> Submissions: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def standings(self) -> Standings: ...
    @property
    def regrades(self) -> Regrades: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def cell_choices(self) -> CellChoices: ...
    @property
    def overview(self) -> Overview: ...
    @property
    def reviews(self) -> Reviews: ...
    @property
    def visits(self) -> Visits: ...
    @property
    def workers(self) -> Workers: ...


class Storage(Protocol):
    """The database. Only the flow opens transactions."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """One consistent view; writing in it is an error."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """Alone among writers from its first statement; committed at the end of the block, undone by an exception.

        Raises:
            StorageFull: the disk is full; nothing was stored.
        """


class JobQueue(Protocol):
    """Work for workers, in the transaction of whoever brings or does it."""

    def enqueue(
        self, tx: Transaction, *, kind: JobKind, subject: str, device: Device = Device.CPU, after_s: float = 0
    ) -> JobId:
        """Ask for work, due after a while; asking again for what waits already changes nothing but when it is due."""

    def has_work(
        self, tx: Transaction, *, kinds: Collection[JobKind], devices: Collection[Device] = WITHOUT_GPU
    ) -> bool:
        """Could `claim` succeed now? Cheap; a reading transaction does."""

    def claim(
        self, tx: Transaction, *, worker: str, kinds: Collection[JobKind], devices: Collection[Device] = WITHOUT_GPU
    ) -> Claim | None:
        """Take the next job for one of these devices under a lease of `lease_s`.

        By kind as JobKind lists them, then the oldest. Who has a GPU takes what needs one first, self-tests aside.
        """

    @property
    def lease_s(self) -> float: ...

    def renew(self, tx: Transaction, claim: Claim) -> None:
        """Hold it for another `lease_s`. Raises LeaseLost."""

    def finish(self, tx: Transaction, claim: Claim) -> None:
        """It is done. Raises LeaseLost: then this transaction must be undone."""

    def retry(self, tx: Transaction, claim: Claim, *, after_s: float) -> None:
        """It did not work out; due again after a while. Raises LeaseLost."""

    def release(self, tx: Transaction, claim: Claim) -> None:
        """Give it back untouched, due now; the attempt does not count. Raises LeaseLost."""

    def depth(self, tx: Transaction) -> QueueDepth: ...

    def find_place(self, tx: Transaction, *, kind: JobKind, subject: str) -> int | None:
        """Which turn is its, from 1; None where it does not wait."""


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Where a step reads and writes."""

    storage: Storage
    blobs: BlobStore
    queue: JobQueue
    clock: Clock
