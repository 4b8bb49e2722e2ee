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


_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)
_STRIP = 256
_SPARSE = 16
"""Where up to one byte in so many has to be looked at by itself, that is quick; of a plot it is one in a hundred."""


def _unfilter(filtered: Pixels, kinds: npt.NDArray[np.uint8]) -> Pixels:
    """Undo each row's filter: row by row as long as that is quick, what is left strip by strip.

    Source: Portable Network Graphics (PNG) Specification, section 9, Filtering.
    """
    planes = np.ascontiguousarray(filtered.transpose(0, 2, 1))
    done = np.empty_like(planes)
    for start in range(_unfilter_rows(planes, kinds, done=done), len(planes), _STRIP):
        rows = slice(start, start + _STRIP)
        above = done[start - 1 : start] if start else np.zeros_like(planes[:1])
        strip = np.concatenate([above, planes[rows]]).transpose(0, 2, 1)
        done[rows] = _unfilter_strip(strip, kinds[rows]).transpose(0, 2, 1)
    return done.transpose(0, 2, 1)


def _unfilter_rows(planes: Pixels, kinds: npt.NDArray[np.uint8], *, done: Pixels) -> int:
    """Fill `done` from the top; gives the row that it did not come to, for Average or for too much that changes.

    Args:
        planes: the filtered rows, channel by channel: (height, channels, width).
        kinds: the filter of each row.
        done: for what comes out, as planes.
    """
    above = np.zeros_like(planes[0])
    left_to_do = planes.size // _SPARSE
    for number, (row, kind) in enumerate(zip(planes, kinds.tolist(), strict=True)):
        if kind == _SUB:
            row = np.add.accumulate(row, axis=1, dtype=np.uint8)
        elif kind == _UP:
            row = row + above
        elif kind == _PAETH:
            row, looked_at = _undo_paeth(row, above)
            left_to_do -= looked_at
            if left_to_do < 0:
                return number
        elif kind == _AVERAGE:
            return number
        done[number] = above = row
    return len(planes)


def _undo_paeth(row: Pixels, above: Pixels) -> tuple[Pixels, int]:
    """Undo one row's Paeth filter; gives how many bytes had to be looked at, too.

    Where upper and upper left byte are equal, Paeth takes the left one: without a residue nothing changes there. Where
    left and upper left byte are equal, it takes the upper one: up to the next residue the row is as the one above.
    """
    changes = row != 0
    changes[:, 1:] |= above[:, 1:] != above[:, :-1]
    changes[:, 0] = True
    places = np.flatnonzero(changes)
    found = row.ravel()[places]
    residues, uppers, starts = found.tolist(), above.ravel()[places].tolist(), (places % row.shape[1] == 0).tolist()
    starts.append(True)
    values = uppers.copy()
    index = looked_at = 0
    for first in np.flatnonzero(found).tolist():
        if first < index:
            continue
        index, left, corner = first, 0, 0
        while True:
            up = uppers[index]
            if up != corner:
                to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                if to_left > to_up or to_left > to_corner:
                    left = up if to_up <= to_corner else corner
            values[index] = left = (left + residues[index]) & 255
            index += 1
            if left == up or starts[index]:
                break
            corner = up  # nothing changed above since the last place
        looked_at += index - first
    lengths = np.append(places[1:], row.size) - places
    return np.repeat(np.array(values, dtype=np.uint8), lengths).reshape(row.shape), looked_at


def _unfilter_strip(rows: Pixels, kinds: npt.NDArray[np.uint8]) -> _Signed:
    """Undo the filters of some rows; the first one given is the row above them as it is.

    A pixel needs its left, upper and upper left neighbours. All pixels of an anti-diagonal have theirs on the two
    before it, so the rows are moved to where anti-diagonals are columns, and these are walked: a step of Python for
    each, not for each pixel.
    """
    height, width, channels = rows.shape
    length = width + height
    padded = np.zeros((height, length + 1, channels), dtype=np.int16)
    padded[:, 1 : width + 1] = rows
    # Row r moves right by r: what lies left of the picture stays 0, what lies right of it reaches nothing inside.
    moved = padded.reshape(-1, channels)[: height * length].reshape(height, length, channels)
    diagonals = np.ascontiguousarray(moved.transpose(1, 0, 2))
    # None, Sub and Up are Paeth for those who see 0 in place of the other neighbours.
    sees_left, sees_up, sees_corner = (
        np.repeat(-np.isin(kinds, seeing).astype(np.int16)[:, None], channels, axis=1)
        for seeing in ((_SUB, _PAETH), (_UP, _PAETH), (_PAETH,))
    )
    averaged = np.flatnonzero(kinds == _AVERAGE)
    for before, last, this in zip(diagonals, diagonals[1:], diagonals[2:], strict=False):
        left, up = last[1:], last[:-1]
        predicted = _paeth(left & sees_left, up & sees_up, before[:-1] & sees_corner)
        if averaged.size:
            predicted[averaged] = (left[averaged] + up[averaged]) >> 1
        this[1:] = (this[1:] + predicted) & 255
    back = np.zeros((height, length + 1, channels), dtype=np.int16)
    back.reshape(-1, channels)[: height * length] = diagonals.transpose(1, 0, 2).reshape(-1, channels)
    return back[1:, 1 : width + 1]


def _paeth(left: _Signed, up: _Signed, corner: _Signed) -> _Signed:
    """Of the three neighbours the one nearest to left + up - corner; of equals the first in this order."""
    to_left, to_up = up - corner, left - corner
    to_corner = abs(to_left + to_up)
    to_left, to_up = abs(to_left), abs(to_up)
    np.copyto(left, up, where=to_up < to_left)
    np.copyto(left, corner, where=to_corner < np.minimum(to_left, to_up))
    return left


def _on_white(pixels: Pixels) -> Pixels:
    channels = pixels.shape[2]
    colours = pixels[:, :, :3] if channels >= 3 else np.repeat(pixels[:, :, :1], 3, axis=2)
    if channels in (1, 3):
        return colours
    if (pixels[:, :, -1] == 255).all():
        return colours
    alpha = pixels[:, :, -1:].astype(np.uint16)
    laid = (colours * alpha + 255 * (255 - alpha)) // 255
    return laid.astype(np.uint8)
