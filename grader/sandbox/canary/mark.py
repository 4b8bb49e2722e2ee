"""What the kernels' environment looks like from outside: another mark, another environment."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from grader.sandbox.box import KERNEL_FOLDER

LOOK_EVERY_S: Final = 60.0
"""Between two looks at every file of every package, each of which takes a tenth of a second."""
_CODE: Final = (".py", ".so", ".pth")


class EnvironmentMark:
    """Sees at once what an installer does, and a little later whatever else becomes of the code in packages.

    Goes by what the disk says of files (which, how large, when changed), not by what is in them. Not seen: what is no
    code, such as fonts; Python's own library, but for a new interpreter; the system's libraries.
    """

    def __init__(self, kernel_python: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kernel_python = kernel_python
        self._venv = kernel_python.parent.parent
        self._clock = clock
        self._looked_at = -LOOK_EVERY_S
        self._of_files = ""

    def read(self) -> str:
        """Cheap enough for every job, once in a while excepted."""
        packages = sorted(self._venv.glob("lib/python3*/site-packages"))
        now = self._clock()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._of_files = _hash_files([*packages, KERNEL_FOLDER])
        # An installer leaves a folder for each package in the one that lists them.
        places = (self._kernel_python, self._venv / "pyvenv.cfg", KERNEL_FOLDER, *packages)
        return " ".join((*map(_describe, places), self._of_files))


def _hash_files(folders: list[Path]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for line in sorted(line for folder in folders for line in _files(str(folder))):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(folder: str) -> Iterator[str]:
    """One line for each file of code; what comes and goes meanwhile makes another mark, as it should."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.name.endswith(_CODE) or ".so." in entry.name:
                        found = entry.stat()
                        yield f"{entry.path}\0{found.st_ino}:{found.st_mtime_ns}:{found.st_size}\n"
        except OSError as error:
            yield f"{error.filename}\0{type(error).__name__}\n"


def _describe(place: Path) -> str:
    try:
        found = place.stat()
    except OSError as error:
        return type(error).__name__
    return f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"
