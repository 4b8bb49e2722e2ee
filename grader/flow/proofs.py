"""Expected values of published versions: kept per environment, computed where this one has none."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from grader.domain.ids import BlobKey, VersionHash
from grader.domain.jobs import JobKind
from grader.domain.publishing import VersionState
from grader.domain.submission import RunCause
from grader.domain.text import Note
from grader.errors import AuthorCanFix, InvalidAssignment, SpecDoesNotHold
from grader.flow.assignments import StoredAssignments
from grader.flow.expected import Expected, decode_expected, encode_expected
from grader.flow.ports import ReplyCodec, Runner, Stores, Transaction
from grader.flow.prove import prove

_KEPT = 16


@dataclass(frozen=True, kw_only=True)
class Prover:
    """What running a reference needs of the world."""

    stores: Stores
    assignments: StoredAssignments
    runner: Runner
    codec: ReplyCodec
    secret: bytes


class Proofs:
    """Expected values in the runner's environment, read once and kept in memory."""

    def __init__(self, prover: Prover) -> None:
        self._prover = prover
        self._lock = threading.Lock()
        self._loaded: OrderedDict[BlobKey, Expected] = OrderedDict()

    def load(self, version: VersionHash, *, before_proving: Callable[[], None] | None = None) -> Expected:
        """The version's expected values; proves it first where this environment has none.

        A version that failed is not tried again by itself: publishing it anew asks for that.

        Raises:
            AuthorCanFix: the spec does not hold, now or when it was tried; the version is marked as failed.
            NotFound: no such version.
            SandboxUnavailable, SandboxFailed: our failure.
        """
        prover = self._prover
        environment = prover.runner.environment
        with prover.stores.storage.reading() as tx:
            found = tx.versions.get(version)
            blob = tx.versions.find_expected(version, environment=environment)
        if found.state is VersionState.FAILED:
            raise SpecDoesNotHold(found.findings, assignment=found.slug)
        if found.state is VersionState.PROVED and blob is not None:
            return self._read(blob)
        if before_proving is not None:
            before_proving()
        return self._prove(version)

    def _read(self, blob: BlobKey) -> Expected:
        with self._lock:
            if blob in self._loaded:
                self._loaded.move_to_end(blob)
                return self._loaded[blob]
        expected = decode_expected(self._prover.stores.blobs.get(blob), self._prover.codec)
        with self._lock:
            self._loaded[blob] = expected
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        return expected

    def _prove(self, version: VersionHash) -> Expected:
        prover, stores = self._prover, self._prover.stores
        try:
            loaded = prover.assignments.load(version)
            expected = prove(loaded, runner=prover.runner, secret=prover.secret)
        except AuthorCanFix as error:
            with stores.storage.writing() as tx:
                tx.versions.set_state(version, VersionState.FAILED, findings=_findings(error))
            raise
        blob = stores.blobs.put(encode_expected(expected, prover.codec))
        with stores.storage.writing() as tx:
            tx.versions.put_expected(version, environment=expected.environment, blob=blob, at=stores.clock.now())
            tx.versions.set_state(version, VersionState.PROVED)
            _queue_waiting(tx, version, stores=stores)
        return expected


def _findings(error: AuthorCanFix) -> tuple[Note, ...]:
    if isinstance(error, SpecDoesNotHold):
        return error.findings
    if isinstance(error, InvalidAssignment):
        return tuple(mistake.note for mistake in error.mistakes)
    return (error.note,)


def _queue_waiting(tx: Transaction, version: VersionHash, *, stores: Stores) -> None:
    """Runs that had to wait for this proof may be graded now."""
    device = tx.versions.get(version).device
    for run in tx.runs.list_waiting(version):
        kind = JobKind.GRADE if run.cause is RunCause.SUBMITTED else JobKind.REGRADE
        stores.queue.enqueue(tx, kind=kind, subject=run.run_id, device=device)
