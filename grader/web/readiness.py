"""Why nothing is graded, in the reader's language."""

from grader.domain.publishing import VersionState
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.progress import Readiness


def tell_missing(readiness: Readiness, language: Language) -> list[str]:
    """What workers lack, and which versions wait for a worker or their author."""
    return [tell_reason(note, language) for note in _missing(readiness, language)]


def _missing(readiness: Readiness, language: Language) -> list[Note]:
    notes = list(readiness.reasons)
    for version in readiness.ungradable:
        if version.state is VersionState.FAILED:
            findings = [sentence(finding, language) for finding in version.findings]
            notes.append(Note(code="ready.version_failed", facts={"slug": version.slug, "findings": list(findings)}))
        else:
            notes.append(Note(code="ready.version_unproved", facts={"slug": version.slug}))
    return notes


def tell_reason(note: Note, language: Language) -> str:
    """A reason in the reader's language; what the canary could do is named in it too."""
    lines = note.facts.get("lines")
    if not isinstance(lines, list):
        return sentence(note, language)
    named = [sentence(Note(code=f"canary.{line}"), language) for line in lines]
    return sentence(Note(code=note.code, facts={**note.facts, "lines": list(named)}), language)
