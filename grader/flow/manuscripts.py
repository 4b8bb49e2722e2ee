"""Write an assignment in a course: begin it, change it, have it tried, and publish it there."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from grader.domain.ids import BlobKey, CourseId, OfferingId, VersionHash
from grader.domain.jobs import JobKind
from grader.domain.manuscript import Manuscript, ManuscriptId, Work
from grader.domain.notebook import Notebook
from grader.domain.people import Course, Person
from grader.domain.publishing import Dates, Offering, PublishedVersion, Revision
from grader.errors import Conflict, NotFound
from grader.flow.assignments import StoredAssignments
from grader.flow.names import check_slug, new_id
from grader.flow.people import Caller
from grader.flow.ports import LoadedAssignment, Stores, Transaction
from grader.flow.publish import check_order, publish_stored
from grader.flow.rubrics import OfferingUpdate, follow_rubrics
from grader.flow.schedule import instructors_course

_NOT_STORED = 0
"""The edition of what is offered and nobody has changed yet."""
_NO_DATES = Dates()


@dataclass(frozen=True, kw_only=True)
class Writing:
    """A manuscript as its author finds it."""

    course: Course
    manuscript: Manuscript
    offering: Offering | None
    """What the course offers under this slug."""
    editor: Person
    """Who changed it last."""

    @property
    def is_changed(self) -> bool:
        """False: these are the files that the course offers."""
        return self.manuscript.edition != _NOT_STORED


@dataclass(frozen=True, kw_only=True)
class Published:
    """What publishing did."""

    version: PublishedVersion
    offering: Offering
    is_first: bool
    """The course did not offer it before."""
    update: OfferingUpdate | None = None
    """What other texts and rubrics did to points."""


def read_course(course: str, *, caller: Caller, stores: Stores) -> Course:
    """The course, for those who write in it. Raises as `read_writing`."""
    with stores.storage.reading() as tx:
        return instructors_course(tx, course, caller)


def list_writings(course: str, *, caller: Caller, stores: Stores) -> tuple[Writing, ...]:
    """What is being written in the course, by slug. Raises as `read_writing`."""
    with stores.storage.reading() as tx:
        found = instructors_course(tx, course, caller)
        return tuple(_writing(tx, found, each) for each in tx.manuscripts.list_of(found.course_id))


def read_writing(course: str, slug: str, *, caller: Caller, stores: Stores) -> Writing:
    """What is being written under this slug, or else what the course offers, ready to be changed.

    Raises:
        NotFound: neither of them, or no such course, or not for the caller.
        Forbidden: the caller is no instructor of the course.
    """
    with stores.storage.reading() as tx:
        found = instructors_course(tx, course, caller)
        return _writing(tx, found, _find(tx, found.course_id, slug, caller=caller, at=stores.clock.now()))


def read_files(manuscript: Manuscript, *, stores: Stores) -> Mapping[str, bytes]:
    """The files by path."""
    return {path: stores.blobs.get(key) for path, key in manuscript.files.items()}


def begin(course: str, slug: str, files: Mapping[str, bytes], *, caller: Caller, stores: Stores) -> Writing:
    """Begin an assignment with these files, which may be full of mistakes.

    Raises:
        NotFound, Forbidden: as `read_writing`.
        InvalidRequest: the slug is none.
        Conflict: the course has an assignment of this slug, or somebody writes one.
    """
    check_slug(slug)
    blobs = {path: stores.blobs.put(data) for path, data in files.items()}
    return _begin(course, slug, caller=caller, stores=stores, files=blobs)


def begin_from_solved(
    course: str,
    slug: str,
    data: bytes,
    *,
    caller: Caller,
    stores: Stores,
    read_notebook: Callable[[bytes], Notebook],
) -> Writing:
    """Begin an assignment from a solved notebook: a worker drafts it. Raises as `begin`; NotebookRefused besides."""
    check_slug(slug)
    read_notebook(data)
    return _begin(course, slug, caller=caller, stores=stores, solved=stores.blobs.put(data))


def save(
    course: str,
    slug: str,
    changed: Mapping[str, bytes],
    *,
    edition: int,
    caller: Caller,
    stores: Stores,
    removed: Collection[str] = (),
) -> Writing:
    """Put other files in the place of some, whatever mistakes are in them.

    Args:
        changed: by path.
        edition: the one that the editor had read.
        removed: paths of files that are to go.

    Raises:
        NotFound, Forbidden: as `read_writing`.
        Conflict: somebody else has changed it since; nothing was saved.
    """
    blobs = {path: stores.blobs.put(data) for path, data in changed.items()}
    with stores.storage.writing() as tx:
        found = instructors_course(tx, course, caller)
        before = _current(tx, found, slug, edition=edition, caller=caller, at=stores.clock.now())
        after = replace(
            before,
            files={path: key for path, key in {**before.files, **blobs}.items() if path not in removed},
            edition=before.edition + 1,
            edited_by=caller.person.person_id,
            edited_at=stores.clock.now(),
        )
        _put(tx, after)
        return _writing(tx, found, after)


def ask_for_trial(
    course: str, slug: str, *, edition: int, caller: Caller, stores: Stores, assignments: StoredAssignments
) -> Writing:
    """Have a worker run the reference and the self-test.

    Raises:
        NotFound, Forbidden, Conflict: as `save`.
        InvalidAssignment: the files have mistakes; nothing was asked for.
    """
    writing = read_writing(course, slug, caller=caller, stores=stores)
    device = _load(writing, stores=stores, assignments=assignments).assignment.device
    with stores.storage.writing() as tx:
        found = instructors_course(tx, course, caller)
        before = _current(tx, found, slug, edition=edition, caller=caller, at=stores.clock.now())
        after = replace(before, edition=max(before.edition, 1), work=Work.TRYING, progress=None, trial=None)
        _put(tx, after)
        stores.queue.enqueue(tx, kind=JobKind.TRY, subject=after.manuscript_id, device=device)
        return _writing(tx, found, after)


def throw_away(course: str, slug: str, *, edition: int, caller: Caller, stores: Stores) -> None:
    """Forget what was written; what the course offers stays as it is. Raises as `save`."""
    with stores.storage.writing() as tx:
        found = instructors_course(tx, course, caller)
        manuscript = tx.manuscripts.find(found.course_id, slug=slug)
        if manuscript is None:
            raise NotFound(what="assignment", name=slug)
        _current(tx, found, slug, edition=edition, caller=caller, at=stores.clock.now())
        tx.manuscripts.forget(manuscript.manuscript_id)


def publish_writing(
    course: str,
    slug: str,
    *,
    edition: int,
    caller: Caller,
    stores: Stores,
    assignments: StoredAssignments,
    dates: Dates = _NO_DATES,
) -> Published:
    """Publish it, and let the course offer it: at once where it is new here or only words and rubrics have changed.

    A version that grades otherwise is stored, proved and self-tested, but the course keeps offering what it offers
    until `adopt` says so.

    Args:
        dates: of what is new here, lest students see it before; what is offered keeps its own.

    Raises:
        NotFound, Forbidden, Conflict: as `save`.
        InvalidAssignment: the files have mistakes; nothing was published.
        InvalidRequest: the dates are in no order.
    """
    check_order(dates)
    writing = read_writing(course, slug, caller=caller, stores=stores)
    if writing.manuscript.edition != edition:
        raise _edited_meanwhile(writing)
    loaded, at = _load(writing, stores=stores, assignments=assignments), stores.clock.now()
    with stores.storage.writing() as tx:
        found = instructors_course(tx, course, caller)
        _current(tx, found, slug, edition=edition, caller=caller, at=at)
        revision = publish_stored(loaded, files=writing.manuscript.files, tx=tx, stores=stores, self_test=True)
        version = tx.versions.get(revision.version)
        offering = tx.offerings.find(found.course_id, slug=slug)
        if offering is None:
            offering = Offering(
                offering_id=OfferingId(new_id()),
                course_id=found.course_id,
                slug=slug,
                version=revision.version,
                revision=revision.number,
                dates=dates,
                created_at=at,
            )
            tx.offerings.add(offering)
            _forget(tx, writing)
            return Published(version=version, offering=offering, is_first=True)
        if offering.version == revision.version:
            update = _move(tx, offering, revision, at=at)
            _forget(tx, writing)
            return Published(version=version, offering=update.offering, is_first=False, update=update)
        before = tx.offerings.list_revisions(offering.offering_id)
        tx.offerings.put_revision(offering.offering_id, revision.version, revision=revision.number)
        follow_rubrics(tx, offering.offering_id, before=before, at=at)
        return Published(version=version, offering=offering, is_first=False)


def adopt(course: str, slug: str, *, version: VersionHash, caller: Caller, stores: Stores) -> OfferingUpdate:
    """Let the course offer a version that was published here, with the texts of then; what was written since stays.

    What was handed in keeps its points until somebody applies a regrade; what is handed in from now on, and regrades,
    are graded by the new version.

    Raises:
        NotFound, Forbidden: as `read_writing`; NotFound also where no such version was published here.
    """
    with stores.storage.writing() as tx:
        found = instructors_course(tx, course, caller)
        offering, revision = find_published(tx, found, slug, version=version)
        manuscript = tx.manuscripts.find(found.course_id, slug=slug)
        if manuscript is not None and manuscript.files == revision.files:
            tx.manuscripts.forget(manuscript.manuscript_id)
        return _move(tx, offering, revision, at=stores.clock.now())


def find_published(tx: Transaction, course: Course, slug: str, *, version: VersionHash) -> tuple[Offering, Revision]:
    """What the course offers, and a version as it was published there, offered or not yet.

    Raises:
        NotFound: the course offers nothing by that name, or never published that version; another course may have.
    """
    offering = tx.offerings.find(course.course_id, slug=slug)
    if offering is None:
        raise NotFound(what="assignment", name=slug)
    number = tx.offerings.find_revision(offering.offering_id, version)
    if number is None:
        raise NotFound(what="version", name=version)
    return offering, tx.versions.get_revision(version, number=number)


def _move(tx: Transaction, offering: Offering, revision: Revision, *, at: datetime) -> OfferingUpdate:
    before = tx.offerings.list_revisions(offering.offering_id)
    tx.offerings.set_version(offering.offering_id, revision.version, revision=revision.number)
    return follow_rubrics(tx, offering.offering_id, before=before, at=at)


def _forget(tx: Transaction, writing: Writing) -> None:
    if writing.is_changed:
        tx.manuscripts.forget(writing.manuscript.manuscript_id)


def _load(writing: Writing, *, stores: Stores, assignments: StoredAssignments) -> LoadedAssignment:
    return assignments.read(read_files(writing.manuscript, stores=stores), writing.manuscript.slug)


def _begin(
    course: str,
    slug: str,
    *,
    caller: Caller,
    stores: Stores,
    files: Mapping[str, BlobKey] | None = None,
    solved: BlobKey | None = None,
) -> Writing:
    with stores.storage.writing() as tx:
        found = instructors_course(tx, course, caller)
        if tx.offerings.find(found.course_id, slug=slug) is not None:
            raise Conflict(what="assignment", name=slug)
        manuscript = Manuscript(
            manuscript_id=ManuscriptId(new_id()),
            course_id=found.course_id,
            slug=slug,
            files=files or {},
            edition=1,
            solved=solved,
            work=None if solved is None else Work.DRAFTING,
            edited_by=caller.person.person_id,
            edited_at=stores.clock.now(),
        )
        tx.manuscripts.add(manuscript)
        if solved is not None:
            stores.queue.enqueue(tx, kind=JobKind.DRAFT, subject=manuscript.manuscript_id)
        return _writing(tx, found, manuscript)


def _find(tx: Transaction, course_id: CourseId, slug: str, *, caller: Caller, at: datetime) -> Manuscript:
    manuscript = tx.manuscripts.find(course_id, slug=slug)
    if manuscript is not None:
        return manuscript
    offering = tx.offerings.find(course_id, slug=slug)
    if offering is None:
        raise NotFound(what="assignment", name=slug)
    revision = tx.versions.get_revision(offering.version, number=offering.revision)
    return Manuscript(
        manuscript_id=ManuscriptId(new_id()),
        course_id=course_id,
        slug=slug,
        files=revision.files,
        edition=_NOT_STORED,
        edited_by=caller.person.person_id,
        edited_at=at,
    )


def _current(tx: Transaction, course: Course, slug: str, *, edition: int, caller: Caller, at: datetime) -> Manuscript:
    found = _find(tx, course.course_id, slug, caller=caller, at=at)
    if found.edition != edition:
        raise _edited_meanwhile(_writing(tx, course, found))
    return found


def _edited_meanwhile(writing: Writing) -> Conflict:
    return Conflict(what="edition", name=writing.editor.name, at=writing.manuscript.edited_at.isoformat())


def _put(tx: Transaction, manuscript: Manuscript) -> None:
    if tx.manuscripts.find(manuscript.course_id, slug=manuscript.slug) is None:
        tx.manuscripts.add(manuscript)
    else:
        tx.manuscripts.put(manuscript)


def _writing(tx: Transaction, course: Course, manuscript: Manuscript) -> Writing:
    return Writing(
        course=course,
        manuscript=manuscript,
        offering=tx.offerings.find(course.course_id, slug=manuscript.slug),
        editor=tx.people.get(manuscript.edited_by),
    )
