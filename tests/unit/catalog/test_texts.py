"""What a form shows of an assignment's YAML, and what typing there does to it."""

import pytest

from grader.catalog import bundled, read_bundle
from grader.catalog.texts import (
    FieldKind,
    Item,
    Words,
    changed_fields,
    compare_lines,
    read_form,
    with_total,
    write_form,
)
from grader.errors import InvalidAssignment

SPEC = b"""\
title: Exercise
points: 17
rubrics:
  why: [{points: 2, ja: X, en: Y, id: first}]
questions:
  q1:
    prompt: {ja: P, en: Q}
    value: [{name: x, points: 4}, {name: y, points: 5}]
    written: {rubric: [{points: 1, text: T}], model_answer: M}
  q2:
    output: reference
    points: 3
    written: why
"""


def fields(data):
    return [field for section in read_form(data) for field in section.fields]


def test_a_form_has_points_texts_and_rubrics_in_the_order_of_the_file():
    shown = [(field.path, field.of, field.typed) for field in fields(SPEC)]

    assert [section.name for section in read_form(SPEC)] == ["", "q1", "q2", "why"]
    assert shown == [
        (("title",), "", Words(ja="Exercise", en="Exercise")),
        (("questions", "q1", "title"), "", Words()),
        (("questions", "q1", "prompt"), "", Words(ja="P", en="Q")),
        (("questions", "q1", "value", 0, "points"), "value", "4"),
        (("questions", "q1", "value", 1, "points"), "value-2", "5"),
        (("questions", "q1", "written", "rubric"), "", (Item(points="1", words=Words(ja="T", en="T")),)),
        (("questions", "q1", "written", "model_answer"), "", Words(ja="M", en="M")),
        (("questions", "q2", "title"), "", Words()),
        (("questions", "q2", "prompt"), "", Words()),
        (("questions", "q2", "points"), "", "3"),
        (("rubrics", "why"), "why", (Item(points="2", words=Words(ja="X", en="Y"), key="first"),)),
    ]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        pytest.param(Words(ja="A", en="A"), "title: A", id="one text for both"),
        pytest.param(Words(ja="A", en=""), "title: A", id="one language alone stands for both"),
        pytest.param(Words(ja="A", en="B"), "title:\n  ja: A\n  en: B", id="two languages"),
    ],
)
def test_languages_are_told_apart_where_they_differ(typed, written):
    title = fields(SPEC)[0]
    assert written in write_form(SPEC, {title: typed}).decode()


def test_an_item_keeps_its_id_and_empty_lines_are_none():
    rubric = fields(SPEC)[-1]
    items = (*rubric.typed, Item(points="1", words=Words(ja="N", en="N")), Item())

    again = fields(write_form(SPEC, {rubric: items}))[-1]

    assert again.typed == items[:2]


def test_what_is_no_number_goes_in_as_it_is():
    points = next(field for field in fields(SPEC) if field.kind is FieldKind.POINTS)
    assert "points: ten" in write_form(SPEC, {points: "ten"}).decode()


def test_only_what_changed_is_written_and_emptied_texts_are_left_alone():
    sections = read_form(SPEC)
    typed = [field.typed for field in fields(SPEC)]
    assert changed_fields(sections, typed) == {}
    assert changed_fields(sections, [Words(), *typed[1:]]) == {}
    assert list(changed_fields(sections, [*typed[:3], "7", *typed[4:]]).values()) == ["7"]


def test_the_sum_follows():
    assert b"points: 20\n" in with_total(SPEC, 20)


@pytest.mark.parametrize("data", [b"", b"[", b"- a", b"\xff"])
def test_what_is_no_mapping_has_no_form(data):
    with pytest.raises(InvalidAssignment):
        read_form(data)


def test_a_change_that_would_reach_elsewhere_is_left_to_the_editor():
    data = b"title: &t {ja: a, en: b}\nquestions: {q1: {prompt: *t, value: x, points: 1}}\n"
    with pytest.raises(InvalidAssignment) as caught:
        write_form(data, {fields(data)[0]: Words(ja="c", en="d")})
    assert caught.value.mistakes[0].note.code == "catalog.form_cannot"


@pytest.mark.parametrize("slug", ["digits-mlp", "numpy-bridge", "torch-tensor"])
def test_every_field_of_what_people_really_write_can_be_changed(slug):
    data = read_bundle(bundled()[slug]).files["assignment.yaml"]
    changes = {}
    for field in fields(data):
        if isinstance(field.typed, Words):
            changes[field] = Words(ja=f"{field.typed.ja}\n追加: #1".strip(), en=f"'x' {field.typed.en}".strip())
        elif field.kind is FieldKind.POINTS:
            changes[field] = "1.5"
        else:
            changes[field] = (*field.typed, Item(points="3", words=Words(ja="新", en="a: b")))

    assert [field.typed for field in fields(write_form(data, changes))] == list(changes.values())


def lines_of(*numbers):
    return "".join(f"line {number}\n" for number in numbers).encode()


LONG = range(100_000)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        pytest.param(b"a: 1\n", b"a: 1", "", id="nothing but the end of the last line"),
        pytest.param(b"a: 1\n", b"a: 2\n", "@@ 1 @@\n-a: 1\n+a: 2", id="the only line"),
        pytest.param(b"a\nb\nc\nd\n", b"a\nb\nd\n", "@@ 2 @@\n b\n-c\n d", id="a line that goes"),
        pytest.param(b"", b"a\n", "@@ 1 @@\n+a", id="a file that was empty"),
        pytest.param(b"a\na\n", b"a\na\na\n", "@@ 2 @@\n a\n+a", id="one more of the same"),
        pytest.param(
            lines_of(*LONG),
            lines_of(*LONG[:70_000], "new", *LONG[70_000:]),
            "@@ 70000 @@\n line 69999\n+line new\n line 70000",
            id="one line among very many",
        ),
    ],
)
def test_the_lines_that_change_are_told_with_those_around_them(before, after, text):
    told = compare_lines(before, after)

    assert (told.text, told.is_shortened) == (text, False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(lines_of(*LONG), lines_of(*LONG[::-1]), id="very many lines"),
        pytest.param(b"a", b"x" * 1_000_000, id="a line without end"),
    ],
)
def test_of_large_differences_a_part_is_told(before, after):
    told = compare_lines(before, after)

    assert told.is_shortened
    assert 0 < len(told.text) < 20_000
