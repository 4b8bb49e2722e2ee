"""Published versions, the revisions of their texts, and expected values in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.device import Device
from grader.domain.ids import BlobKey, CheckId, EnvironmentHash, QuestionId, VersionHash
from grader.domain.publishing import PublishedVersion, Revision, Rubrics, VersionState
from grader.domain.result import Points
from grader.domain.selftest import SelfTestReport
from grader.domain.text import Note, Text
from grader.errors import NotFound
from grader.storage.notes import notes_from_json, notes_to_json
from grader.storage.selftests import report_from_json, report_to_json
from grader.storage.tables import ExpectedRow, RevisionRow, SelfTestRow, VersionRow


class VersionsTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, version: PublishedVersion) -> bool:
        known = self._session.get(VersionRow, version.version)
        if known is not None:
            known.device = version.device.value  # an earlier release did not write it down
            self._session.flush()
            return False
        self._session.add(
            VersionRow(
                version=version.version,
                slug=version.slug,
                points=version.points,
                state=VersionState.UNPROVED.value,
                findings=[],
                created_at=version.created_at,
                device=version.device.value,
            )
        )
        self._session.flush()
        return True

    def find(self, version: VersionHash) -> PublishedVersion | None:
        row = self._session.get(VersionRow, version)
        return None if row is None else _read(row)

    def get(self, version: VersionHash) -> PublishedVersion:
        found = self.find(version)
        if found is None:
            raise NotFound(what="version", name=version)
        return found

    def list_all(self, *, slug: str | None = None) -> tuple[PublishedVersion, ...]:
        query = sa.select(VersionRow).order_by(VersionRow.created_at.desc(), VersionRow.version)
        if slug is not None:
            query = query.where(VersionRow.slug == slug)
        return tuple(_read(row) for row in self._session.scalars(query))

    def set_state(self, version: VersionHash, state: VersionState, *, findings: Sequence[Note] = ()) -> None:
        row = self._session.get_one(VersionRow, version)
        row.state = state.value
        row.findings = notes_to_json(findings)
        self._session.flush()

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
        weights: dict[str, Any] = {
            question: {check: dict(items) for check, items in checks.items()} for question, checks in rubrics.items()
        }
        newest = self._find_revision(version, number=None)
        if newest is not None and newest.files == dict(files):
            # Read from the same files; a revision of an earlier release had no weights yet.
            newest.points, newest.rubrics = points, weights
            self._session.flush()
            return _read_revision(newest)
        row = RevisionRow(
            version=version,
            number=1 if newest is None else newest.number + 1,
            title_ja=title.ja,
            title_en=title.en,
            points=points,
            rubrics=weights,
            files=dict(files),
            created_at=at,
        )
        self._session.add(row)
        self._session.flush()
        return _read_revision(row)

    def get_revision(self, version: VersionHash, *, number: int | None = None) -> Revision:
        row = self._find_revision(version, number=number)
        if row is None:
            raise NotFound(what="revision", name=f"{version}/{number or 'newest'}")
        return _read_revision(row)

    def find_expected(self, version: VersionHash, *, environment: EnvironmentHash) -> BlobKey | None:
        row = self._session.get(ExpectedRow, (version, environment))
        return None if row is None else BlobKey(row.blob)

    def list_expected(self, version: VersionHash) -> Mapping[EnvironmentHash, BlobKey]:
        query = sa.select(ExpectedRow).where(ExpectedRow.version == version).order_by(ExpectedRow.created_at.desc())
        return {EnvironmentHash(row.environment): BlobKey(row.blob) for row in self._session.scalars(query)}

    def put_expected(self, version: VersionHash, *, environment: EnvironmentHash, blob: BlobKey, at: datetime) -> None:
        self._session.merge(ExpectedRow(version=version, environment=environment, blob=blob, created_at=at))
        self._session.flush()

    def put_self_test(self, report: SelfTestReport, *, at: datetime) -> None:
        row = SelfTestRow(
            version=report.version,
            environment=report.environment,
            report=report_to_json(report),
            created_at=at,
        )
        self._session.merge(row)
        self._session.flush()

    def find_self_test(self, version: VersionHash, *, since: datetime | None = None) -> SelfTestReport | None:
        row = self._session.get(SelfTestRow, version)
        if row is None or (since is not None and row.created_at < since):
            return None
        return report_from_json(row.report, version=version, environment=EnvironmentHash(row.environment))

    def _find_revision(self, version: VersionHash, *, number: int | None) -> RevisionRow | None:
        if number is not None:
            return self._session.get(RevisionRow, (version, number))
        query = sa.select(RevisionRow).where(RevisionRow.version == version).order_by(RevisionRow.number.desc())
        return self._session.scalar(query.limit(1))


def _read(row: VersionRow) -> PublishedVersion:
    return PublishedVersion(
        version=VersionHash(row.version),
        slug=row.slug,
        points=row.points,
        state=VersionState(row.state),
        findings=notes_from_json(row.findings),
        created_at=row.created_at,
        device=Device(row.device),
    )


def _read_revision(row: RevisionRow) -> Revision:
    return Revision(
        version=VersionHash(row.version),
        number=row.number,
        title=Text(ja=row.title_ja, en=row.title_en),
        points=row.points,
        rubrics={
            QuestionId(question): {CheckId(check): items for check, items in checks.items()}
            for question, checks in row.rubrics.items()
        },
        files={path: BlobKey(key) for path, key in row.files.items()},
        created_at=row.created_at,
    )
