"""Whether a plotted picture shows anything: axes, ticks, labels and a grid are nothing yet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.grading.png import Pixels

_Mask = npt.NDArray[np.bool_]

_DIFFERENT = 16
"""Steps of a colour channel from which on two colours are two."""
_GREY = 24
"""A colour whose channels lie within this is no colour: paper, a grid or an axis."""
_LIGHT, _DARK = 200, 80
_SHORTEST = 20
"""Pixels of the shortest edge of a frame."""
_GAP = 4
"""Ticks interrupt the outer edge of an axis by so many pixels."""
_TICK = 8
_MOST_EDGES = 1500
_LEAST_INK = 8
_LINE = 3
"""Pixels that an axis or the outline of a legend is wide at most."""
_LEGEND = range(3 * _LINE, 40)
"""Pixels of the side of a legend without entries: four fifths of a letter's height."""


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """A rectangle between two axes: rows top to bottom, columns left to right, the lower ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    def is_inside(self, other: "_Frame") -> bool:
        return (
            self != other
            and other.top <= self.top
            and self.bottom <= other.bottom
            and other.left <= self.left
            and self.right <= other.right
        )


def is_blank(pixels: Pixels, *, axes: int | None) -> bool:
    """Whether nothing was drawn into the picture.

    A picture in one colour is blank, and so is one of axes with nothing between them. Where that is not certain, it is
    not blank.

    Args:
        pixels: as read_png gives them.
        axes: how many pairs of axes the picture is said to have; None where that is not known.
    """
    paper = _commonest(_border(pixels))
    ink = _differs(pixels, paper)
    if int(ink.sum()) < _LEAST_INK:
        return True
    if not axes:
        return False
    frames = _find_frames(ink)
    return len(frames) >= axes and not any(_has_content(pixels, frame, paper=paper) for frame in frames)


def _border(pixels: Pixels) -> Pixels:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _commonest(pixels: Pixels) -> npt.NDArray[np.int16]:
    flat = pixels.reshape(-1, 3).astype(np.uint32)
    codes, counts = np.unique(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2], return_counts=True)
    code = int(codes[counts.argmax()])
    return np.array([code >> 16, code >> 8 & 255, code & 255], dtype=np.int16)


def _differs(pixels: Pixels, colour: npt.NDArray[np.int16]) -> _Mask:
    lowest, highest = (np.clip(colour + step, 0, 255).astype(np.uint8) for step in (-_DIFFERENT, _DIFFERENT))
    differs = np.zeros(pixels.shape[:2], dtype=bool)
    for channel in range(3):
        plane = pixels[:, :, channel]
        differs |= (plane < lowest[channel]) | (plane > highest[channel])
    return differs


def _find_frames(ink: _Mask) -> list[_Frame]:
    """Rectangles whose left and lower edge are drawn and meet; none of them lies inside another."""
    left_edges = _find_runs((ink & ~_moved(ink, rows=0, columns=1)).T)
    lower_edges = _find_runs(ink & ~_moved(ink, rows=-1, columns=0))
    if len(left_edges) > _MOST_EDGES or len(lower_edges) > _MOST_EDGES:
        return []
    frames = {
        _Frame(top=int(top), bottom=int(row), left=int(column), right=int(right))
        for column, top, bottom in left_edges
        for row, left, right in lower_edges[
            (abs(lower_edges[:, 0] - bottom) <= _TICK) & (abs(lower_edges[:, 1] - column) <= _TICK)
        ]
    }
    return [frame for frame in frames if not any(frame.is_inside(other) for other in frames)]


def _moved(mask: _Mask, *, rows: int, columns: int) -> _Mask:
    """The mask moved by one; what comes in from outside is not set."""
    moved = np.zeros_like(mask)
    if columns:
        moved[:, 1:] = mask[:, :-1]
    else:
        moved[:-1] = mask[1:]
    return moved if rows or columns else mask


def _find_runs(mask: _Mask) -> npt.NDArray[np.int64]:
    """The long runs of a mask's rows as (row, first, last + 1), short gaps closed."""
    height, width = mask.shape
    stride = width + _GAP + 1
    padded = np.zeros((height, stride), dtype=np.int8)
    padded[:, :width] = mask
    steps = np.diff(np.concatenate([[0], padded.ravel(), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not len(starts):
        return np.zeros((0, 3), dtype=np.int64)
    is_new = np.concatenate([[True], starts[1:] - ends[:-1] > _GAP])
    starts, ends = starts[is_new], ends[np.concatenate([is_new[1:], [True]])]
    is_long = ends - starts >= _SHORTEST
    starts, ends = starts[is_long], ends[is_long]
    rows = starts // stride
    return np.stack([rows, starts - rows * stride, ends - rows * stride], axis=1)


def _has_content(pixels: Pixels, frame: _Frame, *, paper: npt.NDArray[np.int16]) -> bool:
    """Whether anything but a grid and an empty legend stands inside; ticks may point inwards."""
    height, width = frame.bottom - frame.top, frame.right - frame.left
    inside = _within(pixels, frame, margin=_TICK if min(height, width) > 8 * _TICK else _LINE)
    if not inside.size:
        return False
    ground = _commonest(inside)
    if not _is_paper(ground, paper=paper):
        return True
    ink = _without_grid(inside, ground)
    if int(ink.sum()) < _LEAST_INK:
        return False
    whole = _within(pixels, frame, margin=_LINE)
    return not (_is_small(ink) and _is_empty_legend(_without_grid(whole, ground), whole))


def _within(pixels: Pixels, frame: _Frame, *, margin: int) -> Pixels:
    return pixels[frame.top + margin : frame.bottom - margin, frame.left + margin : frame.right - margin]


def _without_grid(inside: Pixels, ground: npt.NDArray[np.int16]) -> _Mask:
    """What is drawn on a ground, lines of a grid left out."""
    ink = _differs(inside, ground)
    rows = _find_grid(ink, inside)
    columns = _find_grid(ink.T, inside.transpose(1, 0, 2))
    ink[rows] = False
    ink[:, columns] = False
    return ink


def _is_empty_legend(ink: _Mask, pixels: Pixels) -> bool:
    """Whether all that is drawn is one small grey outline in a corner, as `legend()` leaves it without any labels."""
    (top, bottom), (left, right) = _extent(ink), _extent(ink.T)
    side = bottom - top
    if side not in _LEGEND or abs(side - (right - left)) > _LINE:
        return False
    if not all(min(first, len(line) - last) < side for first, last, line in ((top, bottom, ink), (left, right, ink.T))):
        return False
    colours = pixels[ink].astype(np.int16)
    if int((colours.max(axis=1) - colours.min(axis=1)).max()) > _GREY:
        return False
    box, middle = ink[top:bottom, left:right], slice(side // 3, -(side // 3))
    sides = (box[:_LINE, middle], box[-_LINE:, middle], box[middle, :_LINE].T, box[middle, -_LINE:].T)
    return not box[_LINE:-_LINE, _LINE:-_LINE].any() and all(bool(line.any(axis=0).all()) for line in sides)


def _is_small(ink: _Mask) -> bool:
    return all(last - first < _LEGEND.stop for first, last in (_extent(ink), _extent(ink.T)))


def _extent(ink: _Mask) -> tuple[int, int]:
    """The first row with anything in it, and the one after the last; there is some."""
    rows = np.flatnonzero(ink.any(axis=1))
    return int(rows[0]), int(rows[-1]) + 1


def _is_paper(ground: npt.NDArray[np.int16], *, paper: npt.NDArray[np.int16]) -> bool:
    """A colour that styles give to empty axes; a picture in one colour fills them with another."""
    if int(abs(ground - paper).max()) <= _DIFFERENT:
        return True
    if int(ground.max() - ground.min()) > _GREY:
        return False
    return int(ground.min()) >= _LIGHT or (int(paper.max()) <= _DARK and int(ground.max()) <= _DARK)


def _find_grid(ink: _Mask, pixels: Pixels) -> _Mask:
    """Rows that are one grey line from end to end, where there are several: one alone may be an answer."""
    full = ink.mean(axis=1) > 0.995
    colours = pixels[full].mean(axis=1)
    is_grey = (colours.max(axis=1) - colours.min(axis=1) <= _GREY) if len(colours) else np.zeros(0, dtype=bool)
    lines = np.zeros_like(full)
    lines[np.flatnonzero(full)[is_grey]] = True
    several = int((lines[1:] & ~lines[:-1]).sum() + lines[0]) > 1
    return lines if several else np.zeros_like(lines)
