"""Uploaded bytes to a notebook that is safe to run, or a refusal that says what to do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.text import Fact, Note
from grader.errors import NotebookRefused
from grader.notebook.identity import find_identity
from grader.notebook.parse import DEFAULT_LIMITS, ReadLimits, parse
from grader.notebook.saved import read_saved

__all__ = ["ReadLimits", "read"]


def read(data: bytes, *, limits: ReadLimits = DEFAULT_LIMITS) -> Notebook:
    """Give the notebook that an uploaded file holds; any bytes give one or are refused.

    The structure decides, not the version number: `cells` as in nbformat 4 or `worksheets` as in 2 and 3. Metadata are
    left behind unread, and of outputs all but their text; the original bytes are kept elsewhere. Every cell keeps its
    place (one of an unknown type becomes an empty raw cell), so that `Cell.index` is the position in `Notebook.cells`.

    Raises:
        NotebookRefused: this is no notebook that can be graded; `reason` says why.
    """
    parsed = parse(data, limits=limits)
    raw_cells = _find_cells(parsed.content)
    if len(raw_cells) > limits.max_cells:
        raise NotebookRefused("too_many_cells", count=len(raw_cells), limit=limits.max_cells)
    metadata = _mapping(parsed.content.get("metadata"))
    language = _find_other_language(metadata)
    if language is not None:
        raise NotebookRefused("other_language", language=language)
    is_old = "cells" not in parsed.content
    repairs: dict[str, list[int]] = {}
    cells = []
    for index, (raw, cell_id) in enumerate(zip(raw_cells, _cell_ids(raw_cells), strict=True)):
        cell, mended = _read_cell(raw, index=index, cell_id=cell_id, is_old=is_old)
        cells.append(cell)
        for code in mended:
            repairs.setdefault(code, []).append(cell.number)
    if not any(cell.kind is CellKind.CODE and cell.source.strip() for cell in cells):
        # Code cells that are all empty hold nothing to grade either: a template, saved before it was filled in.
        raise NotebookRefused("no_code_cells")
    notes = [*parsed.repairs, *([Note(code="repair.old_format")] if is_old else [])]
    notes += [Note(code=code, facts={"cells": _listed(numbers)}) for code, numbers in repairs.items()]
    return Notebook(cells=tuple(cells), repairs=tuple(notes), identity=find_identity(cells))


_LISTED_NUMBERS = 10


def _listed(numbers: Sequence[int]) -> list[Fact]:
    return [*numbers[:_LISTED_NUMBERS], *(["…"] if len(numbers) > _LISTED_NUMBERS else [])]


def _mapping(value: object) -> Mapping[str, object]:
    """What stands where an object belongs; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


# --- cells ------------------------------------------------------------------------------------------------------------


def _find_cells(content: Mapping[str, object]) -> Sequence[object]:
    cells, worksheets = content.get("cells"), content.get("worksheets")
    if isinstance(cells, list):
        return cells
    if "cells" in content:
        raise NotebookRefused("invalid_notebook")
    if not isinstance(worksheets, list):
        raise NotebookRefused("invalid_notebook" if "nbformat" in content else "not_a_notebook")
    joined: list[object] = []
    for worksheet in worksheets:
        of_sheet = _mapping(worksheet).get("cells")
        if not isinstance(of_sheet, list):
            raise NotebookRefused("invalid_notebook")
        joined += of_sheet
    return joined


_KINDS = {
    "code": CellKind.CODE,
    "markdown": CellKind.MARKDOWN,
    "raw": CellKind.RAW,
    "heading": CellKind.MARKDOWN,
    "html": CellKind.MARKDOWN,
}
"""The last two are of nbformat 2 and 3; nbformat's own conversion turns them into Markdown as well."""
_INLINE_IMAGE = re.compile(r"\bdata:image/", re.IGNORECASE)


def _read_cell(raw: object, *, index: int, cell_id: str, is_old: bool) -> tuple[Cell, list[str]]:
    """One cell, and the codes of what was mended in it."""
    if not isinstance(raw, dict) or not isinstance(raw.get("cell_type"), str):
        raise NotebookRefused("invalid_notebook")
    kind = _KINDS.get(raw["cell_type"])
    if kind is None:
        return Cell(index=index, kind=CellKind.RAW, source="", cell_id=cell_id), ["repair.unknown_cells"]
    mended: list[str] = []
    written = _source_text(raw, is_old=is_old)
    source = _clean(written)
    if source.count("\ufffd") > written.count("\ufffd"):
        mended.append("repair.characters")
    if raw["cell_type"] == "heading":
        source = _as_markdown_heading(source, level=raw.get("level"))
    tags = _read_tags(raw)
    if any(_changes_execution(tag) for tag in tags):
        mended.append("repair.execution_tags")
    cell = Cell(
        index=index,
        kind=kind,
        source=source,
        cell_id=cell_id,
        tags=tuple(tag for tag in tags if not _changes_execution(tag)),
        # Colab writes a pasted picture into the text itself.
        has_attachments=bool(_mapping(raw.get("attachments")))
        or (kind is CellKind.MARKDOWN and _INLINE_IMAGE.search(source) is not None),
        saved=read_saved(raw) if kind is CellKind.CODE else "",
    )
    return cell, mended


