"""The kernel's end of its one socket: length-prefixed frames out, requests in.

Out go `J` frames (JSON, a Jupyter message or a word of the kernel's own) and `R` frames (bytes of a probe's reply).
In comes one JSON object with the lengths of the raw buffers that follow it.
"""

import json
import os
import socket
import struct
import threading
from io import BufferedReader
from typing import Any

MESSAGE, REPLY = b"J", b"R"


class FrameWriter:
    """Writes whole frames, whichever thread asks; keeps quiet in a process forked by student code."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._owner_pid = os.getpid()
        self._lock = threading.RLock()

    def send_message(self, message: dict[str, Any]) -> None:
        self._send(MESSAGE, json.dumps(message, default=str).encode("utf-8", "replace"))

    def send_reply(self, payload: bytes) -> None:
        self._send(REPLY, payload)

    def _send(self, kind: bytes, payload: bytes) -> None:
        if os.getpid() != self._owner_pid:
            return  # two processes writing into one stream would tear each other's frames
        with self._lock:
            self._socket.sendall(struct.pack("<cI", kind, len(payload)))
            self._socket.sendall(payload)


def read_request(stream: "BufferedReader[Any]") -> tuple[dict[str, Any], list[list[bytes]]] | None:
    """Read the next request and its probes' buffers; None when the host has gone."""
    prefix = stream.read(4)
    if len(prefix) < 4:
        return None
    request: dict[str, Any] = json.loads(stream.read(struct.unpack("<I", prefix)[0]))
    buffers = [[stream.read(length) for length in probe["buffers"]] for probe in request["probes"]]
    return request, buffers
