"""What workers say of themselves, in the database."""

from datetime import datetime

import sqlalchemy as sa

from grader.domain.ids import EnvironmentHash
from grader.domain.jobs import SandboxState, WorkerHealth
from grader.storage.notes import note_from_json, note_to_json
from grader.storage.rows import Rows
from grader.storage.tables import WorkerRow

_ADD = sa.insert(WorkerRow)
_CHANGE = sa.update(WorkerRow).where(WorkerRow.worker == sa.bindparam("of_worker"))
_FORGET = sa.delete(WorkerRow).where(WorkerRow.worker == sa.bindparam("of_worker"))
_SEEN = sa.select(WorkerRow).where(WorkerRow.seen_at >= sa.bindparam("since")).order_by(WorkerRow.worker)


class WorkersTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def report(self, health: WorkerHealth) -> None:
        values = {
            "seen_at": health.seen_at,
            "sandbox": health.sandbox.value,
            "reason": None if health.reason is None else note_to_json(health.reason),
            "environment": health.environment,
            "gpu": health.gpu,
        }
        if not self._rows.write(_CHANGE, of_worker=health.worker, **values):
            self._rows.write(_ADD, worker=health.worker, **values)

    def forget(self, worker: str) -> None:
        self._rows.write(_FORGET, of_worker=worker)

    def list_seen(self, *, since: datetime) -> tuple[WorkerHealth, ...]:
        return tuple(map(_read, self._rows.list(_SEEN, since=since)))


def _read(row: WorkerRow) -> WorkerHealth:
    return WorkerHealth(
        worker=row.worker,
        seen_at=row.seen_at,
        sandbox=SandboxState(row.sandbox),
        reason=None if row.reason is None else note_from_json(row.reason),
        environment=None if row.environment is None else EnvironmentHash(row.environment),
        gpu=row.gpu,
    )
