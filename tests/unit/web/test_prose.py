"""Sentences on a page: code is shown as code, places are links to where the page has them, all else is text."""

import pytest

from grader.domain.text import Language, Note
from grader.feedback.catalogue import point_out, sentence
from grader.web.prose import PagePlaces, Place, link_places, mark_code


@pytest.mark.parametrize(
    ("text", "html"),
    [
        pytest.param("call `f(x)` once", "call <code>f(x)</code> once", id="code"),
        pytest.param("a ` alone", "a ` alone", id="no partner"),
        pytest.param("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;", id="markup is text"),
    ],
)
def test_sentences_show_code_as_code_and_all_else_as_text(text, html):
    assert mark_code(text) == html


SAID = {
    "a cell": (Note(code="cell.timed_out", facts={"cell": 12}), "Cell 12", "セル12", ("cell", 12, None)),
    "a line": (
        Note(code="diagnose.capital_tensor", facts={"places": [{"cell": 3, "line": 5}]}),
        "line 5 of cell 3",
        "セル3の5行目",
        ("cell", 3, 5),
    ),
    "a question": (
        Note(code="locate.only_words", facts={"number": 2, "cell": 7}),
        "Question 2",
        "問題2",
        ("question", 2, None),
    ),
}


@pytest.mark.parametrize("case", SAID.values(), ids=SAID)
def test_what_a_sentence_names_is_a_link_to_it_in_both_languages(case):
    note, english, japanese, named = case

    def find(place):
        return "#there" if (place.kind, place.number, place.line) == named else None

    for language, words in ((Language.EN, english), (Language.JA, japanese)):
        html = link_places(point_out(note, language), find=find)
        assert f'<a href="#there">{words}</a>' in html
        assert html.count("<a ") == 1
        assert html.striptags() == mark_code(sentence(note, language)).striptags()


def test_each_of_several_is_a_link_of_its_own():
    note = Note(code="execution.no_input", facts={"cells": [3, 4, "…"]})

    html = link_places(point_out(note, Language.EN), find=lambda place: f"#{place.kind}-{place.number}")

    assert '(<a href="#cell-3">cell 3</a>, <a href="#cell-4">4</a>, …)' in html


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(Note(code="diagnose.one_row", facts={"number": 2}), id="a row"),
        pytest.param(
            Note(code="function.raised", facts=dict.fromkeys(("name", "error", "line", "raised", "total"), 1)),
            id="a line that is counted from elsewhere",
        ),
        pytest.param(Note(code="locate.headings_together", facts={"cell": "x"}), id="no number"),
    ],
)
def test_other_numbers_are_no_places(note):
    assert "<a" not in link_places(point_out(note, Language.EN), find=lambda place: "#there")


def test_a_heading_as_somebody_should_write_it_is_no_place():
    html = link_places(point_out(Note(code="check.not_found", facts={"number": 3}), Language.JA), find=lambda _: "#q3")
    assert '<a href="#q3">問題3</a>の解答' in html
    assert "「問題3」" in html


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufdd0cell:1:\ufdd1x\ufdd2", id="a mark like ours"),
        pytest.param("\ufdd1\ufdd2<b>cell 3</b>", id="parts of marks and markup"),
        pytest.param('"><script>alert(1)</script>', id="markup"),
    ],
)
def test_what_a_student_wrote_makes_no_link_and_no_markup(text):
    note = Note(code="check.not_there_after_error", facts={"cell": 3, "error": text})

    html = link_places(point_out(note, Language.EN), find=lambda place: f"/{place.number}")

    assert html.count("<") == 2  # the one link that we make
    assert html.startswith('<a href="/3">Cell 3</a> stopped with ')


PLACES = PagePlaces(cell_ids={"cell-2", "cell-2-line-1"}, questions={1: "q1", 2: "q2"}, notebook="/notebook")


@pytest.mark.parametrize(
    ("place", "address"),
    [
        pytest.param(Place(kind="question", number=2), "#q2", id="a question"),
        pytest.param(Place(kind="question", number=1), None, id="the question in which this is said"),
        pytest.param(Place(kind="question", number=9), None, id="no such question"),
        pytest.param(Place(kind="cell", number=2), "#cell-2", id="a cell"),
        pytest.param(Place(kind="cell", number=2, line=1), "#cell-2-line-1", id="a line"),
        pytest.param(Place(kind="cell", number=2, line=9), "#cell-2", id="a line that the page does not show"),
        pytest.param(Place(kind="cell", number=3), "/notebook#cell-3", id="a cell that stands elsewhere"),
        pytest.param(Place(kind="cell", number=3, line=4), "/notebook#cell-3-line-4", id="its line"),
    ],
)
def test_a_place_is_looked_for_on_the_page_and_then_in_the_notebook(place, address):
    assert PLACES.find(place, own=1) == address


def test_without_a_notebook_other_cells_are_only_named():
    places = PagePlaces(cell_ids=(), questions={}, notebook=None)
    assert places.find(Place(kind="cell", number=3)) is None