def _source_text(raw: Mapping[str, object], *, is_old: bool) -> str:
    """The source, which may be a string or a list of lines; code of nbformat 2 and 3 has it under another name."""
    source = raw.get("source", raw.get("input"))
    if source is None:
        return ""
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        # nbformat 2 lists lines without their ends, nbformat 3 with or without them.
        return ("\n" if is_old and source and not source[0].endswith("\n") else "").join(source)
    raise NotebookRefused("invalid_notebook")


_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def _clean(source: str) -> str:
    """Text that can be written as UTF-8 and compiled: lone surrogates and NUL become U+FFFD, line ends \\n."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    if _NO_TEXT.search(source) is None:
        return source
    # The round trip joins pairs that were torn apart between two lines of the list.
    joined = source.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", "\ufffd")


def _as_markdown_heading(source: str, *, level: object) -> str:
    hashes = "#" * (min(max(level, 1), 6) if isinstance(level, int) else 1)
    return f"{hashes} {' '.join(source.splitlines())}"


_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _cell_ids(raw_cells: Sequence[object]) -> Iterator[str]:
    """The file's own ids where they are valid and new, else made from the place, the same at every reading."""
    written = [_mapping(raw).get("id") for raw in raw_cells]
    taken = {cell_id for cell_id in written if isinstance(cell_id, str)}
    seen: set[str] = set()
    for index, cell_id in enumerate(written):
        if not isinstance(cell_id, str) or cell_id in seen or _CELL_ID.fullmatch(cell_id) is None:
            names = (f"cell-{index}" + f"-{attempt}" * (attempt > 0) for attempt in count())
            cell_id = next(name for name in names if name not in taken)
            taken.add(cell_id)
        seen.add(cell_id)
        yield cell_id


# --- tags -------------------------------------------------------------------------------------------------------------

_TAG = re.compile(r"[\w.:/-]{1,64}")
_MAX_TAGS = 20
_EXECUTION_TAGS = frozenset({"skip-execution", "raises-exception"})
"""nbclient would skip the first and forgive an error in the second."""


def _read_tags(raw: Mapping[str, object]) -> list[str]:
    tags = _mapping(raw.get("metadata")).get("tags")
    if not isinstance(tags, list):
        return []
    return [tag for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag)][:_MAX_TAGS]


def _changes_execution(tag: str) -> bool:
    return tag.casefold().replace("_", "-") in _EXECUTION_TAGS


# --- language ---------------------------------------------------------------------------------------------------------

_PYTHON = re.compile(r"python|conda|pyodide|pypy|sage|^py", re.IGNORECASE)
_OTHER_KERNELS = {
    "ir": "R",
    "r": "R",
    "julia": "Julia",
    "xcpp": "C++",
    "bash": "Bash",
    "javascript": "JavaScript",
    "deno": "JavaScript",
    "ijava": "Java",
    "octave": "Octave",
    "matlab": "MATLAB",
    "scala": "Scala",
    "almond": "Scala",
    "rust": "Rust",
    "gophernotes": "Go",
    "gonb": "Go",
    "ruby": "Ruby",
    "haskell": "Haskell",
}
"""By the first word of the kernel's name, for notebooks that do not state a language."""
_WORD = re.compile(r"[a-z]+")
_LANGUAGE_CHARS = 30


def _find_other_language(metadata: Mapping[str, object]) -> str | None:
    """The language, where it is stated and not Python. One sign of Python is enough, and none at all is Python too."""
    stated = metadata.get("kernelspec")
    kernel = {"name": stated} if isinstance(stated, str) else _mapping(stated)
    info = _mapping(metadata.get("language_info"))
    languages = _texts(info.get("name"), kernel.get("language"), metadata.get("language"))
    names = _texts(kernel.get("name"), kernel.get("display_name"))
    if any(_PYTHON.search(text) for text in languages + names):
        return None
    if languages:
        return languages[0]
    for name in names:
        word = _WORD.match(name.lower())
        if word is not None and word.group() in _OTHER_KERNELS:
            return _OTHER_KERNELS[word.group()]
    return None


def _texts(*values: object) -> list[str]:
    """Those that are text, short and without anything that cannot be shown."""
    texts = ("".join(filter(str.isprintable, v[: _LANGUAGE_CHARS * 2])) for v in values if isinstance(v, str))
    return [text.strip()[:_LANGUAGE_CHARS] for text in texts if text.strip()]
