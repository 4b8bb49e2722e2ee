"""The `output` kind: what a question's cells print or show as their last value, as the reference's do."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from grader.domain.execution import CellState, Evidence
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.grading.checks.unprobed import UnprobedCheck
from grader.grading.display import MAX_CHARACTERS, Item, compare_items, compare_words, read_shown, shown_text
from grader.grading.origin import count_tried, is_typed_in
from grader.grading.printed import PrintedNumbers


class OutputCheck(UnprobedCheck):
    """Output compared with the reference's.

    Each number, tensor, size or list that the reference's question shows must be shown by the student, in the same
    order; labels and intermediate values may stand between. Where the reference shows only words, the words count.
    """

    kind: ClassVar[str] = "output"
    RUNGS: ClassVar[tuple[str, ...]] = ("type", "dtype")

    expected: Literal["reference"] = "reference"

    @model_validator(mode="before")
    @classmethod
    def _accept_word(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return {"expected": given} if isinstance(given, str) else given

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare what was shown; see the class."""
        wanted_text, text = shown_text(expected), shown_text(actual)
        if not wanted_text.strip():
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.reference_shows_nothing")
        if not text.strip():
            return _nothing_shown(actual)
        wanted, kept = read_shown(wanted_text), text[-MAX_CHARACTERS:]
        if any(isinstance(item, PrintedNumbers) for item in wanted):
            items = read_shown(kept)
            finding = compare_items(items, wanted)
            if finding.verdict is Verdict.PASSED:
                return _doubt(items, wanted, actual=actual, expected=expected) or finding
        else:
            finding = compare_words(kept, wanted_text)
        if finding.verdict is Verdict.FAILED and len(text) > MAX_CHARACTERS:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="output.too_long", facts={"characters": len(text)})
        return finding


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
