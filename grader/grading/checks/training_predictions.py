"""What a trained model or function predicts for hidden inputs, beside labels that never enter a kernel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, PrivateAttr, Tag, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, CallReply, CallsReply, ModuleReply, Reply
from grader.grading.arrays import Array, find_array
from grader.grading.checks.inputs import COSTLY_DRAWS, Draw, draw_argument
from grader.grading.checks.settings import HIDDEN, BoundedSettings, Name
from grader.grading.compare import Tolerance, overshoot
from grader.grading.difference import find_numbers, shape_word

NEAR = 0.05
"""rtol and atol where the author gives none: two right trainings end near each other, not at one point."""
EVAL = "eval"


@dataclass(frozen=True, kw_only=True)
class PredictionFault:
    """What is wrong with predictions: the end of a code, and the facts of its sentence."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    is_missing: bool = False
    is_malformed: bool = False


def _known_array(name: str, info: ValidationInfo) -> str:
    known = (info.context or {}).get(HIDDEN, {})
    if name not in known:
        listed = ", ".join(sorted(known)) or "-"
        raise PydanticCustomError("array_unknown", "no array {name} in a hidden file", {"name": name, "known": listed})
    return name


HiddenArray: TypeAlias = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_known_array)]
"""An array of a hidden file, as `hidden/test.npz:x`."""


def _form_of(given: object) -> str:
    return "draw" if isinstance(given, dict | Draw) else "array"


Inputs: TypeAlias = Annotated[
    Annotated[HiddenArray, Tag("array")] | Annotated[Draw, Tag("draw")], Discriminator(_form_of)
]


class Predict(BoundedSettings):
    """Predictions of a model or function for hidden inputs: exactly one of `accuracy`, `mse` and `like`."""

    name: Name
    """A trained nn.Module (called in eval mode) or a function; it gets all inputs at once."""
    inputs: Inputs
    """An array of a hidden file, as `hidden/test.npz:x`, or a generator."""
    labels: HiddenArray | None = None
    """An array of a hidden file with the right answers; it never enters a kernel."""
    accuracy: float | None = Field(default=None, gt=0, le=1)
    """The share of labels that must be hit."""
    mse: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """What the mean squared error must lie below."""
    like: Literal["reference"] | None = None
    """Near what the reference predicts, by rtol and atol."""
    _arrays: Mapping[str, ArrayValue] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        """Keep the hidden arrays that these settings name."""
        known = (context or {}).get(HIDDEN, {})
        self._arrays = {name: known[name] for name in (self.inputs, self.labels) if isinstance(name, str)}

    @model_validator(mode="after")
    def _require_one_measure(self) -> Self:
        measures = [self.accuracy, self.mse, self.like]
        if sum(measure is not None for measure in measures) != 1:
            raise PydanticCustomError("one_measure", "one of accuracy, mse and like")
        if (self.labels is None) != (self.like is not None):
            raise PydanticCustomError("labels_and_measure", "labels belong to accuracy and mse")
        if self.labels is not None and isinstance(self.inputs, str):
            inputs, labels = self._arrays[self.inputs].shape, self._arrays[self.labels].shape
            if not inputs or inputs[:1] != labels[:1]:
                facts = {"inputs": shape_word(inputs), "labels": shape_word(labels)}
                raise PydanticCustomError("labels_do_not_fit", "inputs and labels differ in length", facts)
        elif self.labels is not None:
            raise PydanticCustomError("labels_need_array", "labels belong to an array of inputs")
        return self

    @property
    def is_drawn(self) -> bool:
        return isinstance(self.inputs, Draw)

    def draw(self, seed: int) -> InputSet:
        """The one call's only argument, where it is drawn anew."""
        if not isinstance(self.inputs, Draw):
            return ()
        generator = np.random.Generator(np.random.PCG64(seed % COSTLY_DRAWS))
        return ((draw_argument(self.inputs, generator),),)

    def calls(self, drawn: InputSet) -> InputSet:
        return ((self._arrays[self.inputs],),) if isinstance(self.inputs, str) else drawn

    def find_fault(self, actual: Reply | None, expected: Reply | None) -> PredictionFault | None:
        """What is wrong with a student's predictions; None where they are good enough."""
        call = find_call(actual)
        if call is None:
            timed_out = isinstance(actual, CallsReply | ModuleReply) and actual.timed_out
            return PredictionFault(code="predict_timed_out" if timed_out else "predict_missing", is_missing=True)
        if call.error is not None:
            return PredictionFault(code="predict_raised", facts={"error": call.error[:80]})
        numbers = None if call.output is None else find_numbers(call.output)
        if numbers is None:
            return PredictionFault(code="predict_opaque", is_malformed=True)
        if numbers.dtype.kind != "b" and not np.isfinite(_wide(numbers)).all():
            return PredictionFault(code="predict_not_finite")
        if self.like is not None:
            return self._find_unlike(numbers, find_call(expected))
        labels = find_array(self._arrays[str(self.labels)])
        if labels is None:
            return PredictionFault(code="predict_opaque", is_malformed=True)
        return self._find_inaccurate(numbers, labels) if self.accuracy is not None else self._find_far(numbers, labels)

    def _find_unlike(self, numbers: Array, expected: CallReply | None) -> PredictionFault | None:
        theirs = None if expected is None or expected.output is None else find_numbers(expected.output)
        if theirs is None:
            return PredictionFault(code="no_expected")
        numbers = _fitted(numbers, theirs.shape)
        if numbers.shape != theirs.shape:
            return _wrong_shape(numbers, theirs.shape)
        times = overshoot(actual=numbers, expected=theirs, tolerance=self.near)
        if times is not None and times <= 1:
            return None
        allowed = self.near.atol + self.near.rtol * np.abs(_wide(theirs))  # type: ignore[operator]  # both are given
        right = int((np.abs(_wide(numbers) - _wide(theirs)) <= allowed).sum())
        return PredictionFault(code="predict_unlike", facts={"right": right, "total": int(theirs.size)})

    def _find_inaccurate(self, numbers: Array, labels: Array) -> PredictionFault | None:
        classes = _classes(numbers, labels)
        if classes is None:
            return _wrong_shape(numbers, labels.shape)
        right = int((classes == labels).sum())
        if right >= (self.accuracy or 0) * labels.size:
            return None
        facts: dict[str, Fact] = {
            "right": right,
            "total": int(labels.size),
            "percent": round(100 * right / labels.size, 1),
            "needed": round(100 * (self.accuracy or 0), 1),
        }
        return PredictionFault(code="inaccurate", facts=facts)

    def _find_far(self, numbers: Array, labels: Array) -> PredictionFault | None:
        numbers = _fitted(numbers, labels.shape)
        if numbers.shape != labels.shape:
            return _wrong_shape(numbers, labels.shape)
        error = float(np.mean((_wide(numbers) - _wide(labels)) ** 2))
        if error < (self.mse or 0):
            return None
        return PredictionFault(code="predict_far", facts={"mse": _short(error), "below": _short(self.mse or 0)})

    @property
    def near(self) -> Tolerance:
        return Tolerance(rtol=NEAR, atol=NEAR) if self.rtol is None else Tolerance(rtol=self.rtol, atol=self.atol)


