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
from pathlib import Path
from typing import Any

MESSAGE, REPLY = b"J", b"R"
_MESSAGE_MAX_BYTES, _ALL_MESSAGES_BYTES = 6 << 20, 20 << 20
"""A courtesy to honest notebooks: what is longer is left out here, where the host would end the kernel."""
OUTPUT_CUT = (Path(__file__).parent / "texts" / "output_cut.txt").read_text(encoding="utf-8")


class FrameWriter:
    """Writes whole frames, whichever thread asks; keeps quiet in a process forked by student code."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._owner_pid = os.getpid()
        self._lock = threading.RLock()
        self._room_bytes = _ALL_MESSAGES_BYTES

    def send_message(self, message: dict[str, Any]) -> None:
        payload = json.dumps(message, default=str).encode("utf-8", "replace")
        if len(payload) > min(_MESSAGE_MAX_BYTES, self._room_bytes):
            payload = json.dumps({**message, "content": _shorten(message["content"])}, default=str).encode()
        self._room_bytes -= len(payload)
        self._send(MESSAGE, payload)

    def send_reply(self, payload: bytes) -> None:
        self._send(REPLY, payload)

    def _send(self, kind: bytes, payload: bytes) -> None:
        if os.getpid() != self._owner_pid:
            return  # two processes writing into one stream would tear each other's frames
        with self._lock:
            self._socket.sendall(struct.pack("<cI", kind, len(payload)))
            self._socket.sendall(payload)


def _shorten(content: dict[str, Any]) -> dict[str, Any]:
    """Put a line in the place of the parts of a Jupyter message that can be long."""
    shorter = {"data": {"text/plain": OUTPUT_CUT}, "text": OUTPUT_CUT, "traceback": [OUTPUT_CUT]}
    cut = {name: shorter.get(name, value) for name, value in content.items()}
    return {**cut, "evalue": str(content["evalue"])[:1000]} if "evalue" in content else cut


def read_request(stream: "BufferedReader[Any]") -> tuple[dict[str, Any], list[list[bytes]]] | None:
    """Read the next request and its probes' buffers; None when the host has gone."""
    prefix = stream.read(4)
    if len(prefix) < 4:
        return None
    request: dict[str, Any] = json.loads(stream.read(struct.unpack("<I", prefix)[0]))
    buffers = [[stream.read(length) for length in probe["buffers"]] for probe in request["probes"]]
    return request, buffers
