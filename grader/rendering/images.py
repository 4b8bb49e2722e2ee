"""Pictures of a notebook: read from its text, known by their own bytes, and written again by us."""

import base64
import binascii
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TypeAlias

MAX_BYTES = 16 * 1024**2
MAX_PIXELS = 64_000_000
"""A browser needs four bytes for each, however few the file has."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture that a browser may be given: its type is read from its bytes, not from what the notebook says."""

    media_type: str
    data: bytes = field(repr=False)
    width: int
    height: int


ImageAddress: TypeAlias = Callable[[Image], str]
"""Gives the address under which a page finds a picture: of our own origin, or a `data:` address."""

_SPACE = re.compile(r"\s+")
_SOF = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""JPEG's markers before height and width."""


def as_data_address(image: Image) -> str:
    """The picture itself as its address, encoded anew."""
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"


def read_image(encoded: str) -> Image | None:
    """Give the picture that is written in base64; None where it is no PNG, JPEG or GIF, or larger than we show."""
    if len(encoded) > MAX_BYTES * 3 // 2:
        return None
    try:
        data = base64.b64decode(_SPACE.sub("", encoded), validate=True)
    except (binascii.Error, ValueError):
        return None
    return _measure(data) if len(data) <= MAX_BYTES else None


def write_image(image: Image, *, address: str, alternative: str) -> str:
    """The HTML of a picture, its place kept free while it loads; `alternative` is HTML text already."""
    size = f'width="{image.width}" height="{image.height}"'
    return f'<img class="nb-image" src="{escape(address)}" alt="{alternative}" loading="lazy" {size}>'


def _measure(data: bytes) -> Image | None:
    found: tuple[str, tuple[int, int]] | None = None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and len(data) >= 24:
        found = "image/png", struct.unpack_from(">II", data, 16)
    elif data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        found = "image/gif", struct.unpack_from("<HH", data, 6)
    elif data.startswith(b"\xff\xd8\xff") and (size := _measure_jpeg(data)):
        found = "image/jpeg", size
    if found is None:
        return None
    media_type, (width, height) = found
    is_fit = 0 < width * height <= MAX_PIXELS
    return Image(media_type=media_type, data=data, width=width, height=height) if is_fit else None


def _measure_jpeg(data: bytes) -> tuple[int, int] | None:
    """Width and height, from the first frame's header."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        if marker == 0xFF:  # filling
            position += 1
        elif length < 2:
            return None
        else:
            position += 2 + length
    return None
