"""A roster file between the page that shows what it would change and the import."""

from dataclasses import dataclass
from datetime import timedelta

from grader.domain.roster import RosterColumns, RosterPlan, RosterUpload
from grader.domain.text import Note
from grader.errors import NotFound, RosterRefused
from grader.flow.people import Caller, taught_course
from grader.flow.ports import Stores
from grader.flow.roster import RosterPreview, import_roster, preview_roster
from grader.flow.roster_file import read_roster

_KEPT_FOR = timedelta(days=1)
_NO_COLUMNS = "no_columns"
_LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class UploadView:
    """A kept file, and what importing it would change."""

    file_name: str
    headings: tuple[str, ...]
    columns: RosterColumns
    preview: RosterPreview | None
    """None while nobody has said which column tells who somebody is."""
    trouble: Note | None


def keep_upload(data: bytes, *, file_name: str, course: str, by: Caller, stores: Stores) -> None:
    """Keep a file for a day, in place of the one that `by` brought before.

    Raises:
        RosterRefused: it cannot be read as a roster, whichever its columns are.
        NotFound: no such course, or not for `by`.
        Forbidden: `by` is neither instructor nor admin.
    """
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        found = taught_course(tx, course, by)
    try:
        read_roster(data)
    except RosterRefused as error:
        if error.reason != _NO_COLUMNS or not error.facts["headings"]:
            raise
    with stores.storage.writing() as tx:
        tx.roster_uploads.forget_before(now - _KEPT_FOR)
        tx.roster_uploads.put(
            RosterUpload(
                course_id=found.course_id,
                person_id=by.person.person_id,
                file_name=file_name[:_LONGEST_NAME],
                data=data,
                uploaded_at=now,
            )
        )


def preview_upload(*, course: str, columns: RosterColumns, by: Caller, stores: Stores) -> UploadView:
    """What importing the kept file would change, with these columns where they are not the usual ones.

    Raises:
        NotFound: nothing is kept, or as `keep_upload`.
        RosterRefused, Forbidden: as `keep_upload`.
    """
    upload = _get_upload(course, by=by, stores=stores)
    try:
        preview = preview_roster(upload.data, course=course, columns=columns, by=by, stores=stores)
    except RosterRefused as error:
        headings = error.facts.get("headings")
        if error.reason != _NO_COLUMNS or not isinstance(headings, list):
            raise
        return UploadView(
            file_name=upload.file_name,
            headings=tuple(str(heading) for heading in headings),
            columns=columns,
            preview=None,
            trouble=error.note,
        )
    return UploadView(
        file_name=upload.file_name,
        headings=tuple(preview.plan.headings),
        columns=preview.plan.columns,
        preview=preview,
        trouble=None,
    )


def import_upload(*, course: str, columns: RosterColumns, seen: str, by: Caller, stores: Stores) -> RosterPlan:
    """Make the change that was shown, and forget the file.

    Raises:
        NotFound: nothing is kept, or as `keep_upload`.
        Conflict: it would change something else by now.
        RosterRefused, Forbidden: as `keep_upload`; or the plan has problems.
    """
    upload = _get_upload(course, by=by, stores=stores)
    plan = import_roster(upload.data, course=course, columns=columns, seen=seen, by=by, stores=stores)
    with stores.storage.writing() as tx:
        tx.roster_uploads.forget(upload.course_id, person_id=upload.person_id)
    return plan


def forget_upload(*, course: str, by: Caller, stores: Stores) -> None:
    """Nothing is imported. Raises NotFound, Forbidden as `keep_upload`."""
    with stores.storage.writing() as tx:
        tx.roster_uploads.forget(taught_course(tx, course, by).course_id, person_id=by.person.person_id)


def _get_upload(course: str, *, by: Caller, stores: Stores) -> RosterUpload:
    with stores.storage.reading() as tx:
        found = taught_course(tx, course, by)
        upload = tx.roster_uploads.find(found.course_id, person_id=by.person.person_id)
    if upload is None:
        raise NotFound(what="roster", name=course)
    return upload
