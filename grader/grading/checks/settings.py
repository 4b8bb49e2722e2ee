"""What the settings of several kinds of check share."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.execution import Evidence
from grader.domain.text import Fact
from grader.grading.compare import Tolerance

NAME_PATTERN = r"^[^\W\d]\w*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=100)]
"""A Python name; Japanese ones are names too."""
HIDDEN = "hidden"
"""Under this key a model finds the arrays of hidden files in its validation context, by 'hidden/test.npz:x'."""
Bound = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_NOISE_MARGIN = 4
"""A noise floor is measured on a few runs; the next one may lie further out."""
_MAX_TIMES = 1000
"""What is wider is no noise of rounding: the reference then misses its own tolerance, and its author is told."""


def times_for_noise(overshoot: float | None) -> float:
    """How much wider a tolerance has to be, given how far the reference's own noise goes in units of it."""
    return 1.0 if overshoot is None else max(1.0, _NOISE_MARGIN * overshoot)


class Words(BaseModel):
    """A text of the author's; a plain string stands for both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ja: str = Field(min_length=1, max_length=1000)
    en: str = Field(min_length=1, max_length=1000)

    @model_validator(mode="before")
    @classmethod
    def _fill_languages(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        if isinstance(given, str):
            return {"ja": given, "en": given}
        if isinstance(given, dict) and len(given) == 1 and (only := given.get("ja", given.get("en"))) is not None:
            return {"ja": only, "en": only}  # an assignment may have one language
        return given

    @property
    def fact(self) -> dict[str, Fact]:
        """As a sentence takes them, which shows the reader's language."""
        return {"ja": self.ja, "en": self.en}


class Settings(BaseModel):
    """The fields a kind accepts in an assignment's file, and no others.

    A field with `exclude=True` holds words for people: it makes no new version, and is given as {'ja': ..., 'en': ...},
    a missing language filled in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, use_attribute_docstrings=True)

    @property
    def budget_s(self) -> float | None:
        """Most checks leave their question the time that the limits give."""
        return None

    @property
    def is_self_contained(self) -> bool:
        """Most checks look at the student's own kernel."""
        return False

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Most checks ask the reference what they ask of a student."""
        return ()

    @property
    def widens_for_noise(self) -> bool:
        """Most checks allow the same whatever the reference's own noise is."""
        return False

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Most checks have no noise to measure."""
        return None


class BoundedSettings(Settings):
    """Settings of a kind whose author may say how far numbers may lie apart."""

    rtol: Bound | None = None
    atol: Bound | None = None

    @model_validator(mode="after")
    def _require_both_or_neither(self) -> Self:
        if (self.rtol is None) != (self.atol is None):
            raise PydanticCustomError("one_tolerance", "rtol and atol: give both or neither")
        return self


class ToleranceMode(StrEnum):
    """Where the bounds come from that a number may lie from the expected one."""

    EXACT = "exact"
    DEFAULT = "default"
    MEASURED = "measured"


class MeasuredSettings(BoundedSettings):
    """Settings of a kind whose author may also ask for equality, or let the reference's noise widen the default."""

    tolerance: ToleranceMode = ToleranceMode.DEFAULT

    @model_validator(mode="after")
    def _require_one_tolerance(self) -> Self:
        if self.rtol is not None and self.tolerance is not ToleranceMode.DEFAULT:
            raise PydanticCustomError("two_tolerances", "tolerance: leave it out beside rtol and atol")
        return self

    @property
    def widens_for_noise(self) -> bool:
        return self.tolerance is ToleranceMode.MEASURED

    def times(self, overshoot: float | None) -> float:
        """How much wider than its default the tolerance is, given how far the reference's own noise goes."""
        return min(times_for_noise(overshoot), _MAX_TIMES) if self.widens_for_noise else 1.0


class TolerantSettings(BoundedSettings):
    """Settings of a kind that compares numbers with those bounds, or with the dtype's own."""

    @property
    def tolerance(self) -> Tolerance:
        return Tolerance(rtol=self.rtol, atol=self.atol)
