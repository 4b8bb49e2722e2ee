"""After how much in a short time the grading of a person's work waits a while, so that others get their turn."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from grader.domain.ids import OfferingId, PersonId, RunId
from grader.domain.publishing import Offering
from grader.domain.text import Note
from grader.flow.ports import Transaction


@dataclass(frozen=True, kw_only=True)
class UploadLimit:
    """More uploads than these for one assignment, of one person within the window, are graded later.

    Pointing at other cells starts a whole run as an upload does, and counts as one.
    """

    uploads: int = 20
    window_s: float = 600.0


def limit_of(offering: Offering, *, default: UploadLimit) -> UploadLimit:
    """What an offering's own rules make of the service's limit."""
    own = offering.rules.uploads
    return default if own is None else replace(default, uploads=own)


def pause_s(
    tx: Transaction, offering_id: OfferingId, *, person_id: PersonId, limit: UploadLimit, at: datetime
) -> float:
    """How long the grading of what has just come has to wait; 0 where there were not too many before it."""
    most = limit.uploads + 1
    uploads = tx.submissions.list_of(offering_id, person_id=person_id, limit=most)
    moments = [each.received_at for each in uploads]
    moments += tx.cell_choices.list_moments(offering_id, person_id=person_id, limit=most)
    if len(moments) < most:
        return 0
    passed_s = (at - sorted(moments, reverse=True)[limit.uploads]).total_seconds()
    return max(limit.window_s - passed_s, 0)


def hold_back(tx: Transaction, run_id: RunId, *, pause_s: float, limit: UploadLimit, at: datetime) -> None:
    """Write down at a run until when it waits, for who asks."""
    until = at + timedelta(seconds=pause_s)
    trouble = Note(code="run.held_back", facts={"until": until.isoformat(), "count": limit.uploads})
    tx.runs.wait(run_id, attempts=0, trouble=trouble)
