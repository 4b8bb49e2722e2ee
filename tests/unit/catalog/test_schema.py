"""The JSON Schema of the format says what the reader reads: not a field more, not a field less."""

import json
from typing import get_args

import pytest
from documentation import CHECKS_PAGE, read_examples
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from grader.catalog import assignment_schema, bundled, read_bundle, spec
from grader.catalog.form import RUBRIC_ITEM_FIELDS, WRITTEN_FIELDS
from grader.catalog.kinds import TAKEN_OFF
from grader.catalog.mistakes import MistakeList
from grader.catalog.positions import read_yaml
from grader.catalog.schema import short_field
from grader.grading.checks import KINDS

SCHEMA = assignment_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
PARTS = SCHEMA["$defs"]


def plain(data):
    return read_yaml(data, file="assignment.yaml", mistakes=MistakeList()).plain


FILES = {slug: read_bundle(folder).files["assignment.yaml"] for slug, folder in bundled().items()}
FILES |= {f"example {one.name}": one.spec.encode() for one in read_examples(CHECKS_PAGE.read_text("utf-8"))}


def with_question(text):
    return plain(f"title: T\nquestions:\n  q1: {{prompt: P, points: 1, {text}}}\n".encode())


def test_the_schema_is_one_and_can_be_written_as_json():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_every_bundled_and_every_documented_assignment_is_valid(data):
    assert [error.message for error in VALIDATOR.iter_errors(plain(data))] == []


def test_the_fields_of_file_and_question_are_those_the_reader_knows():
    assert SCHEMA["properties"].keys() == set(spec._TOP_FIELDS)
    assert PARTS["QuestionForm"]["properties"].keys() == set(spec._QUESTION_FIELDS)
    assert PARTS["WrittenForm"]["properties"].keys() == set(WRITTEN_FIELDS)
    assert PARTS["RubricItemForm"]["properties"].keys() == set(RUBRIC_ITEM_FIELDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "written"])
def test_the_fields_of_a_kind_are_those_of_its_model(kind):
    model = KINDS[kind]
    fields = {info.alias or name for name, info in model.model_fields.items()}
    assert PARTS[model.__name__]["properties"].keys() == fields | set(TAKEN_OFF)
    assert set(PARTS[model.__name__]["properties"]["partial"]["properties"]) == set(model.RUNGS)
    assert set(PARTS[model.__name__].get("required", ())) == {
        info.alias or name for name, info in model.model_fields.items() if info.is_required()
    }


def models_below(model):
    waiting = [info.annotation for info in model.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        waiting.extend(get_args(annotation))


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_inside_a_field_are_those_of_its_model(kind):
    for model in models_below(KINDS[kind]):
        part = PARTS.get(model.__name__, {})
        part = part.get("anyOf", [part])[0]
        if model.__name__ != "Words":  # a text like any other
            assert part["properties"].keys() == {info.alias or name for name, info in model.model_fields.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_editor_shows_beside_a_kind_says_something(kind):
    assert len(PARTS["QuestionForm"]["properties"][kind]["description"]) > 10


def test_every_field_around_the_checks_is_described():
    described = {**SCHEMA["properties"], **PARTS["QuestionForm"]["properties"]}
    assert [name for name, part in described.items() if not part.get("description")] == []


@pytest.mark.parametrize(
    ("kind", "field"),
    [("value", "name"), ("output", "expected"), ("source", "pattern"), ("figure", "count"), ("function", None)],
)
def test_short_forms_are_found_by_asking_the_model(kind, field):
    assert short_field(KINDS[kind]) == field


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("value: t", id="a short form"),
        pytest.param("value: [t, {name: u, points: 3, partial: {values: share, dtype: 1}}]", id="a list of settings"),
        pytest.param("value: {name: t, also: a + b}", id="one item in place of a list"),
        pytest.param("output:", id="nothing to set"),
        pytest.param("source: {pattern: t, message: {ja: だめ}}", id="a text in one language"),
        pytest.param(
            "source: {pattern: $A, where: {A: integer}, in: notebook}", id="a word for a constraint, an alias"
        ),
        pytest.param(
            "function: {name: f, inputs: [1., [2, 3], {uniform: [0, 1], times: 3}]}", id="inputs in every form"
        ),
        pytest.param("written: why", id="a rubric's name"),
        pytest.param("written: [{points: 1, text: A}, {points: 2, ja: B}]", id="a rubric's items"),
        pytest.param("written: [why, {rubric: how, model_answer: {en: So}}]", id="two written answers"),
        pytest.param("value: t, visibility: full, follow_through: false", id="fields of the question"),
    ],
)
def test_what_the_reader_takes_is_valid(text):
    assert [error.message for error in VALIDATOR.iter_errors(with_question(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("vaule: t", id="an unknown kind"),
        pytest.param("value: {name: t, rtoll: 1}", id="an unknown setting"),
        pytest.param("value: [{name: t, rtoll: 1}]", id="an unknown setting in a list"),
        pytest.param("value: {name: t, rtol: small, atol: 0}", id="a word for a number"),
        pytest.param("value: {name: t, partial: {numbers: 1}}", id="an unknown rung"),
        pytest.param("value: {name: t, partial: {dtype: share}}", id="a share where nothing is counted"),
        pytest.param("value: []", id="an empty list"),
        pytest.param("function: {name: f}", id="a required setting missing"),
        pytest.param("function: {name: f, inputs: [{unifrom: [0, 1]}]}", id="an unknown field of a generator"),
        pytest.param("training: {predict: {name: m, input: x}}", id="an unknown field inside a setting"),
        pytest.param("written: [{points: 1, txt: A}]", id="an unknown field of a rubric's item"),
        pytest.param("value: t, visibility: all", id="a word that is none"),
        pytest.param("value: t, follow_through: maybe", id="neither true nor false"),
    ],
)
def test_what_the_reader_refuses_is_not_valid(text, mistakes_of):
    document = with_question(text)
    assert not VALIDATOR.is_valid(document)
    assert mistakes_of(json.dumps(document))


@pytest.mark.parametrize(
    "lines",
    [
        "xyz: 1",
        "limits: {question: 1}",
        "limits: {total_s: 0}",
        "limits: {total_s: 1000000000}",
        "device: gpu",
        "languages: []",
        "data: a.npz",
        "notes: {}",
    ],
)
def test_what_is_wrong_at_the_top_is_not_valid(lines, mistakes_of, spec):
    assert VALIDATOR.is_valid(plain(spec.encode()))
    assert not VALIDATOR.is_valid(plain(f"{spec}{lines}\n".encode()))
    assert mistakes_of(f"{spec}{lines}\n")
