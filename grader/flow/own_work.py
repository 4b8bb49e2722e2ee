"""How far a student is with each assignment of a course, and what is new there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grader.domain.ids import OfferingId
from grader.domain.overview import Counted, Scope, Sums
from grader.domain.people import Role
from grader.domain.publishing import Offering
from grader.domain.submission import RunState
from grader.flow.people import Caller
from grader.flow.ports import Stores
from grader.flow.progress import OfferingView


class WorkState(StrEnum):
    NOT_HANDED_IN = "not_handed_in"
    NOT_COUNTED = "not_counted"
    """Handed in, but nothing of it counts."""
    WAITING = "waiting"
    FAILED = "failed"
    """We could not grade it."""
    HELD_BACK = "held_back"
    """Graded, and not to be read yet."""
    GRADED = "graded"


class News(StrEnum):
    """What a student has not seen yet."""

    ASSIGNMENT = "assignment"
    RESULT = "result"


@dataclass(frozen=True, kw_only=True)
class OwnWork:
    """One assignment as one student stands in it."""

    state: WorkState
    sums: Sums | None = None
    """Of what counts, where it is graded and may be read."""
    news: News | None = None


def read_own_work(views: Sequence[OfferingView], *, caller: Caller, stores: Stores) -> Mapping[OfferingId, OwnWork]:
    """Each of the offerings of one course for a caller who is a student there; nothing for others.

    Args:
        views: as `progress.list_assignments` gives them.
    """
    if not views or caller.role_in(views[0].course.course_id) is not Role.STUDENT:
        return {}
    course_id, person_id = views[0].course.course_id, caller.person.person_id
    revisions = {view.offering.offering_id: view.revision for view in views}
    scope = Scope(course_id=course_id, people=(person_id,))
    with stores.storage.reading() as tx:
        counted = [each for each in tx.overview.list_counted(scope) if each.offering_id in revisions]
        seen = tx.visits.list_of(course_id, person_id=person_id)
        changes = tx.visits.list_changes(course_id, person_id=person_id)
    sums = {each.offering_id: each.sums for each in counted}
    counting = {each.offering_id: each for each in counted}
    now = stores.clock.now()
    work = {}
    for view in views:
        offering_id = view.offering.offering_id
        is_released = view.offering.is_released(at=now)
        state = (
            _state_of(counting.get(offering_id), sums.get(offering_id), is_released=is_released)
            if offering_id in changes
            else WorkState.NOT_HANDED_IN
        )
        last_seen = seen.get(offering_id)
        changed = _last_change(view.offering, changes.get(offering_id), at=now)
        news = None
        if is_released and changed is not None and (last_seen is None or last_seen < changed):
            news = News.RESULT
        elif last_seen is None and offering_id not in changes and view.offering.dates.is_open(at=now):
            news = News.ASSIGNMENT
        work[offering_id] = OwnWork(
            state=state, sums=sums[offering_id] if state is WorkState.GRADED else None, news=news
        )
    return work


def note_visit(offering: Offering, *, caller: Caller, stores: Stores) -> None:
    """The caller looks at this offering or at a result of it: what has changed there so far is no news any more."""
    course_id, offering_id, person_id = offering.course_id, offering.offering_id, caller.person.person_id
    if caller.role_in(course_id) is not Role.STUDENT:
        return
    now = stores.clock.now()
    with stores.storage.reading() as tx:
        last_seen = tx.visits.list_of(course_id, person_id=person_id).get(offering_id)
        changed = tx.visits.list_changes(course_id, person_id=person_id).get(offering_id)
    changed = _last_change(offering, changed, at=now)
    # To write makes everybody else who writes wait: only where there is something to forget.
    if last_seen is None or (changed is not None and last_seen < changed):
        with stores.storage.writing() as tx:
            tx.visits.put(offering_id, person_id=person_id, at=now)


def _last_change(offering: Offering, found: datetime | None, *, at: datetime) -> datetime | None:
    """When there was something new last: a result, or that it was released since."""
    if found is None:
        return None
    released = (offering.points_from, offering.details_from)
    return max((found, *(moment for moment in released if moment is not None and moment <= at)))


def _state_of(counted: Counted | None, sums: Sums | None, *, is_released: bool) -> WorkState:
    if counted is None:
        return WorkState.NOT_COUNTED
    if sums is None:
        return WorkState.FAILED if counted.state is RunState.FAILED else WorkState.WAITING
    return WorkState.GRADED if is_released else WorkState.HELD_BACK
