"""A new version of an assignment: who would gain or lose by it, before anything changes, and then moving to it."""

from dataclasses import dataclass

from grader.domain.ids import VersionHash
from grader.domain.people import Course
from grader.domain.publishing import Offering, PublishedVersion, Revision, VersionState
from grader.domain.regrading import RegradeId, RegradeState
from grader.errors import Conflict, InvalidRequest
from grader.flow.before_after import list_meant
from grader.flow.manuscripts import adopt, find_published
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.schedule import instructors_course
from grader.flow.trial import (
    RegradeView,
    RegradeWish,
    apply_regrade,
    ask_for_the_rest,
    ask_regrade,
    read_regrade,
)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What moving to a version would do."""

    course: Course
    offering: Offering
    version: PublishedVersion
    revision: Revision
    regrade: RegradeView | None
    """Everybody before and after; None where nothing was handed in, or nobody has asked yet."""
    is_unasked: bool
    """Something was handed in, and nobody has asked."""

    @property
    def is_offered(self) -> bool:
        return self.offering.version == self.version.version

    @property
    def is_known(self) -> bool:
        """May somebody decide? The version holds, and everything was graded with it."""
        if self.is_unasked or self.version.state is not VersionState.PROVED:
            return False
        return self.regrade is None or self.regrade.state is not RegradeState.RUNNING


def ask_effect(course: str, slug: str, version: VersionHash, *, caller: Caller, stores: Stores) -> None:
    """Have whatever may count graded with the version, without a change to anything; each submission once.

    Raises:
        NotFound: no such course, assignment or version, or not for the caller.
        Forbidden: the caller is no instructor of the course.
    """
    known = read_effect(course, slug, version, caller=caller, stores=stores).regrade
    if known is not None:
        ask_for_the_rest(known.regrade.regrade_id, caller=caller, stores=stores)
        return
    try:
        ask_regrade(course, slug, wish=RegradeWish(version=version), caller=caller, stores=stores)
    except InvalidRequest:
        return  # nothing was handed in: nobody gains or loses


def read_effect(course: str, slug: str, version: VersionHash, *, caller: Caller, stores: Stores) -> Effect:
    """How far it is, and what it comes to. Raises as `ask_effect`."""
    with stores.storage.reading() as tx:
        found = instructors_course(tx, course, caller)
        offering, revision = find_published(tx, found, slug, version=version)
        published = tx.versions.get(version)
        regrade_id = _find_regrade(tx, offering, version)
        is_unasked = regrade_id is None and bool(list_meant(tx, offering, question_id=None))
    regrade = None if regrade_id is None else read_regrade(regrade_id, caller=caller, stores=stores)
    return Effect(
        course=found,
        offering=offering,
        version=published,
        revision=revision,
        regrade=regrade,
        is_unasked=is_unasked,
    )


def move_to(
    course: str, slug: str, version: VersionHash, *, counts: bool, caller: Caller, stores: Stores
) -> RegradeView | None:
    """Let the course offer the version.

    Args:
        counts: what was handed in before counts as the version grades it; otherwise it keeps its points.

    Raises:
        NotFound, Forbidden: as `ask_effect`.
        Conflict: it is not known yet what that does.
    """
    effect = read_effect(course, slug, version, caller=caller, stores=stores)
    if not effect.is_known:
        raise Conflict(what="version", name=version)
    adopt(course, slug, version=version, caller=caller, stores=stores)
    if effect.regrade is None or not counts:
        return None
    return apply_regrade(effect.regrade.regrade.regrade_id, only_gains=False, caller=caller, stores=stores)


def _find_regrade(tx: Transaction, offering: Offering, version: VersionHash) -> RegradeId | None:
    """The newest of everybody with this version that was not applied: a course may come back to a version."""
    for regrade in tx.regrades.list_of(offering.offering_id):
        if regrade.version == version and regrade.is_of_everybody and regrade.applied_at is None:
            return regrade.regrade_id
    return None
