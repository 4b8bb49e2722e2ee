"""The `output` kind: what a question's cells print or show as their last value, as the reference's do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.execution import CellState, Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.grading.checks.settings import BoundedSettings
from grader.grading.checks.unprobed import UnprobedCheck
from grader.grading.display import MAX_CHARACTERS, Item, read_shown, shown_text
from grader.grading.occurrence import compare_items
from grader.grading.origin import count_tried, is_typed_in
from grader.grading.printed import PrintedNumbers, largest_gap
from grader.grading.quiet import Noise, check_expression, without_noise
from grader.grading.shown_words import compare_words


class OutputCheck(UnprobedCheck, BoundedSettings):
    """Output compared with the reference's.

    Each number, tensor, size or list that the reference's question shows must be shown by the student, in the same
    order; labels and intermediate values may stand between. Where the reference shows only words, the words count.
    """

    kind: ClassVar[str] = "output"
    RUNGS: ClassVar[tuple[str, ...]] = ("type", "dtype")

    expected: Literal["reference"] = "reference"
    order: Literal["same", "any"] = "same"
    ignore: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=20)] = ()

    @model_validator(mode="before")
    @classmethod
    def _accept_word(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return {"expected": given} if isinstance(given, str) else given

    @field_validator("ignore", mode="before")
    @classmethod
    def _accept_one(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return [given] if isinstance(given, str) else given

    @field_validator("ignore")
    @classmethod
    def _check_expressions(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            if one not in set(Noise) and (problem := check_expression(one)) is not None:
                facts = {"expression": one, "problem": problem}
                raise PydanticCustomError("bad_expression", "{expression} is not taken: {problem}", facts)
        return given

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare what was shown; see the class."""
        actual, expected = (without_noise(one, ignored=self.ignore) for one in (actual, expected))
        wanted_text, text = shown_text(expected), shown_text(actual)
        if not wanted_text.strip():
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.reference_shows_nothing")
        if not text.strip():
            return _nothing_shown(actual)
        wanted, kept = self._read_wanted(wanted_text), text[-MAX_CHARACTERS:]
        in_any_order = self.order == "any"
        if any(isinstance(item, PrintedNumbers) for item in wanted):
            items = read_shown(kept)
            finding = compare_items(items, wanted, in_any_order=in_any_order)
            if finding.verdict is Verdict.PASSED:
                return _doubt(items, wanted, actual=actual, expected=expected) or finding
        else:
            finding = compare_words(kept, wanted_text, in_any_order=in_any_order)
        if finding.verdict is Verdict.FAILED and len(text) > MAX_CHARACTERS:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.too_long", facts={"characters": len(text)})
        return finding

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """The largest gap between two prints of the same numbers; None where they are not the same things."""
        ours, theirs = (shown_text(without_noise(one, ignored=self.ignore)) for one in (actual, expected))
        pairs = list(zip(_numbers(read_shown(ours)), _numbers(self._read_wanted(theirs)), strict=False))
        alike = [(one, other) for one, other in pairs if len(one.elements) == len(other.elements)]
        if not pairs or len(alike) < len(pairs):
            return None
        return max(largest_gap(actual=one, expected=other) for one, other in alike)

    def _read_wanted(self, text: str) -> tuple[Item, ...]:
        """What the reference shows, under the author's tolerance."""
        items = read_shown(text)
        if self.rtol is None or self.atol is None:
            return items
        bounds = (self.rtol, self.atol)
        return tuple(replace(item, tolerance=bounds) if isinstance(item, PrintedNumbers) else item for item in items)


def _numbers(items: Sequence[Item]) -> list[PrintedNumbers]:
    return [item for item in items if isinstance(item, PrintedNumbers)]


def _doubt(items: Sequence[Item], wanted: Sequence[Item], *, actual: Evidence, expected: Evidence) -> Finding | None:
    """Why right output may not be the answer: it was typed, or everything that it might be was shown."""
    try:
        is_typed = is_typed_in(actual=actual, expected=expected, wanted=wanted)
    except (RecursionError, MemoryError):
        return None
    if is_typed:
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.typed")
    tried = count_tried(items, wanted)
    if tried:
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.many_tried", facts={"count": tried})
    return None


def _nothing_shown(actual: Evidence) -> Finding:
    for run in actual.cell_runs:
        if run.state is CellState.RAISED and run.error is not None:
            facts: dict[str, Fact] = {"cell": run.index + 1, "error": run.error.name}
            return Finding(verdict=Verdict.MISSING, code="output.nothing_raised", facts=facts)
    return Finding(verdict=Verdict.MISSING, code="output.nothing")
