"""`grader assignment check` and `schema`: all that is wrong at once, with its place, and what editors are told."""

import json

import pytest
from jsonschema import Draft202012Validator

from grader.catalog import assignment_schema


def write(folder, old, new):
    spec = (folder / "assignment.yaml").read_text()
    assert old in spec
    (folder / "assignment.yaml").write_text(spec.replace(old, new))
    return folder


def test_the_schema_is_printed_as_json(grader):
    said = grader("assignment", "schema")
    assert said.status == 0
    assert json.loads(said.out) == assignment_schema()
    Draft202012Validator.check_schema(json.loads(said.out))


@pytest.mark.parametrize(
    ("language", "words"), [("en", 'There is no text in "en"'), ("ja", "「en」の文がない")], ids=["English", "Japanese"]
)
def test_texts_that_lack_a_language_are_listed_and_stop_nothing(grader, runner, folder, language, words):
    write(folder, "prompt: P, value: x", "prompt: {ja: 作る}, value: x")
    said = grader("assignment", "check", folder, "--lang", language)
    assert said.status == 0
    (line,) = said.err.splitlines()
    assert line.startswith(f"{folder / 'assignment.yaml'}:3: questions.q1.prompt: {words}")


def test_one_language_alone_is_fine(grader, runner, folder):
    write(folder, "title: {ja: 小さな課題, en: Tiny}", "title: {en: Tiny}\nlanguages: [en]")
    said = grader("assignment", "check", folder, "--lang", "en")
    assert (said.status, said.err) == (0, "")


def test_what_the_reference_does_not_give_is_told_with_file_line_and_field(grader, runner, folder):
    write(folder, "value: y, points: 5", "value: [y, z], points: 5")
    said = grader("assignment", "check", folder, "--lang", "en")
    assert said.status == 5
    place = f"{folder / 'assignment.yaml'}:4: questions.q2.value[1]: "
    assert [line for line in said.err.splitlines() if line.startswith(place)]


def test_data_that_cannot_be_had_is_told_beside_everything_else(grader, folder):
    write(folder, "questions:", "data: [../secret, nothing.npz]\nhidden: [x.txt]\nquestions:")
    (folder / "x.txt").write_text("words")
    write(folder, "points: 10", "points: ten")
    said = grader("assignment", "check", folder, "--lang", "en")
    assert said.status == 5
    fields = [line.split(": ")[1] for line in said.err.splitlines()[1:]]
    assert fields == ["data[0]", "data[1]", "hidden[0]", "questions.q1.points"]
