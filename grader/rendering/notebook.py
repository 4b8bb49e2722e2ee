"""An executed notebook as HTML, cell by cell, each with an id that a result can point at."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.domain.notebook import CellKind
from grader.domain.text import Language
from grader.notebook.parse import parse
from grader.rendering.allowance import Allowance
from grader.rendering.attachments import read_cell_attachments
from grader.rendering.code import render_code
from grader.rendering.frames import Frame, FrameAddress
from grader.rendering.images import Image, ImageAddress, as_data_address
from grader.rendering.markdown import MAX_FORMATTED, render_markdown
from grader.rendering.outputs import Place, Shown, join_lines, render_output, render_plain

KINDS = {
    "code": CellKind.CODE,
    "markdown": CellKind.MARKDOWN,
    "heading": CellKind.MARKDOWN,
    "html": CellKind.MARKDOWN,
}
"""The last two are of nbformat 2 and 3, whose code stands under `input`."""

_HEADING = re.compile(r"<(?P<end>/?)h(?P<level>[3-6])>")


@dataclass(frozen=True, kw_only=True)
class RenderedCell:
    """One cell for a page. Its element has the id `cell-{number}`, its lines of code `cell-{number}-line-{n}`."""

    number: int
    kind: CellKind
    html: str = field(repr=False)
    frames: tuple[Frame, ...] = ()

    @property
    def anchor(self) -> str:
        return f"cell-{self.number}"


def order_headings(html: str, *, below: int) -> str:
    """What was rendered, its headings at levels that follow each other: students leave some out.

    Args:
        html: of this module.
        below: the level of the page's own heading above it.
    """
    level = below

    def move(tag: re.Match[str]) -> str:
        nonlocal level
        level = level if tag["end"] else min(int(tag["level"]), level + 1)
        return f"<{tag['end']}h{level}>"

    return _HEADING.sub(move, html)


@dataclass(frozen=True, kw_only=True)
class RenderedNotebook:
    """A notebook for a page, in the order of its cells."""

    cells: tuple[RenderedCell, ...]

    @property
    def html(self) -> str:
        return "\n".join(cell.html for cell in self.cells)

    def find_frame(self, name: str) -> Frame | None:
        """The document of a placeholder, by its `data-frame`."""
        return next((frame for cell in self.cells for frame in cell.frames if frame.name == name), None)


def render_notebook(
    data: bytes,
    *,
    language: Language,
    attachments: Mapping[int, Mapping[str, Image]] | None = None,
    image_address: ImageAddress = as_data_address,
    frame_address: FrameAddress | None = None,
    numbers: Collection[int] | None = None,
) -> RenderedNotebook:
    """Give the notebook that we wrote (nbformat 4) as HTML; what students put into it can be read and does nothing.

    Time and size are bounded: long outputs are folded, endless ones cut, and this is said where it is done.

    Args:
        data: JSON as `sandbox.outputs.write_notebook` gives it.
        language: of our own words.
        attachments: pictures of the uploaded file by a cell's place from 0 and their name (attachments.py reads them);
            what stands in the notebook itself is found without.
        image_address: where the page finds a picture.
        frame_address: where it finds the document of an output that is HTML or SVG; without, only its source is shown.
        numbers: of the cells that are wanted, if not all.

    Raises:
        ValueError: this is no JSON of a notebook; our own mistake.
    """
    content = json.loads(data)
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise ValueError("no notebook: it has no list of cells")
    place = Place(
        cell_number=0,
        name="",
        language=language,
        allowance=Allowance(),
        image_address=image_address,
        frame_address=frame_address,
    )
    return _render(content["cells"], place=place, attachments=attachments or {}, numbers=numbers)


def render_upload(
    data: bytes,
    *,
    language: Language,
    image_address: ImageAddress = as_data_address,
    frame_address: FrameAddress | None = None,
    numbers: Collection[int] | None = None,
) -> RenderedNotebook:
    """Give a notebook as it was handed in, of any version, with the outputs that it was saved with.

    Args and bounds are those of `render_notebook`.

    Raises:
        NotebookRefused: the file cannot be read; one that was accepted can.
    """
    place = Place(
        cell_number=0,
        name="",
        language=language,
        allowance=Allowance(),
        image_address=image_address,
        frame_address=frame_address,
    )
    return _render(cells_of_upload(parse(data).content), place=place, attachments={}, numbers=numbers)


def cells_of_upload(content: Mapping[str, object]) -> Sequence[object]:
    """The cells, in the places that notebook.read gives them; those of nbformat 2 and 3 lie in sheets."""
    cells, sheets = content.get("cells"), content.get("worksheets")
    if isinstance(cells, list):
        return cells
    found: list[object] = []
    for sheet in sheets if isinstance(sheets, list) else []:
        of_sheet = sheet.get("cells") if isinstance(sheet, dict) else None
        found += of_sheet if isinstance(of_sheet, list) else []
    return found


def _render(
    raw_cells: Sequence[object],
    *,
    place: Place,
    attachments: Mapping[int, Mapping[str, Image]],
    numbers: Collection[int] | None,
) -> RenderedNotebook:
    cells = []
    for number, raw in enumerate(raw_cells, start=1):
        if numbers is not None and number not in numbers:
            continue
        cell = raw if isinstance(raw, dict) else {}
        images = {**attachments.get(number - 1, {}), **read_cell_attachments(cell)}
        there = replace(place, cell_number=number, name=f"cell-{number}")
        cells.append(_render_cell(cell, place=there, images=images))
    return RenderedNotebook(cells=tuple(cells))


def _render_cell(cell: Mapping[str, object], *, place: Place, images: Mapping[str, Image]) -> RenderedCell:
    kind = KINDS.get(str(cell.get("cell_type")), CellKind.RAW)
    source = join_lines(cell.get("source", cell.get("input")))
    frames: tuple[Frame, ...] = ()
    if kind is CellKind.CODE:
        outputs = cell.get("outputs")
        shown = _render_outputs(outputs if isinstance(outputs, list) else [], place=place)
        body, frames = f"{_render_source(source, place=place)}{shown.html}", shown.frames
    elif kind is CellKind.MARKDOWN:
        body = _render_prose(source, place=place, images=images)
    else:
        body = render_plain(source, place=place)
    label = place.say("rendering.cell", cell=place.cell_number)
    html = (
        f'<div class="nb-cell nb-cell-{kind}" id="{place.name}" role="group" aria-label="{label}">'
        f'<a class="nb-number" href="#{place.name}">{label}</a>{body}</div>'
    )
    return RenderedCell(number=place.cell_number, kind=kind, html=html, frames=frames)


def _render_source(source: str, *, place: Place) -> str:
    if not place.allowance.coloured.take(len(source)):
        return render_plain(source, place=place, kind="nb-code")
    code = render_code(source, anchor=place.name)
    return f'<pre class="nb-code" tabindex="0"><code>{code}</code></pre>'


def _render_prose(source: str, *, place: Place, images: Mapping[str, Image]) -> str:
    if not place.allowance.formatted.take(min(len(source), MAX_FORMATTED)):
        return render_plain(source, place=place)
    html = render_markdown(
        source,
        language=place.language,
        attachments=images,
        image_address=place.image_address,
        shown_images=place.allowance.images,
    )
    return f'<div class="nb-markdown">{html}</div>'


def _render_outputs(outputs: list[object], *, place: Place) -> Shown:
    shown = []
    for number, output in enumerate(outputs, start=1):
        if not place.allowance.outputs.take(1):
            note = place.say("rendering.outputs_left_out", count=len(outputs) + 1 - number)
            shown.append(Shown(html=f'<p class="nb-note">{note}</p>'))
            break
        if isinstance(output, dict):
            shown.append(render_output(output, place=replace(place, name=f"{place.name}-output-{number}")))
    if not shown:
        return Shown(html="")
    label = place.say("rendering.outputs_of_cell", cell=place.cell_number)
    html = "".join(one.html for one in shown)
    frames = tuple(frame for one in shown for frame in one.frames)
    return Shown(html=f'<div class="nb-outputs" role="group" aria-label="{label}">{html}</div>', frames=frames)
