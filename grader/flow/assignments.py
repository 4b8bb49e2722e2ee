"""Assignments from their files, read once and kept in memory: published versions, and what is being written."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TypeAlias

from grader.domain.ids import BlobKey, VersionHash
from grader.domain.publishing import Revision
from grader.errors import InvalidAssignment, Mistake
from grader.flow.ports import AssignmentReader, LoadedAssignment, Stores, Transaction

_KEPT = 32
_Content: TypeAlias = tuple[str, frozenset[tuple[str, BlobKey]]]
"""A slug, and each file by its path and digest: what decides what is read."""
_Read: TypeAlias = LoadedAssignment | tuple[Mistake, ...]


class StoredAssignments:
    """Reads assignments; safe to share between threads.

    To read one takes tens of milliseconds. Every page of it asks for it, those of an author too, so what was read is
    kept by the content of its files: a published version and a manuscript of the same files are one.
    """

    def __init__(self, *, stores: Stores, reader: AssignmentReader) -> None:
        self._stores = stores
        self._reader = reader
        self._lock = threading.Lock()
        self._known: OrderedDict[_Content, _Read] = OrderedDict()

    def read(self, files: Mapping[str, bytes], slug: str) -> LoadedAssignment:
        """An assignment that is not published. Raises InvalidAssignment."""
        content = (slug, frozenset((path, _digest(data)) for path, data in files.items()))
        return _told(self._find(content) or self._keep(content, files))

    def load(
        self, version: VersionHash, *, revision: int | None = None, tx: Transaction | None = None
    ) -> LoadedAssignment:
        """The assignment with the texts of one revision, the newest by default.

        Args:
            version: its hash.
            revision: its number.
            tx: what to read in, where a transaction is open.

        Raises:
            NotFound: no such version or revision.
            InvalidAssignment: the stored files no longer read as an assignment.
        """
        with self._stores.storage.reading() if tx is None else nullcontext(tx) as reading:
            bundle = reading.versions.get_revision(version, number=revision)
            slug = reading.versions.get(version).slug
        content = (slug, frozenset(bundle.files.items()))
        return _told(self._find(content) or self._keep(content, self._read(bundle)))

    def load_files(self, version: VersionHash) -> Mapping[str, bytes]:
        """The files of the newest revision, those that `load` makes nothing of too. Raises NotFound."""
        with self._stores.storage.reading() as tx:
            bundle = tx.versions.get_revision(version)
        return self._read(bundle)

    def _read(self, revision: Revision) -> Mapping[str, bytes]:
        return {path: self._stores.blobs.get(blob) for path, blob in revision.files.items()}

    def _find(self, content: _Content) -> _Read | None:
        with self._lock:
            if content in self._known:
                self._known.move_to_end(content)
            return self._known.get(content)

    def _keep(self, content: _Content, files: Mapping[str, bytes]) -> _Read:
        found: _Read
        try:
            found = self._reader(files, content[0])
        except InvalidAssignment as error:
            found = error.mistakes
        with self._lock:
            self._known[content] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found


def _digest(data: bytes) -> BlobKey:
    """As the store of files names them."""
    return BlobKey(hashlib.sha256(data).hexdigest())


def _told(found: _Read) -> LoadedAssignment:
    """Raises InvalidAssignment, each time one of its own: an exception keeps alive whatever it went through."""
    if isinstance(found, tuple):
        raise InvalidAssignment(found)
    return found
