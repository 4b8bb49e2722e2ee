"""Wire arrays as NumPy arrays that share their bytes, with the dtypes that NumPy lacks taken from ml_dtypes."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from grader.domain.values import ArrayValue

Array: TypeAlias = NDArray[Any]

_NUMPY_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
_ML_NAMES = (*("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),)
DTYPES: Mapping[str, np.dtype[Any]] = {
    **{name: np.dtype(name).newbyteorder("<") for name in _NUMPY_NAMES},
    **{name: np.dtype(getattr(ml_dtypes, name)) for name in _ML_NAMES},
}
"""By the name that torch and NumPy share. What is not here (complex32, packed 4-bit types) is not compared."""


def find_array(value: ArrayValue) -> Array | None:
    """The value's elements as a read-only array over the same bytes; None where its description makes no sense.

    The wire checks every value before it is made. The checks here keep a value from any other source from raising.
    """
    dtype = DTYPES.get(value.dtype)
    if dtype is None or any(size < 0 for size in value.shape):
        return None
    if math.prod(value.shape) * dtype.itemsize != len(value.data):
        return None
    return np.frombuffer(value.data, dtype=dtype).reshape(value.shape)


def array_value(array: Array, *, type_name: str) -> ArrayValue:
    """The wire form of an array whose dtype is in DTYPES."""
    name = array.dtype.name
    return ArrayValue(
        type_name=type_name,
        dtype=name,
        shape=tuple(array.shape),
        data=np.ascontiguousarray(array, dtype=DTYPES[name]).tobytes(),
    )
