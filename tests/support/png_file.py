"""A PNG writer of the tests' own, by the words of the specification: the oracle of grading.png."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write_png(pixels: Pixels, *, filters: list[int] | None = None, **header: int) -> bytes:
    """Encode by the words of the specification, pixel by pixel; `header` replaces fields of it."""
    height, width, channels = pixels.shape
    rows = []
    for y in range(height):
        kind = (filters or [0])[y % len(filters or [0])]
        row = bytearray([kind])
        for x in range(width):
            for c in range(channels):
                a = int(pixels[y, x - 1, c]) if x else 0
                b = int(pixels[y - 1, x, c]) if y else 0
                corner = int(pixels[y - 1, x - 1, c]) if x and y else 0
                guess = a + b - corner
                nearest = min((abs(guess - a), 0, a), (abs(guess - b), 1, b), (abs(guess - corner), 2, corner))[2]
                row.append((int(pixels[y, x, c]) - [0, a, b, (a + b) // 2, nearest][kind]) % 256)
        rows.append(bytes(row))
    fields = {"width": width, "height": height, "depth": 8, "colour": COLOUR_TYPES[channels], "interlace": 0} | header
    head = struct.pack(
        ">IIBBBBB", fields["width"], fields["height"], fields["depth"], fields["colour"], 0, 0, fields["interlace"]
    )
    body = zlib.compress(b"".join(rows))
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]
    chunks = [chunk(b"IHDR", head), chunk(b"tEXt", b"Software\0x"), *(chunk(b"IDAT", part) for part in parts)]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, chunk(b"IEND", b"")])
