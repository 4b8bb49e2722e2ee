"""Publish an assignment: store its version and texts, have a worker prove it, and offer it in courses."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime

from grader.domain.ids import BlobKey, OfferingId, VersionHash
from grader.domain.jobs import JobKind
from grader.domain.publishing import Dates, Offering, PublishedVersion, Revision, VersionState
from grader.domain.selftest import SelfTestReport
from grader.errors import Conflict, Forbidden, InvalidRequest, NotFound
from grader.flow.names import new_id
from grader.flow.people import Caller, visible_course
from grader.flow.ports import LoadedAssignment, Stores, Transaction
from grader.flow.rubrics import OfferingUpdate, follow_rubrics, rubrics_of
from grader.flow.standing import judge_arrivals

_NO_DATES = Dates()


def publish(
    loaded: LoadedAssignment, *, files: Mapping[str, bytes], stores: Stores, self_test: bool = False
) -> PublishedVersion:
    """Store an assignment's version; a worker then runs its reference.

    The same version again only adds a revision of its texts, if they differ. A version that failed is tried anew:
    what it failed on may have been the environment.

    Args:
        loaded: the assignment as catalog.parse gave it.
        files: the bundle's files it was parsed from.
        stores: where it goes.
        self_test: have a worker look for mistakes that the checks would not notice, when it has nothing else to do.

    Returns:
        The version as it stands now; UNPROVED ones become PROVED or FAILED by a worker.
    """
    blobs = {path: stores.blobs.put(data) for path, data in files.items()}
    with stores.storage.writing() as tx:
        revision = publish_stored(loaded, files=blobs, tx=tx, stores=stores, self_test=self_test)
        return tx.versions.get(revision.version)


def publish_stored(
    loaded: LoadedAssignment, *, files: Mapping[str, BlobKey], tx: Transaction, stores: Stores, self_test: bool
) -> Revision:
    """The same with files that are stored already, in the caller's transaction. Returns the revision of its texts."""
    assignment, now = loaded.assignment, stores.clock.now()
    tx.versions.add(
        PublishedVersion(
            version=assignment.version,
            slug=assignment.slug,
            points=assignment.points,
            state=VersionState.UNPROVED,
            findings=(),
            created_at=now,
            device=assignment.device,
        )
    )
    revision = tx.versions.add_revision(
        assignment.version,
        title=assignment.title,
        points=assignment.points,
        rubrics=rubrics_of(assignment),
        files=files,
        at=now,
    )
    version = tx.versions.get(assignment.version)
    if version.state is VersionState.FAILED:
        tx.versions.set_state(version.version, VersionState.UNPROVED)
    if version.state is not VersionState.PROVED:
        stores.queue.enqueue(tx, kind=JobKind.PUBLISH, subject=version.version, device=version.device)
    if self_test:
        stores.queue.enqueue(tx, kind=JobKind.SELF_TEST, subject=version.version, device=version.device)
    return revision


def read_version(version: VersionHash, *, stores: Stores) -> PublishedVersion:
    """A version as it stands now.

    Raises:
        NotFound: no such version.
    """
    with stores.storage.reading() as tx:
        return tx.versions.get(version)


def read_self_test(version: VersionHash, *, stores: Stores, since: datetime | None = None) -> SelfTestReport | None:
    """What the version's self-test found; None until a worker had time for it, at the given moment or later."""
    with stores.storage.reading() as tx:
        return tx.versions.find_self_test(version, since=since)


def offer(slug: str, *, course: str, stores: Stores, dates: Dates = _NO_DATES, by: Caller | None = None) -> Offering:
    """Offer the newest version of an assignment in a course; an unproved one may be offered, uploads then wait.

    Args:
        slug: the assignment's short name.
        course: the course's short name.
        stores: where it goes.
        dates: when it opens, is due, closes and shows feedback.
        by: who asks; None is the operator. Only the course's instructors and admins may.

    Raises:
        NotFound: no such course, or no published version of the assignment that could be graded.
        Conflict: the course offers it already.
        Forbidden: `by` is neither instructor nor admin.
    """
    check_order(dates)
    with stores.storage.writing() as tx:
        found = visible_course(tx, course, by)
        if by is not None and not by.is_instructor_in(found.course_id):
            raise Forbidden(needs="instructor")
        if tx.offerings.find(found.course_id, slug=slug) is not None:
            raise Conflict(what="offering", name=slug)
        version = _newest_usable(tx, slug)
        offering = Offering(
            offering_id=OfferingId(new_id()),
            course_id=found.course_id,
            slug=slug,
            version=version.version,
            revision=tx.versions.get_revision(version.version).number,
            dates=dates,
            created_at=stores.clock.now(),
        )
        tx.offerings.add(offering)
    return offering


def update_offering(
    slug: str, *, course: str, stores: Stores, dates: Dates = _NO_DATES, by: Caller | None = None
) -> OfferingUpdate:
    """Let a course offer the newest version of an assignment, with its newest texts; only on request, never by itself.

    Submissions keep the runs they have; new ones, and regrades, are graded by the new version. Points that people gave
    by rubric items follow the newest rubric. Dates that are given replace those that were set; the others stay.

    Raises:
        NotFound: no such course, or it does not offer the assignment, or no version could be graded.
        Forbidden: `by` is neither instructor nor admin.
    """
    with stores.storage.writing() as tx:
        found = visible_course(tx, course, by)
        if by is not None and not by.is_instructor_in(found.course_id):
            raise Forbidden(needs="instructor")
        offering = tx.offerings.find(found.course_id, slug=slug)
        if offering is None:
            raise NotFound(what="assignment", name=slug)
        given = {name: value for name, value in asdict(dates).items() if value is not None}
        if given:
            changed = replace(offering.dates, **given)
            check_order(changed)
            tx.offerings.set_dates(offering.offering_id, changed)
        version, before = _newest_usable(tx, slug).version, tx.offerings.list_revisions(offering.offering_id)
        tx.offerings.set_version(offering.offering_id, version, revision=tx.versions.get_revision(version).number)
        if given:
            judge_arrivals(tx, tx.offerings.get(offering.offering_id))
        return follow_rubrics(tx, offering.offering_id, before=before, at=stores.clock.now())


def check_order(dates: Dates) -> None:
    """Raises InvalidRequest: an offering that closes before it opens could never be handed in to."""
    order = [moment for moment in (dates.opens_at, dates.due_at, dates.closes_at) if moment is not None]
    if order != sorted(order):
        raise InvalidRequest(what="opens <= due <= closes")


def _newest_usable(tx: Transaction, slug: str) -> PublishedVersion:
    for version in tx.versions.list_all(slug=slug):
        if version.state is not VersionState.FAILED:
            return version
    raise NotFound(what="assignment", name=slug)
