"""What an author dropped on a page as the files of an assignment: a folder, a zip of one, or single files."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from grader.catalog.bundle import MAX_DATA_BYTES
from grader.catalog.inventory import list_files
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.paths import SPEC_FILE
from grader.errors import InvalidAssignment

MOST_FILES = 500
_ZIP = ".zip"
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_MAX_SLUG = 60
_BOUNDED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""How every system packs by default."""
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
    files = _from_spec(_read(uploads, mistakes=mistakes))
    if not mistakes and SPEC_FILE not in files:
        mistakes.add("file_missing", at=Place(file=SPEC_FILE, line=1), name=SPEC_FILE)
    if mistakes:
        raise InvalidAssignment(mistakes.in_order)
    return files


def read_added(uploads: Uploads, *, files: Mapping[str, bytes], folder: str = "") -> Mapping[str, bytes]:
    """The files that are dropped beside those of an assignment, by their paths within it; what it has stays.

    Where assignment.yaml is among them they are named as by `read_dropped`. Otherwise a single file goes where the
    assignment has or names one of its name, and a folder keeps its name.

    Args:
        uploads: as for `read_dropped`.
        files: what the assignment has.
        folder: where all of them go, instead.

    Raises:
        InvalidAssignment: a zip that cannot be read, too much together with what is there, or a path that leads out.
    """
    mistakes = MistakeList()
    named = _read(uploads, mistakes=mistakes)
    place = PurePosixPath(folder.strip().replace("\\", "/"))
    if _leads_out(place):
        mistakes.add("data_path", at=Place(file=SPEC_FILE, line=1), name=ascii(folder)[:200])
    known = [each.path for each in list_files(files)]
    added = _from_spec(named) or {
        (place / path).as_posix() if place.parts else _belongs(path, known=known): data for path, data in named.items()
    }
    _check_room(files, added, mistakes=mistakes)
    return added


def read_replacement(data: bytes, *, path: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """One file for a place that an assignment has, whatever it was called; a zip is left as it is. Raises as above."""
    _check_room(files, {path: data}, mistakes=MistakeList())
    return {path: data}


def suggest_slug(uploads: Uploads) -> str:
    """A short name made of the folder's or the file's; '' where nothing can be made of it."""
    name = PurePosixPath(uploads[0][0].replace("\\", "/")) if uploads else PurePosixPath()
    word = name.parts[0] if len(name.parts) > 1 else name.stem
    return _NOT_SLUG.sub("-", word.lower()).strip("-")[:_MAX_SLUG].strip("-")


@dataclass(kw_only=True)
class _Dropped:
    """The files so far, and how much more there may be: of all zips and files of a request together."""

    mistakes: MistakeList
    named: dict[PurePosixPath, bytes] = field(default_factory=dict)
    left_files: int = field(default_factory=lambda: MOST_FILES)
    left_bytes: int = field(default_factory=lambda: MAX_DATA_BYTES)

    @property
    def is_too_much(self) -> bool:
        return self.left_files < 0 or self.left_bytes < 0

    def count(self, place: Place, *, files: int = 0, data_bytes: int = 0) -> None:
        """Take it from what is left, and say so where that was less."""
        self.left_files -= files
        self.left_bytes -= data_bytes
        if self.left_files < 0:
            self.mistakes.add("too_long", at=place, limit=MOST_FILES)
        elif self.left_bytes < 0:
            self.mistakes.add("data_too_large", at=place, limit_bytes=MAX_DATA_BYTES)

    def unpack(self, name: str, data: bytes) -> None:
        place = Place(file=name, line=1)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                self.count(place, files=len(entries))
                for entry in entries:
                    if self.is_too_much:
                        return
                    content = self._read(archive, entry)
                    self.count(place, data_bytes=len(content))
                    self.add(entry.filename, content)
        except _BROKEN_ZIP:
            self.mistakes.add("zip_unreadable", at=place)

    def _read(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
        """One file, or one byte more than may come: its own word on its size is not believed."""
        # zipfile unfolds bzip2 and LZMA without any bound: a few kilobytes would be gigabytes before we could count.
        if entry.compress_type not in _BOUNDED:
            raise NotImplementedError(entry.compress_type)  # as zipfile says it of methods that it lacks
        with archive.open(entry) as packed:
            return packed.read(self.left_bytes + 1)

    def add(self, name: str, data: bytes) -> None:
        path = PurePosixPath(name.replace("\\", "/"))
        if _leads_out(path) or not path.parts:
            self.mistakes.add("data_path", at=Place(file=SPEC_FILE, line=1), name=ascii(name)[:200])
        elif not any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            self.named[path] = data


def _from_spec(named: Mapping[PurePosixPath, bytes]) -> dict[str, bytes]:
    """Paths from the folder on in which the assignment's file lies; the uppermost, if there are several."""
    specs = sorted((path for path in named if path.name == SPEC_FILE), key=lambda path: len(path.parts))
    if not specs:
        return {}
    top = specs[0].parent
    return {path.relative_to(top).as_posix(): data for path, data in named.items() if path.is_relative_to(top)}


def _read(uploads: Uploads, *, mistakes: MistakeList) -> Mapping[PurePosixPath, bytes]:
    dropped = _Dropped(mistakes=mistakes)
    for name, data in uploads:
        if dropped.is_too_much:
            break
        if name.lower().endswith(_ZIP):
            dropped.unpack(name, data)
        else:
            dropped.count(Place(file=name, line=1), files=1, data_bytes=len(data))
            dropped.add(name, data)
    return dropped.named


def _leads_out(path: PurePosixPath) -> bool:
    return path.is_absolute() or ".." in path.parts or not str(path).isprintable()


def _belongs(path: PurePosixPath, *, known: Sequence[str]) -> str:
    """Where a file belongs: a single one to the only known path that ends in its name; else where its own says."""
    own = path.as_posix()
    found = [each for each in known if len(path.parts) == 1 and each.endswith(f"/{own}")]
    return found[0] if len(found) == 1 and own not in known else own


def _check_room(files: Mapping[str, bytes], added: Mapping[str, bytes], *, mistakes: MistakeList) -> None:
    """Raises InvalidAssignment: there are mistakes already, or it would be more than an assignment may have."""
    after = {**files, **added}
    size_bytes, before_bytes = (sum(map(len, each.values())) for each in (after, files))
    place = Place(file=next(iter(added), SPEC_FILE), line=1)
    if len(after) > max(MOST_FILES, len(files)):
        mistakes.add("too_long", at=place, limit=MOST_FILES)
    if size_bytes > max(MAX_DATA_BYTES, before_bytes):
        mistakes.add("data_too_large", at=place, limit_bytes=MAX_DATA_BYTES)
    if mistakes:
        raise InvalidAssignment(mistakes.in_order)
