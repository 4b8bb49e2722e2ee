"""Pieces of a probe's reply, and the frame for `sandbox.wire.read_reply` that they make."""

import builtins
import struct
from typing import TypeAlias

from .live_values import to_json

# A student may replace builtins; what this module defines looks them up in a copy made before.
globals()["__builtins__"] = dict(vars(builtins))

Piece: TypeAlias = tuple[bytes, bytes]
"""Header text and body of one name, one call, or of what is known of a module."""

_HEADER = struct.Struct(">I")


def names_frame(key: str, pieces: list[Piece]) -> bytes:
    return _frame(key, b'{"is":"names","values":[', pieces, b"]}")


def calls_frame(key: str, name: str | None, pieces: list[Piece], *, timed_out: bool) -> bytes:
    opening = b'{"is":"calls","name":' + to_json(name) + b',"timed_out":' + to_json(timed_out) + b',"calls":['
    return _frame(key, opening, pieces, b"]}")


def module_frame(
    key: str, name: str | None, made: bytes, calls: list[tuple[str, list[Piece]]], *, timed_out: bool
) -> bytes:
    """Frame a module's reply.

    Args:
        key: the probe's.
        name: of the candidate that was taken.
        made: header text that says what the module is, or why there is none.
        calls: by mode.
    """
    opening = b'{"is":"module","name":' + to_json(name) + b',"timed_out":' + to_json(timed_out)
    opening += b',"made":' + made + b',"calls":['
    modes = [
        (b"[" + to_json(mode) + b",[" + b",".join([text for text, _ in pieces]) + b"]]", _bodies(pieces))
        for mode, pieces in calls
    ]
    return _frame(key, opening, modes, b"]}")


def _frame(key: str, opening: bytes, pieces: list[Piece], closing: bytes) -> bytes:
    header = b'{"key":' + to_json(key) + b',"reply":' + opening
    header += b",".join([text for text, _ in pieces]) + closing + b"}"
    return b"".join([_HEADER.pack(len(header)), header, _bodies(pieces)])


def _bodies(pieces: list[Piece]) -> bytes:
    return b"".join([body for _, body in pieces])
