"""Hidden inputs: what a spec may write, and that what is drawn keeps to it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from grader.domain.values import ArrayValue, ScalarValue, SequenceValue
from grader.grading.arrays import find_array
from grader.grading.checks.function import FunctionCheck
from grader.grading.checks.inputs import MARGIN, Draw, directions, expand, step_of


def check(*inputs: Any, **more: Any) -> FunctionCheck:
    return FunctionCheck.model_validate({"name": "f", "inputs": inputs, **more})


def drawn(*inputs: Any, seed: int = 0, **more: Any) -> Any:
    return check(*inputs, **more).draw_inputs(seed)


def only(argument: Any, *, seed: int = 0, **more: Any) -> Any:
    ((value,),) = drawn({"arguments": [argument]}, seed=seed, **more)
    return value


FORMS = {
    "a number": (2.5, "Tensor", "float32", ()),
    "a list of numbers": ([[1, 2], [3, 4]], "Tensor", "float32", (2, 2)),
    "uniform": ({"uniform": [0, 1], "shape": [2, 3]}, "Tensor", "float32", (2, 3)),
    "normal": ({"normal": [0, 1], "shape": [5], "dtype": "float64"}, "Tensor", "float64", (5,)),
    "normal in bfloat16": ({"normal": [0, 1], "shape": [5], "dtype": "bfloat16"}, "Tensor", "bfloat16", (5,)),
    "complex": ({"uniform": [0, 1], "dtype": "complex64"}, "Tensor", "complex64", ()),
    "integers": ({"integers": [0, 9], "shape": [4]}, "Tensor", "int64", (4,)),
    "integers as floats": ({"integers": [0, 9], "dtype": "float32"}, "Tensor", "float32", ()),
    "a choice": ({"choice": [1.0, 3.0], "shape": [4]}, "Tensor", "float32", (4,)),
    "fixed": ({"fixed": [1, 0], "dtype": "bool"}, "Tensor", "bool", (2,)),
    "fixed and filled": ({"fixed": 7, "shape": [2]}, "Tensor", "float32", (2,)),
    "an empty tensor": ({"uniform": [0, 1], "shape": [0, 3]}, "Tensor", "float32", (0, 3)),
    "an array": ({"uniform": [0, 1], "shape": [3], "as": "numpy"}, "ndarray", "float64", (3,)),
    "an array of integers": ({"integers": [0, 1], "as": "numpy"}, "ndarray", "int64", ()),
}


@pytest.mark.parametrize(
    ("argument", "kind", "dtype", "shape"), [pytest.param(*case, id=n) for n, case in FORMS.items()]
)
def test_an_argument_is_built_as_its_setting_says(argument: Any, kind: str, dtype: str, shape: tuple[int, ...]) -> None:
    value = only(argument)
    assert isinstance(value, ArrayValue)
    assert (value.type_name, value.dtype, value.shape) == (kind, dtype, shape)
    assert find_array(value) is not None


PLAIN = {
    "a word": ("mean", "mean"),
    "true": (True, True),
    "nothing": (None, None),
    "a float": ({"fixed": 2.5, "as": "number"}, 2.5),
    "an int": ({"fixed": 3, "as": "number"}, 3),
}


@pytest.mark.parametrize(("argument", "wanted"), [pytest.param(*case, id=name) for name, case in PLAIN.items()])
def test_python_values_stay_what_they_are(argument: Any, wanted: Any) -> None:
    assert only(argument) == ScalarValue(type_name=type(wanted).__name__, value=wanted)


def test_a_drawn_number_is_an_int_only_where_integers_are_drawn() -> None:
    assert only({"integers": [1, 1_000], "as": "number"}).type_name == "int"
    assert only({"uniform": [1, 1_000], "as": "number"}).type_name == "float"


def test_a_list_is_nested_as_its_shape_says() -> None:
    value = only({"integers": [0, 9], "shape": [2, 3], "as": "list"})
    assert isinstance(value, SequenceValue)
    assert [len(row.items) for row in value.items] == [3, 3]
    assert {item.type_name for row in value.items for item in row.items} == {"int"}


def test_several_arguments_stand_in_their_order_as_often_as_asked() -> None:
    calls = drawn(
        [1.0, [2, 3]], {"arguments": [{"uniform": [0, 1]}, "sum"], "times": 2}, {"normal": [0, 1], "times": 3}, 4
    )
    assert [len(call) for call in calls] == [2, 2, 2, 1, 1, 1, 1]
    assert calls[1] != calls[2]
    assert calls[1][1] == ScalarValue(type_name="str", value="sum")


def test_a_function_may_be_called_without_arguments() -> None:
    assert drawn([]) == ((),)


GENERATORS = [{"uniform": [-4, 4]}, {"normal": [1, 2]}, {"integers": [-3, 3]}, {"choice": [0, 1, 2.5]}]


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: next(iter(generator)))
@given(seed=st.integers(0, 2**64 - 1))
def test_the_seed_alone_decides_what_is_drawn(generator: Any, seed: int) -> None:
    many = {**generator, "shape": [20]}
    assert only(many, seed=seed) == only(many, seed=seed)
    assert only(many, seed=seed) != only(many, seed=(seed + 1) % 2**64)


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: next(iter(generator)))
@given(seed=st.integers(0, 2**32), avoid=st.lists(st.sampled_from([-1.5, 0.0, 1.0, 2.0, 9.0]), min_size=1, max_size=4))
def test_no_drawn_number_comes_near_one_to_avoid(generator: Any, seed: int, avoid: list[float]) -> None:
    spans = {"uniform": 8, "normal": 8, "integers": 0, "choice": 0}
    margin = MARGIN * spans[next(iter(generator))]
    numbers = find_array(only({**generator, "shape": [200], "dtype": "float64"}, seed=seed, avoid=avoid))
    for number in avoid:
        assert np.abs(numbers - number).min() > max(margin, 1e-9) * (1 - 1e-9) - 1e-12


@given(seed=st.integers(0, 2**32), low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6))
def test_uniform_numbers_stay_within_their_bounds(seed: int, low: float, width: float) -> None:
    numbers = find_array(only({"uniform": [low, low + width], "shape": [50], "dtype": "float64"}, seed=seed))
    assert low <= numbers.min()
    assert numbers.max() <= low + width


def test_integers_include_both_ends_and_spread_evenly_beside_avoided_ones() -> None:
    numbers = find_array(only({"integers": [0, 4], "shape": [5_000]}, avoid=[1, 2]))
    assert np.unique(numbers).tolist() == [0, 3, 4]
    assert np.bincount(numbers)[[0, 3, 4]].min() > 1_500


def test_uniform_numbers_beside_a_kink_lie_on_both_sides_of_it() -> None:
    numbers = find_array(only({"uniform": [-1, 3], "shape": [4_000]}, avoid=[0.0]))
    assert 0.2 < (numbers < 0).mean() < 0.3


def test_written_numbers_are_left_alone_by_avoid() -> None:
    assert find_array(only(0.0, avoid=[0.0])) == 0.0


def test_numbers_beyond_float32_become_infinite() -> None:
    assert np.isinf(find_array(only(1e39)))
    assert np.isinf(find_array(only({"fixed": [1e39]})))


REFUSED = {
    "two generators": ({"uniform": [0, 1], "normal": [0, 1]}, "one_generator"),
    "no generator": ({"shape": [3]}, "one_generator"),
    "bounds the wrong way round": ({"integers": [3, 1]}, "empty_range"),
    "no spread": ({"normal": [0, 0]}, "greater_than"),
    "ragged": ({"fixed": [[1], [1, 2]]}, "fixed_not_regular"),
    "a ragged list": ([[1], [1, 2]], "fixed_not_regular"),
    "words in a list": (["a", "b"], "fixed_not_regular"),
    "a list with a shape": ({"fixed": [1, 2], "shape": [2]}, "fixed_not_regular"),
    "a number with a shape": ({"uniform": [0, 1], "shape": [2], "as": "number"}, "shape_of_form"),
    "a list without a shape": ({"uniform": [0, 1], "as": "list"}, "shape_of_form"),
    "no such dtype": ({"uniform": [0, 1], "dtype": "float33"}, "dtype_unknown"),
    "no dtype of numpy's": ({"uniform": [0, 1], "dtype": "bfloat16", "as": "numpy"}, "dtype_unknown"),
    "floats as integers": ({"uniform": [0, 9], "dtype": "int64"}, "dtype_unknown"),
    "a number with a dtype": ({"fixed": 1, "dtype": "float32", "as": "number"}, "dtype_unknown"),
    "too large": ({"uniform": [0, 1], "shape": [1000, 1000]}, "input_too_large"),
    "an endless number": (float("inf"), "argument_unknown"),
    "a set": ({1, 2}, "argument_unknown"),
    "too deep": ([[[[[[[1.0]]]]]]], "argument_unknown"),
}


@pytest.mark.parametrize(("argument", "code"), [pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_an_argument_that_means_nothing_is_refused(argument: Any, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        check([argument])
    assert code in {error["type"] for error in refused.value.errors()}


@pytest.mark.parametrize(
    ("argument", "avoid"),
    [
        pytest.param({"integers": [0, 1]}, [0, 1], id="the only integers"),
        pytest.param({"choice": [2, 3]}, [2, 3], id="the only choices"),
    ],
)
def test_numbers_to_avoid_that_leave_nothing_are_the_authors_mistake(argument: Any, avoid: list[float]) -> None:
    with pytest.raises(ValidationError) as refused:
        check([argument], avoid=avoid)
    assert "avoid_leaves_nothing" in {error["type"] for error in refused.value.errors()}


def test_numbers_to_avoid_may_leave_little() -> None:
    kinks = [0.04 * n for n in range(1, 19)]
    numbers = find_array(only({"uniform": [0, 1], "shape": [100]}, avoid=kinks))
    assert ((numbers <= 0.0201) | (numbers >= 0.7399)).all()


def test_only_float_tensors_are_moved_for_finite_differences() -> None:
    settings = next(iter(expand(check([1.0, [1, 2], "a", {"integers": [0, 5]}, {"uniform": [0, 8]}]).inputs)))
    steps = [step_of(argument) for argument in settings]
    assert [step is not None for step in steps] == [True, True, False, False, True]
    assert steps[4] == 8 * steps[0]
    assert step_of(Draw.model_validate({"uniform": [0, 1], "as": "numpy"})) is None


def test_directions_have_the_shape_of_what_they_move_and_always_the_same_signs() -> None:
    value = only({"uniform": [0, 1], "shape": [4, 5]})
    signs = directions(value, place=1)
    assert signs.shape == (4, 5)
    assert set(signs.ravel()) == {1.0, -1.0}
    assert (signs == directions(value, place=1)).all()
