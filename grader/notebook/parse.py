"""Bytes to a JSON object of bounded size, or the refusal that says what the file really is."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

from grader.domain.text import Note
from grader.errors import NotebookRefused

_MEGABYTE = 1024**2


@dataclass(frozen=True, kw_only=True)
class ReadLimits:
    """Bounds on one upload; those on its JSON hold before it is parsed, because parsing is what costs memory."""

    max_bytes: int = 20 * _MEGABYTE
    max_cells: int = 2_000
    max_containers: int = 1_000_000
    """Lists and objects of the whole file: 200,000 outputs hold up to 800,000."""
    max_values: int = 2_000_000
    """Containers and commas together: a bound on everything that becomes a Python object."""
    max_depth: int = 100
    """Outputs of plotting libraries nest about 20 deep."""


DEFAULT_LIMITS = ReadLimits()


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The object that the file holds, and what had to be mended to read it."""

    content: Mapping[str, object]
    repairs: tuple[Note, ...] = ()


def parse(data: bytes, *, limits: ReadLimits = DEFAULT_LIMITS) -> Parsed:
    """Give the JSON object that the file holds.

    Raises:
        NotebookRefused: the file is too large, is something else, is damaged, or holds no JSON object.
    """
    _refuse_other_formats(data)
    if len(data) > limits.max_bytes:
        raise NotebookRefused("too_large", size_mb=_megabytes(len(data)), limit_mb=_megabytes(limits.max_bytes))
    text, repairs = _decode(data)
    if not text:
        raise NotebookRefused("empty_file")
    content = _load(text, limits=limits)
    if not isinstance(content, dict):
        raise NotebookRefused("not_a_notebook")
    if _is_drive_shortcut(content):
        raise NotebookRefused("drive_shortcut")
    return Parsed(content=content, repairs=repairs)


def _megabytes(count_bytes: int) -> float:
    """Rounded up, so that a file over the limit never reads as equal to it."""
    return ceil(count_bytes / _MEGABYTE * 10) / 10


_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")


def _refuse_other_formats(data: bytes) -> None:
    """Comes before the size: clearing the outputs would not help a large zip."""
    if data.startswith(_ARCHIVES):
        raise NotebookRefused("zip_file")
    if data.lstrip()[:5] == b"%PDF-":
        raise NotebookRefused("pdf_file")


# --- characters -------------------------------------------------------------------------------------------------------

_PADDING = " \t\r\n\0\ufeff"
"""NUL too: an interrupted download may leave a file of the right size that ends in zeros."""
_ASCII = bytes(range(128))


def _decode(data: bytes) -> tuple[str, tuple[Note, ...]]:
    """The file's text without byte-order mark and padding; never fails."""
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding).strip(_PADDING), ()
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace").strip(_PADDING)
    broken = text.count("\ufffd")
    if encoding.startswith("utf-8") and broken * 2 > len(data.translate(None, _ASCII)):
        # Most characters are broken: this never was UTF-8. Programs of Japanese Windows still save Shift_JIS.
        try:
            text = data.decode("cp932").strip(_PADDING)
        except UnicodeDecodeError:
            pass
        else:
            return text, (Note(code="repair.encoding", facts={"encoding": "Shift_JIS"}),)
    return text, (Note(code="repair.broken_bytes"),)


# --- JSON -------------------------------------------------------------------------------------------------------------


def _load(text: str, *, limits: ReadLimits) -> object:
    is_open = _measure(text, limits=limits) if text[0] in "{[" else False
    try:
        # strict=False lets raw control characters stand in strings; read.py takes care of them.
        return json.loads(text, strict=False, parse_int=_read_integer)
    except json.JSONDecodeError as error:
        raise _explain(text, error=error, is_open=is_open) from error


def _read_integer(digits: str) -> int:
    """Version numbers are short, and Python refuses to read an integer of more than 4,300 digits."""
    return int(digits) if len(digits) < 10 else 0


