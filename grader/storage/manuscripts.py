"""Assignments that are being written, in the database."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from grader.domain.ids import BlobKey, CourseId, EnvironmentHash, PersonId, VersionHash
from grader.domain.manuscript import Manuscript, ManuscriptId, Progress, Trial, Work
from grader.errors import Conflict, NotFound
from grader.storage.notes import notes_from_json, notes_to_json
from grader.storage.rows import Rows
from grader.storage.selftests import report_from_json, report_to_json
from grader.storage.tables import ManuscriptRow

_ADD = sa.insert(ManuscriptRow)
_CHANGE = sa.update(ManuscriptRow).where(ManuscriptRow.manuscript_id == sa.bindparam("of_manuscript"))
_FORGET = sa.delete(ManuscriptRow).where(ManuscriptRow.manuscript_id == sa.bindparam("of_manuscript"))
_BY_ID = sa.select(ManuscriptRow).where(ManuscriptRow.manuscript_id == sa.bindparam("manuscript"))
_OF_COURSE = (
    sa.select(ManuscriptRow).where(ManuscriptRow.course_id == sa.bindparam("course")).order_by(ManuscriptRow.slug)
)
_BY_SLUG = _OF_COURSE.where(ManuscriptRow.slug == sa.bindparam("slug"))


class ManuscriptsTable:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, manuscript: Manuscript) -> None:
        if self.find(manuscript.course_id, slug=manuscript.slug) is not None:
            raise Conflict(what="assignment", name=manuscript.slug)
        self._rows.write(_ADD, **_values(manuscript))

    def get(self, manuscript_id: ManuscriptId) -> Manuscript:
        row = self._rows.find(_BY_ID, manuscript=manuscript_id)
        if row is None:
            raise NotFound(what="manuscript", name=manuscript_id)
        return _read(row)

    def find(self, course_id: CourseId, *, slug: str) -> Manuscript | None:
        row = self._rows.find(_BY_SLUG, course=course_id, slug=slug)
        return None if row is None else _read(row)

    def list_of(self, course_id: CourseId) -> tuple[Manuscript, ...]:
        return tuple(map(_read, self._rows.list(_OF_COURSE, course=course_id)))

    def put(self, manuscript: Manuscript) -> None:
        self._change(manuscript.manuscript_id, **_values(manuscript))

    def set_progress(self, manuscript_id: ManuscriptId, progress: Progress) -> None:
        self._change(manuscript_id, progress=asdict(progress))

    def forget(self, manuscript_id: ManuscriptId) -> None:
        self._rows.write(_FORGET, of_manuscript=manuscript_id)

    def _change(self, manuscript_id: ManuscriptId, /, **values: object) -> None:
        if not self._rows.write(_CHANGE, of_manuscript=manuscript_id, **values):
            raise NotFound(what="manuscript", name=manuscript_id)


def _values(manuscript: Manuscript) -> dict[str, object]:
    return {
        "manuscript_id": manuscript.manuscript_id,
        "course_id": manuscript.course_id,
        "slug": manuscript.slug,
        "files": dict(manuscript.files),
        "edition": manuscript.edition,
        "solved": manuscript.solved,
        "work": None if manuscript.work is None else manuscript.work.value,
        "progress": None if manuscript.progress is None else asdict(manuscript.progress),
        "notes": notes_to_json(manuscript.notes),
        "trial": None if manuscript.trial is None else _trial_to_json(manuscript.trial),
        "edited_by": manuscript.edited_by,
        "edited_at": manuscript.edited_at,
    }


def _read(row: ManuscriptRow) -> Manuscript:
    return Manuscript(
        manuscript_id=ManuscriptId(row.manuscript_id),
        course_id=CourseId(row.course_id),
        slug=row.slug,
        files={path: BlobKey(key) for path, key in row.files.items()},
        edition=row.edition,
        solved=None if row.solved is None else BlobKey(row.solved),
        work=None if row.work is None else Work(row.work),
        progress=None if row.progress is None else Progress(**row.progress),
        notes=notes_from_json(row.notes),
        trial=None if row.trial is None else _trial_from_json(row.trial),
        edited_by=PersonId(row.edited_by),
        edited_at=row.edited_at,
    )


def _trial_to_json(trial: Trial) -> dict[str, Any]:
    report = trial.report
    return {
        "edition": trial.edition,
        "findings": notes_to_json(trial.findings),
        "prompt_outputs": {question: dict(texts) for question, texts in trial.prompt_outputs.items()},
        "version": None if report is None else report.version,
        "environment": None if report is None else report.environment,
        "report": None if report is None else report_to_json(report),
    }


def _trial_from_json(entry: dict[str, Any]) -> Trial:
    report = None
    if entry["report"] is not None:
        version, environment = VersionHash(entry["version"]), EnvironmentHash(entry["environment"])
        report = report_from_json(entry["report"], version=version, environment=environment)
    return Trial(
        edition=entry["edition"],
        findings=notes_from_json(entry["findings"]),
        prompt_outputs=entry["prompt_outputs"],
        report=report,
    )
