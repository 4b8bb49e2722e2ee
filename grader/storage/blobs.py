"""A folder of files, each under the SHA-256 of its bytes."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from grader.domain.ids import BlobKey
from grader.errors import NotFound, StorageDamaged, StorageFull

_KEY = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"
_LEFTOVER_S = 3600.0


class FolderBlobs:
    """Files that are whole or absent, whatever is killed at whatever moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _make_folder(folder)
        _make_folder(folder / _INCOMING)
        self._remove_leftovers()

    def put(self, data: bytes) -> BlobKey:
        key = BlobKey(hashlib.sha256(data).hexdigest())
        path = self._path(key)
        try:
            _make_folder(path.parent)
            if not path.exists():
                self._write(data, path)
            # Also for a file that was there: whoever wrote it may not have got as far as this.
            _sync_folder(path.parent)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(what="files") from error
            raise
        return key

    def get(self, key: BlobKey) -> bytes:
        if not _KEY.fullmatch(key):
            raise NotFound(what="file", name=key)
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(what="file", name=key) from error
        if hashlib.sha256(data).hexdigest() != key:
            raise StorageDamaged(file=key)
        return data

    def measure(self, key: BlobKey) -> int:
        try:
            return self._path(key).stat().st_size if _KEY.fullmatch(key) else 0
        except FileNotFoundError:
            return 0

    def free_share(self) -> float:
        """Free part of the disk the files are on, 0 to 1, as far as we may use it."""
        usage = shutil.disk_usage(self._folder)
        return usage.free / usage.total

    def _remove_leftovers(self) -> None:
        """Take away what killed processes left unfinished: nothing names it, and nobody writes for an hour."""
        for path in (self._folder / _INCOMING).iterdir():
            with suppress(FileNotFoundError):  # another process starts at the same time
                if time.time() - path.stat().st_mtime > _LEFTOVER_S:
                    path.unlink()

    def _path(self, key: BlobKey) -> Path:
        return self._folder / key[:2] / key[2:]

    def _write(self, data: bytes, path: Path) -> None:
        handle, name = tempfile.mkstemp(dir=self._folder / _INCOMING)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _make_folder(folder: Path) -> None:
    """Make a folder and make sure that its name outlives a power cut."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
