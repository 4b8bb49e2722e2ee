"""Values are written down as somebody would type them, and give the same value back."""

import math

import numpy as np
import pytest
import torch

from grader.authoring.mutants_literals import literal_of
from grader.domain.values import ArrayValue, MappingValue, OpaqueValue, ScalarValue, SequenceValue
from grader.grading.arrays import array_value


def scalar(value):
    return ScalarValue(type_name=type(value).__name__, value=value)


def read(text):
    return eval(text, {"torch": torch, "np": np})  # noqa: S307 - what literal_of wrote


@pytest.mark.parametrize("value", [3, -2.5, True, "文字", None])
def test_plain_values_come_back(value):
    assert read(literal_of(scalar(value))) == value


def test_tensors_come_back_with_dtype_and_shape():
    for tensor in (torch.tensor([[1, 2], [3, 4]]), torch.tensor(-12.0), torch.zeros(2, 0, dtype=torch.float64)):
        back = read(literal_of(array_value(tensor.numpy(), type_name="Tensor")))

        assert (back.dtype, back.tolist()) == (tensor.dtype, tensor.tolist())


def test_arrays_and_sequences_come_back():
    array = np.array([1.5, 2.5])
    items = (scalar(1), scalar(2))

    assert read(literal_of(array_value(array, type_name="ndarray"))).tolist() == [1.5, 2.5]
    assert read(literal_of(SequenceValue(type_name="tuple", items=items[:1]))) == (1,)
    assert read(literal_of(SequenceValue(type_name="list", items=items))) == [1, 2]
    assert read(literal_of(SequenceValue(type_name="Size", items=items))) == torch.Size([1, 2])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(scalar(math.inf), id="no number"),
        pytest.param(array_value(np.array([np.nan]), type_name="Tensor"), id="not all numbers"),
        pytest.param(array_value(np.zeros(65), type_name="Tensor"), id="too many"),
        pytest.param(ArrayValue(type_name="Tensor", dtype="nonsense", shape=(1,), data=b""), id="an unknown dtype"),
        pytest.param(OpaqueValue(type_name="Net", reason="type"), id="an object"),
        pytest.param(MappingValue(items=()), id="a dict"),
        pytest.param(SequenceValue(type_name="list", items=(scalar(math.nan),)), id="a list of what is none"),
    ],
)
def test_nobody_types_these(value):
    assert literal_of(value) is None
