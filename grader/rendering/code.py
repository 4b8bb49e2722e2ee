"""Python source as coloured HTML, each line with an id that a result can point at."""

from functools import cache
from html import escape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

MAX_COLOURED = 20_000
"""Characters; a longer source is shown without colours."""


def render_code(source: str, *, anchor: str | None = None) -> str:
    """Give the source as HTML for a `<pre>`: classes begin with `hl-`, lines have the ids `{anchor}-line-{n}`."""
    if not source:
        return ""
    html = escape(source) if len(source) > MAX_COLOURED else highlight(source, _lexer(), _formatter())
    if anchor is None:
        return html
    # Pygments closes every tag at the end of its line.
    lines = html.removesuffix("\n").split("\n")
    return "".join(f'<span id="{anchor}-line-{n}">{line}\n</span>' for n, line in enumerate(lines, start=1))


@cache
def _lexer() -> PythonLexer:
    return PythonLexer(stripnl=False)


@cache
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True, classprefix="hl-")
