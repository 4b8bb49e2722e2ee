"""compare() against its oracle, torch.testing.assert_close."""

import math
import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.domain.values import ArrayValue
from grader.grading.arrays import DTYPES, Array, array_value, find_array
from grader.grading.compare import CHUNK_ELEMENTS, Mismatch, Rung, Tolerance, compare

DEFAULT = Tolerance()
INTEGERS = ("int8", "int16", "int32", "int64", "uint8")
FLOATS = ("float16", "bfloat16", "float32", "float64")
OTHERS = ("bool", "complex64", "complex128")


def to_array(tensor: torch.Tensor) -> Array:
    """What the wire would bring: the tensor's bytes under the dtype's name."""
    name = str(tensor.dtype).removeprefix("torch.")
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    array = find_array(ArrayValue(type_name="Tensor", dtype=name, shape=tuple(tensor.shape), data=data))
    assert array is not None
    return array


def oracle_agrees(
    actual: torch.Tensor,
    expected: torch.Tensor,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    check_dtype: bool = True,
    equal_nan: bool = False,
) -> bool:
    try:
        torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol, check_dtype=check_dtype, equal_nan=equal_nan)
    except AssertionError:
        return False
    return True


special = st.sampled_from([0.0, -0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 65504.0, 1e-8, 3.4e38])
shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
bounds = st.one_of(
    st.just((None, None)),
    st.tuples(st.sampled_from([0.0, 1e-7, 1.3e-6, 1e-3, 0.1]), st.sampled_from([0.0, 1e-8, 1e-5, 1e-3, 1.0])),
)


def elements(dtype: str) -> st.SearchStrategy[Any]:
    if dtype == "bool":
        return st.booleans()
    if dtype in INTEGERS:
        info = torch.iinfo(getattr(torch, dtype))
        return st.one_of(st.integers(info.min, info.max), st.integers(max(info.min, -3), 3))
    numbers = st.one_of(special, st.floats(-10, 10), st.floats(width=32))
    return st.builds(complex, numbers, numbers) if dtype.startswith("complex") else numbers


@st.composite
def tensor_pairs(
    draw: st.DrawFn, dtypes: tuple[str, ...] = (*INTEGERS, *FLOATS, *OTHERS)
) -> tuple[torch.Tensor, torch.Tensor]:
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(shapes)
    count = math.prod(shape)
    values = draw(st.lists(elements(dtype), min_size=count, max_size=count))
    expected = torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape)
    actual = expected.clone()
    if dtype in FLOATS and draw(st.booleans()):  # a few roundings away: the edge of the tolerance
        factors = draw(st.lists(st.floats(-3, 3), min_size=count, max_size=count))
        rtol, atol = torch.testing._comparison.default_tolerances(expected)
        step = torch.tensor(factors, dtype=torch.float64).reshape(shape) * (atol + rtol * expected.double().abs())
        actual = (expected.double() + step).to(expected.dtype)
    elif draw(st.booleans()):
        other = draw(st.lists(elements(dtype), min_size=count, max_size=count))
        keep = torch.tensor(draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=torch.bool)
        others = torch.tensor(other, dtype=expected.dtype).reshape(shape)
        actual = torch.where(keep.reshape(shape), expected, others)
    return actual, expected


@settings(max_examples=600, deadline=None)
@given(pair=tensor_pairs(), tolerance=bounds, equal_nan=st.booleans())
def test_agrees_with_assert_close_for_every_dtype_shape_and_tolerance(
    pair: tuple[Any, Any], tolerance: tuple[Any, Any], equal_nan: bool
) -> None:
    actual, expected = pair
    rtol, atol = tolerance
    chosen = Tolerance(rtol=rtol, atol=atol, equal_nan=equal_nan)
    found = compare(actual=to_array(actual), expected=to_array(expected), tolerance=chosen)
    assert (found is None) == oracle_agrees(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)


