"""Values as bytes: probe requests into a kernel, replies out of it, and replies as they are stored.

A frame is a header length (4 bytes, big-endian), a JSON header and the arrays' raw bytes, one after the other in the
order in which the header names them, with nothing between or behind. So there are no offsets to lie about: dtype and
shape say how many bytes an array takes, and the last one ends where the frame ends. Whatever comes from a kernel is
hostile until it has passed through `read_reply`.
"""

from grader.sandbox.wire.asking import request
from grader.sandbox.wire.limits import (
    ALWAYS_STORED_BYTES,
    DEPTH_MAX,
    DTYPE_BYTES,
    ELEMENTS_MAX,
    FRAME_MAX_BYTES,
    HEADER_MAX_BYTES,
    INT_MAX_BITS,
    LAYOUTS,
    NAME_MAX_CHARS,
    NAMES_SECONDS,
    NDIM_MAX,
    NODES_MAX,
    REASONS,
    STORED_MAX_BYTES,
    TEXT_MAX_CHARS,
)
from grader.sandbox.wire.reading import read_reply
from grader.sandbox.wire.storing import decode, encode
from grader.sandbox.wire.writing import digest_of

__all__ = [
    "ALWAYS_STORED_BYTES",
    "DEPTH_MAX",
    "DTYPE_BYTES",
    "ELEMENTS_MAX",
    "FRAME_MAX_BYTES",
    "HEADER_MAX_BYTES",
    "INT_MAX_BITS",
    "LAYOUTS",
    "NAMES_SECONDS",
    "NAME_MAX_CHARS",
    "NDIM_MAX",
    "NODES_MAX",
    "REASONS",
    "STORED_MAX_BYTES",
    "TEXT_MAX_CHARS",
    "decode",
    "digest_of",
    "encode",
    "read_reply",
    "request",
]
