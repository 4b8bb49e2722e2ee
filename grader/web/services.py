"""What the web process needs of the world, gathered by wiring."""

from dataclasses import dataclass

from grader.flow.assignments import StoredAssignments
from grader.flow.ports import Stores
from grader.flow.submit import Intake


@dataclass(frozen=True, kw_only=True)
class Services:
    """The flow's needs, ready to use."""

    stores: Stores
    intake: Intake
    assignments: StoredAssignments
    max_upload_bytes: int
