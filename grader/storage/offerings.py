"""Offerings in the database."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grader.domain.ids import CourseId, OfferingId, VersionHash
from grader.domain.publishing import Dates, Offering
from grader.errors import Conflict, NotFound
from grader.storage.tables import OfferingRow


class OfferingsTable:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, offering: Offering) -> None:
        if self.find(offering.course_id, slug=offering.slug) is not None:
            raise Conflict(what="assignment", name=offering.slug)
        row = OfferingRow(
            offering_id=offering.offering_id,
            course_id=offering.course_id,
            slug=offering.slug,
            version=offering.version,
            revision=offering.revision,
            created_at=offering.created_at,
        )
        _write_dates(row, offering.dates)
        self._session.add(row)
        self._session.flush()

    def get(self, offering_id: OfferingId) -> Offering:
        return _read(self._get_row(offering_id))

    def find(self, course_id: CourseId, *, slug: str) -> Offering | None:
        row = self._session.scalar(
            sa.select(OfferingRow).where(OfferingRow.course_id == course_id, OfferingRow.slug == slug)
        )
        return None if row is None else _read(row)

    def list_of(self, course_id: CourseId) -> tuple[Offering, ...]:
        query = (
            sa.select(OfferingRow)
            .where(OfferingRow.course_id == course_id)
            .order_by(OfferingRow.due_at.is_(None), OfferingRow.due_at, OfferingRow.slug)
        )
        return tuple(_read(row) for row in self._session.scalars(query))

    def set_dates(self, offering_id: OfferingId, dates: Dates) -> None:
        _write_dates(self._get_row(offering_id), dates)
        self._session.flush()

    def set_version(self, offering_id: OfferingId, version: VersionHash, *, revision: int) -> None:
        row = self._get_row(offering_id)
        row.version = version
        row.revision = revision
        self._session.flush()

    def _get_row(self, offering_id: OfferingId) -> OfferingRow:
        row = self._session.get(OfferingRow, offering_id)
        if row is None:
            raise NotFound(what="offering", name=offering_id)
        return row


def _write_dates(row: OfferingRow, dates: Dates) -> None:
    row.opens_at = dates.opens_at
    row.due_at = dates.due_at
    row.closes_at = dates.closes_at
    row.feedback_at = dates.feedback_at


def _read(row: OfferingRow) -> Offering:
    return Offering(
        offering_id=OfferingId(row.offering_id),
        course_id=CourseId(row.course_id),
        slug=row.slug,
        version=VersionHash(row.version),
        revision=row.revision,
        dates=Dates(opens_at=row.opens_at, due_at=row.due_at, closes_at=row.closes_at, feedback_at=row.feedback_at),
        created_at=row.created_at,
    )
