"""Reading printed text back to numbers; torch and NumPy themselves print what is read."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.grading.printed import (
    Container,
    PrintedNumbers,
    PrintedText,
    count_differences,
    find_numbers,
    read_printed,
)

T = torch.arange(24).reshape(4, 3, 2)


def the_only(text: str) -> PrintedNumbers:
    (found,) = find_numbers(text)
    return found


@pytest.mark.parametrize(
    ("tensor", "shape", "elements", "dtype"),
    [
        pytest.param(T, (4, 3, 2), tuple(range(24)), "int64", id="three axes over many lines"),
        pytest.param(T.float(), (4, 3, 2), tuple(map(float, range(24))), "float32", id="whole floats end in a point"),
        pytest.param(T[0].to(torch.int32), (3, 2), (0, 1, 2, 3, 4, 5), "int32", id="printed dtype"),
        pytest.param(T[0].double(), (3, 2), (0.0, 1.0, 2.0, 3.0, 4.0, 5.0), "float64", id="double"),
        pytest.param(torch.tensor(7), (), (7,), "int64", id="no axis"),
        pytest.param(torch.tensor(-0.0), (), (0.0,), "float32", id="negative zero"),
        pytest.param(torch.tensor([True, False]), (2,), (True, False), "bool", id="bools, padded"),
        pytest.param(torch.tensor([]), (0,), (), "float32", id="empty"),
        pytest.param(torch.zeros(0, 3), (0, 3), (), "float32", id="empty with a size"),
        pytest.param(torch.zeros(0, 3, dtype=torch.int64), (0, 3), (), "int64", id="empty, size and dtype"),
        pytest.param(torch.tensor([1e-5, 1.0]), (2,), (1e-5, 1.0), "float32", id="scientific"),
        pytest.param(torch.tensor([1 + 2j, 3 - 0.5j]), (2,), (1 + 2j, 3 - 0.5j), "complex64", id="complex"),
        pytest.param(torch.tensor([math.inf, -math.inf]), (2,), (math.inf, -math.inf), "float32", id="infinities"),
        pytest.param(torch.tensor(3.0, dtype=torch.bfloat16), (), (3.0,), "bfloat16", id="bfloat16"),
        pytest.param(torch.ones(2, requires_grad=True), (2,), (1.0, 1.0), "float32", id="requires_grad"),
        pytest.param(torch.ones(2, requires_grad=True) * 2, (2,), (2.0, 2.0), "float32", id="grad_fn"),
        pytest.param(torch.nn.Parameter(torch.ones(1)), (1,), (1.0,), "float32", id="parameter, words before it"),
        pytest.param(
            torch.ones(40, dtype=torch.float64, requires_grad=True) * 2, (40,), (2.0,) * 40, "float64", id="wrapped"
        ),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "答え: {}です", "x.grad={}", "[{}]", "({},)", "f は\n\n{}\n\nになる。"])
def test_a_printed_tensor_is_read_with_any_words_around(
    tensor: torch.Tensor, shape: tuple[int, ...], elements: tuple[object, ...], dtype: str, frame: str
) -> None:
    found = find_numbers(frame.format(str(tensor)))
    assert [(item.container, item.shape, item.elements, item.dtype) for item in found] == [
        (Container.TENSOR, shape, elements, dtype)
    ]


def test_old_torch_releases_print_an_address_and_other_spacing() -> None:
    found = the_only("tensor([[ 0.3171]], grad_fn=<AddBackward0 object at 0x7f12ab34cd56>, requires_grad=True)")
    assert (found.shape, found.elements) == ((1, 1), (0.3171,))


def test_a_tensor_on_a_gpu_reads_like_any_other() -> None:
    assert the_only("tensor([1, 2], device='cuda:0', dtype=torch.uint8)").dtype == "uint8"


def test_nan_is_read_as_nan() -> None:
    found = the_only(str(torch.tensor([math.nan, 1.0])))
    assert math.isnan(found.elements[0])
    assert found.elements[1] == 1.0


@pytest.mark.parametrize(
    "text", [str(torch.arange(2000.0).reshape(2, 1000)), repr(np.arange(2000)), str(np.arange(2000))]
)
def test_dots_in_the_middle_mark_an_abbreviated_array(text: str) -> None:
    found = the_only(text)
    assert found.is_abbreviated
    assert found.elements[0] == 0
    assert found.elements[-1] == 1999


@pytest.mark.parametrize(
    ("value", "container", "shape"),
    [
        pytest.param(T.size(), Container.SIZE, (3,), id="size"),
        pytest.param(torch.Size([]), Container.SIZE, (0,), id="size of no axes"),
        pytest.param(T.tolist(), Container.LIST, (4, 3, 2), id="nested list"),
        pytest.param([1.5], Container.LIST, (1,), id="list of one"),
        pytest.param((4, 3, 2), Container.TUPLE, (3,), id="tuple"),
        pytest.param((4,), Container.TUPLE, (1,), id="tuple of one"),
        pytest.param([(1 + 2j), 3j], Container.LIST, (2,), id="complex numbers bring their own brackets"),
        pytest.param([np.float32(1), np.float32(2)], Container.LIST, (2,), id="list of NumPy scalars"),
        pytest.param(np.float32(1), Container.NUMBER, (), id="NumPy scalar"),
        pytest.param(np.True_, Container.NUMBER, (), id="NumPy bool"),
        pytest.param(T.numpy(), Container.ARRAY, (4, 3, 2), id="NumPy array"),
        pytest.param(np.zeros((3, 1)), Container.ARRAY, (3, 1), id="rows of one element"),
        pytest.param(np.array([1 + 2j, 0.5]), Container.ARRAY, (2,), id="complex array"),
        pytest.param(np.zeros((0, 3)), Container.ARRAY, (0, 3), id="empty array"),
        pytest.param(5, Container.NUMBER, (), id="int"),
        pytest.param(-12.0, Container.NUMBER, (), id="float"),
        pytest.param(1e-07, Container.NUMBER, (), id="tiny float"),
        pytest.param(True, Container.NUMBER, (), id="bool"),
    ],
)
def test_other_containers_are_told_apart_by_how_they_print(
    value: object, container: Container, shape: tuple[int, ...]
) -> None:
    found = the_only(f"結果 {value!r}")
    assert (found.container, found.shape) == (container, shape)
    np.testing.assert_array_equal(found.elements, np.asarray(value).ravel())


@pytest.mark.parametrize("array", [T.numpy(), T.numpy() / 7, np.array([[True], [False]]), np.zeros((3, 1))])
def test_print_shows_arrays_without_commas(array: np.ndarray) -> None:
    found = the_only(str(array))
    assert (found.container, found.shape) == (Container.ARRAY, array.shape)


def test_a_list_of_tensors_is_several_tensors() -> None:
    found = find_numbers(str([torch.ones(2), torch.zeros(2)]))
    assert [item.container for item in found] == [Container.TENSOR] * 2


def test_named_tuples_of_torch_are_their_tensors() -> None:
    found = find_numbers(str(torch.max(T.float(), 0)))
    assert [(item.container, item.shape, item.dtype) for item in found] == [
        (Container.TENSOR, (3, 2), "float32"),
        (Container.TENSOR, (3, 2), "int64"),
    ]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("It is 7.5.", [7.5], id="end of a sentence"),
        pytest.param("値は5です", [5], id="no space around"),
        pytest.param("4 x 3 x 2", [4, 3, 2], id="times signs"),
        pytest.param("x-1", [1], id="minus belongs to the formula"),
        pytest.param("1e-3 +2e5 .5 -.5", [1e-3, 2e5, 0.5, -0.5], id="spellings of floats"),
        pytest.param("[0, 1) [1, 2", [0, 1, 1, 2], id="brackets that do not match"),
        pytest.param("問題5: 第2問 図3", [], id="labels"),
        pytest.param("v1.2.3 x0 2x 0x7f12ab", [], id="versions, names, addresses"),
        pytest.param("<__main__.A object at 0x7f00>", [], id="an object of the student's own"),
        pytest.param("²³ ١٢ Ⅳ", [], id="digits that Python's int would or would not take"),
        pytest.param("9" * 5000, [], id="more digits than int accepts"),
        pytest.param("[1, [2, 3]]", [1, (2, 3)], id="ragged list"),
        pytest.param("[[1, 2], [3]]", [(1, 2), (3,)], id="ragged rows"),
        pytest.param("f() [1, 'a'] {'b': 2}", [1, 2], id="strings break their list"),
    ],
)
def test_numbers_in_running_text(text: str, numbers: list[object]) -> None:
    found = [item.elements if item.shape else item.elements[0] for item in find_numbers(text)]
    assert found == numbers


def test_words_keep_their_place_between_numbers() -> None:
    items = read_printed("傾き tensor(3.) 切片 None")
    assert items[0] == PrintedText(text="傾き")
    assert isinstance(items[1], PrintedNumbers)
    assert items[2] == PrintedText(text="切片 None")


def test_slack_is_half_a_unit_of_the_last_digit() -> None:
    assert the_only("tensor([0.3171, 7.0000])").slack == (5e-5, 5e-5)
    assert the_only("tensor([1.5000e+10])").slack == (5e5,)
    assert the_only("tensor([7., 3])").slack == (0.0, 0.0)
    assert the_only("-12.0").slack == (0.0,)


def test_a_float_in_full_does_not_pass_for_a_rounded_one() -> None:
    assert count_differences(actual=the_only("0.14"), expected=the_only("0.1")) == 1
    assert count_differences(actual=the_only("0.32"), expected=the_only("tensor(0.3171)")) == 0


@pytest.mark.parametrize(
    ("actual", "expected", "differences"),
    [
        pytest.param("tensor([1, 2, 3])", "tensor([1, 2, 4])", 1, id="integers are exact"),
        pytest.param("tensor([0.3171])", "tensor([0.3172])", 0, id="last digit may be rounded otherwise"),
        pytest.param("tensor([0.3171])", "tensor([0.3174])", 1, id="further than the last digit"),
        pytest.param("-11.9999", "tensor(-12.)", 1, id="a difference quotient is no derivative"),
        pytest.param("-12.000001", "tensor(-12.)", 0, id="float noise"),
        pytest.param("tensor([nan, inf])", "tensor([nan, inf])", 0, id="nan and inf equal themselves"),
        pytest.param("tensor([nan, inf])", "tensor([inf, -inf])", 2, id="nan and inf equal nothing else"),
        pytest.param("1e400", "tensor(1.)", 1, id="a float that overflows"),
        pytest.param("9" * 90, "tensor(1.)", 1, id="an integer past all floats' precision"),
        pytest.param("[1.0, 2.0]", "[1, 2]", 0, id="numbers, not types, are compared here"),
    ],
)
def test_differences_allow_for_what_printing_hides(actual: str, expected: str, differences: int) -> None:
    assert count_differences(actual=the_only(actual), expected=the_only(expected)) == differences


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize("text", ["1e310", "tensor(-1E+999)", "tensor(0+1e999j)"])
def test_nothing_lies_near_infinity(text: str) -> None:
    assert the_only(text).slack == (0.0,)


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(
        dtype=st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]),
        shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4),
    )
)
def test_whatever_torch_prints_is_read_back_within_its_slack(array: np.ndarray) -> None:
    tensor = torch.from_numpy(np.array(array))
    found = the_only(f"t={tensor!s}")
    assert found.shape == tuple(tensor.shape)
    assert found.dtype == str(tensor.dtype).removeprefix("torch.")
    for read, slack, true in zip(found.elements, found.slack, tensor.flatten().tolist(), strict=True):
        if math.isnan(true) or abs(true) > 1e308:  # the last digit of the largest floats rounds to infinity
            assert not -1e308 < read < 1e308
        else:
            assert read == true or abs(read - true) <= slack * (1 + 1e-9) + 1e-6 * abs(true)


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        dtype=st.sampled_from([np.float32, np.float64, np.int64, np.bool_]),
        shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=4),
    ),
    st.sampled_from([str, repr]),
)
def test_whatever_numpy_prints_is_read_back(array: np.ndarray, show: Callable[[np.ndarray], str]) -> None:
    found = the_only(show(array))
    assert found.container is Container.ARRAY
    assert found.shape == array.shape
    for read, slack, true in zip(found.elements, found.slack, array.flatten().tolist(), strict=True):
        if abs(true) < 1e308:
            assert read == true or abs(read - true) <= slack * (1 + 1e-9) + 1e-6 * abs(true)


PIECES = ["[", "]", "(", ")", "tensor(", "array(", "torch.Size(", ",", " ", "\n", "1", "-2.5", "1e9", "nan", "True"]
PIECES += ["...", "dtype=torch.int64", "grad_fn=<A>", "size=(0, 3)", "x", "答え", ".", "-", "+1j", "np.float32(", "'"]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=60).map("".join)))
def test_any_text_at_all_is_read(text: str) -> None:
    for item in read_printed(text):
        if isinstance(item, PrintedNumbers):
            assert len(item.elements) == len(item.slack)
            if not item.is_abbreviated and item.printed_dtype is None and 0 not in item.shape:
                assert len(item.elements) == math.prod(item.shape)
            assert count_differences(actual=item, expected=item) == 0
        else:
            assert item.text


@pytest.mark.parametrize(
    "unit",
    ["[", "tensor([", "[1, ", "1x", "-", "1e", "dtype=<", "1 -", "grad_fn=<a", "9", " ", ".", "([{"],
)
def test_a_long_run_of_anything_comes_to_an_end(unit: str) -> None:
    read_printed(unit * (100_000 // len(unit)))


def test_broken_lists_inside_each_other_do_not_copy_what_they_hold() -> None:
    text = "[1, " * 50 + "]" * 50
    assert len(find_numbers(text * 200)) == 50 * 200
