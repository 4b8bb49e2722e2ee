"""What a cell put out: gathered from checked messages, given as domain Outputs and as a notebook file."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from grader.domain.execution import Output
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence

NOTEBOOK_MAX_BYTES: Final = 5 * 1024**2
_UPDATED_MAX: Final = 32
"""How many outputs one display id changes at most: each update walks over them."""
_COPIED_MAX_CHARACTERS: Final = 4 * 1024**2
"""Of updates that stand in more than one place, all together: what was sent once is written many times."""
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"  # colours, cursor
    r"|(?:\x1b[PX\]^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)?"  # titles, links, the clipboard
    r"|\x1b[ -/]*+[0-~]?"  # character sets, resets
    r"|[\0-\x07\x0e-\x1f\x7f-\x9f]"
)
"""What a terminal obeys instead of showing; white space, backspace and carriage return are left."""
_ERROR_MAX_CHARACTERS: Final = 100_000
_IMAGE_MAX_BYTES: Final = 4 * 1024**2
_METADATA: Final = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
}

JsonOutput = dict[str, Any]


class OutputLog:
    """The outputs of a notebook's cells, as nbformat describes them; text is kept in pieces until it is asked for."""

    def __init__(self) -> None:
        self._shown: dict[str, list[JsonOutput]] = {}
        self._copied_characters = 0
        self._clear_before_next = False

    def start_cell(self) -> None:
        self._clear_before_next = False

    def add(self, outputs: list[JsonOutput], *, kind: str, content: Mapping[str, Any]) -> None:
        """Take one checked message into the outputs of its cell."""
        if kind == "clear_output":
            if content["wait"]:
                self._clear_before_next = True
            else:
                outputs.clear()
            return
        display_id = content.get("transient", {}).get("display_id")
        if display_id is not None:
            self._update(display_id, content)
        if kind == "update_display_data":
            return
        if self._clear_before_next:
            outputs.clear()
            self._clear_before_next = False
        output = _new_output(kind, content)
        if output is None or _joins(outputs, output):
            return
        outputs.append(output)
        if display_id is not None:
            self._shown[display_id] = [*self._shown.get(display_id, []), output][-_UPDATED_MAX:]

    def _update(self, display_id: str, content: Mapping[str, Any]) -> None:
        """Change the outputs of this name, the latest first, as far as there is room for copies."""
        size_characters = sum(map(len, content["data"].values()))
        for place, shown in enumerate(reversed(self._shown.get(display_id, ()))):
            self._copied_characters += size_characters if place > 0 else 0
            if self._copied_characters > _COPIED_MAX_CHARACTERS:
                return
            shown["data"], shown["metadata"] = content["data"], content["metadata"]


def as_domain(outputs: Sequence[JsonOutput]) -> tuple[Output, ...]:
    """Give the outputs as checks read them: plain text, without colours and all else that steers a terminal."""
    return tuple(_as_domain(output) for output in outputs)


def write_notebook(
    notebook: Notebook, *, outputs: Mapping[int, Sequence[JsonOutput]], counts: Mapping[int, int | None]
) -> bytes:
    """Write the executed notebook as nbformat 4; the largest outputs are left out until it fits.

    Args:
        notebook: what was executed.
        outputs: of each code cell, by cell index.
        counts: the number in `In [n]` of each cell that was run.
    """
    cells = [_as_cell(cell, outputs.get(cell.index, ()), counts.get(cell.index)) for cell in notebook.cells]
    sizes = [(len(_dump(output)), cell["outputs"], place) for cell in cells for place, output in _numbered(cell)]
    bare = [{**cell, "outputs": []} if "outputs" in cell else cell for cell in cells]
    separators = sum(max(0, len(cell.get("outputs", ())) - 1) for cell in cells)
    # Added up, because writing them to find out would cost many times what may be written.
    excess_bytes = len(_dump(_document(bare))) + sum(size for size, _, _ in sizes) + separators - NOTEBOOK_MAX_BYTES
    for size_bytes, owner, place in sorted(sizes, key=lambda one: -one[0]):
        if excess_bytes <= 0:
            break
        owner[place] = _left_out(size_bytes)
        excess_bytes -= size_bytes - len(_dump(owner[place]))
    return _dump(_document(cells))


def _document(cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": _METADATA, "cells": cells}


def plain_text(text: str) -> str:
    """Without what colours a terminal, and without what else would be done by the terminal of whoever reads this."""
    return _ESCAPES.sub("", text)


def _new_output(kind: str, content: Mapping[str, Any]) -> JsonOutput | None:
    if kind == "stream":
        return {"output_type": "stream", "name": content["name"], "text": [content["text"]]}
    if kind == "display_data":
        return {"output_type": kind, "data": content["data"], "metadata": content["metadata"]}
    if kind == "execute_result":
        shown = {"data": content["data"], "metadata": content["metadata"]}
        return {"output_type": kind, **shown, "execution_count": content["execution_count"]}
    if kind == "error":
        named = {name: content[name] for name in ("ename", "evalue", "traceback")}
        return {"output_type": kind, **named}
    return None


def _joins(outputs: list[JsonOutput], output: JsonOutput) -> bool:
    """Append a piece of a stream to the one before it; pieces, because adding strings would be quadratic."""
    last = outputs[-1] if outputs else None
    if last is None or output["output_type"] != "stream" or last.get("name") != output["name"]:
        return False
    last["text"] += output["text"]
    return True


def _as_domain(output: JsonOutput) -> Output:
    if output["output_type"] == "stream":
        return Output(kind=output["name"], text=plain_text("".join(output["text"])))
    if output["output_type"] == "error":
        traceback = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
        return Output(kind="error", text=plain_text(traceback[-_ERROR_MAX_CHARACTERS:]))
    data = output["data"]
    kind = "result" if output["output_type"] == "execute_result" else "display"
    has_image = any(mime.startswith("image/") for mime in data)
    text = plain_text(data.get("text/plain", ""))
    return Output(kind=kind, text=text, has_image=has_image, image=_read_png(data.get("image/png", "")))


def _read_png(encoded: str) -> bytes:
    """The bytes of a picture; none where they are too many or not what the kernel says they are."""
    if len(encoded) > _IMAGE_MAX_BYTES * 4 // 3 + 4:
        return b""
    try:
        return base64.b64decode(encoded.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _as_cell(cell: Cell, outputs: Sequence[JsonOutput], count: int | None) -> dict[str, Any]:
    common: dict[str, Any] = {"cell_type": cell.kind.value, "id": cell.cell_id, "metadata": {}, "source": cell.source}
    if cell.kind is not CellKind.CODE:
        return common
    return {**common, "execution_count": count, "outputs": list(outputs)}


def _numbered(cell: Mapping[str, Any]) -> list[tuple[int, JsonOutput]]:
    return list(enumerate(cell.get("outputs", ())))


def _left_out(size_bytes: int) -> JsonOutput:
    note = Note(code="execution.output_left_out", facts={"size_kb": -(-size_bytes // 1024)})
    lines = [sentence(note, language) + "\n" for language in (Language.JA, Language.EN)]
    return {"output_type": "stream", "name": "stderr", "text": lines}


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
