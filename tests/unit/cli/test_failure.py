"""Every error of ours has an exit status that tells a script who can act, and one sentence for a person."""

import inspect

import pytest

from grader import errors
from grader.cli.failure import errors_told_in, exit_status, explain
from grader.domain.text import Language, Note
from grader.errors import GraderError, InvalidAssignment, Mistake, NotebookRefused, SpecDoesNotHold
from grader.feedback.catalogue import sentence

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GraderError)]
SPECIAL = {
    NotebookRefused: ("not_json",),
    InvalidAssignment: ((),),
    SpecDoesNotHold: ((),),
    errors.GpuUnavailable: ("none",),
    errors.PasswordRefused: ("too_short",),
    errors.RosterRefused: ("no_columns",),
    errors.IdentityRefused: ("cancelled",),
}


def make(kind):
    if kind in (errors.TooManyTries, errors.Busy):
        return kind(retry_after_s=10)
    return kind(*SPECIAL.get(kind, ()))


WRONG_CALL = errors.NotFound | errors.NotAllowed | errors.InvalidRequest | errors.Conflict | errors.InvalidSettings


def group(kind):
    if issubclass(kind, errors.AuthorCanFix):
        return 5
    if issubclass(kind, errors.NotebookRefused):
        return 3
    return 2 if issubclass(kind, WRONG_CALL) else 4


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_class_has_a_status_and_never_0(kind):
    assert exit_status(make(kind)) == group(kind)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.NotFound, 2),
        (errors.NotSignedIn, 2),
        (errors.InvalidRequest, 2),
        (errors.Conflict, 2),
        (errors.NotebookRefused, 3),
        (errors.SandboxUnavailable, 4),
        (errors.StorageFull, 4),
        (errors.InvalidSettings, 2),
        (errors.ServiceUnreachable, 4),
        (errors.BadWireBytes, 4),
        (errors.InvalidAssignment, 5),
        (errors.SpecDoesNotHold, 5),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_statuses_are_those_of_the_manual(kind, status):
    assert exit_status(make(kind)) == status


@pytest.mark.parametrize("language", Language)
def test_all_mistakes_stand_on_lines_of_their_own_with_their_places(capsys, language):
    note = Note(code="catalog.empty")
    mistakes = [
        Mistake(file="a/assignment.yaml", line=3, field="questions.q1", note=note),
        Mistake(file="a/reference.ipynb", line=1, field="", note=note),
    ]

    explain(InvalidAssignment(mistakes), language)

    said = capsys.readouterr()
    assert said.out == ""
    first, *rest = said.err.splitlines()
    assert "2" in first
    assert rest == [
        f"a/assignment.yaml:3: questions.q1: {sentence(note, language)}",
        f"a/reference.ipynb:1: {sentence(note, language)}",
    ]


def test_every_reason_of_a_spec_that_does_not_hold_is_told(capsys):
    notes = [Note(code="publish.reference_lacks", facts={"question": f"q{number}"}) for number in (1, 2)]

    explain(SpecDoesNotHold(notes, assignment="tiny"), Language.EN)

    _, *rest = capsys.readouterr().err.splitlines()
    assert rest == [sentence(note, Language.EN) for note in notes]


def test_an_error_ends_the_command_in_its_language(capsys):
    error = errors.SandboxUnavailable(what="no user namespaces")

    with pytest.raises(SystemExit) as ended, errors_told_in(Language.JA):
        raise error

    assert ended.value.code == 4
    assert capsys.readouterr().err == sentence(error.note, Language.JA) + "\n"


def test_a_bug_of_ours_is_not_told_as_an_error_of_somebody():
    with pytest.raises(ZeroDivisionError), errors_told_in(Language.EN):
        raise ZeroDivisionError
