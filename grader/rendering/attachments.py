"""Pictures that were pasted into Markdown cells, from the file as it was uploaded."""

from collections.abc import Mapping

from grader.notebook.parse import DEFAULT_LIMITS, ReadLimits, parse
from grader.rendering.images import Image, read_image

_MAX_NAMES = 50
"""Pictures of one cell."""


def read_attachments(upload: bytes, *, limits: ReadLimits = DEFAULT_LIMITS) -> Mapping[int, Mapping[str, Image]]:
    """Give the pictures of an uploaded notebook by their cell's place from 0 and by name; those we show, no others.

    Raises:
        NotebookRefused: the file cannot be read; one that was accepted can.
    """
    cells = parse(upload, limits=limits).content.get("cells")
    numbered = enumerate(cells if isinstance(cells, list) else ())
    found = {index: read_cell_attachments(cell) for index, cell in numbered if isinstance(cell, dict)}
    return {index: images for index, images in found.items() if images}


def read_cell_attachments(cell: Mapping[str, object]) -> Mapping[str, Image]:
    """The pictures of one cell of a notebook file, by name."""
    attachments = cell.get("attachments")
    if not isinstance(attachments, dict):
        return {}
    images = {}
    for name, bundle in list(attachments.items())[:_MAX_NAMES]:
        forms = bundle.values() if isinstance(bundle, dict) else ()
        image = next((image for form in forms if isinstance(form, str) and (image := read_image(form))), None)
        if image is not None:
            images[name] = image
    return images
