"""Offerings in the database."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from grader.domain.ids import CourseId, OfferingId, VersionHash
from grader.domain.people import CountingPolicy
from grader.domain.publishing import Dates, LatePolicy, LateUnit, Offering, Release, Rules
from grader.errors import Conflict, NotFound
from grader.storage.rows import Rows
from grader.storage.tables import OfferingRevisionRow, OfferingRow

_ADD = sa.insert(OfferingRow)
_CHANGE = sa.update(OfferingRow).where(OfferingRow.offering_id == sa.bindparam("of_offering"))
_BY_ID = sa.select(OfferingRow).where(OfferingRow.offering_id == sa.bindparam("offering"))
_OF_COURSE = (
    sa.select(OfferingRow)
    .where(OfferingRow.course_id == sa.bindparam("course"))
    .order_by(OfferingRow.due_at.is_(None), OfferingRow.due_at, OfferingRow.slug)
)
_BY_SLUG = sa.select(OfferingRow).where(
    OfferingRow.course_id == sa.bindparam("course"), OfferingRow.slug == sa.bindparam("slug")
)
_REVISION = sa.select(OfferingRevisionRow.revision).where(
    OfferingRevisionRow.offering_id == sa.bindparam("offering"), OfferingRevisionRow.version == sa.bindparam("version")
)
_REVISIONS = sa.select(OfferingRevisionRow.version, OfferingRevisionRow.revision).where(
    OfferingRevisionRow.offering_id == sa.bindparam("offering")
)
_ADD_REVISION = sa.insert(OfferingRevisionRow)
_CHANGE_REVISION = sa.update(OfferingRevisionRow).where(
    OfferingRevisionRow.offering_id == sa.bindparam("of_offering"),
    OfferingRevisionRow.version == sa.bindparam("of_version"),
)


class OfferingsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, offering: Offering) -> None:
        if self.find(offering.course_id, slug=offering.slug) is not None:
            raise Conflict(what="assignment", name=offering.slug)
        self._rows.write(
            _ADD,
            offering_id=offering.offering_id,
            course_id=offering.course_id,
            slug=offering.slug,
            version=offering.version,
            revision=offering.revision,
            created_at=offering.created_at,
            rules=_rules_to_json(offering.rules),
            **_date_values(offering.dates),
        )
        self.put_revision(offering.offering_id, offering.version, revision=offering.revision)

    def get(self, offering_id: OfferingId) -> Offering:
        row = self._rows.find(_BY_ID, offering=offering_id)
        if row is None:
            raise NotFound(what="offering", name=offering_id)
        return _read(row)

    def find(self, course_id: CourseId, *, slug: str) -> Offering | None:
        row = self._rows.find(_BY_SLUG, course=course_id, slug=slug)
        return None if row is None else _read(row)

    def list_of(self, course_id: CourseId) -> tuple[Offering, ...]:
        return tuple(map(_read, self._rows.list(_OF_COURSE, course=course_id)))

    def set_dates(self, offering_id: OfferingId, dates: Dates) -> None:
        self._change(offering_id, **_date_values(dates))

    def set_rules(self, offering_id: OfferingId, rules: Rules) -> None:
        self._change(offering_id, rules=_rules_to_json(rules))

    def set_version(self, offering_id: OfferingId, version: VersionHash, *, revision: int) -> None:
        self._change(offering_id, version=version, revision=revision)
        self.put_revision(offering_id, version, revision=revision)

    def put_revision(self, offering_id: OfferingId, version: VersionHash, *, revision: int) -> None:
        if not self._rows.write(_CHANGE_REVISION, of_offering=offering_id, of_version=version, revision=revision):
            self._rows.write(_ADD_REVISION, offering_id=offering_id, version=version, revision=revision)

    def find_revision(self, offering_id: OfferingId, version: VersionHash) -> int | None:
        return self._rows.scalar(_REVISION, offering=offering_id, version=version)

    def list_revisions(self, offering_id: OfferingId) -> Mapping[VersionHash, int]:
        rows = self._rows.list_tuples(_REVISIONS, offering=offering_id)
        return {VersionHash(version): revision for version, revision in rows}

    def _change(self, offering_id: OfferingId, **values: object) -> None:
        if not self._rows.write(_CHANGE, of_offering=offering_id, **values):
            raise NotFound(what="offering", name=offering_id)


def _date_values(dates: Dates) -> dict[str, object]:
    return {
        "opens_at": dates.opens_at,
        "due_at": dates.due_at,
        "closes_at": dates.closes_at,
        "feedback_at": dates.feedback_at,
        "details_at": dates.details_at,
    }


def _read(row: OfferingRow) -> Offering:
    return Offering(
        offering_id=OfferingId(row.offering_id),
        course_id=CourseId(row.course_id),
        slug=row.slug,
        version=VersionHash(row.version),
        revision=row.revision,
        dates=Dates(
            opens_at=row.opens_at,
            due_at=row.due_at,
            closes_at=row.closes_at,
            feedback_at=row.feedback_at,
            details_at=row.details_at,
        ),
        created_at=row.created_at,
        rules=_rules_from_json(row.rules),
    )


def _rules_to_json(rules: Rules) -> dict[str, Any]:
    return asdict(rules)


def _rules_from_json(entry: dict[str, Any] | None) -> Rules:
    if entry is None:
        return Rules()
    late, counting = entry["late"], entry["counting"]
    return Rules(
        late=None if late is None else LatePolicy(**{**late, "unit": LateUnit(late["unit"])}),
        counting=None if counting is None else CountingPolicy(counting),
        release=Release(entry["release"]),
        details=Release(entry.get("details", Release.BY_DATE)),
        uploads=entry.get("uploads"),
    )
