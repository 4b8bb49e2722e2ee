"""Puts the assignment's data files into the kernel's working folder, before any student code runs."""

from io import BufferedReader
from pathlib import Path
from typing import Any

_PIECE_BYTES = 1 << 20
"""Whole files would count twice for a moment: here and in the folder, which is memory too."""


def place_files(listed: list[dict[str, Any]], stream: "BufferedReader[Any]") -> None:
    """Write the files whose bytes follow in the stream; raises OSError when one cannot be written."""
    for entry in listed:
        path = Path(entry["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        rest = entry["bytes"]
        with path.open("wb") as file:
            while rest:
                piece = stream.read(min(rest, _PIECE_BYTES))
                if not piece:
                    return  # the host has gone; the next request ends this process
                rest -= len(piece)
                file.write(piece)
