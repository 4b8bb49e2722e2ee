"""The queue of one machine: rows in the database that holds everything else, in the same transactions."""

import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa

from grader.domain.device import WITHOUT_GPU, Device
from grader.domain.ids import JobId
from grader.domain.jobs import Claim, JobKind, QueueDepth
from grader.errors import LeaseLost

LEASE_S = 15.0

_PRIORITY = {kind: place for place, kind in enumerate(JobKind)}

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("job_id", sa.String(32), nullable=False, unique=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("device", sa.String(32), nullable=False, server_default=Device.CPU.value),
    sa.Column("queued_at", sa.Float, nullable=False),
    # Seconds since 1970. While a job is leased this is the end of its lease: it is due again without any clean-up.
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(128), nullable=True),
    sa.UniqueConstraint("kind", "subject"),
    sa.Index(None, "priority", "place"),
)

# Built once: that costs several times what running them does. The parameters of a WHERE have no name of a column,
# which in an UPDATE would be SET.
_ADD = sa.insert(jobs)
_KNOWN = sa.select(jobs.c.job_id, jobs.c.worker).where(
    jobs.c.kind == sa.bindparam("of_kind"), jobs.c.subject == sa.bindparam("of_subject")
)
_CHANGE_WAITING = sa.update(jobs).where(jobs.c.job_id == sa.bindparam("of_job"))
_DUE = sa.select(jobs.c.job_id, jobs.c.kind, jobs.c.subject, jobs.c.token, jobs.c.attempts).where(
    jobs.c.kind.in_(sa.bindparam("kinds", expanding=True)),
    jobs.c.device.in_(sa.bindparam("devices", expanding=True)),
    jobs.c.due_at <= sa.bindparam("now"),
)
_NEXT = _DUE.order_by(jobs.c.priority, jobs.c.place).limit(1)
_NEXT_FOR_GPU = _DUE.order_by(
    # Whatever else there is, others can do; but a self-test makes way for everything.
    jobs.c.kind.in_([JobKind.TRY.value, JobKind.SELF_TEST.value]),
    jobs.c.device != Device.CUDA.value,
    jobs.c.priority,
    jobs.c.place,
).limit(1)
_TAKE = sa.update(jobs).where(jobs.c.job_id == sa.bindparam("of_job"), jobs.c.token == sa.bindparam("of_token"))
_CHANGE_HELD = _TAKE.where(jobs.c.worker.is_not(None))
_END_HELD = sa.delete(jobs).where(
    jobs.c.job_id == sa.bindparam("of_job"),
    jobs.c.token == sa.bindparam("of_token"),
    jobs.c.worker.is_not(None),
)
_IS_LEASED = sa.and_(jobs.c.worker.is_not(None), jobs.c.due_at > sa.bindparam("now"))
_NEEDS_GPU = sa.and_(sa.not_(_IS_LEASED), jobs.c.device == Device.CUDA.value)
_DEPTH = sa.select(
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(sa.case((_IS_LEASED, 1), else_=0)), 0),
    sa.func.min(jobs.c.queued_at),
    sa.func.coalesce(sa.func.sum(sa.case((_NEEDS_GPU, 1), else_=0)), 0),
)
_waiting = jobs.alias()
_PLACE = sa.select(sa.func.count()).where(
    _waiting.c.kind == sa.bindparam("of_kind"),
    _waiting.c.subject == sa.bindparam("of_subject"),
    _waiting.c.worker.is_(None),
    jobs.c.worker.is_(None),
    sa.tuple_(jobs.c.priority, jobs.c.place) <= sa.tuple_(_waiting.c.priority, _waiting.c.place),
)


class OpenTransaction(Protocol):
    """Whatever the queue shares a transaction with."""

    @property
    def connection(self) -> object: ...