_SCAN_BYTES = _MEGABYTE
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _measure(text: str, *, limits: ReadLimits) -> bool:
    """Refuse JSON that would cost too much to parse; tell whether the text ends inside something.

    Linear, in little memory, and exact up to the first mistake in the text, which is where parsing would stop.
    """
    # Backslashes stand in strings only. Without the escaped ones and the escaped quotes every quote is a delimiter.
    encoded = text.encode().replace(b"\\\\", b"").replace(b'\\"', b"")
    structure = bytearray()
    in_string = False
    for start in range(0, len(encoded), _SCAN_BYTES):
        pieces = encoded[start : start + _SCAN_BYTES].split(b'"')
        structure += b"".join(pieces[in_string::2]).translate(None, _NOT_STRUCTURE)
        in_string ^= len(pieces) % 2 == 0
    brackets = structure.translate(None, b",")
    containers = brackets.count(b"[") + brackets.count(b"{")
    values = containers + len(structure) - len(brackets)
    if containers > limits.max_containers or values > limits.max_values:
        raise NotebookRefused("too_many_containers")
    # More closing than opening brackets is a mistake, so the rest after twice as many decides nothing.
    depths = accumulate(map(_STEPS.__getitem__, brackets[: 2 * containers + 1]))
    if max(depths, default=0) > limits.max_depth:
        raise NotebookRefused("too_deep", limit=limits.max_depth)
    return in_string or containers * 2 > len(brackets)


# --- what it is instead -----------------------------------------------------------------------------------------------

_CUT_TOKEN = len("-Infinity") + 1
"""A literal or an escape that is cut in two is reported where it begins."""
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?:[ \t\r]|$)", re.MULTILINE)
"""At the beginning of a line of the file; inside a cell the line would begin with a quotation mark."""
_HTML = re.compile(r"(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_PYTHON = re.compile(
    r"^(?:import\s+\w|from\s+[\w.]+\s+import\b|def\s+\w+\s*\(|class\s+\w+\s*[:(]|print\s*\(|\w+\s*=\s*[^=\s]"
    r"|#\s*%%|#\s*In\[|#!.*\bpython|#.*\bcoding[:=])",
    re.MULTILINE,
)
_LOOKED_AT_CHARS = 20_000
_LINK = re.compile(r"\bhttps?://")
_LINK_FILE_CHARS = 4_000


def _explain(text: str, *, error: json.JSONDecodeError, is_open: bool) -> NotebookRefused:
    """Say what a file is that is no JSON."""
    if _CONFLICT.search(text):
        return NotebookRefused("conflict_markers")
    at_end = error.msg.startswith("Unterminated string") or error.pos >= len(text) - _CUT_TOKEN
    if is_open and at_end:
        return NotebookRefused("truncated")
    if len(text) <= _LINK_FILE_CHARS and _is_link_file(text):
        return NotebookRefused("drive_shortcut")
    if text[0] not in "{[":
        beginning = text[:_LOOKED_AT_CHARS]
        if _HTML.match(beginning):
            return NotebookRefused("html_file")
        if _PYTHON.search(beginning):
            return NotebookRefused("python_script")
    return NotebookRefused("not_json", line=error.lineno)


def _is_link_file(text: str) -> bool:
    """A shortcut of Windows or macOS, or a text file with nothing but the notebook's address in it."""
    if text.startswith("[InternetShortcut]") or ("<plist" in text and "<key>URL</key>" in text):
        return True
    return bool(_LINK.match(text)) and len(text.split()) == 1


_SHORTCUT_KEYS = frozenset({"doc_id", "resource_id", "url"})
_NOTEBOOK_KEYS = frozenset({"cells", "worksheets", "nbformat"})


def _is_drive_shortcut(content: Mapping[str, object]) -> bool:
    """A .gdoc or .gsheet: what Google Drive puts on a disk for a file that it keeps to itself."""
    return bool(_SHORTCUT_KEYS & content.keys()) and not _NOTEBOOK_KEYS & content.keys()
