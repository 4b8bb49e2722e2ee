"""The page of codes is what its script writes from the catalogues."""

import runpy

from documentation import CHECKOUT, DOCS, anchors_of, names_in, rows_of, sections_of

from grader.domain.text import Language
from grader.feedback.catalogue import known_codes

SCRIPT = runpy.run_path(str(CHECKOUT / "scripts" / "document-codes"))
PAGE = (DOCS / "reference" / "codes.md").read_text("utf-8")


def test_the_page_is_what_the_script_writes():
    assert SCRIPT["make_page"]() == PAGE, "run `.venv/bin/python scripts/document-codes`"


def test_every_code_has_a_row_with_both_sentences():
    rows = {names_in(row[0])[0]: row[1:] for section in sections_of(PAGE).values() for row in rows_of(section)}

    assert rows.keys() >= known_codes(Language.JA) | known_codes(Language.EN)
    assert [code for code, sentences in rows.items() if len(sentences) != 2 or not all(sentences)] == []


def test_every_group_can_be_linked_to():
    assert anchors_of(PAGE) >= {code.partition(".")[0] for code in known_codes(Language.EN)}


def test_a_sentence_cannot_break_the_table():
    assert SCRIPT["_cell"]("a | b\nc < d *e* $f$ {what:word}") == r"a \| b<br>c &lt; d \*e\* \$f\$ {what}"
