"""Whatever a notebook holds, its page holds only what we write: known tags, attributes and addresses, and no more."""

import base64
import json

import nh3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safe_html import PATTERNS, TAGS, find_unsafe, read_page
from xss_corpus import CORPUS, HTML, MARKDOWN, PIXEL, RUN, TERMINAL, notebook, prose

from grader.domain.text import Language
from grader.rendering.markdown import render_markdown
from grader.rendering.notebook import render_notebook


@pytest.mark.parametrize("name", CORPUS)
def test_nothing_of_the_corpus_reaches_a_page(name):
    rendered = render_notebook(CORPUS[name], language=Language.JA)
    assert find_unsafe(rendered.html) == []
    assert read_page(read_as_browsers_do(rendered.html)).tags == read_page(rendered.html).tags


def read_as_browsers_do(html):
    """Written again by nh3, whose parser is that of browsers: the same tags, if both understand the page alike."""
    schemes = {"https", "http", "data", "mailto"}
    return nh3.clean(html, tags=TAGS, attributes={"*": {*PATTERNS, "class"}}, link_rel=None, url_schemes=schemes)


@pytest.mark.parametrize(
    "html", [f"<script>{RUN}</script>", '<b onclick="x">', '<a href="javascript:x">', "</div>", "<b>"]
)
def test_the_judge_of_these_tests_sees_what_is_wrong(html):
    assert find_unsafe(html) != []


@pytest.mark.parametrize("text", [*HTML.values(), *MARKDOWN.values()])
def test_each_piece_of_a_page_is_closed_by_itself(text):
    cells = [prose(text), prose("after")]
    rendered = render_notebook(notebook(*cells), language=Language.EN)
    assert all(find_unsafe(cell.html) == [] for cell in rendered.cells)


def test_what_would_run_can_be_read():
    source = f"<script>{RUN}</script>"
    assert RUN in "".join(read_page(render_markdown(source, language=Language.EN)).text)


PIECES = [
    *(*HTML.values(), *MARKDOWN.values(), *TERMINAL.values(), *"<>&\"'`[]()!*_$|#~\\\n\r\t\0 -=:/", "\ud800"),
    *("<b>", "</b>", "<table>", "<td>", "$$", "```", "\\begin{align}\n", "javascript:", "attachment:", "<!--"),
]


@st.composite
def texts(draw):
    """Pieces of attacks and other text in a row; a function, because hypothesis prints strategies whole."""
    place = st.integers(0, len(PIECES) - 1)
    drawn = draw(st.lists(st.one_of(place, st.text(max_size=12)), max_size=12))
    return "".join(one if isinstance(one, str) else PIECES[one] for one in drawn)


TEXTS = texts()
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
JSON = st.one_of(VALUES, st.lists(VALUES, max_size=3), st.dictionaries(TEXTS, VALUES, max_size=3))
KINDS = ["text/html", "image/svg+xml", "text/markdown", "text/latex", "text/plain", "image/png", "application/json"]
BUNDLES = st.dictionaries(st.sampled_from(KINDS), st.one_of(TEXTS, st.lists(TEXTS, max_size=3), JSON), max_size=4)
OUTPUTS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result"])},
        optional={
            **{name: st.one_of(TEXTS, JSON) for name in ("name", "text", "ename", "evalue", "metadata")},
            "traceback": st.one_of(st.lists(TEXTS, max_size=3), JSON),
            "data": st.one_of(BUNDLES, JSON),
        },
    ),
)
IMAGES = st.sampled_from([base64.b64encode(PIXEL).decode(), "AAAA", "!"])
CELLS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown", "raw"]), "source": st.one_of(TEXTS, JSON)},
        optional={
            "outputs": st.one_of(st.lists(OUTPUTS, max_size=4), JSON),
            "attachments": st.dictionaries(
                TEXTS, st.dictionaries(TEXTS, st.one_of(IMAGES, JSON), max_size=2), max_size=2
            ),
            "metadata": JSON,
        },
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CELLS, max_size=4))
def test_any_cells_give_a_safe_page(cells):
    data = json.dumps({"cells": cells}).encode()
    rendered = render_notebook(data, language=Language.JA)
    assert find_unsafe(rendered.html) == []
    assert len(rendered.cells) == len(cells)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_markdown_gives_a_safe_piece_of_a_page(source):
    assert find_unsafe(render_markdown(source, language=Language.EN)) == []


@pytest.mark.parametrize("data", [b"[]", b"{}", b'{"cells": 1}', b"nonsense"])
def test_what_is_no_notebook_is_our_own_mistake(data):
    with pytest.raises(ValueError, match=r"notebook|Expecting"):
        render_notebook(data, language=Language.EN)
