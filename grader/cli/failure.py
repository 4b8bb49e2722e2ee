"""Errors as the command line tells them: one sentence, or one line per mistake, and an exit status."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from grader.catalog import Loaded
from grader.cli.table import plain
from grader.domain.text import Language
from grader.errors import (
    AuthorCanFix,
    Conflict,
    GraderError,
    InvalidAssignment,
    InvalidRequest,
    InvalidSettings,
    Mistake,
    NotAllowed,
    NotebookRefused,
    NotFound,
    SpecDoesNotHold,
)
from grader.feedback.catalogue import sentence

OUR_FAILURE = 4
REFUSED = 3
USAGE = 2
AUTHORS_ERROR = 5
UNNOTICED = 6
"""No error: the spec holds, but there are mistakes that it would not notice."""


def exit_status(error: GraderError) -> int:
    """The exit status that tells a script who can act."""
    if isinstance(error, AuthorCanFix):
        return AUTHORS_ERROR
    if isinstance(error, NotebookRefused):
        return REFUSED
    if isinstance(error, NotFound | NotAllowed | InvalidRequest | Conflict | InvalidSettings):
        return USAGE
    return OUR_FAILURE


@contextmanager
def errors_told_in(language: Language) -> Iterator[None]:
    """An error of ours becomes its sentence in the language that was asked for, and its exit status."""
    try:
        yield
    except GraderError as error:
        explain(error, language)
        sys.exit(exit_status(error))


@contextmanager
def findings_placed_in(loaded: Loaded) -> Iterator[None]:
    """What running a reference finds wrong is told with file, line and field, as mistakes in the files are."""
    try:
        yield
    except SpecDoesNotHold as error:
        raise InvalidAssignment(loaded.place(error.findings)) from error


def place_and_sentence(mistake: Mistake, language: Language) -> str:
    """File, line, field and what is wrong there, as editors and terminals can follow it."""
    return ": ".join(filter(None, (f"{mistake.file}:{mistake.line}", mistake.field, sentence(mistake.note, language))))


def explain(error: GraderError, language: Language) -> None:
    """Print an error for a person, to standard error."""
    lines = [sentence(error.note, language)]
    if isinstance(error, InvalidAssignment):
        lines += [place_and_sentence(mistake, language) for mistake in error.mistakes]
    elif isinstance(error, SpecDoesNotHold):
        lines += [sentence(note, language) for note in error.findings]
    print("\n".join(plain(line) for line in lines), file=sys.stderr)
