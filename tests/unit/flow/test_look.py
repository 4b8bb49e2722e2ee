"""A look at a file tells what handing it in would mean, and leaves no trace."""

import json
from dataclasses import replace

import pytest
from doubles import NOON
from school import notebook_bytes, read_tiny

from grader.domain.ids import VersionHash
from grader.domain.notebook import IdentityHint
from grader.domain.text import Language
from grader.errors import Conflict, NotebookRefused, NotFound, TooManyTries
from grader.feedback.catalogue import known_codes
from grader.flow.look import _BEFOREHAND, Looks, look
from grader.flow.people import NewMember, add_member
from grader.flow.publish import publish, update_offering
from grader.flow.submit import Intake, Upload


@pytest.fixture
def look_at(school):
    looks = Looks()

    def look_at(data, *, login="ann", intake=school.intake, assignment="tiny"):
        upload = Upload(data=data, file_name="hw.ipynb", course="demo", assignment=assignment, received_at=NOON)
        return look(upload, caller=school.caller(login), intake=intake, assignments=school.assignments, looks=looks)

    return look_at


def test_every_question_is_told_with_the_cells_that_would_be_graded(look_at):
    seen = look_at(notebook_bytes(x=3, y=4))

    assert seen.found == 2
    assert [(each.number, each.is_found, each.cells) for each in seen.questions] == [(1, True, (2,)), (2, True, (4,))]


def test_a_question_that_is_not_found_comes_with_what_to_do(look_at):
    seen = look_at(notebook_bytes(x=3))

    assert [each.is_found for each in seen.questions] == [True, False]
    assert "locate.not_found" in [note.code for note in seen.notes]


@pytest.mark.parametrize("language", list(Language))
def test_what_grading_tells_afterwards_has_words_for_before(language):
    assert {f"student.look_{code.partition('.')[2]}" for code in _BEFOREHAND} <= known_codes(language)
    assert known_codes(language) >= _BEFOREHAND


def test_another_notebook_is_told_before_it_is_handed_in(look_at):
    cells = [{"cell_type": "code", "source": "z = 1"}]
    seen = look_at(json.dumps({"cells": cells}).encode())

    assert (seen.found, [note.code for note in seen.notes]) == (0, ["student.look_another_notebook"])


def test_nothing_is_stored(school, look_at):
    look_at(notebook_bytes(x=3, y=4))

    with school.stores.storage.reading() as tx:
        (offering,) = tx.offerings.list_of(tx.courses.find_by_slug("demo").course_id)
        assert tx.submissions.list_of(offering.offering_id, limit=1) == ()
        assert school.stores.queue.depth(tx).waiting == 1  # the version that waits to be proved


def test_a_file_that_would_be_refused_is_refused_now(look_at):
    with pytest.raises(NotebookRefused, match="not_json"):
        look_at(b"no notebook")


def test_the_same_bytes_are_recognised(school, look_at):
    first, second = notebook_bytes(x=1, y=1), notebook_bytes(x=2, y=2)
    school.submit(data=first)
    school.submit(data=second, seconds=1)

    assert (look_at(first).same_as, look_at(first).same_as_newest) == (1, False)
    assert (look_at(second).same_as, look_at(second).same_as_newest) == (2, True)
    assert look_at(notebook_bytes(x=3, y=3)).same_as is None
    assert look_at(first, login="bob").same_as is None


@pytest.mark.parametrize(
    ("enrolled", "written", "warns"),
    [
        pytest.param("B12345", "B99999", True, id="another number"),
        pytest.param("B12345", "b-12345", False, id="the same number, typed otherwise"),
        pytest.param("B12345", None, False, id="the notebook says nothing"),
        pytest.param(None, "B12345", False, id="the roster says nothing"),
    ],
)
def test_somebody_elses_notebook_is_noticed(school, look_at, enrolled, written, warns):
    new = NewMember(login="ann", name="ann", student_number=enrolled)
    add_member(new, course="demo", stores=school.stores)
    hint = IdentityHint(name="Ann", student_number=written)
    read = school.intake.read_notebook

    def read_with_identity(data):
        return replace(read(data), identity=hint)

    intake = Intake(stores=school.stores, read_notebook=read_with_identity, free_share=lambda: 0.5)
    seen = look_at(notebook_bytes(x=3, y=4), intake=intake)

    assert (seen.identity, seen.is_someone_elses) == (hint, warns)


def test_who_may_not_see_the_assignment_learns_nothing(look_at):
    with pytest.raises(NotFound):
        look_at(notebook_bytes(x=3, y=4), assignment="other")


class Reader:
    """Reads notebooks, and counts how many."""

    def __init__(self, during=lambda: None):
        self.during, self.count = during, 0

    def __call__(self, data):
        self.count += 1
        self.during()
        return read_tiny(data)


@pytest.fixture
def intake_of(school):
    return lambda reader: Intake(stores=school.stores, read_notebook=reader, free_share=lambda: 0.5)


def test_a_file_is_read_once_however_often_it_is_looked_at(school, look_at, intake_of):
    reader = Reader()
    data = notebook_bytes(x=3, y=4)
    first = look_at(data, intake=intake_of(reader))
    school.submit(data=data)

    assert [look_at(data, intake=intake_of(reader)).same_as for _ in range(30)] == [1] * 30
    assert look_at(data, login="bob", intake=intake_of(reader)) == first
    assert reader.count == 1


def test_another_version_is_looked_for_anew(school, look_at, intake_of):
    reader = Reader()
    data = notebook_bytes(x=3, y=4)
    look_at(data, intake=intake_of(reader))
    school.clock.pass_s(60)
    newer = replace(school.loaded, version=VersionHash("b" * 64))
    school.editions[b"newer"] = newer
    publish(newer, files={"assignment.yaml": b"newer"}, stores=school.stores)
    update_offering("tiny", course="demo", stores=school.stores)
    look_at(data, intake=intake_of(reader))

    assert reader.count == 2


def test_after_many_looks_the_next_waits_and_handing_in_does_not(school, look_at):
    for number in range(20):
        look_at(notebook_bytes(x=number))
        school.clock.pass_s(1)
    with pytest.raises(TooManyTries) as caught:
        look_at(notebook_bytes(x=20))

    assert caught.value.retry_after_s == 580
    assert school.submit(data=notebook_bytes(x=20)).created
    assert look_at(notebook_bytes(x=20), login="bob").same_as is None
    school.clock.pass_s(580)
    assert look_at(notebook_bytes(x=21)).same_as is None
    with pytest.raises(TooManyTries):
        look_at(notebook_bytes(x=22))


def test_one_person_has_one_look_at_a_time(look_at, intake_of):
    def look_meanwhile():
        with pytest.raises(Conflict):
            look_at(notebook_bytes(x=2))
        look_at(notebook_bytes(x=2), login="bob")

    reader = Reader(during=look_meanwhile)
    look_at(notebook_bytes(x=1), intake=intake_of(reader))

    assert reader.count == 1
    assert look_at(notebook_bytes(x=2)).same_as is None


def test_a_refused_file_ends_the_look(look_at):
    for _ in range(2):
        with pytest.raises(NotebookRefused):
            look_at(b"no notebook")


def test_of_very_many_files_the_last_are_remembered(school, look_at, intake_of):
    reader = Reader()
    for number in range(201):
        look_at(notebook_bytes(x=number), intake=intake_of(reader))
        school.clock.pass_s(60)
    look_at(notebook_bytes(x=200), intake=intake_of(reader))
    assert reader.count == 201
    look_at(notebook_bytes(x=0), intake=intake_of(reader))

    assert reader.count == 202
