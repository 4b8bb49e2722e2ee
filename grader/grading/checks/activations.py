"""Which activation function too many, too few or along the wrong axis explains a module's outputs."""

from collections.abc import Callable, Mapping

import numpy as np

from grader.domain.values import Value
from grader.grading.arrays import Array
from grader.grading.compare import Tolerance, compare
from grader.grading.difference import find_numbers


def _softmax(numbers: Array) -> Array:
    raised = np.exp(numbers - numbers.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _log_softmax(numbers: Array) -> Array:
    shifted = numbers - numbers.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "relu": lambda numbers: np.maximum(numbers, 0.0),
    "sigmoid": lambda numbers: np.asarray(1 / (1 + np.exp(-numbers))),
    "tanh": np.tanh,
}


def find_activation(*, actual: Value | None, expected: Value | None, tolerance: Tolerance) -> tuple[str, str] | None:
    """What one activation at the end explains: ('extra_activation' or 'missing_activation', its name).

    ('log_missing' or 'log_extra', 'log') where one is the logarithm of the other, ('softmax_axis', 'softmax') where
    both are probabilities, but along another axis. None where nothing fits.
    """
    ours, theirs = _floats(actual), _floats(expected)
    if ours is None or theirs is None or ours.shape != theirs.shape or ours.ndim == 0 or ours.size == 0:
        return None

    def are_close(one: Array, other: Array) -> bool:
        return compare(actual=one, expected=other, tolerance=tolerance) is None

    with np.errstate(all="ignore"):
        if are_close(ours, np.exp(theirs)):
            return "log_missing", "log"
        if are_close(np.exp(ours), theirs):
            return "log_extra", "log"
        for name, activation in _ACTIVATIONS.items():
            if not are_close(activation(theirs), theirs) and are_close(ours, activation(theirs)):
                return "extra_activation", name
            if not are_close(activation(ours), ours) and are_close(activation(ours), theirs):
                return "missing_activation", name
        sums = np.ones(())
        if ours.ndim > 1 and are_close(theirs.sum(axis=-1), sums + 0 * theirs.sum(axis=-1)):
            for axis in range(ours.ndim - 1):
                if are_close(ours.sum(axis=axis), sums + 0 * ours.sum(axis=axis)):
                    return "softmax_axis", "softmax"
    return None


def _floats(value: Value | None) -> Array | None:
    numbers = None if value is None else find_numbers(value)
    if numbers is None or numbers.dtype.kind in "biuc":
        return None
    wide = numbers.astype(np.float64)
    return wide if np.isfinite(wide).all() else None
