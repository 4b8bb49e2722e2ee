"""Markdown as pages show it: what people use of it, and what stays inert."""

import base64
import re

import numpy as np
import pytest
from png_file import write_png
from safe_html import find_unsafe, read_page

from grader.domain.text import Language
from grader.rendering.images import read_image
from grader.rendering.markdown import render_markdown

PNG = base64.b64encode(write_png(np.zeros((2, 3, 3), dtype=np.uint8))).decode()
IMAGE = read_image(PNG)


def render(source, **more):
    return render_markdown(source, language=Language.EN, **more)


def words(html):
    return " ".join("".join(read_page(html).text).split())


WRITTEN = [
    pytest.param("**a** *b* ~~c~~ `d`", "<strong>a</strong> <em>b</em> <s>c</s> <code>d</code>", id="emphasis"),
    pytest.param("# a", "<h3>a</h3>", id="a heading below those of the page"),
    pytest.param("###### a", "<h6>a</h6>", id="the smallest heading"),
    pytest.param("3. a\n4. b", '<ol start="3">', id="a list that goes on"),
    pytest.param("|a|\n|-:|\n|1|", '<td class="nb-right">1</td>', id="a table with its alignment as a class"),
    pytest.param("$x_1 < 2$", '<span class="math">x_1 &lt; 2</span>', id="a formula is text"),
    pytest.param("a $$x_1$$ b", '<span class="math math-block">x_1</span>', id="a large formula in a line"),
    pytest.param("$$\nx\n$$", '<div class="math math-block">x</div>', id="a large formula"),
    pytest.param("\\begin{align}\na&=b\n\\end{align}", "\\begin{align}\na&amp;=b\n\\end{align}</div>", id="amsmath"),
    pytest.param("it costs $5 and $6", "it costs $5 and $6", id="money is no formula"),
    pytest.param("$*a*$ *b*", '<span class="math">*a*</span> <em>b</em>', id="no emphasis within a formula"),
    pytest.param("```python\ndef f(): pass\n```", '<span class="hl-k">def</span>', id="Python has colours"),
    pytest.param("```sh\necho <a>\n```", "<code>echo &lt;a&gt;\n</code>", id="another language has none"),
    pytest.param("a<br>b <sub>c</sub>", "a<br>b <sub>c</sub>", id="passive HTML"),
    pytest.param('<font color="red">a</font>', "<span>a</span>", id="HTML of old for looks"),
    pytest.param("<b>a", "<b>a</b>", id="an open tag is closed"),
    pytest.param("[a](https://b.example/?c=1&d=2)", 'href="https://b.example/?c=1&amp;d=2"', id="a link"),
    pytest.param("<a href='https://b.example'>a</a>", 'href="https://b.example"', id="a link in HTML"),
    pytest.param("[a](mailto:b@c.example)", 'href="mailto:b@c.example"', id="a mail address"),
]


@pytest.mark.parametrize(("source", "html"), WRITTEN)
def test_what_people_write_is_shown(source, html):
    rendered = render(source)
    assert html in rendered
    assert find_unsafe(rendered) == []


@pytest.mark.parametrize(
    "address",
    ["#cell-1", "/sign-out", "//elsewhere.example", "other.ipynb", "?q=1", "attachment:a.png"],
)
def test_link_that_is_not_to_another_site_is_only_its_text(address):
    assert render(f"see [the text]({address}) here") == "<p>see the text here</p>\n"


@pytest.mark.parametrize(
    "address", ["javascript:a", "data:text/html,a", "vbscript:a", "file:///a", "blob:a", "ftp://a"]
)
def test_link_of_another_scheme_stays_as_it_was_written(address):
    assert words(render(f"[x]({address})")) == f"[x]({address})"


def test_link_says_that_it_vouches_for_nothing():
    assert 'rel="nofollow noopener noreferrer"' in render("[a](https://b.example)")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("![答え](attachment:図1.png)", id="Markdown"),
        pytest.param('<img src="attachment:図1.png" width="50%">', id="HTML, as Jupyter writes a resized one"),
    ],
)
def test_attached_picture_is_shown(source):
    rendered = render(source, attachments={"図1.png": IMAGE})
    (picture,) = [attributes for tag, attributes in read_page(rendered).tags if tag == "img"]
    assert picture["src"] == f"data:image/png;base64,{PNG}"
    assert (picture["width"], picture["height"]) == ("3", "2")
    assert picture["alt"]


def test_picture_within_the_text_is_shown_however_large():
    padded = base64.b64encode(base64.b64decode(PNG) + bytes(2_000_000)).decode()
    rendered = render(f"![image.png](data:image/png;base64,{padded}) **after**")
    assert f"base64,{padded}" in rendered
    assert "<strong>after</strong>" in rendered


def test_picture_that_is_named_a_thousand_times_does_not_fill_the_page():
    padded = base64.b64encode(base64.b64decode(PNG) + bytes(300_000)).decode()
    rendered = render("![a](attachment:a) " * 400, attachments={"a": read_image(padded)})
    assert 2 <= rendered.count("<img") <= 4
    assert "The same image is shown above." in rendered


def test_small_picture_may_be_named_often():
    assert render("![a](attachment:a) " * 100, attachments={"a": IMAGE}).count("<img") == 100


def test_page_may_keep_pictures_elsewhere():
    rendered = render(
        "![a](attachment:a)", attachments={"a": IMAGE}, image_address=lambda image: "https://own.example/1"
    )
    assert 'src="https://own.example/1"' in rendered


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("![a](attachment:missing.png)", "This image was not found. attachment:missing.png"),
        ("![a](data:image/png;base64,AAAA)", "![a](data:image/png;base64,AAAA)"),
        (
            "![a](https://elsewhere.example/a.png)",
            "Images of other sites are not loaded. https://elsewhere.example/a.png",
        ),
    ],
)
def test_picture_that_did_not_come_along_is_told_of(source, said):
    rendered = render(source)
    assert "<img" not in rendered
    assert words(rendered).endswith(said)


def test_comments_are_seen():
    assert "&lt;!-- hidden --&gt;" in render("a <!-- hidden --> b")


def test_long_text_is_shown_without_formatting_and_says_so():
    rendered = render("**a** " * 40_000)
    assert "without formatting" in rendered
    assert "**a** **a**" in rendered
    assert len(rendered) < 110_000


SLOW = [
    "[",
    "![",
    "[a](",
    "*a ",
    "_a",
    "`a",
    "> ",
    "- ",
    "\\begin{align}\n",
    "$a\n\n",
    "$$ ",
    "<a ",
    "<div>",
    "[![",
    "|a",
    "\\$",
]


@pytest.mark.parametrize("piece", SLOW)
def test_nothing_grows_without_bound(piece):
    rendered = render(piece * (10_000 // len(piece)))
    assert len(rendered) < 500_000
    assert find_unsafe(rendered) == []


def test_deep_nesting_is_cut():
    assert read_page(render("> " * 4_000 + "a")).tags.count(("blockquote", {})) < 200


def test_no_ids_stand_in_markdown():
    assert not re.search(r"\bid=", render("# a {#b}\n\n<h1 id=c>d</h1>\n\n[^1]\n\n[^1]: e\n\n$$a$$ (f)"))
