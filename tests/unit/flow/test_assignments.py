"""What was read from the same files once is not read again, whoever asks for it; mistakes are told each time."""

import pytest

from grader.domain.text import Note
from grader.errors import InvalidAssignment, Mistake
from grader.flow.assignments import StoredAssignments
from grader.flow.publish import publish


@pytest.fixture
def readings():
    """Every time that files were read: what was in them."""
    return []


@pytest.fixture
def assignments(school, readings):
    def read(files, slug):
        readings.append((files["assignment.yaml"], slug))
        if files["assignment.yaml"] == b"wrong":
            mistake = Mistake(file="assignment.yaml", line=1, field="", note=Note(code="catalog.file_empty"))
            raise InvalidAssignment([mistake])
        return school.loaded

    return StoredAssignments(stores=school.stores, reader=read)


def test_a_version_and_a_manuscript_of_the_same_files_are_read_once(school, assignments, readings):
    revision = publish(school.loaded, files={"assignment.yaml": b"tiny"}, stores=school.stores)
    published = assignments.load(revision.version)
    assert assignments.read({"assignment.yaml": b"tiny"}, "tiny") is published
    assert readings == [(b"tiny", "tiny")]


@pytest.mark.parametrize(
    ("files", "slug"),
    [
        pytest.param({"assignment.yaml": b"other"}, "tiny", id="another file"),
        pytest.param({"assignment.yaml": b"tiny", "data.npz": b""}, "tiny", id="one file more"),
        pytest.param({"assignment.yaml": b"tiny"}, "small", id="another name"),
    ],
)
def test_whatever_differs_is_read(assignments, readings, files, slug):
    assignments.read({"assignment.yaml": b"tiny"}, "tiny")
    assignments.read(files, slug)
    assert readings[1:] == [(files["assignment.yaml"], slug)]


def test_mistakes_are_found_once_and_told_each_time(assignments, readings):
    told = []
    for _ in range(2):
        with pytest.raises(InvalidAssignment) as caught:
            assignments.read({"assignment.yaml": b"wrong"}, "tiny")
        told.append(caught.value)
    assert [each.mistakes[0].note.code for each in told] == ["catalog.file_empty"] * 2
    assert told[0] is not told[1]
    assert len(readings) == 1


def test_only_some_of_what_was_read_is_kept(assignments, readings):
    assignments.read({"assignment.yaml": b"tiny"}, "tiny")
    for number in range(40):
        assignments.read({"assignment.yaml": b"%d" % number}, "tiny")
    assignments.read({"assignment.yaml": b"tiny"}, "tiny")
    assert readings[-1] == (b"tiny", "tiny")
