"""What of a check's result a student may read, by the level that the author chose and by what was released."""

from dataclasses import replace

from grader.domain.assignment import Visibility
from grader.domain.result import CheckResult, Result
from grader.domain.text import Note

_NEUTRAL = frozenset({"check", "written", "review"})
"""Groups of codes about the circumstances or from a person: they tell nothing of the answer that was compared."""
_NEUTRAL_NOTES = frozenset({"cell", "execution", "follow", "late", "locate", "repair", "review", "saved"})
"""What happened to the student's own cells, and which of them were taken."""


def visible_finding(result: CheckResult, visibility: Visibility) -> Note:
    """The note that stands for a check's finding: its own, or at VERDICT only the verdict's.

    A note at HINT still has facts that only FULL shows: its sentence leaves them out, so give people the sentence.
    """
    if visibility is Visibility.VERDICT and _group(result.code) not in _NEUTRAL:
        return Note(code=f"verdict.{result.verdict.value}")
    return Note(code=result.code, facts=result.facts)


def visible_diagnosis(result: CheckResult, visibility: Visibility) -> Note | None:
    """The mistake that explains a difference; at VERDICT none, for it is a comparison with what is expected."""
    return None if visibility is Visibility.VERDICT else result.diagnosis


def is_visible(note: Note, visibility: Visibility) -> bool:
    """Whether a note at a question may be read."""
    return visibility is not Visibility.VERDICT or _group(note.code) in _NEUTRAL_NOTES


def points_only(result: Result) -> Result:
    """A result whose details are not released: what each question earned and what being late cost, and nothing else."""
    return replace(
        result,
        questions=tuple(replace(question, checks=(), notes=(), cells=()) for question in result.questions),
        notes=tuple(note for note in result.notes if _group(note.code) == "late"),
    )


def _group(code: str) -> str:
    return code.partition(".")[0]
