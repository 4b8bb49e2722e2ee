"""A value as the Python that somebody would type to write it down."""

import math

from grader.domain.values import ArrayValue, MappingValue, OpaqueValue, ScalarValue, SequenceValue, Value
from grader.grading.arrays import find_array

_MOST_ELEMENTS = 64


def literal_of(value: Value) -> str | None:
    """The text; None for what nobody would type: too much of it, numbers that are none, objects of other types."""
    match value:
        case ScalarValue():
            is_finite = not isinstance(value.value, float) or math.isfinite(value.value)
            return repr(value.value) if is_finite else None
        case ArrayValue():
            return _array(value)
        case SequenceValue():
            items = [literal_of(item) for item in value.items]
            texts = [item for item in items if item is not None]
            if len(texts) != len(items):
                return None
            inner = ", ".join(texts)
            if value.type_name == "tuple":
                return f"({inner},)" if len(texts) == 1 else f"({inner})"
            return f"torch.Size([{inner}])" if value.type_name == "Size" else f"[{inner}]"
        case MappingValue() | OpaqueValue():
            return None


def _array(value: ArrayValue) -> str | None:
    array = find_array(value)
    if array is None or array.size > _MOST_ELEMENTS or array.dtype.kind not in "biuf":
        return None
    numbers = array.astype(array.dtype.newbyteorder("=")).tolist()
    if not all(math.isfinite(number) for number in array.ravel().tolist()):
        return None
    text = repr(numbers)
    match value.type_name:
        case "Tensor" | "Parameter":
            return f"torch.tensor({text}, dtype=torch.{value.dtype})"
        case "ndarray":
            return f"np.array({text}, dtype=np.{value.dtype})"
        case _:
            return text
