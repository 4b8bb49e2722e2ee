"""Hidden inputs as settings: numbers, lists and generators of arguments, drawn anew for each set."""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.random import Generator
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.values import ArrayValue, ScalarValue, SequenceValue, Value
from grader.grading.arrays import DTYPES, Array, array_value
from grader.grading.checks.settings import Settings

COSTLY_DRAWS = 8
"""Different sets among a check's hidden inputs where answering one costs a copy of the kernel. Publishing asks equal
sets only once, and nothing rests on their secrecy."""
MARGIN = 1 / 50
"""Share of a generator's range that its numbers keep away from each number to avoid."""
_SPREAD = 4.0
"""The range of a normal generator, in standard deviations."""
_STEP = 2.0**-17
"""Of a generator's range: what finite differences move an argument by."""
_MAX_ELEMENTS = 100_000
_MAX_DEPTH = 6
_EXACT = frozenset(name for name, dtype in DTYPES.items() if dtype.kind in "biu")

Finite = Annotated[float, Field(allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Size = Annotated[int, Field(ge=0, le=_MAX_ELEMENTS)]
Avoided: TypeAlias = Annotated[tuple[Finite, ...], Field(max_length=20)]
"""Numbers that drawn ones keep away from, such as the kinks of a function."""


def _as_written(given: object) -> Any:  # noqa: ANN401 - numbers, words and lists of them, as deep as they go
    """What stands in the file as it is, lists as tuples; numbers are finite."""
    return _checked(given, depth=0)


def _checked(given: object, *, depth: int) -> object:
    if isinstance(given, list | tuple) and depth < _MAX_DEPTH:
        return tuple(_checked(item, depth=depth + 1) for item in given)
    if given is None or isinstance(given, bool | str):
        return given
    if isinstance(given, float) and math.isfinite(given):
        return given
    if isinstance(given, int) and abs(given) < 2**63:
        return given
    raise PydanticCustomError("argument_unknown", "an argument is a number, a list of numbers or a generator")


Written: TypeAlias = Annotated[Any, BeforeValidator(_as_written)]


def _is_number(written: object) -> bool:
    return isinstance(written, int | float) and not isinstance(written, bool)


class Draw(Settings):
    """A generator of one argument: exactly one of `uniform`, `normal`, `integers`, `choice` and `fixed`."""

    uniform: tuple[Finite, Finite] | None = None
    normal: tuple[Finite, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = None
    """Mean and standard deviation."""
    integers: tuple[Whole, Whole] | None = None
    """From the first to the second, both included."""
    choice: Annotated[tuple[Finite | Whole, ...], Field(min_length=1, max_length=1000)] | None = None
    fixed: Written = None
    shape: Annotated[tuple[Size, ...], Field(max_length=_MAX_DEPTH)] = ()
    dtype: str | None = None
    form: Literal["tensor", "number", "list", "numpy"] = Field(default="tensor", alias="as")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [self.uniform, self.normal, self.integers, self.choice, self.fixed]
        if sum(one is not None for one in given) != 1:
            raise PydanticCustomError("one_generator", "one of uniform, normal, integers, choice and fixed")
        for bounds in (self.uniform, self.integers):
            if bounds is not None and not bounds[0] < bounds[1]:
                raise PydanticCustomError("empty_range", "uniform: the first bound is the smaller one")
        if self.fixed is not None:
            self._check_fixed()
        if math.prod(self.shape) > _MAX_ELEMENTS:
            raise PydanticCustomError("input_too_large", "at most {limit} numbers", {"limit": _MAX_ELEMENTS})
        self._check_form()
        return self

    def _check_fixed(self) -> None:
        numbers = _regular(self.fixed)
        if numbers is None or (self.shape and numbers.ndim):
            raise PydanticCustomError("fixed_not_regular", "a number, or a regular list of numbers without a shape")

    def _check_form(self) -> None:
        has_shape = bool(self.shape) or isinstance(self.fixed, tuple)
        if (self.form == "number" and has_shape) or (self.form == "list" and not has_shape):
            raise PydanticCustomError("shape_of_form", "a number has no shape, and a list has one")
        if self.dtype is None:
            return
        known = self.dtype in DTYPES and (self.form == "tensor" or hasattr(np, self.dtype))
        if not known or self.form in ("number", "list"):
            raise PydanticCustomError("dtype_unknown", "no dtype of this kind of argument: {name}", {"name": "dtype"})
        if (self.uniform or self.normal) and self.dtype in _EXACT:
            raise PydanticCustomError("dtype_unknown", "uniform and normal need floats: {name}", {"name": "dtype"})

    @property
    def step(self) -> float:
        """A length over which a smooth function of the argument is nearly straight, in double precision."""
        if self.uniform is not None:
            span = self.uniform[1] - self.uniform[0]
        elif self.normal is not None:
            span = 2 * self.normal[1]
        else:
            span = _largest(self.choice if self.choice is not None else self.fixed)
        return span * _STEP

    @property
    def is_smooth(self) -> bool:
        """Whether it is a tensor of real floats."""
        return self.form == "tensor" and self._dtype not in _EXACT and not self._dtype.startswith("complex")

    def can_avoid(self, avoid: Sequence[float]) -> bool:
        """Whether any number is left to be drawn."""
        if self.uniform is not None:
            return bool(_segments(self.uniform, avoid))
        if self.integers is not None:
            return self.integers[1] - self.integers[0] + 1 > len(_whole_within(self.integers, avoid))
        return self.choice is None or bool(set(self.choice) - set(avoid))

    def draw(self, generator: Generator, *, avoid: Sequence[float]) -> Value:
        """The next argument of this generator."""
        numbers = self._draw_numbers(generator, avoid=avoid)
        if self.form in ("tensor", "numpy"):
            dtype = DTYPES[self._dtype]
            if dtype.kind == "c" and self.fixed is None:
                numbers = numbers + 1j * self._draw_numbers(generator, avoid=avoid)
            with np.errstate(over="ignore"):  # an infinity is what the author asks for
                numbers = numbers.astype(dtype)
            return array_value(numbers, type_name="Tensor" if self.form == "tensor" else "ndarray")
        return python_value(numbers.tolist())

    def _draw_numbers(self, generator: Generator, *, avoid: Sequence[float]) -> Array:
        size = self.shape
        if self.uniform is not None:
            return _draw_uniform(generator, self.uniform, size=size, avoid=avoid)
        if self.normal is not None:
            return _draw_normal(generator, self.normal, size=size, avoid=avoid)
        if self.integers is not None:
            avoided = _whole_within(self.integers, avoid)
            drawn = generator.integers(self.integers[0], self.integers[1] - len(avoided), size=size, endpoint=True)
            for number in avoided:
                drawn = np.asarray(drawn + (drawn >= number))
            return np.asarray(drawn)
        if self.choice is not None:
            left = np.array([number for number in self.choice if number not in avoid])
            return left[generator.integers(0, len(left), size=size)]
        return np.full(size, self.fixed) if size else np.array(self.fixed)

    @property
    def _dtype(self) -> str:
        if self.dtype is not None:
            return self.dtype
        if self.integers is not None:
            return "int64"
        return "float32" if self.form == "tensor" else "float64"


class Draws(Draw):
    """One argument of so many calls, each drawn anew."""

    times: int = Field(default=1, ge=1, le=100)


def _as_argument(given: object) -> object:
    return Draw.model_validate(given) if isinstance(given, dict) else _as_written(given)


Argument: TypeAlias = Annotated[Any, BeforeValidator(_as_argument)]
"""A Draw, a number or list of numbers (a float32 tensor), or a word, true, false or null as Python has them."""
Arguments: TypeAlias = Annotated[tuple[Argument, ...], Field(max_length=20)]


class Calls(Settings):
    """So many calls with several arguments, or with none."""

    arguments: Arguments
    times: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _check_arguments(self) -> Self:
        check_arguments(self.arguments)
        return self


def _as_input(given: object) -> object:
    if isinstance(given, dict):
        return Calls.model_validate(given) if "arguments" in given else Draws.model_validate(given)
    return Calls.model_validate({"arguments": given}) if isinstance(given, list | tuple) else given


Input: TypeAlias = Annotated[
    Draws | Calls | Finite, BeforeValidator(_as_input, json_schema_input_type=Draws | Calls | Finite | list[Any])
]
"""An entry of `inputs`: a number, a generator, a list of arguments, or calls with their arguments."""


def check_arguments(arguments: Sequence[object]) -> None:
    """Refuse lists that are no tensor: ragged ones, and such with words in them.

    Raises:
        PydanticCustomError: one of them is.
    """
    for argument in arguments:
        if isinstance(argument, tuple) and _regular(argument) is None:
            raise PydanticCustomError("fixed_not_regular", "a number, or a regular list of numbers without a shape")


def check_avoidable(inputs: Sequence[object], avoid: Sequence[float]) -> None:
    """Refuse numbers to avoid that leave a generator nothing to draw.

    Raises:
        PydanticCustomError: they do.
    """
    draws = [one for call in expand(inputs) for one in call if isinstance(one, Draw)]
    if not all(draw.can_avoid(avoid) for draw in draws):
        raise PydanticCustomError("avoid_leaves_nothing", "the numbers to avoid leave nothing to draw")


def expand(inputs: Sequence[object]) -> Iterator[tuple[object, ...]]:
    """The arguments of each call, as settings, in the order of the calls."""
    for entry in inputs:
        if isinstance(entry, Calls):
            yield from [entry.arguments] * entry.times
        else:
            yield from [(entry,)] * (entry.times if isinstance(entry, Draws) else 1)


def draw_calls(
    inputs: Sequence[object], generator: Generator, *, avoid: Sequence[float]
) -> tuple[tuple[Value, ...], ...]:
    """The arguments of each call; what the generator gives decides all of them."""
    return tuple(tuple(draw_argument(argument, generator, avoid=avoid) for argument in call) for call in expand(inputs))


def draw_argument(argument: object, generator: Generator, *, avoid: Sequence[float] = ()) -> Value:
    """One argument: a generator's next one, or a written number or list as a float32 tensor."""
    if isinstance(argument, Draw):
        return argument.draw(generator, avoid=avoid)
    if _is_number(argument) or isinstance(argument, tuple):
        with np.errstate(over="ignore"):
            return array_value(np.array(argument, np.float64).astype(np.float32), type_name="Tensor")
    return python_value(argument)


def python_value(written: object) -> Value:
    """A number, word, list or None of the file as what Python has for it."""
    if isinstance(written, list | tuple):
        return SequenceValue(type_name="list", items=tuple(python_value(item) for item in written))
    if isinstance(written, bool | int | float | complex | str) or written is None:
        return ScalarValue(type_name=type(written).__name__, value=written)
    raise TypeError(f"no such value stands in a file: {type(written).__name__}")


def step_of(argument: object) -> float | None:
    """By how much an argument is moved for finite differences; None where it is no tensor of floats."""
    if isinstance(argument, Draw):
        return argument.step if argument.is_smooth else None
    is_tensor = _is_number(argument) or isinstance(argument, tuple)
    return _largest(argument) * _STEP if is_tensor else None


def directions(value: ArrayValue, *, place: int) -> Array:
    """For each element of a tensor whether finite differences move it up (1) or down (-1), by the argument's place."""
    signs = np.random.Generator(np.random.PCG64(place)).integers(0, 2, size=value.shape)
    return np.asarray(2.0 * signs - 1.0)


def _regular(written: object) -> Array | None:
    """A number or nesting of numbers as an array; None where it is ragged, too large or holds anything else."""
    if not all(_is_number(leaf) for leaf in _leaves(written)):
        return None
    try:
        numbers = np.array(written)
    except (ValueError, OverflowError):
        return None
    return numbers if numbers.size <= _MAX_ELEMENTS and numbers.dtype != object else None


def _leaves(written: object) -> Iterator[object]:
    if isinstance(written, tuple):
        for item in written:
            yield from _leaves(item)
    else:
        yield written


def _largest(written: object) -> float:
    sizes = [abs(float(leaf)) for leaf in _leaves(written) if isinstance(leaf, int | float)]
    return max(sizes, default=0.0) or 1.0


def _segments(bounds: tuple[float, float], avoid: Sequence[float]) -> list[tuple[float, float]]:
    """What is left of a range without the margins around the numbers to avoid."""
    low, high = bounds
    margin = MARGIN * (high - low)
    left = []
    for number in sorted(avoid):
        if number - margin > low:
            left.append((low, min(number - margin, high)))
        low = max(low, number + margin)
    if low < high:
        left.append((low, high))
    return [(start, stop) for start, stop in left if start < stop]


def _draw_uniform(
    generator: Generator, bounds: tuple[float, float], *, size: tuple[int, ...], avoid: Sequence[float]
) -> Array:
    segments = _segments(bounds, avoid)
    lengths = [stop - start for start, stop in segments]
    places = np.asarray(generator.random(size)) * sum(lengths)
    before = np.cumsum([0.0, *lengths])
    index = np.clip(np.searchsorted(before, places, side="right") - 1, 0, len(segments) - 1)
    starts = np.array([start for start, _ in segments])
    return np.asarray(starts[index] + (places - before[index]))


def _draw_normal(
    generator: Generator, given: tuple[float, float], *, size: tuple[int, ...], avoid: Sequence[float]
) -> Array:
    mean, deviation = given
    margin = MARGIN * _SPREAD * deviation
    drawn = np.asarray(generator.normal(mean, deviation, size=size))
    while True:
        is_near = np.zeros(drawn.shape, bool)
        for number in avoid:
            is_near |= np.abs(drawn - number) < margin
        if not is_near.any():
            return drawn
        drawn = np.where(is_near, generator.normal(mean, deviation, size=drawn.shape), drawn)


def _whole_within(bounds: tuple[int, int], avoid: Sequence[float]) -> list[int]:
    whole = {int(number) for number in avoid if number == int(number)}
    return sorted(number for number in whole if bounds[0] <= number <= bounds[1])
