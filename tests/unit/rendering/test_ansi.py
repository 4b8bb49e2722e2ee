"""Text of a terminal: colours become classes, all else that steers one is left out."""

import pytest

from grader.rendering.ansi import MAX_SPANS, render_text, strip_text

SHOWN = [
    pytest.param("a < b & c", "a &lt; b &amp; c", id="plain text is escaped"),
    pytest.param("\x1b[31mred\x1b[0m plain", '<span class="ansi-fg-1">red</span> plain', id="a colour"),
    pytest.param("\x1b[0;31mred", '<span class="ansi-fg-1">red</span>', id="as IPython writes it"),
    pytest.param("\x1b[1;44ma\x1b[mb", '<span class="ansi-bold ansi-bg-4">a</span>b', id="two looks and a bare reset"),
    pytest.param("\x1b[91ma\x1b[39mb", '<span class="ansi-fg-9">a</span>b', id="a bright colour"),
    pytest.param("\x1b[107ma\x1b[49mb", '<span class="ansi-bg-15">a</span>b', id="a bright background"),
    pytest.param(
        "\x1b[1;4ma\x1b[22mb",
        '<span class="ansi-bold ansi-underline">a</span><span class="ansi-underline">b</span>',
        id="one look ends",
    ),
    pytest.param("\x1b[38;5;9ma", '<span class="ansi-fg-9">a</span>', id="one of 256"),
    pytest.param("\x1b[38;5;196ma", '<span class="ansi-fg-9">a</span>', id="the nearest of the cube"),
    pytest.param("\x1b[48;5;232ma", '<span class="ansi-bg-0">a</span>', id="the nearest grey"),
    pytest.param("\x1b[38;2;250;250;250ma", '<span class="ansi-fg-15">a</span>', id="red, green and blue"),
    pytest.param("\x1b[38:2:250:250:250ma", '<span class="ansi-fg-15">a</span>', id="with colons"),
    pytest.param("\x1b[38;5;999ma\x1b[38;7mb\x1b[38mc", "abc", id="colours that do not exist"),
    pytest.param("\x1b[" + "9" * 5_000 + "ma", "a", id="a number without end"),
    pytest.param("\x1b[2J\x1b[1;1Ha\x1b[K", "a", id="the cursor"),
    pytest.param("\x1b]8;;https://a.example\x07a\x1b]8;;\x07", "a", id="a link"),
    pytest.param("\x1b]0;title\x1b\\a\x07\0\x7f", "a", id="a title and control characters"),
    pytest.param("\x1b[31", "", id="an end in the middle"),
    pytest.param(" 10%\r 50%\r100%\ndone\r\n", "100%\ndone\n", id="a progress bar"),
]


@pytest.mark.parametrize(("text", "html"), SHOWN)
def test_what_a_terminal_would_show(text, html):
    assert render_text(text) == html


@pytest.mark.parametrize("text", [text.values[0] for text in SHOWN])
def test_plain_text_has_no_escapes(text):
    assert "\x1b" not in strip_text(text)


def test_colours_are_bounded():
    html = render_text("\x1b[31ma\x1b[32mb" * 50_000)
    assert html.count("<span") <= MAX_SPANS
    assert html.endswith("ab" * 1_000)