def find_call(reply: Reply | None) -> CallReply | None:
    """The one hidden call of a model in eval mode, or of a function."""
    if isinstance(reply, ModuleReply):
        return next(iter(reply.calls.get(EVAL, ())), None)
    return next(iter(reply.calls), None) if isinstance(reply, CallsReply) else None


def _classes(numbers: Array, labels: Array) -> Array | None:
    """The class that is predicted for each label; None where the shape tells of none.

    Scores in a further last dimension (of more than one) give the class of the largest. One number for each label is
    the class itself, or, where it is no whole number, the score of the second of two classes: a probability where all
    lie in 0 to 1, else a logit.
    """
    if numbers.ndim == labels.ndim + 1 and numbers.shape[:-1] == labels.shape and numbers.shape[-1] > 1:
        return np.asarray(_wide(numbers).argmax(axis=-1))
    numbers = _fitted(numbers, labels.shape)
    if numbers.shape != labels.shape:
        return None
    wide = _wide(numbers)
    if numbers.dtype.kind in "biu" or (wide == np.round(wide)).all():
        return np.asarray(wide)
    is_probability = bool(((wide >= 0) & (wide <= 1)).all())
    return np.asarray(wide > (0.5 if is_probability else 0.0))


def _fitted(numbers: Array, shape: tuple[int, ...]) -> Array:
    """The same numbers in that shape where only dimensions of 1 differ."""
    squeezed = tuple(size for size in numbers.shape if size != 1)
    return numbers.reshape(shape) if squeezed == tuple(size for size in shape if size != 1) else numbers


def _wrong_shape(numbers: Array, shape: tuple[int, ...]) -> PredictionFault:
    facts: dict[str, Fact] = {"shape": shape_word(numbers.shape), "expected_shape": shape_word(shape)}
    return PredictionFault(code="predict_shape", facts=facts, is_malformed=True)


def _wide(array: Array) -> Array:
    return np.asarray(array, dtype=np.complex128 if array.dtype.kind == "c" else np.float64)


def _short(number: float) -> float:
    return float(f"{number:.3g}")
