"""How far the numbers of formulas may lie apart: what `function` and `module` share."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from grader.grading.checks.settings import BoundedSettings
from grader.grading.checks.value import ToleranceMode
from grader.grading.compare import Tolerance

_LOOSE = 1e-4
"""rtol and atol unless the spec gives them. Formulas that are equal on paper (Horner's scheme beside a sum of powers)
differ by some dozen roundings of float32 where large terms cancel; a wrong coefficient differs by far more."""
_NOISE_MARGIN = 4
_MAX_TIMES = 1000


@dataclass(frozen=True, kw_only=True)
class FormulaTolerance(Tolerance):
    """The dtypes' own tolerance, but wide enough for another formula of the same function."""

    def bounds(self, *dtypes: np.dtype[Any]) -> tuple[float, float]:
        """(rtol, atol); exact dtypes stay exact."""
        rtol, atol = super().bounds(*dtypes)
        if self.rtol is not None or max(rtol, atol) == 0:
            return rtol, atol
        return max(rtol, _LOOSE * self.times), max(atol, _LOOSE * self.times)


class FormulaSettings(BoundedSettings):
    """Settings of a kind that compares what formulas give."""

    tolerance: ToleranceMode = ToleranceMode.DEFAULT
    """`exact`, the dtype's own but at least 1e-4, or that widened by the reference's noise."""

    @model_validator(mode="after")
    def _require_one_tolerance(self) -> Self:
        if self.rtol is not None and self.tolerance is not ToleranceMode.DEFAULT:
            raise PydanticCustomError("two_tolerances", "tolerance: leave it out beside rtol and atol")
        return self

    def allowed(self, overshoot: float | None) -> Tolerance:
        """The tolerance, given how far the reference's own noise goes."""
        if self.tolerance is ToleranceMode.EXACT:
            return Tolerance(rtol=0.0, atol=0.0)
        times = 1.0
        if self.tolerance is ToleranceMode.MEASURED and overshoot is not None:
            times = min(max(1.0, _NOISE_MARGIN * overshoot), _MAX_TIMES)
        return FormulaTolerance(rtol=self.rtol, atol=self.atol, times=times)
