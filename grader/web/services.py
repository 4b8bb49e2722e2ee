"""What the web process needs of the world, gathered by wiring."""

from collections.abc import Callable
from dataclasses import dataclass

from grader.domain.assignment import Assignment
from grader.domain.ids import VersionHash
from grader.flow.ports import Stores
from grader.flow.submit import Intake


@dataclass(frozen=True, kw_only=True)
class Services:
    """The flow's needs, ready to use."""

    stores: Stores
    intake: Intake
    find_assignment: Callable[[VersionHash, int], Assignment]
    """A stored version with one revision of its texts."""
    prompt_outputs: Callable[[VersionHash], dict[str, dict[str, str]]]
    """What the reference prints for each `{{expression}}`, by question; empty until a worker has run it."""
    max_upload_bytes: int
