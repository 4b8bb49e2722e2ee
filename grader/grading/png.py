"""PNG pictures to arrays, for the plain kind that plotting gives; all is bounded before it is read."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_Signed = npt.NDArray[np.int16]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""By colour type: grey, RGB, grey with alpha, RGB with alpha. Palettes are not read."""
_MAX_PIXELS = 8_000_000


def read_png(data: bytes) -> Pixels | None:
    """Give a picture as (height, width, 3), transparent parts laid on white; None where it cannot be read.

    Read are 8 bits a channel, without palette and interlacing, up to 8 million pixels: what matplotlib writes.
    """
    if not data.startswith(_SIGNATURE):
        return None
    head, packed = _read_chunks(data)
    if head is None or len(head) != 13:
        return None
    width, height, depth, colour, method, filtering, interlace = struct.unpack(">IIBBBBB", head)
    channels = _CHANNELS.get(colour)
    if channels is None or depth != 8 or (method, filtering, interlace) != (0, 0, 0):
        return None
    if not (width and height) or width * height > _MAX_PIXELS:
        return None
    size = height * (1 + width * channels)
    try:
        unpacked = zlib.decompressobj().decompress(packed, size)  # never more, whatever the stream holds
    except zlib.error:
        return None
    if len(unpacked) != size:
        return None
    rows = np.frombuffer(unpacked, dtype=np.uint8).reshape(height, 1 + width * channels)
    if rows[:, 0].max() > _PAETH:
        return None
    pixels = _unfilter(rows[:, 1:].reshape(height, width, channels), rows[:, 0])
    return _on_white(pixels)


def _read_chunks(data: bytes) -> tuple[bytes | None, bytes]:
    """The header and the compressed picture; a file that breaks off gives what stands before."""
    head: bytes | None = None
    packed = []
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR" and head is None:
            head = body
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"IEND":
            break
        position += 12 + length
    return head, b"".join(packed)


_SUB, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4


_STRIP = 256


def _unfilter(filtered: Pixels, kinds: npt.NDArray[np.uint8]) -> Pixels:
    """Undo each row's filter, strip by strip.

    Source: Portable Network Graphics (PNG) Specification, section 9, Filtering.
    """
    done = np.empty_like(filtered)
    above = np.zeros(filtered.shape[1:], dtype=np.int16)
    for start in range(0, len(filtered), _STRIP):
        rows = slice(start, start + _STRIP)
        strip = _unfilter_strip(filtered[rows], kinds[rows], above)
        done[rows], above = strip, strip[-1]
    return done


def _unfilter_strip(filtered: Pixels, kinds: npt.NDArray[np.uint8], above: _Signed) -> _Signed:
    """Undo the filters of some rows.

    A pixel needs its left, upper and upper left neighbours. All pixels of an anti-diagonal have theirs on the two
    before it, so the rows are moved to where anti-diagonals are columns, and these are walked: a step of Python for
    each, not for each pixel.
    """
    height, width, channels = filtered.shape
    length = width + height - 1
    padded = np.zeros((height, length + 1, channels), dtype=np.int16)
    padded[:, :width] = filtered
    # Row r moves right by r: what lies left of the picture stays 0, what lies right of it reaches nothing inside.
    moved = padded.reshape(-1, channels)[: height * length].reshape(height, length, channels)
    diagonals = np.ascontiguousarray(moved.transpose(1, 0, 2))
    is_sub, is_up, is_average, is_paeth = (
        (kinds == kind)[:, None].astype(np.int16) for kind in (_SUB, _UP, _AVERAGE, _PAETH)
    )
    edge = np.zeros((length, channels), dtype=np.int16)
    edge[:width] = above
    up, corner, left = (np.zeros((height, channels), dtype=np.int16) for _ in range(3))
    for place, diagonal in enumerate(diagonals):
        up[0], up[1:] = edge[place], left[:-1]
        diagonal += is_sub * left + is_up * up + is_average * ((left + up) >> 1) + is_paeth * _paeth(left, up, corner)
        diagonal &= 255
        corner, up, left = up, corner, diagonal  # what stood above is upper left of the next one
    back = np.zeros((height, length + 1, channels), dtype=np.int16)
    back.reshape(-1, channels)[: height * length] = diagonals.transpose(1, 0, 2).reshape(-1, channels)
    return back[:, :width]


def _paeth(left: _Signed, up: _Signed, corner: _Signed) -> _Signed:
    """Of the three neighbours the one nearest to left + up - corner; of equals the first in this order."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))


def _on_white(pixels: Pixels) -> Pixels:
    channels = pixels.shape[2]
    colours = pixels[:, :, :3] if channels >= 3 else np.repeat(pixels[:, :, :1], 3, axis=2)
    if channels in (1, 3):
        return colours
    alpha = pixels[:, :, -1:].astype(np.uint16)
    laid = (colours * alpha + 255 * (255 - alpha)) // 255
    return laid.astype(np.uint8)
