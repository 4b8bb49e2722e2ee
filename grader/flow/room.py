"""How much of the disk one person's work for one assignment may take."""

import hashlib

from grader.domain.ids import BlobKey, OfferingId, PersonId
from grader.errors import NotebookRefused
from grader.flow.ports import BlobStore, Transaction

MOST_BYTES = 1024**3
_MB = 1024**2


def check_room(
    tx: Transaction, offering_id: OfferingId, *, person_id: PersonId, adding: bytes, most_bytes: int, blobs: BlobStore
) -> None:
    """Is there room for more of this person's: what they handed in, and what its runs left? The same bytes count once.

    Without a bound one person fills the disk, and then nobody can hand in.

    Raises:
        NotebookRefused: with these bytes it would be too much.
    """
    kept = tx.runs.list_kept(offering_id, person_id=person_id)
    if BlobKey(hashlib.sha256(adding).hexdigest()) in kept:
        return
    size_bytes = len(adding) + sum(map(blobs.measure, kept))
    if size_bytes > most_bytes:
        raise NotebookRefused("too_much_kept", size_mb=-(-size_bytes // _MB), limit_mb=most_bytes // _MB)
