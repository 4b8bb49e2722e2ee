"""Which memory is put on huge pages; whether the machine can do it is its own affair."""

from grader.sandbox.kernel.pages import HUGE_PAGE_BYTES, _huge_places, collapse

MAPS = """\
400000-a00000 r-xp 00000000 fe:00 12 /usr/bin/python3.11
a00000-e00000 rw-p 00600000 fe:00 12 /usr/bin/python3.11
1f00000-2800000 rw-p 00000000 00:00 0 [heap]
7f0000001000-7f0000600000 rw-p 00000000 00:00 0
7f0000600000-7f0000a00000 rw-s 00000000 00:01 5 /memfd:shared (deleted)
7f0001000000-7f0001200000 rw-p 00000000 00:00 0
7f0001200000-7f0001400000 ---p 00000000 00:00 0
7ffe00000000-7ffe00400000 rw-p 00000000 00:00 0 [stack]
"""


def test_huge_pages_lie_whole_within_private_memory_that_no_file_stands_behind() -> None:
    assert list(_huge_places(MAPS)) == [
        *(0x2000000, 0x2200000, 0x2400000, 0x2600000),
        *(0x7F0000200000, 0x7F0000400000),
        0x7F0001000000,
    ]


def test_collapsing_changes_no_byte_and_never_makes_more_than_fits() -> None:
    filled = bytearray(range(256)) * (4 * HUGE_PAGE_BYTES // 256)
    before = bytes(filled)
    collapse()
    assert bytes(filled) == before
