"""Replies as they are stored: compressed, capped, and readable by every later version."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from grader.domain.values import Reply
from grader.errors import BadWireBytes
from grader.sandbox.wire.limits import LENGTH, STORED_MAX_BYTES
from grader.sandbox.wire.reading import read_stored_reply
from grader.sandbox.wire.writing import Writer

_MAGIC: Final = b"GRW2"
_READABLE: Final = (_MAGIC, b"GRW1")
"""GRW1 had neither layouts nor modules nor second derivatives; what is absent in a header has its default."""


def encode(replies: Mapping[str, Reply], *, cap_bytes: int) -> bytes:
    """Pack replies for storing, compressed; values over the cap are kept as digest, dtype and shape only.

    Args:
        replies: by probe key.
        cap_bytes: how many bytes of arrays and strings are kept, all replies together, first come first kept.
    """
    writer = Writer(cap_bytes=min(cap_bytes, STORED_MAX_BYTES // 2))
    frames = []
    for key, reply in replies.items():
        frame = writer.frame(key, reply)
        frames += [LENGTH.pack(len(frame)), frame]
    return _MAGIC + zlib.compress(b"".join(frames), 6)


def decode(data: bytes) -> Mapping[str, Reply]:
    """Unpack what `encode` made, now or in an earlier version.

    Raises:
        BadWireBytes: the bytes are anything else.
    """
    if not data.startswith(_READABLE):
        raise BadWireBytes(what="store_magic")
    inflater = zlib.decompressobj()
    try:
        frames = inflater.decompress(data[len(_MAGIC) :], STORED_MAX_BYTES)
    except zlib.error as error:
        raise BadWireBytes(what="compression") from error
    if not inflater.eof or inflater.unused_data:
        raise BadWireBytes(what="compression")
    replies: dict[str, Reply] = {}
    for frame in _split_frames(frames):
        key, reply = read_stored_reply(frame)
        if key in replies:
            raise BadWireBytes(what="key_twice")
        replies[key] = reply
    return replies


def _split_frames(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        if len(data) - at < LENGTH.size:
            raise BadWireBytes(what="frame_length")
        (length,) = LENGTH.unpack_from(data, at)
        at += LENGTH.size
        if length > len(data) - at:
            raise BadWireBytes(what="frame_length")
        yield data[at : at + length]
        at += length
