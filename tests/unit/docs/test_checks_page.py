"""The page by which instructors write assignments: all that a file may hold is on it, and its examples are right."""

import dataclasses
from typing import get_args

import pytest
from documentation import CHECKS_PAGE, anchors_of, names_in, read_examples, rows_of, sections_of
from pydantic import BaseModel

from grader.catalog import parse, spec
from grader.domain.assignment import Visibility
from grader.domain.execution import LARGEST_LIMITS, Limits, Outcome
from grader.domain.result import Verdict
from grader.domain.text import Language
from grader.feedback.catalogue import known_codes
from grader.grading.autograd.traces import AUTOGRAD
from grader.grading.checks import KINDS

PAGE = CHECKS_PAGE.read_text("utf-8")
SECTIONS = sections_of(PAGE)
EXAMPLES = {example.name: example for example in read_examples(PAGE)}


def nested_models(model):
    """The models that a kind's fields are made of."""
    waiting = [info.annotation for info in model.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        waiting.extend(get_args(annotation))


def defaults_in(section):
    """The second column of a section's tables by the names in the first."""
    return {name: row[1] for row in rows_of(section) for name in names_in(row[0])}


def as_shown(info):
    if info.is_required():
        return "required"
    default = info.get_default(call_default_factory=True)
    if default is None or default in ({}, ()):
        return "—"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_section_with_an_example(kind):
    assert f"<!-- example: {kind} -->" in SECTIONS[kind]
    checks = [check.kind for question in parse(EXAMPLES[kind].bundle).assignment.questions for check in question.checks]

    assert kind in checks


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_stands_there_with_its_default(kind):
    expected = {info.alias or name: as_shown(info) for name, info in KINDS[kind].model_fields.items()}

    shown = defaults_in(SECTIONS[kind])

    assert {name: shown.get(name) for name in expected} == expected
    assert kind == "written" or shown.keys() == expected.keys(), "a field is described that the kind does not have"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_inside_a_field_is_named(kind):
    models = nested_models(KINDS[kind])
    inner = [info.alias or name for model in models for name, info in model.model_fields.items()]

    assert [name for name in inner if name not in SECTIONS[kind]] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_rung_that_partial_may_name_is_explained(kind):
    (line,) = [line for line in SECTIONS[kind].splitlines() if line.startswith("Rungs for `partial`:")]
    rungs = KINDS[kind].RUNGS

    assert names_in(line.partition(":")[2]) == list(rungs)
    assert all(f"`{rung}`: " in SECTIONS[kind] for rung in rungs)


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_of_a_kind_is_listed(kind):
    listed = {name for name in names_in(SECTIONS[kind].partition("\nCodes:")[2]) if name.startswith(f"{kind}.")}

    assert listed == {code for code in known_codes(Language.EN) if code.startswith(f"{kind}.")}


def test_every_public_route_to_a_derivative_is_named():
    (passes,) = [part for part in SECTIONS["gradient"].split("\n- ") if part.startswith("**Passes**")]
    named = set(names_in(passes))
    found = {f"{prefix}{name}" for prefix in ("", *(name for name in named if name.endswith("."))) for name in named}

    assert AUTOGRAD.keys() - found == set()


@pytest.mark.parametrize(
    ("section", "known"),
    [("The file", spec._TOP_FIELDS), ("Questions", spec._QUESTION_FIELDS)],
    ids=["of the file", "of a question"],
)
def test_every_field_around_the_checks_is_described(section, known):
    own = SECTIONS[section].partition("\n### ")[0]

    assert {name for row in rows_of(own) for name in names_in(row[0])} == set(known)


def test_every_limit_is_described_with_its_default_and_its_bound():
    shown = {names_in(row[0])[0]: [names_in(cell)[0] for cell in row[1:3]] for row in rows_of(SECTIONS["Limits"])}
    usual, largest = (dataclasses.asdict(limits) for limits in (Limits(), LARGEST_LIMITS))

    assert shown == {name: [f"{value:.12g}", f"{largest[name]:.12g}"] for name, value in usual.items()}


@pytest.mark.parametrize(
    ("section", "words"),
    [("Verdicts", Verdict), ("Outcomes", Outcome), ("Visibility", Visibility)],
    ids=["verdicts", "outcomes", "visibility"],
)
def test_every_word_of_a_result_is_explained(section, words):
    assert [names_in(row[0]) for row in rows_of(SECTIONS[section])] == [[word.value] for word in words]


def test_pending_verdicts_are_marked():
    marked = {names_in(row[0])[0] for row in rows_of(SECTIONS["Verdicts"]) if row[1] == "yes"}

    assert marked == {verdict.value for verdict in Verdict if verdict.is_pending}


def test_the_limits_have_the_anchor_that_other_pages_link_to():
    assert "limits" in anchors_of(PAGE)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_has_no_mistake(example):
    loaded = parse(example.bundle)

    assert loaded.assignment.points > 0


def test_every_shown_assignment_is_tried():
    """A complete file that nobody tries would rot."""
    assert PAGE.count("\nquestions:\n") == len(EXAMPLES) == len(KINDS)
