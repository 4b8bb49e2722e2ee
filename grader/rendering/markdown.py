"""Markdown as HTML for a page: CommonMark with tables and formulas; what would do or load something stays inert."""

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from grader.domain.text import Language
from grader.rendering.allowance import MAX_IMAGES, Budget
from grader.rendering.code import render_code
from grader.rendering.images import Image, ImageAddress, as_data_address, read_image, write_image
from grader.rendering.inert import PASSIVE, is_link, render_inert
from grader.rendering.sanitize import clean_text
from grader.rendering.words import spell

MAX_FORMATTED = 10_000
"""Characters without pictures; a longer text is shown as it was written, because some texts take time with the square
of their length."""
_MAX_PLAIN = 100_000
_MAX_ADDRESS = 200
_MAX_REPEATED = 1_000_000
"""Characters of addresses that stood in the same text before: a picture of megabytes can be named a thousand times."""
_INLINE_IMAGE = re.compile(r"data:image/[a-z+.-]{1,20};base64,([A-Za-z0-9+/=]{40,})")
_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")
_SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]*\s*:")
_ALIGNMENT = {"text-align:right": "nb-right", "text-align:center": "nb-center"}
_PYTHON = {"", "python", "py", "python3", "ipython", "ipython3"}


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What the rules need to know of the text they render; the last three change as pictures are written."""

    language: Language
    images: Mapping[str, Image | None]
    """By the address that stands in the text."""
    image_address: ImageAddress
    shown_images: Budget
    placed: dict[str, str] = field(default_factory=dict)
    """The addresses that pictures were given, by those in the text."""
    repeats: Budget = field(default_factory=lambda: Budget(left=_MAX_REPEATED))


def render_markdown(
    source: str,
    *,
    language: Language,
    attachments: Mapping[str, Image] | None = None,
    image_address: ImageAddress = as_data_address,
    shown_images: Budget | None = None,
) -> str:
    """Give Markdown as HTML without ids, styles and anything that runs or loads from elsewhere; never raises.

    Formulas are text in `<span class="math">` and `<div class="math math-block">`, for KaTeX with `trust` off.

    Args:
        source: as it was written, by whomever.
        language: of our own words in it.
        attachments: the cell's pictures by name, for `attachment:name`.
        image_address: where the page finds a picture.
        shown_images: how many more there may be on the page; without, as many as on a page of this text alone.
    """
    inline: dict[str, str] = {}
    text = _INLINE_IMAGE.sub(lambda found: _take_out(found, inline), _NO_TEXT.sub("\ufffd", source))
    if len(text) > MAX_FORMATTED:
        return _render_plain(text, language=language)
    images: dict[str, Image | None] = {address: read_image(encoded) for address, encoded in inline.items()}
    images |= {f"attachment:{name}": image for name, image in (attachments or {}).items()}
    left = Budget(left=MAX_IMAGES) if shown_images is None else shown_images
    page = _Page(language=language, images=images, image_address=image_address, shown_images=left)
    html: str = _parser().render(text, {"page": page})
    return clean_text(html, addresses=set(page.placed.values()))


def read_inline_images(source: str) -> Iterator[Image]:
    """The pictures that are written into a text itself."""
    images = (read_image(found[1]) for found in _INLINE_IMAGE.finditer(source))
    return (image for image in images if image is not None)


def _render_plain(text: str, *, language: Language) -> str:
    note = spell("rendering.not_formatted", language, characters=min(len(text), _MAX_PLAIN))
    return f'<p class="nb-note">{note}</p><pre class="nb-text" tabindex="0">{escape(text[:_MAX_PLAIN])}</pre>'


def _take_out(found: re.Match[str], inline: MutableMapping[str, str]) -> str:
    """Colab writes a pasted picture into the text: megabytes that the parser need not see."""
    address = f"data:image/inline;base64,~{len(inline)}"
    inline[address] = found[1]
    return address


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's own name
        """Which addresses make a link or picture at all: others leave what was written as text."""
        return is_link(url) or not _SCHEME.match(url) or url.startswith(("attachment:", "data:image/inline;"))


@cache
def _parser() -> MarkdownIt:
    parser = _Parser("commonmark").enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_labels=False, allow_digits=False, allow_blank_lines=False, double_inline=True)
    parser.use(amsmath_plugin)
    for names, rule in (
        (("link_open", "link_close"), _render_link),
        (("image",), _render_image),
        (("html_block", "html_inline"), _render_html),
        (("fence", "code_block"), _render_code_block),
        (("heading_open", "heading_close"), _render_heading),
        (("th_open", "td_open"), _render_table_cell),
        (("table_open", "table_close"), _render_table),
        (("math_inline", "math_inline_double", "math_block", "amsmath"), _render_math),
    ):
        for name in names:
            parser.add_render_rule(name, rule)
    return parser


# --- rules: each gives the HTML of the token at `place`, as markdown-it calls them -----------------------------------

_Env = MutableMapping[str, Any]


def _render_link(_: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env) -> str:
    """A link elsewhere; one into this notebook or its folder leads nowhere here, so only its text is shown."""
    opening = place
    while tokens[opening].type != "link_open":
        opening -= 1
    address = str(tokens[opening].attrGet("href") or "")
    if not is_link(address):
        return ""
    return f'<a href="{escape(address)}">' if opening == place else "</a>"


def _render_image(_: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env) -> str:
    token = tokens[place]
    return _picture(str(token.attrGet("src") or ""), alternative=token.content, page=env["page"])


def _render_html(_: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env) -> str:
    page: _Page = env["page"]
    return render_inert(tokens[place].content, picture=lambda address: _picture(address, alternative="", page=page))


def _render_code_block(
    _: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env
) -> str:
    token = tokens[place]
    is_python = token.type == "fence" and token.info.strip().lower() in _PYTHON
    code = render_code(token.content) if is_python else escape(token.content)
    return f'<pre class="nb-code" tabindex="0"><code>{code}</code></pre>\n'


def _render_heading(_: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env) -> str:
    token = tokens[place]
    return f"<{'/' if token.nesting < 0 else ''}{PASSIVE[token.tag]}>"


def _render_table_cell(
    _: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env
) -> str:
    token = tokens[place]
    alignment = _ALIGNMENT.get(str(token.attrGet("style") or ""))
    return f'<{token.tag} class="{alignment}">' if alignment else f"<{token.tag}>"


def _render_table(_: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env) -> str:
    return '<div class="nb-table" tabindex="0"><table>' if tokens[place].nesting > 0 else "</table></div>"


def _render_math(_: RendererProtocol, tokens: Sequence[Token], place: int, options: OptionsDict, env: _Env) -> str:
    token = tokens[place]
    formula = escape(token.content.strip())
    if token.type == "math_inline":
        return f'<span class="math">{formula}</span>'
    if token.type == "math_inline_double":  # within a paragraph, which would end at a <div>
        return f'<span class="math math-block">{formula}</span>'
    return f'<div class="math math-block">{formula}</div>'


def _picture(address: str, *, alternative: str, page: _Page) -> str:
    """A picture that came with the notebook; any other is told of by its address, and not loaded."""
    # markdown-it has percent-encoded the address; names of attachments are seldom ASCII.
    name = address if address in page.images else unquote(address)
    image = page.images.get(name)
    if image is None:
        return _say_why_not(address, alternative=alternative, page=page)
    placed = page.placed.get(name)
    if placed is None:
        if not page.shown_images.take(1):
            return f'<span class="nb-note">{spell("rendering.image_left_out", page.language)}</span>'
        placed = page.placed[name] = page.image_address(image)
    elif not page.repeats.take(len(placed)):
        return f'<span class="nb-note">{spell("rendering.image_repeated", page.language)}</span>'
    return write_image(
        image, address=placed, alternative=escape(alternative) or spell("rendering.image", page.language)
    )


def _say_why_not(address: str, *, alternative: str, page: _Page) -> str:
    is_own = address.startswith("data:")
    code = "rendering.image_unreadable" if is_own else "rendering.image_missing"
    said = spell("rendering.image_elsewhere" if is_link(address) else code, page.language)
    shown = escape((alternative if is_own else address)[:_MAX_ADDRESS])
    return f'<span class="nb-note">{said}{f" <code>{shown}</code>" if shown else ""}</span>'
