"""Every mistake has its sentence, in both languages and with all its facts."""

import re
from pathlib import Path

import pytest

import grader
from grader.domain.text import Language, Note
from grader.feedback.catalogue import known_codes, sentence

PACKAGE = Path(grader.__file__).parent
SOURCES = "\n".join(path.read_text("utf-8") for path in sorted((PACKAGE / "catalog").glob("*.py")))
KINDS = "\n".join(path.read_text("utf-8") for path in sorted((PACKAGE / "grading" / "checks").glob("*.py")))
CODES = {code for code in known_codes(Language.EN) if code.startswith("catalog.")}


def test_every_code_that_is_noted_has_a_sentence():
    noted = re.findall(r'(?:mistakes\.add|_stop)\(\s*"(\w+)"', SOURCES)
    noted += [code + end for code in re.findall(r'note_unknown\(\s*"(\w+)"', SOURCES) for end in ("", "_near")]
    assert len(noted) > 40
    assert {f"catalog.{code}" for code in noted} <= CODES


def test_no_sentence_is_left_over():
    words = set(re.findall(r'"(?:catalog\.)?(\w+)"', SOURCES + KINDS))
    assert {code for code in CODES if code.removeprefix("catalog.").removesuffix("_near") not in words} == set()


def test_what_the_kinds_refuse_by_themselves_has_a_sentence():
    own = re.findall(r'PydanticCustomError\(\s*"(\w+)"', KINDS)
    assert "one_tolerance" in own
    assert {f"catalog.{code}" for code in own} <= CODES


@pytest.mark.parametrize("language", Language)
def test_an_expression_in_braces_keeps_them(language):
    note = Note(code="catalog.prompt_expression", facts={"expression": "print(t"})
    assert "{{print(t}}" in sentence(note, language)
