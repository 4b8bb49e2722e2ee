"""Printed text to numbers: tensors, arrays, sizes, lists and numbers as print, repr and a cell's result show them.

One parser serves all three, with words around ("答え: tensor([1., 2.])"). It reads the text once from left to right and
keeps open brackets on a stack, so hostile text of any kind costs linear time.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

Number: TypeAlias = bool | int | float | complex


class Container(StrEnum):
    """What the numbers stood in."""

    TENSOR = "tensor"
    ARRAY = "array"
    """NumPy: `array([1, 2])`, or as print shows it, `[1 2]`."""
    SIZE = "size"
    LIST = "list"
    TUPLE = "tuple"
    NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class PrintedNumbers:
    """One printed tensor, array, size, list, tuple or number.

    `slack` holds, per element, half a unit of the last printed digit: how far the number behind the text may lie from
    what was read; 0 where the text is exact (integers, and floats that end in a bare point or `.0`).
    """

    container: Container
    shape: tuple[int, ...]
    """() for a plain number. Where `is_abbreviated`, the shape of what is visible."""
    elements: tuple[Number, ...]
    """In C order."""
    slack: tuple[float, ...]
    printed_dtype: str | None = None
    """Without its module ('float64'), where the text says it: torch and NumPy leave their defaults out."""
    is_abbreviated: bool = False
    """The text has `...` in place of the middle elements."""
    tolerance: tuple[float, float] | None = None
    """(rtol, atol) of the author's, where these numbers are what is expected; never read from a text."""

    @property
    def number_class(self) -> str:
        """The widest of 'bool', 'int', 'float', 'complex' among the elements; 'float' for none, as torch has it."""
        if not self.elements:
            return "float"
        return _CLASSES[max(_CLASSES.index(type(element).__name__) for element in self.elements)]

    @property
    def dtype(self) -> str | None:
        """Of a tensor: what is printed, else the default that printing leaves out. Of all others: what is printed."""
        if self.printed_dtype is not None or self.container is not Container.TENSOR:
            return self.printed_dtype
        return _TENSOR_DEFAULTS[self.number_class]


@dataclass(frozen=True, kw_only=True)
class PrintedText:
    """Everything between numbers, whitespace at its ends taken off; never empty."""

    text: str


PrintedItem: TypeAlias = PrintedNumbers | PrintedText

_CLASSES = ("bool", "int", "float", "complex")
_TENSOR_DEFAULTS = {"bool": "bool", "int": "int64", "float": "float32", "complex": "complex64"}
_MAX_DIGITS = 100
"""Longer digit runs are text: turning them into integers takes quadratic time and no tensor prints them."""
_MAX_DEPTH = 64
"""Of brackets; torch itself allows 64 axes."""
_ROUGHEST = 0.05
"""A number printed outside tensors and arrays (`f"{y:.1f}"`) vouches for its value within 5 % at most, else `0.1`, a
float in full, would pass for 0.14."""

