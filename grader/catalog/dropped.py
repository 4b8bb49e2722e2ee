"""What an author dropped on a page as the files of an assignment: a folder, a zip of one, or single files."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from grader.catalog.bundle import MAX_DATA_BYTES
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.paths import SPEC_FILE
from grader.errors import InvalidAssignment

MOST_FILES = 500
_ZIP = ".zip"
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_MAX_SLUG = 60
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What reading a damaged, encrypted or strangely packed file can raise."""

Uploads = Sequence[tuple[str, bytes]]
"""Each file by the name that the browser gave it: of a folder its path from the folder on."""


def read_dropped(uploads: Uploads) -> Mapping[str, bytes]:
    """The files by their paths within the assignment; what no author means (hidden files) is left out.

    Raises:
        InvalidAssignment: a zip that cannot be read, too much, a path that leads out, or no assignment.yaml.
    """
    mistakes = MistakeList()
    named: dict[PurePosixPath, bytes] = {}
    for name, data in uploads:
        if name.lower().endswith(_ZIP):
            named |= _read_zip(name, data, mistakes=mistakes)
        else:
            _add(named, name, data, mistakes=mistakes)
    files = _from_spec(named)
    if not mistakes and SPEC_FILE not in files:
        mistakes.add("file_missing", at=Place(file=SPEC_FILE, line=1), name=SPEC_FILE)
    if mistakes:
        raise InvalidAssignment(mistakes.in_order)
    return files


def suggest_slug(uploads: Uploads) -> str:
    """A short name made of the folder's or the file's; '' where nothing can be made of it."""
    name = PurePosixPath(uploads[0][0].replace("\\", "/")) if uploads else PurePosixPath()
    word = name.parts[0] if len(name.parts) > 1 else name.stem
    return _NOT_SLUG.sub("-", word.lower()).strip("-")[:_MAX_SLUG].strip("-")


def _read_zip(name: str, data: bytes, *, mistakes: MistakeList) -> dict[PurePosixPath, bytes]:
    named: dict[PurePosixPath, bytes] = {}
    left_bytes = MAX_DATA_BYTES
    place = Place(file=name, line=1)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                mistakes.add("too_long", at=place, limit=MOST_FILES)
                return {}
            for entry in entries:
                # What the file says of its size is not believed: a few bytes can unfold to gigabytes.
                with archive.open(entry) as packed:
                    content = packed.read(left_bytes + 1)
                left_bytes -= len(content)
                if left_bytes < 0:
                    mistakes.add("data_too_large", at=place, limit_bytes=MAX_DATA_BYTES)
                    return {}
                _add(named, entry.filename, content, mistakes=mistakes)
    except _BROKEN_ZIP:
        mistakes.add("zip_unreadable", at=place)
    return named


def _add(named: dict[PurePosixPath, bytes], name: str, data: bytes, *, mistakes: MistakeList) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or not name.isprintable():
        mistakes.add("data_path", at=Place(file=SPEC_FILE, line=1), name=ascii(name)[:200])
    elif not any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
        named[path] = data


def _from_spec(named: Mapping[PurePosixPath, bytes]) -> dict[str, bytes]:
    """Paths from the folder on in which the assignment's file lies; the uppermost, if there are several."""
    specs = sorted((path for path in named if path.name == SPEC_FILE), key=lambda path: len(path.parts))
    if not specs:
        return {}
    top = specs[0].parent
    return {path.relative_to(top).as_posix(): data for path, data in named.items() if path.is_relative_to(top)}
