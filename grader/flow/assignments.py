"""Stored versions as assignments: files from the store, read once and kept in memory."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext

from grader.domain.ids import VersionHash
from grader.domain.publishing import Revision
from grader.flow.ports import AssignmentReader, LoadedAssignment, Stores, Transaction

_KEPT = 32


class StoredAssignments:
    """Loads published versions; safe to share between threads."""

    def __init__(self, *, stores: Stores, reader: AssignmentReader) -> None:
        self._stores = stores
        self._reader = reader
        self._lock = threading.Lock()
        self._loaded: OrderedDict[tuple[VersionHash, int], LoadedAssignment] = OrderedDict()

    def read(self, files: Mapping[str, bytes], slug: str) -> LoadedAssignment:
        """An assignment that is not published. Raises InvalidAssignment."""
        return self._reader(files, slug)

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
        key = (version, bundle.number)
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        loaded = self._reader(self._read(bundle), slug)
        with self._lock:
            self._loaded[key] = loaded
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        return loaded

    def load_files(self, version: VersionHash) -> Mapping[str, bytes]:
        """The files of the newest revision, those that `load` makes nothing of too. Raises NotFound."""
        with self._stores.storage.reading() as tx:
            bundle = tx.versions.get_revision(version)
        return self._read(bundle)

    def _read(self, revision: Revision) -> Mapping[str, bytes]:
        return {path: self._stores.blobs.get(blob) for path, blob in revision.files.items()}