_REAL = r"(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?|nan|inf)"
_TOKEN = re.compile(
    rf"""
    (?P<space>\s++)
  | (?P<call>(?<![A-Za-z0-9_.])
        (?:(?:torch\.)?(?P<tensor>tensor|Size)
          |(?:np\.|numpy\.)?(?P<array>array)
          |(?:np|numpy)\.(?P<scalar>float[0-9]+|u?int[0-9]+|complex[0-9]+|longdouble|bool_?))\()
  | (?P<number>(?<![A-Za-z0-9_.問題第図表式])
        (?:[-+]?{_REAL}(?:[ ]{{0,16}}[-+]{_REAL}j|j)?|True|False|np\.True_|np\.False_)
        (?![A-Za-z0-9_]|\.[A-Za-z0-9_]))
  | (?P<keyword>(?P<keyword_name>dtype|device|grad_fn|requires_grad|size|shape|layout)=
        (?P<keyword_value><[^<>\n]{{0,200}}>|'[^'\n]{{0,80}}'|\([0-9,\s]{{0,200}}\)|[\w.]{{1,80}}))
  | (?P<ellipsis>\.\.\.)
  | (?P<open>[\[(])
  | (?P<close>[\])])
  | (?P<comma>,)
  | (?P<word>[A-Za-z0-9_]++)
  | (?P<other>[^\s\[\](),.A-Za-z0-9_+-]|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=64)
def read_printed(text: str) -> tuple[PrintedItem, ...]:
    """Read everything that a text shows, in order. Never raises; time is linear in the text's length."""
    reader = _Reader(text)
    reader.run()
    return reader.items()


def find_numbers(text: str) -> tuple[PrintedNumbers, ...]:
    """Read the numbers that a text shows, without the words around them."""
    return tuple(item for item in read_printed(text) if isinstance(item, PrintedNumbers))


def count_differences(*, actual: PrintedNumbers, expected: PrintedNumbers) -> int:
    """Count the elements that no two numbers behind the printed digits can reconcile.

    Integers must be equal. Others agree when some number that prints like the one and some number that prints like the
    other lie within torch.testing.assert_close's default tolerance for the expected dtype. A tolerance of the author's
    takes its place and holds for integers, too.

    Args:
        actual: what the student's text shows.
        expected: what the reference's text shows, with as many elements.
    """
    return sum(gap > 1 for gap in _gaps(actual, expected))


def summarised(item: PrintedNumbers, *, like: PrintedNumbers) -> PrintedNumbers:
    """What printing with `...` would leave of numbers that are printed in full; itself where that is not possible.

    Args:
        item: in full.
        like: an abbreviated print; the first and last half of what it shows of an axis are kept.
    """
    if len(item.shape) != len(like.shape) or len(item.elements) != math.prod(item.shape):
        return item
    kept = [range(length) for length in item.shape]
    for axis, (length, visible) in enumerate(zip(item.shape, like.shape, strict=True)):
        if length < visible or (length > visible and visible % 2):
            return item
        if length > visible:
            kept[axis] = range(-(visible // 2), visible // 2)  # the last ones come first, and are sorted in below
    places = [0]
    for length, axis_kept in zip(item.shape, kept, strict=True):
        indexes = sorted(index % length for index in axis_kept)
        places = [place * length + index for place in places for index in indexes]
    return replace(
        item,
        shape=like.shape,
        elements=tuple(item.elements[place] for place in places),
        slack=tuple(item.slack[place] for place in places),
        is_abbreviated=True,
    )


def largest_gap(*, actual: PrintedNumbers, expected: PrintedNumbers) -> float:
    """The largest gap between two elements in units of what is allowed there; above 1 they differ."""
    return max(_gaps(actual, expected), default=0.0)


def _gaps(actual: PrintedNumbers, expected: PrintedNumbers) -> Iterator[float]:
    default = _TOLERANCES.get(expected.printed_dtype or "", _TOLERANCES["float32"])
    rtol, atol = expected.tolerance or default
    for a, slack_a, e, slack_e in zip(actual.elements, actual.slack, expected.elements, expected.slack, strict=True):
        if a == e:
            yield 0.0
        elif (
            isinstance(a, bool)
            or isinstance(e, bool)
            or (isinstance(a, int) and isinstance(e, int) and expected.tolerance is None)
        ):
            yield math.inf
        else:
            yield _gap(a, e, slack=slack_a + slack_e, rtol=rtol, atol=atol)


_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
"""(rtol, atol). Source: torch.testing.assert_close."""


def _gap(actual: Number, expected: Number, *, slack: float, rtol: float, atol: float) -> float:
    try:
        a, e = complex(actual), complex(expected)
    except OverflowError:  # integers beyond any double
        return math.inf
    if _is_nan(a) or _is_nan(e):
        return 0.0 if _is_nan(a) and _is_nan(e) else math.inf
    if not (_is_finite(a) and _is_finite(e)):
        return math.inf
    gap = math.hypot(a.real - e.real, a.imag - e.imag)
    allowed = slack + atol + rtol * math.hypot(e.real, e.imag)
    return gap / allowed if allowed else math.inf


def _is_nan(number: complex) -> bool:
    return math.isnan(number.real) or math.isnan(number.imag)


def _is_finite(number: complex) -> bool:
    return math.isfinite(number.real) and math.isfinite(number.imag)


@dataclass(kw_only=True, slots=True)
class _Piece:
    """A number or a closed group; its elements are a slice of the reader's."""

    container: Container
    start: int
    end: int
    first_element: int
    last_element: int
    shape: tuple[int, ...] = ()
    dtype: str | None = None
    is_abbreviated: bool = False
    is_sealed: bool = False
    """It came from a call such as `tensor(...)`: a list of tensors is several tensors, not one list."""


@dataclass(kw_only=True, slots=True)
class _Frame:
    """One bracket that is still open."""

    opener: str
    """'[', '(', 'tensor', 'array', 'Size' or 'scalar'."""
    start: int
    first_piece: int
    first_element: int
    dtype: str | None = None
    size: tuple[int, ...] | None = None
    is_broken: bool = False
    """Something stands in it that no container holds: what it contains counts one by one."""
    is_abbreviated: bool = False
    members: int = 0
    by_comma: bool = False
    by_space: bool = False
    comma_pending: bool = False

    @property
    def is_call(self) -> bool:
        return self.opener not in "[("

    def add_member(self) -> None:
        if self.members and self.comma_pending:
            self.by_comma = True
        elif self.members:
            self.by_space = True
        self.members += 1
        self.comma_pending = False

    def add_comma(self) -> None:
        if self.comma_pending or not self.members:
            self.is_broken = True
        self.comma_pending = True


@dataclass
class _Reader:
    text: str
    pieces: list[_Piece] = field(default_factory=list)
    elements: list[Number] = field(default_factory=list)
    slack: list[float] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)

    def run(self) -> None:
        position = 0
        while match := _TOKEN.match(self.text, position):
            position = match.end()
            match match.lastgroup:
                case "space":
                    pass
                case "number":
                    self._add_number(match)
                case "call" | "open":
                    self._open(match)
                case "close":
                    self._close(match)
                case "comma":
                    if self.frames:
                        self.frames[-1].add_comma()
                case "ellipsis" if self.frames:
                    self.frames[-1].is_abbreviated = True
                    self.frames[-1].add_member()
                case "keyword":
                    position = self._take_keyword(match)
                case _:
                    self._break()

    def items(self) -> tuple[PrintedItem, ...]:
        """What was read, words and numbers in the order of the text."""
        found: list[PrintedItem] = []
        end = 0
        for piece in self.pieces:
            found += _words(self.text[end : piece.start])
            found.append(self._numbers_of(piece))
            end = piece.end
        return (*found, *_words(self.text[end:]))

    def _numbers_of(self, piece: _Piece) -> PrintedNumbers:
        elements = self.elements[piece.first_element : piece.last_element]
        slack = self.slack[piece.first_element : piece.last_element]
        if piece.container not in (Container.TENSOR, Container.ARRAY):
            slack = [min(s, _ROUGHEST * abs(element)) if s else s for element, s in zip(elements, slack, strict=True)]
        return PrintedNumbers(
            container=piece.container,
            shape=piece.shape,
            elements=tuple(elements),
            slack=tuple(slack),
            printed_dtype=piece.dtype,
            is_abbreviated=piece.is_abbreviated,
        )

    def _break(self) -> None:
        if self.frames:
            self.frames[-1].is_broken = True

    def _add_number(self, match: re.Match[str]) -> None:
        literal = match.group()
        if len(literal) > _MAX_DIGITS:
            self._break()
            return
        number, slack = _parse_number(literal)
        self._add_member_to_parent()
        self.elements.append(number)
        self.slack.append(slack)
        count = len(self.elements)
        self.pieces.append(
            _Piece(
                container=Container.NUMBER,
                start=match.start(),
                end=match.end(),
                first_element=count - 1,
                last_element=count,
            )
        )

    def _open(self, match: re.Match[str]) -> None:
        if len(self.frames) > _MAX_DEPTH:
            self._break()
            return
        scalar = match["scalar"]
        self.frames.append(
            _Frame(
                opener="scalar" if scalar else match["tensor"] or match["array"] or match.group(),
                start=match.start(),
                first_piece=len(self.pieces),
                first_element=len(self.elements),
                dtype=scalar,
            )
        )

    def _take_keyword(self, match: re.Match[str]) -> int:
        """Note a call's keyword argument; anywhere else (`size=5` in a sentence) only its name is a word."""
        if not (self.frames and self.frames[-1].is_call):
            self._break()
            return match.end("keyword_name")
        frame = self.frames[-1]
        frame.comma_pending = False
        name, value = match["keyword_name"], match["keyword_value"]
        if name == "dtype":
            frame.dtype = value.removeprefix("torch.").strip("'")
        elif name in ("size", "shape"):
            frame.size = tuple(int(extent) for extent in re.findall("[0-9]{1,18}", value))
        return match.end()

    def _close(self, match: re.Match[str]) -> None:
        opened_by = "[" if match.group() == "]" else "("
        if not self.frames or (self.frames[-1].opener == "[") != (opened_by == "["):
            self._break()
            return
        frame = self.frames.pop()
        if frame.is_broken:
            self._break()  # before its content is looked at: each level would copy all that lies below
            return
        children = self.pieces[frame.first_piece :]
        if frame.opener == "(" and len(children) == 1 and not frame.comma_pending:
            self._add_member_to_parent()  # only a parenthesis: `(1+2j)`
            return
        group = self._group(frame, children=children, end=match.end())
        if group is None:
            self._break()
            return
        del self.pieces[frame.first_piece :]
        self.pieces.append(group)
        self._add_member_to_parent()

    def _add_member_to_parent(self) -> None:
        if self.frames:
            self.frames[-1].add_member()

    def _group(self, frame: _Frame, *, children: list[_Piece], end: int) -> _Piece | None:
        """Make one piece of a closed frame; None where its content is no container of numbers."""
        if frame.by_comma and frame.by_space:
            return None
        shaped = _shape_call(frame, children) if frame.is_call else _shape_group(frame, children)
        if shaped is None:
            return None
        container, shape = shaped
        return _Piece(
            container=container,
            start=frame.start,
            end=end,
            first_element=frame.first_element,
            last_element=len(self.elements),
            shape=shape,
            dtype=frame.dtype,
            is_abbreviated=frame.is_abbreviated or any(child.is_abbreviated for child in children),
            is_sealed=frame.is_call and frame.opener != "scalar",
        )


_CALLS = {"tensor": Container.TENSOR, "array": Container.ARRAY, "Size": Container.SIZE, "scalar": Container.NUMBER}


def _shape_call(frame: _Frame, children: list[_Piece]) -> tuple[Container, tuple[int, ...]] | None:
    if len(children) != 1 or children[0].is_sealed or children[0].container is Container.TUPLE:
        return None
    child = children[0]
    if frame.opener == "Size" and len(child.shape) != 1:
        return None
    if frame.opener == "scalar" and child.shape:
        return None
    is_empty = child.first_element == child.last_element
    return _CALLS[frame.opener], frame.size if is_empty and frame.size else child.shape


def _shape_group(frame: _Frame, children: list[_Piece]) -> tuple[Container, tuple[int, ...]] | None:
    if not children:
        return (Container.LIST, (0,)) if frame.opener == "[" else None  # `f()` shows no tuple
    first = children[0]
    if any(child.is_sealed or child.shape != first.shape for child in children):
        return None
    shape = (len(children), *first.shape)
    if frame.opener == "(":
        return None if frame.by_space else (Container.TUPLE, shape)
    if frame.by_space or (not frame.by_comma and first.container is Container.ARRAY):
        return Container.ARRAY, shape
    return Container.LIST, shape


def _words(text: str) -> list[PrintedItem]:
    stripped = text.strip()
    return [PrintedText(text=stripped)] if stripped.strip("[](), \t\r\n") else []


def _parse_number(literal: str) -> tuple[Number, float]:
    """The number a literal spells, and half a unit of its last digit."""
    if literal[-1] == "e":
        return literal.endswith("True"), 0.0
    if literal[-1] == "_":
        return literal == "np.True_", 0.0
    if literal[-1] == "j":
        parts = re.findall(rf"[-+]?{_REAL}", literal)
        return complex(literal.replace(" ", "")), max(_half_unit(part) for part in parts)
    if literal.lstrip("+-").isdigit():
        return int(literal), 0.0
    return float(literal), _half_unit(literal)


def _half_unit(literal: str) -> float:
    mantissa, _, exponent = literal.lower().partition("e")
    fraction = mantissa.partition(".")[2]
    if not exponent and fraction in ("", "0"):
        return 0.0
    unit = float(f"0.5e{int(exponent or 0) - len(fraction)}")
    return unit if math.isfinite(unit) else 0.0  # `1e310` is infinity, and nothing lies near it
