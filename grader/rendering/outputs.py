"""The outputs of a code cell as HTML: text, errors, pictures and tables; what could be active waits in a frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from grader.domain.text import Language
from grader.rendering.allowance import Allowance
from grader.rendering.ansi import render_text, strip_text
from grader.rendering.frames import Frame, FrameAddress, make_frame, write_frame
from grader.rendering.images import ImageAddress, read_image, write_image
from grader.rendering.markdown import MAX_FORMATTED, render_markdown
from grader.rendering.sanitize import clean_table, is_table
from grader.rendering.words import size_kb, spell

MAX_TEXT = 100_000
"""Characters of one text that are shown; of a longer one its beginning and its end."""
_KEPT_END = 20_000
_MAX_SUMMARY = 300
_FOLDED_LINES = 30
_FOLDED_CHARACTERS = 4_000
_MAX_TABLE = 400_000
IMAGES = ("image/png", "image/jpeg", "image/gif")
FORMATTED = ("text/markdown", "text/latex")
_ACTIVE = ("text/html", "image/svg+xml", "application/javascript", "text/javascript")
_FRAMED = frozenset({"text/html", "image/svg+xml"})


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an output stands, in whose language, and what may still be shown there."""

    cell_number: int
    name: str
    """Of the output; the id of its element."""
    language: Language
    allowance: Allowance
    image_address: ImageAddress
    frame_address: FrameAddress | None = None

    def say(self, code: str, **facts: str | int) -> str:
        return spell(code, self.language, **facts)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One output as HTML, and the documents that its placeholders stand for."""

    html: str = field(repr=False)
    frames: tuple[Frame, ...] = ()


def render_output(output: Mapping[str, object], *, place: Place) -> Shown:
    """Give one output of a notebook file as HTML; whatever it holds, this gives something and runs nothing."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "nb-stderr" if output.get("name") == "stderr" else "nb-stdout"
        shown = Shown(html=_fold_text(join_lines(output.get("text")), place=place, kind=name))
    elif kind == "error":
        shown = Shown(html=_render_error(output, place=place))
    else:
        data = output.get("data")
        shown = _render_bundle(data if isinstance(data, dict) else {}, place=place)
    return Shown(html=f'<div class="nb-output" id="{place.name}">{shown.html}</div>', frames=shown.frames)


def join_lines(value: object) -> str:
    """Text as notebook files hold it: a string or a list of pieces; anything else is none."""
    pieces = value if isinstance(value, list) else [value]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text that could be sent


def render_plain(text: str, *, place: Place, kind: str = "nb-text") -> str:
    """Text of a terminal in a `<pre>`, cut where it is too long."""
    shown = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - _KEPT_END]
    if not place.allowance.text.take(min(len(text), MAX_TEXT)):
        return f'<p class="nb-note">{place.say("rendering.left_out", size_kb=size_kb(text))}</p>'
    html = f'<pre class="{kind}" tabindex="0">{render_text(shown)}</pre>'
    if len(text) > MAX_TEXT:
        note = place.say("rendering.cut", characters=len(text) - MAX_TEXT)
        ending = render_text(text[-_KEPT_END:])
        html += f'<p class="nb-note">{note}</p><pre class="{kind}" tabindex="0">{ending}</pre>'
    return html


def _fold_text(text: str, *, place: Place, kind: str = "nb-text") -> str:
    lines = text.count("\n") + (not text.endswith("\n"))
    html = render_plain(text, place=place, kind=kind)
    if lines <= _FOLDED_LINES and len(text) <= _FOLDED_CHARACTERS:
        return html
    summary = place.say("rendering.long_output", lines=lines, size_kb=size_kb(text))
    return _fold(html, summary=summary, kind="nb-long")


def _fold(html: str, *, summary: str, kind: str) -> str:
    return f'<details class="{kind}"><summary>{summary}</summary>{html}</details>'


def _render_error(output: Mapping[str, object], *, place: Place) -> str:
    """The last line of a traceback says it; the rest is there to be opened."""
    said = f"{join_lines(output.get('ename'))}: {join_lines(output.get('evalue'))}"
    lines = output.get("traceback")
    traceback = "\n".join(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ""
    summary = escape(" ".join(strip_text(said[: _MAX_SUMMARY * 2]).split())[:_MAX_SUMMARY])
    return _fold(render_plain(traceback or said, place=place), summary=summary, kind="nb-error")


def _render_bundle(data: Mapping[str, object], *, place: Place) -> Shown:
    """The richest form of a result that does nothing; HTML that is more than a table only by its placeholder."""
    texts = {kind: text for kind, value in data.items() if (text := join_lines(value))}
    for kind in IMAGES:
        if kind in texts:
            return Shown(html=_render_image(texts[kind], place=place))
    html = texts.get("text/html", "")
    if html and len(html) <= _MAX_TABLE and is_table(html) and place.allowance.text.take(len(html)):
        return Shown(html=f'<div class="nb-table" tabindex="0">{clean_table(html)}</div>')
    for kind in FORMATTED:
        if kind in texts and len(texts[kind]) <= MAX_FORMATTED and place.allowance.formatted.take(len(texts[kind])):
            rendered = render_markdown(
                texts[kind],
                language=place.language,
                image_address=place.image_address,
                shown_images=place.allowance.images,
            )
            return Shown(html=f'<div class="nb-markdown">{rendered}</div>')
    for kind in _ACTIVE:
        if kind in texts:
            return _render_active(texts[kind], kind=kind, place=place)
    text = texts.get("text/plain") or next(iter(texts.values()), "")
    return Shown(html=_fold_text(text, place=place))


def _render_image(encoded: str, *, place: Place) -> str:
    image = read_image(encoded)
    if image is None:
        return f'<p class="nb-note">{place.say("rendering.image_unreadable")}</p>'
    if not place.allowance.images.take(1):
        return f'<p class="nb-note">{place.say("rendering.image_left_out")}</p>'
    alternative = place.say("rendering.image_of_cell", cell=place.cell_number)
    return write_image(image, address=place.image_address(image), alternative=alternative)


def _render_active(source: str, *, kind: str, place: Place) -> Shown:
    is_framed = kind in _FRAMED
    note = place.say("rendering.framed" if is_framed else "rendering.script")
    summary = place.say("rendering.source_of_active", size_kb=size_kb(source))
    folded = _fold(render_plain(source, place=place), summary=summary, kind="nb-long")
    frame = f' data-frame="{place.name}"' if is_framed else ""
    inside = ""
    if is_framed and place.frame_address is not None:
        title = place.say("rendering.outputs_of_cell", cell=place.cell_number)
        inside = write_frame(place.frame_address(place.name), title=title)
    html = f'<div class="nb-active"{frame}><p class="nb-note">{note}</p>{inside}{folded}</div>'
    return Shown(html=html, frames=(make_frame(place.name, html=source),) if is_framed else ())
