"""Notes as JSON and back."""

from collections.abc import Sequence
from typing import Any

from grader.domain.text import Note


def note_to_json(note: Note) -> dict[str, Any]:
    return {"code": note.code, "facts": dict(note.facts)}


def note_from_json(entry: dict[str, Any]) -> Note:
    return Note(code=entry["code"], facts=entry["facts"])


def notes_to_json(notes: Sequence[Note]) -> list[Any]:
    return [note_to_json(note) for note in notes]


def notes_from_json(entries: list[Any] | None) -> tuple[Note, ...]:
    return tuple(note_from_json(entry) for entry in entries or ())
