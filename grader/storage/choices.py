"""The cells that people pointed at, in the database: rows are added, none is ever changed."""

from datetime import datetime

import sqlalchemy as sa

from grader.domain.choice import CellChoice, ChoiceId
from grader.domain.ids import OfferingId, PersonId, QuestionId, SubmissionId
from grader.storage.rows import Rows
from grader.storage.tables import CellChoiceRow, SubmissionRow

_ADD = sa.insert(CellChoiceRow).values(
    place=sa.select(sa.func.coalesce(sa.func.max(CellChoiceRow.place), 0) + 1)
    .where(CellChoiceRow.submission_id == sa.bindparam("of_submission"))
    .scalar_subquery()
)
_ALL = sa.select(CellChoiceRow).where(CellChoiceRow.submission_id == sa.bindparam("submission"))
_OF_SUBMISSION = _ALL.order_by(CellChoiceRow.place)
_NEWEST = _ALL.order_by(CellChoiceRow.place.desc()).limit(1)
_MOMENTS = (
    sa.select(CellChoiceRow.chosen_at)
    .join(SubmissionRow, SubmissionRow.submission_id == CellChoiceRow.submission_id)
    .where(
        SubmissionRow.offering_id == sa.bindparam("offering"),
        SubmissionRow.person_id == sa.bindparam("person"),
        CellChoiceRow.chosen_by == sa.bindparam("person"),
    )
    .order_by(CellChoiceRow.chosen_at.desc())
    .limit(sa.bindparam("most"))
)


class CellChoicesTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, choice: CellChoice) -> None:
        self._rows.write(
            _ADD,
            of_submission=choice.submission_id,
            choice_id=choice.choice_id,
            submission_id=choice.submission_id,
            cells={question_id: list(cells) for question_id, cells in choice.cells.items()},
            chosen_by=choice.chosen_by,
            chosen_at=choice.chosen_at,
        )

    def find_newest(self, submission_id: SubmissionId) -> CellChoice | None:
        row = self._rows.find(_NEWEST, submission=submission_id)
        return None if row is None else _read(row)

    def list_of(self, submission_id: SubmissionId) -> tuple[CellChoice, ...]:
        return tuple(map(_read, self._rows.list(_OF_SUBMISSION, submission=submission_id)))

    def list_moments(self, offering_id: OfferingId, *, person_id: PersonId, limit: int) -> tuple[datetime, ...]:
        found = self._rows.list_tuples(_MOMENTS, offering=offering_id, person=person_id, most=limit)
        return tuple(moment for (moment,) in found)


def _read(row: CellChoiceRow) -> CellChoice:
    return CellChoice(
        choice_id=ChoiceId(row.choice_id),
        submission_id=SubmissionId(row.submission_id),
        cells={QuestionId(question_id): tuple(cells) for question_id, cells in row.cells.items()},
        chosen_by=PersonId(row.chosen_by),
        chosen_at=row.chosen_at,
    )
