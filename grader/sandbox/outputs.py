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
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
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
            for shown in self._shown.get(display_id, ()):
                shown["data"], shown["metadata"] = content["data"], content["metadata"]
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


def as_domain(outputs: Sequence[JsonOutput]) -> tuple[Output, ...]:
    """Give the outputs as checks read them: plain text, without colours."""
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
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": _METADATA, "cells": cells}
    written = _dump(document)
    excess_bytes = len(written) - NOTEBOOK_MAX_BYTES
    if excess_bytes <= 0:
        return written
    for size_bytes, owner, place in sorted(sizes, key=lambda one: -one[0]):
        if excess_bytes <= 0:
            break
        owner[place] = _left_out(size_bytes)
        excess_bytes -= size_bytes - len(_dump(owner[place]))
    return _dump(document)


def plain_text(text: str) -> str:
    """Without the escape sequences that colour a terminal."""
    return _ANSI.sub("", text)


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
