"""Every code that storing and reviewing may emit has its sentence in both languages."""

import pytest

from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence

NOTES = [
    Note(code="run.unexpected", facts={"error": "ValueError"}),
    Note(code="run.worker_lost", facts={"attempts": 5}),
    Note(code="run.version_failed", facts={"version": "0123456789ab"}),
    Note(code="review.points", facts={"points": 3, "of": 5, "comment": "良い"}),
    Note(code="review.overridden", facts={"points": 3, "comment": ""}),
]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.code)
def test_a_code_has_a_sentence(note, language):
    text = sentence(note, language)
    assert all(str(fact) in text for fact in note.facts.values())
