"""Data files on their way into a kernel: which names and how many bytes may travel."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from grader.errors import SandboxFailed

FILES_MAX_BYTES: Final = 64 * 1024**2
"""Of one notebook's data together: they lie in its kernel's memory."""


def check_files(files: Mapping[str, bytes]) -> None:
    """Look at the files before a kernel is asked for.

    Raises:
        SandboxFailed: a name leads out of the kernel's working folder, or they are too large together.
    """
    for path in files:
        if not _stays_inside(path):
            raise SandboxFailed(what=f"the data file {path!r} does not lie beside the notebook")
    size_bytes = sum(len(data) for data in files.values())
    if size_bytes > FILES_MAX_BYTES:
        raise SandboxFailed(what=f"the data files have {size_bytes} bytes together; {FILES_MAX_BYTES} may travel")


def _stays_inside(path: str) -> bool:
    parts = path.split("/")
    return "\0" not in path and not PurePosixPath(path).is_absolute() and not {"", ".", ".."} & set(parts)
