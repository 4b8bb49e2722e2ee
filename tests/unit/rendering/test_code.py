"""Code on a page: each line can be pointed at, whatever its length and its errors."""

import pytest
from safe_html import find_unsafe, read_page

from grader.rendering.code import MAX_COLOURED, render_code


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x = 1", id="one line"),
        pytest.param("x = 1\n", id="a line with its end"),
        pytest.param("\n\nx = 1\n\n", id="empty lines around"),
        pytest.param("s = '''a\n<b>\n'''\nf(s)", id="a text over lines"),
        pytest.param("# %%\n!pip install x\n%matplotlib inline\n??", id="what is no Python"),
        pytest.param("x = 'open\ny = (", id="errors"),
        pytest.param("\t\x0c\x1b[0m\nx", id="control characters"),
        pytest.param("x = 1\n" * (MAX_COLOURED // 5), id="too long for colours"),
    ],
)
def test_every_line_has_its_id_and_its_text(source):
    html = render_code(source, anchor="cell-7")
    page = read_page(f"<pre>{html}</pre>")
    lines = source.removesuffix("\n").split("\n")
    assert page.ids == [f"cell-7-line-{n}" for n in range(1, len(lines) + 1)]
    assert "".join(page.text).removesuffix("\n") == source.removesuffix("\n")
    assert find_unsafe(html) == []


def test_nothing_gives_nothing():
    assert render_code("", anchor="cell-1") == ""
