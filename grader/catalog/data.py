"""Data files beside an assignment's YAML: those that students get, and hidden ones as arrays that checks may name."""

import io
import math
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from grader.catalog.bundle import Bundle
from grader.catalog.fields import read_list
from grader.catalog.mistakes import MistakeList
from grader.catalog.paths import MAX_FILES, find_fault
from grader.catalog.positions import Field
from grader.domain.values import ArrayValue
from grader.grading.arrays import DTYPES, array_value

MAX_UNPACKED_BYTES = 200_000_000
"""A small archive can unpack to anything."""
_PLAIN_KINDS = "biufc"
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    OverflowError,
    EOFError,
    OSError,
    RuntimeError,  # encrypted
    NotImplementedError,  # packed in an unknown way
)


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """What the assignment's data comes to."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """For students, by relative path."""
    hidden: Mapping[str, bytes] = field(default_factory=dict)
    arrays: Mapping[str, ArrayValue] = field(default_factory=dict)
    """Of the hidden files, as 'hidden/test.npz:x'."""


def read_data(root: Field, *, bundle: Bundle, mistakes: MistakeList) -> DataFiles:
    """Take the files that `data` and `hidden` name out of the bundle; what cannot be had is noted."""
    taken: set[str] = set()
    files = _take(root.entries.get("data"), bundle=bundle, taken=taken, mistakes=mistakes)
    arrays: dict[str, ArrayValue] = {}

    def read_arrays(at: Field, path: str, data: bytes) -> None:
        arrays.update({f"{path}:{name}": value for name, value in _read_npz(at, data, mistakes=mistakes).items()})

    hidden = _take(root.entries.get("hidden"), bundle=bundle, taken=taken, mistakes=mistakes, then=read_arrays)
    return DataFiles(files=files, hidden=hidden, arrays=arrays)


def _take(
    entry: Field | None,
    *,
    bundle: Bundle,
    taken: set[str],
    mistakes: MistakeList,
    then: Callable[[Field, str, bytes], None] = lambda _at, _path, _data: None,
) -> dict[str, bytes]:
    if entry is None:
        return {}
    if len(read_list(entry, mistakes=mistakes)) > MAX_FILES:
        mistakes.add("too_long", at=entry.place, limit=MAX_FILES)
    found: dict[str, bytes] = {}
    for item in entry.items[:MAX_FILES]:
        path = item.plain
        if not isinstance(path, str):
            mistakes.add("not_text", at=item.place)
        elif code := find_fault(path):
            mistakes.add(code, at=item.place, name=path[:200])
        elif path in taken:
            mistakes.add("data_twice", at=item.place, name=path)
        elif path in bundle.refused:
            note = bundle.refused[path]
            mistakes.add(note.code.removeprefix("catalog."), at=item.place, **note.facts)
        elif path not in bundle.files:
            mistakes.add("data_missing", at=item.place, name=path)
        else:
            taken.add(path)
            found[path] = bundle.files[path]
            then(item, path, found[path])
    return found


def _read_npz(at: Field, data: bytes, *, mistakes: MistakeList) -> Mapping[str, ArrayValue]:
    """The arrays of an .npz file by name. Objects are never made: only plain numbers are read, from their raw bytes."""
    arrays: dict[str, ArrayValue] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
                mistakes.add("hidden_too_large", at=at.place, limit_bytes=MAX_UNPACKED_BYTES)
                return {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                array = _read_npy(archive.read(member))
                if array is None:
                    mistakes.add("hidden_not_numbers", at=at.place, name=name[:100])
                else:
                    arrays[name] = array_value(array, type_name="Tensor")
    except _UNREADABLE:
        mistakes.add("hidden_not_npz", at=at.place)
        return {}
    return arrays


def _read_npy(data: bytes) -> np.ndarray | None:
    """The array of one .npy file; None where it does not hold plain numbers.

    Raises:
        ValueError: not such a file.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    if dtype.kind not in _PLAIN_KINDS or dtype.name not in DTYPES:
        return None
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize > len(data):
        raise ValueError("the header does not fit the data")
    array = np.frombuffer(data, dtype=dtype, count=count, offset=file.tell())
    return array.reshape(shape, order="F" if is_fortran else "C")