class LocalQueue:
    """Work for workers. Keeps no state of its own: every method acts in the transaction it is given."""

    def __init__(self, *, now: Callable[[], datetime], lease_s: float = LEASE_S) -> None:
        self._now = now
        self.lease_s = lease_s

    def enqueue(
        self,
        tx: OpenTransaction,
        *,
        kind: JobKind,
        subject: str,
        device: Device = Device.CPU,
        after_s: float = 0,
    ) -> JobId:
        connection = _connection(tx)
        known = connection.execute(_KNOWN, {"of_kind": kind.value, "of_subject": subject}).first()
        if known is not None:
            if known.worker is None:
                again = {"of_job": known.job_id, "due_at": self._time() + after_s, "attempts": 0}
                connection.execute(_CHANGE_WAITING, again)
            return JobId(known.job_id)
        job_id = JobId(secrets.token_hex(12))
        connection.execute(
            _ADD,
            {
                "job_id": job_id,
                "kind": kind.value,
                "subject": subject,
                "priority": _PRIORITY[kind],
                "device": device.value,
                "queued_at": self._time(),
                "due_at": self._time() + after_s,
                "token": 0,
                "attempts": 0,
            },
        )
        return job_id

    def has_work(
        self, tx: OpenTransaction, *, kinds: Collection[JobKind], devices: Collection[Device] = WITHOUT_GPU
    ) -> bool:
        return self._find_next(tx, kinds=kinds, devices=devices) is not None

    def claim(
        self,
        tx: OpenTransaction,
        *,
        worker: str,
        kinds: Collection[JobKind],
        devices: Collection[Device] = WITHOUT_GPU,
    ) -> Claim | None:
        row = self._find_next(tx, kinds=kinds, devices=devices)
        if row is None:
            return None
        token, attempts = row.token + 1, row.attempts + 1
        taken = _connection(tx).execute(
            _TAKE,
            {
                "of_job": row.job_id,
                "of_token": row.token,
                "token": token,
                "attempts": attempts,
                "worker": worker,
                "due_at": self._time() + self.lease_s,
            },
        )
        if taken.rowcount != 1:
            return None
        return Claim(
            job_id=JobId(row.job_id), kind=JobKind(row.kind), subject=row.subject, token=token, attempt=attempts
        )

    def renew(self, tx: OpenTransaction, claim: Claim) -> None:
        self._change(tx, claim, due_at=self._time() + self.lease_s)

    def finish(self, tx: OpenTransaction, claim: Claim) -> None:
        _check_held(_connection(tx).execute(_END_HELD, _held(claim)), claim)

    def retry(self, tx: OpenTransaction, claim: Claim, *, after_s: float) -> None:
        self._change(tx, claim, worker=None, due_at=self._time() + after_s)

    def release(self, tx: OpenTransaction, claim: Claim) -> None:
        self._change(tx, claim, worker=None, due_at=self._time(), attempts=claim.attempt - 1)

    def depth(self, tx: OpenTransaction) -> QueueDepth:
        total, held, oldest, waiting_for_gpu = _connection(tx).execute(_DEPTH, {"now": self._time()}).one()
        return QueueDepth(
            waiting=total - held,
            leased=held,
            oldest_at=None if oldest is None else datetime.fromtimestamp(oldest, tz=UTC),
            waiting_for_gpu=waiting_for_gpu,
        )

    def find_place(self, tx: OpenTransaction, *, kind: JobKind, subject: str) -> int | None:
        wanted = {"of_kind": kind.value, "of_subject": subject}
        return _connection(tx).execute(_PLACE, wanted).scalar_one() or None

    def _find_next(
        self, tx: OpenTransaction, *, kinds: Collection[JobKind], devices: Collection[Device]
    ) -> sa.Row[str, str, str, int, int] | None:
        wanted = {
            "kinds": [kind.value for kind in kinds],
            "devices": [device.value for device in devices],
            "now": self._time(),
        }
        return _connection(tx).execute(_NEXT_FOR_GPU if Device.CUDA in devices else _NEXT, wanted).first()

    def _change(self, tx: OpenTransaction, claim: Claim, **values: object) -> None:
        _check_held(_connection(tx).execute(_CHANGE_HELD, {**_held(claim), **values}), claim)

    def _time(self) -> float:
        return self._now().timestamp()


def _held(claim: Claim) -> dict[str, object]:
    return {"of_job": claim.job_id, "of_token": claim.token}


def _check_held(done: sa.CursorResult[*tuple[object, ...]], claim: Claim) -> None:
    if done.rowcount != 1:
        raise LeaseLost(job=claim.job_id)


def _connection(tx: OpenTransaction) -> sa.Connection:
    if not isinstance(tx.connection, sa.Connection):
        raise TypeError("the local queue lives in a SQLAlchemy database")
    return tx.connection
