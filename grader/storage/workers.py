"""What workers say of themselves, in the database."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import EnvironmentHash
from grader.domain.jobs import SandboxState, WorkerHealth
from grader.storage.notes import note_from_json, note_to_json
from grader.storage.tables import WorkerRow


class WorkersTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def report(self, health: WorkerHealth) -> None:
        self._session.merge(
            WorkerRow(
                worker=health.worker,
                seen_at=health.seen_at,
                sandbox=health.sandbox.value,
                reason=None if health.reason is None else note_to_json(health.reason),
                environment=health.environment,
                gpu=health.gpu,
            )
        )
        self._session.flush()

    def forget(self, worker: str) -> None:
        self._session.execute(sa.delete(WorkerRow).where(WorkerRow.worker == worker))

    def list_seen(self, *, since: datetime) -> tuple[WorkerHealth, ...]:
        query = sa.select(WorkerRow).where(WorkerRow.seen_at >= since).order_by(WorkerRow.worker)
        return tuple(
            WorkerHealth(
                worker=row.worker,
                seen_at=row.seen_at,
                sandbox=SandboxState(row.sandbox),
                reason=None if row.reason is None else note_from_json(row.reason),
                environment=None if row.environment is None else EnvironmentHash(row.environment),
                gpu=row.gpu,
            )
            for row in self._session.scalars(query)
        )
