"""How far the numbers of formulas may lie apart: what `function` and `module` share."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.grading.checks.settings import MeasuredSettings, ToleranceMode
from grader.grading.compare import Tolerance

_LOOSE = 1e-4
"""rtol and atol unless the spec gives them. Formulas that are equal on paper (Horner's scheme beside a sum of powers)
differ by some dozen roundings of float32 where large terms cancel; a wrong coefficient differs by far more."""


@dataclass(frozen=True, kw_only=True)
class FormulaTolerance(Tolerance):
    """The dtypes' own tolerance, but wide enough for another formula of the same function."""

    def bounds(self, *dtypes: np.dtype[Any]) -> tuple[float, float]:
        """(rtol, atol); exact dtypes stay exact."""
        rtol, atol = super().bounds(*dtypes)
        if self.rtol is not None or max(rtol, atol) == 0:
            return rtol, atol
        return max(rtol, _LOOSE * self.times), max(atol, _LOOSE * self.times)


class FormulaSettings(MeasuredSettings):
    """Settings of a kind that compares what formulas give."""

    tolerance: ToleranceMode = ToleranceMode.DEFAULT
    """`exact`, the dtype's own but at least 1e-4, or that widened by the reference's noise."""

    def allowed(self, overshoot: float | None) -> Tolerance:
        """The tolerance, given how far the reference's own noise goes."""
        if self.tolerance is ToleranceMode.EXACT:
            return Tolerance(rtol=0.0, atol=0.0)
        return FormulaTolerance(rtol=self.rtol, atol=self.atol, times=self.times(overshoot))
