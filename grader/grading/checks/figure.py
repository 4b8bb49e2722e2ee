"""The `figure` kind: a question's cells show pictures, and something is drawn in them."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from grader.domain.execution import CellState, Evidence, Output
from grader.domain.remember import remember_by_text
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.grading.checks.unprobed import UnprobedCheck
from grader.grading.picture import is_blank
from grader.grading.png import read_png

_AXES = re.compile(r"<Figure size \d+x\d+ with (\d{1,3}) Axes>", re.ASCII)
_MOST_LOOKED_AT = 50
"""A cell that shows more pictures is making a film; each takes a tenth of a second."""


class FigureCheck(UnprobedCheck):
    """Pictures are counted and looked at for being empty; what they show is for a TA (`written`) or another check."""

    kind: ClassVar[str] = "figure"

    count: int = Field(default=1, ge=1, le=50)
    blank: bool = False

    @model_validator(mode="before")
    @classmethod
    def _accept_number(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return {"count": given} if isinstance(given, int) and not isinstance(given, bool) else given

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Count the pictures that are shown; one that is shown twice is one."""
        pictures = _distinct([output for output in actual.outputs if output.has_image])
        facts: dict[str, Fact] = {"count": len(pictures), "wanted": self.count}
        if not pictures:
            return _nothing_shown(actual)
        if len(pictures) < self.count:
            return Finding(verdict=Verdict.FAILED, code="figure.too_few", facts=facts)
        if self.blank:
            return Finding(verdict=Verdict.PASSED, code="figure.passed", facts=facts)
        looks: list[bool | None] = []
        for picture in pictures[-_MOST_LOOKED_AT:]:
            looks.append(_is_blank(picture))
            if looks.count(False) == self.count:
                break
        if looks.count(False) == self.count:
            return Finding(verdict=Verdict.PASSED, code="figure.passed", facts=facts)
        if len(looks) - looks.count(True) >= self.count:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="figure.unreadable", facts=facts)
        facts["blank"] = looks.count(True)
        return Finding(verdict=Verdict.FAILED, code="figure.blank", facts=facts)


def _distinct(outputs: Sequence[Output]) -> list[Output]:
    """A figure that is a cell's last value is shown a second time when the cell ends."""
    seen: set[bytes] = set()
    distinct = []
    for output in outputs:
        if not output.image or output.image not in seen:
            distinct.append(output)
        seen.add(output.image)
    return distinct


def _is_blank(output: Output) -> bool | None:
    """None where the picture is none that can be read."""
    said = _AXES.search(output.text)
    return _looks_blank(output.image, int(said[1]) if said else None)


@remember_by_text
def _looks_blank(image: bytes, axes: int | None) -> bool | None:
    pixels = read_png(image)
    return None if pixels is None else is_blank(pixels, axes=axes)


def _nothing_shown(actual: Evidence) -> Finding:
    for run in actual.cell_runs:
        if run.state is CellState.RAISED and run.error is not None:
            facts: dict[str, Fact] = {"cell": run.index + 1, "error": run.error.name}
            return Finding(verdict=Verdict.MISSING, code="figure.nothing_raised", facts=facts)
    if any(_AXES.search(output.text) for output in actual.outputs):
        return Finding(verdict=Verdict.MISSING, code="figure.no_axes")
    return Finding(verdict=Verdict.MISSING, code="figure.nothing")
