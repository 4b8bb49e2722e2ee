"""A note becomes a sentence: gaps are filled literally, numbers and lists plainly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.assignment import Visibility
from grader.domain.text import Fact, Language, Note
from grader.feedback import catalogue
from grader.feedback.catalogue import known_codes, sentence


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small catalogue of our own in place of the real one."""
    messages = {
        "a.plain": "text",
        "a.gap": "<{x}>",
        "a.gap#full": "<{x}|{y}>",
        "a.braces": "{{{x}}}",
        "a.word": "the {x:word}",
        "a.attribute": "{x.__class__}",
        "a.asked": "{x:asked}は",
        "a.asked_later": "of {x:asked}",
        "word.cat": "ねこ",
        "word.before_cell": "cells?",
        "word.before_question": "questions?|Q",
    }
    monkeypatch.setattr(catalogue, "load_messages", lambda language: messages)


pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(
    ("fact", "ja", "en"),
    [
        pytest.param("x", "<x>", "<x>", id="text"),
        pytest.param("{x} {0} {", "<{x} {0} {>", "<{x} {0} {>", id="braces of a student's are no gaps"),
        pytest.param(24, "<24>", "<24>", id="integer"),
        pytest.param(24.0, "<24>", "<24>", id="whole float"),
        pytest.param(-0.5, "<-0.5>", "<-0.5>", id="float"),
        pytest.param(1 / 3, "<0.333333>", "<0.333333>", id="long float"),
        pytest.param(1.5e-9, "<1.5e-09>", "<1.5e-09>", id="tiny float"),
        pytest.param(1e300, "<1e+300>", "<1e+300>", id="huge float"),
        pytest.param("nan", "<nan>", "<nan>", id="a float that is no number"),
        pytest.param([3, 5], "<3、5>", "<3, 5>", id="list"),
        pytest.param([], "<>", "<>", id="empty list"),
        pytest.param(["a", [1.0, 2]], "<a、1、2>", "<a, 1, 2>", id="list in a list"),
        pytest.param({"dtype": 14}, "<dtype: 14>", "<dtype: 14>", id="mapping"),
        pytest.param(True, "<True>", "<True>", id="bool"),
        pytest.param(None, "<None>", "<None>", id="None"),
    ],
)
@pytest.mark.usefixtures("entries")
def test_facts_are_spelt_plainly(fact: Fact, ja: str, en: str) -> None:
    note = Note(code="a.gap", facts={"x": fact, "unused": 1})
    assert (sentence(note, Language.JA), sentence(note, Language.EN)) == (ja, en)


@pytest.mark.usefixtures("entries")
def test_the_full_entry_is_used_only_where_values_may_be_shown() -> None:
    note = Note(code="a.gap", facts={"x": 1, "y": 2})
    assert sentence(note, Language.EN) == "<1>"
    assert sentence(note, Language.EN, visibility=Visibility.VERDICT) == "<1>"
    assert sentence(note, Language.EN, visibility=Visibility.FULL) == "<1|2>"
    assert sentence(Note(code="a.plain"), Language.EN, visibility=Visibility.FULL) == "text"


@pytest.mark.usefixtures("entries")
def test_doubled_braces_are_braces() -> None:
    assert sentence(Note(code="a.braces", facts={"x": "y"}), Language.EN) == "{y}"


@pytest.mark.usefixtures("entries")
def test_our_own_words_are_translated_and_others_are_left_alone() -> None:
    assert sentence(Note(code="a.word", facts={"x": "cat"}), Language.JA) == "the ねこ"
    assert sentence(Note(code="a.word", facts={"x": "{dog}"}), Language.JA) == "the {dog}"


ASKED = {
    "a name": ("t", "`t` は", "`t`は"),
    "an author's words": ({"ja": "長さ", "en": "the length"}, "長さは", "The lengthは"),
    "words in small letters": ({"ja": "x の値", "en": "x as it is"}, "x の値は", "X as it isは"),
    "a part of it": ({"ja": "組", "en": "the pair", "place": "[0]"}, "組（`[0]`）は", "The pair (`[0]`)は"),
    "words that end in code": ({"ja": "長さ `n`", "en": "the length `n`"}, "長さ `n` は", "The length `n`は"),
}


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize(("fact", "ja", "en"), [pytest.param(*case, id=name) for name, case in ASKED.items()])
def test_what_is_asked_is_code_or_its_authors_words(fact: Fact, ja: str, en: str) -> None:
    note = Note(code="a.asked", facts={"x": fact})
    assert (sentence(note, Language.JA), sentence(note, Language.EN)) == (ja, en)


@pytest.mark.usefixtures("entries")
def test_only_at_the_beginning_of_a_sentence_words_get_a_capital() -> None:
    words = Note(code="a.asked_later", facts={"x": {"ja": "長さ", "en": "the length"}})
    assert sentence(words, Language.EN) == "of the length"


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize(
    "note",
    [
        pytest.param(Note(code="a.unknown"), id="no such code"),
        pytest.param(Note(code="a.gap"), id="a fact is missing"),
        pytest.param(Note(code="a.attribute", facts={"x": 1}), id="attributes cannot be reached"),
    ],
)
def test_our_mistakes_raise(note: Note) -> None:
    with pytest.raises(KeyError):
        sentence(note, Language.EN)


@given(st.text())
def test_whatever_a_student_wrote_stands_in_the_sentence_as_it_is(text: str) -> None:
    note = Note(code="source.not_called", facts={"found": text})
    assert text in sentence(note, Language.JA)


def test_known_codes_are_the_codes_of_the_files() -> None:
    codes = known_codes(Language.EN)
    assert {"verdict.passed", "output.dtype", "error.not_found"} <= codes
    assert not any("#" in code for code in codes)


def test_the_sentences_of_homework_8_name_what_was_found() -> None:
    doubled = Note(
        code="diagnose.backward_twice", facts={"places": [{"cell": 14, "line": 3}, {"cell": None, "line": 5}]}
    )
    assert "セル14の3行目、5行目" in sentence(doubled, Language.JA)
    assert "line 3 of cell 14, line 5" in sentence(doubled, Language.EN)
    lost = Note(code="source.slice_lost", facts={"found": "t[0:3]", "lost": ["-1"], "pattern": "$T[$START:-1:$STEP]"})
    for language in Language:
        assert "t[0:3]" in sentence(lost, language)
        assert "$START" not in sentence(lost, language), "at hint level a sentence must not give the answer away"
        assert "$START" in sentence(lost, language, visibility=Visibility.FULL)


@pytest.mark.parametrize(
    ("place", "ja", "en"),
    [
        pytest.param({"cell": 4, "line": 2}, "セル4の2行目で", "in line 2 of cell 4:", id="a line"),
        pytest.param({"cell": 4, "line": None}, "セル4で", "in cell 4:", id="a cell whose line cannot be told"),
    ],
)
def test_where_a_cell_stopped_is_told_as_exactly_as_it_is_known(place: dict[str, Fact], ja: str, en: str) -> None:
    note = Note(code="cell.raised", facts={"place": [place], "error": "NameError", "message": "x"})
    assert sentence(note, Language.JA).startswith(ja)
    assert en in sentence(note, Language.EN)
