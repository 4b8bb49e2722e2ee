"""The pictures of a notebook alone: a page asks for each of them, and to render all every time is dear."""

import json
from collections.abc import Iterator, Mapping, Sequence

from grader.domain.notebook import CellKind
from grader.notebook.parse import parse
from grader.rendering.attachments import read_cell_attachments
from grader.rendering.images import Image, read_image
from grader.rendering.markdown import read_inline_images
from grader.rendering.notebook import KINDS, cells_of_upload
from grader.rendering.outputs import FORMATTED, IMAGES, join_lines


def list_images(data: bytes) -> Iterator[Image]:
    """Those that a page of the notebook that we wrote may show, and perhaps some that it leaves out.

    What was pasted into Markdown is in the upload alone.

    Raises:
        ValueError: this is no JSON of a notebook; our own mistake.
    """
    yield from _of_cells(json.loads(data)["cells"])


def list_images_of_upload(data: bytes) -> Iterator[Image]:
    """Likewise, of a notebook as it was handed in.

    Raises:
        NotebookRefused: the file cannot be read; one that was accepted can.
    """
    yield from _of_cells(cells_of_upload(parse(data).content))


def _of_cells(cells: Sequence[object]) -> Iterator[Image]:
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        yield from read_cell_attachments(cell).values()
        if KINDS.get(str(cell.get("cell_type"))) is CellKind.MARKDOWN:
            yield from read_inline_images(join_lines(cell.get("source", cell.get("input"))))
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            bundle = output.get("data") if isinstance(output, dict) else None
            yield from _of_bundle(bundle if isinstance(bundle, dict) else {})


def _of_bundle(bundle: Mapping[str, object]) -> Iterator[Image]:
    for kind in IMAGES:
        if (image := read_image(join_lines(bundle.get(kind)))) is not None:
            yield image
    for kind in FORMATTED:
        yield from read_inline_images(join_lines(bundle.get(kind)))
