"""Puts the fork server's private memory on huge pages: a fork copies one entry for 2 MB instead of 512 for 4 kB each.

Copying and tearing down page tables is most of what a fork of a process with torch in it costs. What a fork writes to
is still copied 4 kB at a time.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

HUGE_PAGE_BYTES = 2 << 20
_MADV_COLLAPSE = 25
_COLLAPSIBLE = frozenset({"", "[heap]"})
"""Names of memory that no file stands behind."""


def collapse() -> int:
    """Collapse all of this process's private writable memory; give the number of huge pages made.

    A system that cannot do it (Linux before 6.1, or switched off) answers each request with an error and is left as
    it is: this is about speed alone.
    """
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    places = list(_huge_places(Path("/proc/self/maps").read_text()))
    return sum(madvise(place, HUGE_PAGE_BYTES, _MADV_COLLAPSE) == 0 for place in places)


def _huge_places(maps: str) -> Iterator[int]:
    """Addresses of the huge pages that fit whole into private writable memory."""
    for line in maps.splitlines():
        addresses, permissions, _, _, _, *name = line.split(maxsplit=5)
        if permissions != "rw-p" or "".join(name) not in _COLLAPSIBLE:
            continue
        start, end = (int(address, 16) for address in addresses.split("-"))
        first = -(-start // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
        yield from range(first, end - HUGE_PAGE_BYTES + 1, HUGE_PAGE_BYTES)
