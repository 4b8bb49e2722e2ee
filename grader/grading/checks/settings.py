"""What the settings of several kinds of check share."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.execution import Evidence
from grader.grading.compare import Tolerance

NAME_PATTERN = r"^[^\W\d]\w*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=100)]
"""A Python name; Japanese ones are names too."""
Bound = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """The fields a kind accepts in an assignment's file, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    @property
    def is_self_contained(self) -> bool:
        """Most checks look at the student's own kernel."""
        return False

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Most checks have no noise to measure."""
        return None


class TolerantSettings(Settings):
    """Settings of a kind that compares numbers."""

    rtol: Bound | None = None
    atol: Bound | None = None

    @model_validator(mode="after")
    def _require_both_or_neither(self) -> Self:
        if (self.rtol is None) != (self.atol is None):
            raise PydanticCustomError("one_tolerance", "rtol and atol: give both or neither")
        return self

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(rtol=self.rtol, atol=self.atol)
