"""An assignment in one language is fine; a text that is missing falls back, and its author is told."""

import pytest

from grader.catalog import bundled, parse, read_bundle
from grader.domain.text import Language, Text
from grader.feedback.catalogue import sentence

SPEC = """\
title: {ja: 課題, en: Homework}
rubrics:
  why:
  - {points: 3, en: Gives a reason}
questions:
  q1:
    title: {ja: 一}
    prompt: Both
    value: t
    points: 1
  q2:
    prompt:
      ja: 表示する
    written: why
"""


def told(loaded):
    return [(one.file, one.line, one.field, one.note.facts["language"]) for one in loaded.untranslated]


def test_a_missing_text_falls_back_and_is_listed(load):
    loaded = load(SPEC)
    first, second = loaded.assignment.questions
    assert first.title == Text("一", "一")
    assert second.prompt == Text("表示する", "表示する")
    assert second.checks[0].rubric[0].text == Text("Gives a reason", "Gives a reason")
    assert told(loaded) == [
        ("assignment.yaml", 4, "rubrics.why[0]", "ja"),
        ("assignment.yaml", 7, "questions.q1.title", "en"),
        ("assignment.yaml", 12, "questions.q2.prompt", "en"),
    ]
    assert all(sentence(one.note, language) for one in loaded.untranslated for language in Language)


@pytest.mark.parametrize(
    ("languages", "lacking"),
    [
        pytest.param("[ja]", ["ja"], id="Japanese alone"),
        pytest.param("[en]", ["en", "en"], id="English alone"),
        pytest.param("[en, ja, en]", ["ja", "en", "en"], id="both, one of them twice"),
    ],
)
def test_only_the_languages_that_an_assignment_names_are_missed(load, languages, lacking):
    loaded = load(SPEC + f"languages: {languages}\n")
    assert [language for *_, language in told(loaded)] == lacking


def test_languages_are_both_unless_the_file_says_so(load, spec):
    assert load(spec).languages == (Language.JA, Language.EN)
    assert load(spec + "languages: [en]\n").languages == (Language.EN,)


def test_a_message_in_a_checks_settings_is_a_text_like_any_other(load, spec):
    check = "    source: {pattern: $T.size(), message: {en: Use size.}}\n    points: 1\n"
    loaded = load(spec.replace("    written: why\n", check))
    assert told(loaded) == [("assignment.yaml", 15, "questions.q2.source.message", "ja")]


def test_notes_and_accepted_survivors_are_for_authors(load, spec):
    loaded = load(
        spec + "notes: {ja: 教材の値は誤り, en: The sheet is wrong}\naccepted: {q1-sign-3: the same, q2-1: 5}\n"
    )
    assert loaded.notes == Text("教材の値は誤り", "The sheet is wrong")
    assert loaded.accepted == {"q1-sign-3": "the same", "q2-1": "5"}
    assert loaded.assignment == load(spec).assignment


@pytest.mark.parametrize("folder", bundled().values(), ids=bundled())
def test_bundled_assignments_have_every_text_in_both_languages(folder):
    loaded = parse(read_bundle(folder))
    assert loaded.languages == tuple(Language)
    assert loaded.untranslated == ()