@settings(max_examples=200, deadline=None)
@given(pair=tensor_pairs(dtypes=(*FLOATS, "complex64")), equal_nan=st.booleans())
def test_every_element_alone_is_judged_as_in_the_whole(pair: tuple[Any, Any], equal_nan: bool) -> None:
    actual, expected = pair
    tolerance = Tolerance(equal_nan=equal_nan)
    found = compare(actual=to_array(actual), expected=to_array(expected), tolerance=tolerance)
    pairs = zip(actual.reshape(-1), expected.reshape(-1), strict=True)
    alone = [compare(actual=to_array(a), expected=to_array(e), tolerance=tolerance) for a, e in pairs]
    wrong = [one for one in alone if one is not None]
    assert len(wrong) == (found.differing if found is not None else 0)
    if found is not None:
        told = alone[np.ravel_multi_index(found.index, expected.shape) if expected.ndim else 0]
        assert told is not None
        assert all(
            excess(one) <= excess(told) + 1e-5 * (one.gap + one.allowed) for one in wrong if excess(told) < math.inf
        )


def excess(mismatch: Mismatch) -> float:
    """How far the worst element oversteps; what single precision cannot hold counts as infinite."""
    far = mismatch.gap - mismatch.allowed
    return math.inf if math.isnan(far) or far > 3e38 else far


def test_a_tolerance_is_widened_for_noise() -> None:
    actual, expected = np.array([1.5e-5], np.float32), np.zeros(1, np.float32)
    assert compare(actual=actual, expected=expected, tolerance=DEFAULT) is not None
    assert compare(actual=actual, expected=expected, tolerance=Tolerance(times=2.0)) is None
    assert compare(actual=actual, expected=expected, tolerance=Tolerance(rtol=0.0, atol=1e-5, times=2.0)) is None


@settings(max_examples=200, deadline=None)
@given(
    pair=tensor_pairs(dtypes=("int32", "uint8", "bool", "float16", "bfloat16", "float32", "float64", "complex64")),
    other=st.sampled_from(["int64", "int16", "float16", "bfloat16", "float32", "float64", "complex128", "bool"]),
)
def test_two_dtypes_are_compared_as_numbers_with_the_loosest_tolerance(pair: tuple[Any, Any], other: str) -> None:
    actual, expected = pair
    if expected.is_complex() and other != "complex128":
        other = "complex128"
    if expected.is_floating_point() and not (
        torch.isfinite(expected).all() and expected.abs().max().item() < 100 if expected.numel() else True
    ):
        return  # a float that an integer cannot hold is converted differently on every machine
    expected = expected.to(getattr(torch, other))
    found = compare(actual=to_array(actual), expected=to_array(expected), tolerance=DEFAULT)
    numbers_agree = oracle_agrees(actual, expected, check_dtype=False)
    if actual.dtype == expected.dtype:
        assert (found is None) == numbers_agree
    else:
        assert found is not None
        assert found.rung is Rung.DTYPE
        assert (found.differing == 0) == numbers_agree


@settings(max_examples=100, deadline=None)
@given(ours=shapes, theirs=shapes)
def test_nothing_is_broadcast(ours: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    found = compare(actual=np.ones(ours, np.float32), expected=np.ones(theirs, np.float32), tolerance=DEFAULT)
    assert (found is None) == (ours == theirs)
    if found is not None:
        assert (found.rung, found.actual_shape, found.expected_shape) == (Rung.SHAPE, ours, theirs)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64], ids=["int64", "uint64"])
def test_integers_are_exact_where_doubles_are_not(dtype: type) -> None:
    expected = np.array([2**53, 2**53 + 1, 2**62], dtype)
    actual = np.array([2**53, 2**53, 2**62 + 5], dtype)
    found = compare(actual=actual, expected=expected, tolerance=DEFAULT)
    assert found is not None
    assert (found.differing, found.index, found.gap) == (2, (2,), 5)
    assert isinstance(found.gap, int)


def test_the_extremes_of_int64_have_an_exact_gap() -> None:
    found = compare(actual=np.array(-(2**63)), expected=np.array(2**63 - 1), tolerance=DEFAULT)
    assert found is not None
    assert found.gap == 2**64 - 1


def test_a_signed_and_an_unsigned_integer_are_compared_without_rounding() -> None:
    found = compare(actual=np.array([2**63 - 1]), expected=np.array([2**63], np.uint64), tolerance=DEFAULT)
    assert found is not None
    assert found.differing == 1


def test_the_mismatch_names_the_worst_element() -> None:
    expected = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    actual = np.array([[1.0, 2.5], [1.0, 4.0]], np.float32)
    found = compare(actual=actual, expected=expected, tolerance=Tolerance(rtol=0.0, atol=0.25))
    assert found is not None
    assert (found.rung, found.differing, found.total, found.index) == (Rung.VALUES, 2, 4, (1, 0))
    assert (found.actual, found.expected, found.gap, found.allowed) == (1.0, 3.0, 2.0, 0.25)


