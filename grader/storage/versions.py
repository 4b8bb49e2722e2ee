"""Published versions, the revisions of their texts, and expected values in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from grader.domain.device import Device
from grader.domain.ids import BlobKey, CheckId, EnvironmentHash, QuestionId, VersionHash
from grader.domain.publishing import PublishedVersion, Revision, Rubrics, VersionState
from grader.domain.result import Points
from grader.domain.selftest import SelfTestReport
from grader.domain.text import Note, Text
from grader.errors import NotFound
from grader.storage.notes import notes_from_json, notes_to_json
from grader.storage.rows import Rows
from grader.storage.selftests import report_from_json, report_to_json
from grader.storage.tables import ExpectedRow, RevisionRow, SelfTestRow, VersionRow

_ADD = sa.insert(VersionRow)
_CHANGE = sa.update(VersionRow).where(VersionRow.version == sa.bindparam("of_version"))
_BY_HASH = sa.select(VersionRow).where(VersionRow.version == sa.bindparam("version"))
_ALL = sa.select(VersionRow).order_by(VersionRow.created_at.desc(), VersionRow.version)
_OF_SLUG = _ALL.where(VersionRow.slug == sa.bindparam("slug"))

_ADD_REVISION = sa.insert(RevisionRow)
_CHANGE_REVISION = sa.update(RevisionRow).where(
    RevisionRow.version == sa.bindparam("of_version"), RevisionRow.number == sa.bindparam("of_number")
)
_NEWEST_REVISION = (
    sa.select(RevisionRow)
    .where(RevisionRow.version == sa.bindparam("version"))
    .order_by(RevisionRow.number.desc())
    .limit(1)
)
_REVISION = sa.select(RevisionRow).where(
    RevisionRow.version == sa.bindparam("version"), RevisionRow.number == sa.bindparam("number")
)

_ADD_EXPECTED = sa.insert(ExpectedRow)
_CHANGE_EXPECTED = sa.update(ExpectedRow).where(
    ExpectedRow.version == sa.bindparam("of_version"), ExpectedRow.environment == sa.bindparam("of_environment")
)
_EXPECTED = (
    sa.select(ExpectedRow).where(ExpectedRow.version == sa.bindparam("version")).order_by(ExpectedRow.created_at.desc())
)
_EXPECTED_BLOB = sa.select(ExpectedRow.blob).where(
    ExpectedRow.version == sa.bindparam("version"), ExpectedRow.environment == sa.bindparam("environment")
)

_ADD_SELF_TEST = sa.insert(SelfTestRow)
_CHANGE_SELF_TEST = sa.update(SelfTestRow).where(SelfTestRow.version == sa.bindparam("of_version"))
_SELF_TEST = sa.select(SelfTestRow).where(SelfTestRow.version == sa.bindparam("version"))


class VersionsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, version: PublishedVersion) -> bool:
        device = version.device.value  # of one that is known too: an earlier release did not write it down
        if self._rows.write(_CHANGE, of_version=version.version, device=device):
            return False
        self._rows.write(
            _ADD,
            version=version.version,
            slug=version.slug,
            points=version.points,
            state=VersionState.UNPROVED.value,
            findings=[],
            created_at=version.created_at,
            device=device,
        )
        return True

    def find(self, version: VersionHash) -> PublishedVersion | None:
        row = self._rows.find(_BY_HASH, version=version)
        return None if row is None else _read(row)

    def get(self, version: VersionHash) -> PublishedVersion:
        found = self.find(version)
        if found is None:
            raise NotFound(what="version", name=version)
        return found

    def list_all(self, *, slug: str | None = None) -> tuple[PublishedVersion, ...]:
        rows = self._rows.list(_ALL) if slug is None else self._rows.list(_OF_SLUG, slug=slug)
        return tuple(map(_read, rows))

    def set_state(self, version: VersionHash, state: VersionState, *, findings: Sequence[Note] = ()) -> None:
        if not self._rows.write(_CHANGE, of_version=version, state=state.value, findings=notes_to_json(findings)):
            raise NotFound(what="version", name=version)

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
        newest = self._rows.find(_NEWEST_REVISION, version=version)
        if newest is not None and newest.files == dict(files):
            # Read from the same files; a revision of an earlier release had no weights yet.
            number = newest.number
            self._rows.write(_CHANGE_REVISION, of_version=version, of_number=number, points=points, rubrics=weights)
        else:
            number = 1 if newest is None else newest.number + 1
            self._rows.write(
                _ADD_REVISION,
                version=version,
                number=number,
                title_ja=title.ja,
                title_en=title.en,
                points=points,
                rubrics=weights,
                files=dict(files),
                created_at=at,
            )
        return self.get_revision(version, number=number)

    def get_revision(self, version: VersionHash, *, number: int | None = None) -> Revision:
        if number is None:
            row = self._rows.find(_NEWEST_REVISION, version=version)
        else:
            row = self._rows.find(_REVISION, version=version, number=number)
        if row is None:
            raise NotFound(what="revision", name=f"{version}/{number or 'newest'}")
        return _read_revision(row)

    def find_expected(self, version: VersionHash, *, environment: EnvironmentHash) -> BlobKey | None:
        found = self._rows.scalar(_EXPECTED_BLOB, version=version, environment=environment)
        return None if found is None else BlobKey(found)

    def list_expected(self, version: VersionHash) -> Mapping[EnvironmentHash, BlobKey]:
        rows = self._rows.list(_EXPECTED, version=version)
        return {EnvironmentHash(row.environment): BlobKey(row.blob) for row in rows}

    def put_expected(self, version: VersionHash, *, environment: EnvironmentHash, blob: BlobKey, at: datetime) -> None:
        values: dict[str, object] = {"blob": blob, "created_at": at}
        if not self._rows.write(_CHANGE_EXPECTED, of_version=version, of_environment=environment, **values):
            self._rows.write(_ADD_EXPECTED, version=version, environment=environment, **values)

    def put_self_test(self, report: SelfTestReport, *, at: datetime) -> None:
        values = {"environment": report.environment, "report": report_to_json(report), "created_at": at}
        if not self._rows.write(_CHANGE_SELF_TEST, of_version=report.version, **values):
            self._rows.write(_ADD_SELF_TEST, version=report.version, **values)

    def find_self_test(self, version: VersionHash, *, since: datetime | None = None) -> SelfTestReport | None:
        row = self._rows.find(_SELF_TEST, version=version)
        if row is None or (since is not None and row.created_at < since):
            return None
        return report_from_json(row.report, version=version, environment=EnvironmentHash(row.environment))


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