def test_nan_is_the_worst_element_and_reported_as_such() -> None:
    found = compare(actual=np.array([9e9, math.nan], np.float32), expected=np.zeros(2, np.float32), tolerance=DEFAULT)
    assert found is not None
    assert found.index == (1,)
    assert math.isnan(found.actual)
    assert math.isnan(found.gap)


def test_a_scalar_has_the_empty_index() -> None:
    found = compare(actual=np.float32(1).reshape(()), expected=np.float32(2).reshape(()), tolerance=DEFAULT)
    assert found is not None
    assert found.index == ()


def test_the_worst_element_is_found_in_a_later_chunk() -> None:
    expected = np.zeros(3 * CHUNK_ELEMENTS + 5, np.float32)
    actual = expected.copy()
    actual[7], actual[2 * CHUNK_ELEMENTS + 3], actual[-1] = 1.0, 3.0, 2.0
    found = compare(actual=actual, expected=expected, tolerance=DEFAULT)
    assert found is not None
    assert (found.differing, found.index) == (3, (2 * CHUNK_ELEMENTS + 3,))


def test_strides_do_not_matter() -> None:
    expected = np.arange(24.0).reshape(4, 3, 2)
    actual = np.asfortranarray(expected)
    assert compare(actual=actual, expected=expected, tolerance=DEFAULT) is None
    assert compare(actual=expected.transpose(2, 1, 0), expected=actual.T, tolerance=DEFAULT) is None


@pytest.mark.parametrize("wrong", [False, True], ids=["equal", "all wrong"])
def test_peak_memory_stays_at_a_few_megabytes(wrong: bool) -> None:
    expected = np.zeros(10**7, np.float32)
    actual = expected + np.float32(1) if wrong else expected.copy()
    tracemalloc.start()
    compare(actual=actual, expected=expected, tolerance=DEFAULT)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5e6


@pytest.mark.parametrize(
    ("rtol", "atol"),
    [
        pytest.param(1e-3, None, id="rtol alone"),
        pytest.param(None, 1e-3, id="atol alone"),
        pytest.param(-1.0, 0.0, id="negative"),
        pytest.param(0.0, math.inf, id="infinite"),
        pytest.param(math.nan, 0.0, id="nan"),
    ],
)
def test_a_tolerance_that_means_nothing_is_the_authors_error(rtol: float | None, atol: float | None) -> None:
    with pytest.raises(ValueError, match="rtol and atol"):
        Tolerance(rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", sorted(name for name in DTYPES if name.startswith("float8")))
def test_eight_bit_floats_are_exact_unless_a_tolerance_is_given(name: str) -> None:
    expected = np.array([1.0, 2.0], dtype=getattr(ml_dtypes, name))
    actual = np.array([1.0, 4.0], dtype=expected.dtype)
    assert compare(actual=expected.copy(), expected=expected, tolerance=DEFAULT) is None
    assert compare(actual=actual, expected=expected, tolerance=DEFAULT).differing == 1
    assert compare(actual=actual, expected=expected, tolerance=Tolerance(rtol=1.0, atol=0.0)) is None


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_every_dtype_goes_to_the_wire_form_and_back_without_a_copy(name: str) -> None:
    array = np.array([[1, 2], [1, 1]]).astype(DTYPES[name])
    value = array_value(array, type_name="Tensor")
    back = find_array(value)
    assert value.dtype == name
    assert back.dtype == array.dtype
    assert compare(actual=back, expected=array, tolerance=DEFAULT) is None
    assert np.frombuffer(value.data, np.uint8).ctypes.data == back.ctypes.data


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"dtype": "complex32"}, id="unknown dtype"),
        pytest.param({"shape": (3,)}, id="too few bytes"),
        pytest.param({"shape": (-1, -2)}, id="negative sizes"),
        pytest.param({"data": b""}, id="no bytes"),
    ],
)
def test_a_description_that_makes_no_sense_gives_no_array(change: dict[str, Any]) -> None:
    parts = {"type_name": "Tensor", "dtype": "float32", "shape": (2,), "data": bytes(8)}
    assert find_array(ArrayValue(**(parts | change))) is None
