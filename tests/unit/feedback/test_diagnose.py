"""Mistakes recognised from two values, and near patterns that must not be."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.domain.assignment import Visibility
from grader.domain.result import Finding, Verdict
from grader.domain.text import Language, Note
from grader.domain.values import ArrayValue, OpaqueValue, ScalarValue, SequenceValue, Value
from grader.feedback.catalogue import known_codes, sentence
from grader.feedback.diagnose import diagnose

GRID = np.arange(1.0, 13.0, dtype=np.float32).reshape(3, 4) ** 2
ROW = np.array([3.0, 1.0, 4.0, 1.5, 9.0], dtype=np.float32)
TWICE = "x = torch.tensor(1., requires_grad=True)\ny = f(x)\ny.backward(retain_graph=True)\n\ny.backward()\n"
LOOP = "for i in range(3):\n    f(x).backward()\n"


def value(array: object, *, type_name: str = "Tensor") -> ArrayValue:
    array = np.asarray(array)
    return ArrayValue(type_name=type_name, dtype=array.dtype.name, shape=array.shape, data=array.tobytes())


def finding(actual: object, expected: object, *, code: str = "value.values", rung: str | None = None) -> Finding:
    ours = actual if isinstance(actual, Value) else value(actual)
    theirs = expected if isinstance(expected, Value) else value(expected)
    return Finding(verdict=Verdict.FAILED, code=code, rung=rung, actual=ours, expected=theirs)


def line(number: int, *, cell: int | None = None) -> dict[str, int | None]:
    return {"cell": cell, "line": number}


def mistake(actual: object, expected: object, *, source: str = "", code: str = "value.values") -> str | None:
    note = diagnose(finding(actual, expected, code=code), source=source)
    return note.code.removeprefix("diagnose.") if note else None


@pytest.mark.parametrize(
    ("actual", "expected", "name"),
    [
        pytest.param(GRID * 0, GRID, "zeros", id="zeros"),
        pytest.param(-GRID, GRID, "sign", id="sign"),
        pytest.param(2 * GRID, GRID, "multiple", id="twice"),
        pytest.param(GRID / 12, GRID, "fraction", id="a twelfth"),
        pytest.param(1.5 * GRID, GRID, "ratio", id="another factor"),
        pytest.param(GRID.T, GRID, "transposed", id="transposed, another shape"),
        pytest.param(GRID[:, :3].T, GRID[:, :3], "transposed", id="transposed, the same shape"),
        pytest.param(
            np.arange(24).reshape(4, 3, 2).swapaxes(0, 2), np.arange(24).reshape(4, 3, 2), "axes_swapped", id="axes"
        ),
        pytest.param(GRID.reshape(4, 3), GRID, "reshaped", id="reshaped"),
        pytest.param(GRID.ravel(), GRID, "reshaped", id="flat"),
        pytest.param(GRID[:2], GRID, "one_short_at_end", id="the last row is missing"),
        pytest.param(GRID[:, 1:], GRID, "one_short_at_start", id="the first column is missing"),
        pytest.param(np.ones(3), np.ones(4), "one_short", id="one of equals is missing"),
        pytest.param(np.arange(6), np.arange(5), "one_long_at_end", id="one too many"),
        pytest.param(np.arange(6), np.arange(1, 6), "one_long_at_start", id="from 0 in place of 1"),
        pytest.param(np.ones(5), np.ones(4), "one_long", id="one of equals too many"),
        pytest.param(ROW[:, None], ROW, "axis_of_one", id="a column for a row"),
        pytest.param(GRID[None], GRID, "axis_of_one", id="an axis too many"),
        pytest.param(GRID.reshape(4, 3), GRID.T, "reshaped_not_transposed", id="reshaped for transposed"),
        pytest.param(GRID.T, GRID.reshape(4, 3), "transposed_not_reshaped", id="transposed for reshaped"),
        pytest.param(
            np.arange(24).reshape(2, 3, 4),
            np.arange(24).reshape(3, 2, 4).swapaxes(0, 1),
            "reshaped_not_transposed",
            id="three axes",
        ),
        pytest.param(ROW[:, None] - 2 * ROW, -ROW, "broadcast", id="a column minus a row"),
        pytest.param(np.tile(ROW, (3, 1)), ROW, "repeated", id="repeated"),
        pytest.param(np.full((2, 2), 7.0), np.array(7.0), "repeated", id="a number, everywhere"),
        pytest.param(GRID, GRID.sum(1), "not_summed", id="no sum along an axis"),
        pytest.param(GRID, GRID.sum(), "not_summed", id="no sum at all"),
        pytest.param(GRID, GRID.mean(0), "not_averaged", id="no mean"),
        pytest.param(GRID + 1j * GRID.max(), GRID - 1j * GRID.max(), "conjugate", id="conjugate"),
        pytest.param(5 - 2j * GRID, 2j * GRID + 5, "conjugate", id="conjugate, imaginary parts varied"),
        pytest.param(7 + 1j * GRID, GRID + 7j, "parts_swapped", id="real and imaginary parts swapped"),
        pytest.param(np.array(1 - 2j), np.array(1 + 2j), "conjugate", id="one conjugate number"),
        pytest.param(np.array(2 + 1j), np.array(1 + 2j), "parts_swapped", id="one number with swapped parts"),
        pytest.param(np.abs(ROW - 3), ROW - 3, "absolute", id="signs lost"),
        pytest.param(np.floor(GRID / 3), GRID / 3, "floor", id="floored"),
        pytest.param(np.floor(GRID / 3).astype(np.int64), GRID / 3, "floor", id="floored to integers"),
        pytest.param(np.trunc(-GRID / 3), -GRID / 3, "floor", id="truncated"),
        pytest.param(ROW**2, ROW, "squared", id="squared"),
        pytest.param(np.sqrt(ROW), ROW, "root", id="square root"),
        pytest.param(1 / ROW, ROW, "inverted", id="divided the other way round"),
        pytest.param(np.arange(1, 7), np.arange(6), "off_by_one", id="counted from one"),
        pytest.param(GRID + 7, GRID, "offset", id="a constant too much"),
        pytest.param(ROW[::-1], ROW, "reversed", id="backwards"),
        pytest.param(GRID[:, ::-1], GRID, "reversed", id="columns backwards"),
        pytest.param(np.roll(ROW, 1), ROW, "shifted", id="shifted"),
        pytest.param(ROW[[1, 0, 3, 2, 4]], ROW, "reordered", id="reordered"),
        pytest.param(GRID[[1, 0, 2]], GRID, "rows_reordered", id="rows reordered"),
        pytest.param(GRID + np.array([[0], [5], [0]]) * ROW[:4], GRID, "one_row", id="one row"),
        pytest.param(GRID + np.array([0, 0, 1, 0]) * ROW[:3, None], GRID, "one_column", id="one column"),
        pytest.param((2 * GRID).astype(np.int64), GRID.astype(np.int64), "multiple", id="integers"),
        pytest.param((2 * GRID).astype(np.float16), GRID.astype(np.float16), "multiple", id="half precision"),
        pytest.param(-(GRID + 1j), GRID + 1j, "sign", id="complex"),
    ],
)
def test_a_mistake_is_named_when_it_explains_every_number(actual: object, expected: object, name: str) -> None:
    assert mistake(actual, expected) == name


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param(GRID, GRID, id="equal"),
        pytest.param(GRID * 2 + np.eye(3, 4, dtype=np.float32), GRID, id="almost twice"),
        pytest.param(2 * GRID[0, :1], GRID[0, :1], id="one number proves no ratio"),
        pytest.param([0.0, 6.0], [0.0, 2.0], id="one number and a zero neither"),
        pytest.param(7.0, 5.0, id="two numbers"),
        pytest.param(0.0, 5.0, id="zero for a number"),
        pytest.param(24.0, 12.0, id="twice, without a reason in the source"),
        pytest.param([1.0, 2.0], [4.0, 9.0], id="too few numbers for anything"),
        pytest.param([2.5, 2.5, 2.5], [1.0, 1.0, 1.0], id="constants have every ratio"),
        pytest.param(GRID[:1], GRID, id="two rows short"),
        pytest.param(GRID[:2] + 1, GRID, id="a row short and wrong"),
        pytest.param(GRID[:2].sum(0), GRID.sum(1), id="two sums without a sum in the source"),
        pytest.param([[1.0, 1.0], [1.0, 1.0]], [[2.0, 2.5], [2.0, 2.5]], id="constants have every order"),
        pytest.param(1.0, 1.5, id="half of it may be lost by chance"),
        pytest.param(2 + 3j, 5 + 7j, id="two complex numbers"),
        pytest.param([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]], id="zeros"),
        pytest.param(GRID + np.eye(3, 4, dtype=np.float32), GRID, id="three places"),
        pytest.param([np.inf, 1.0], [np.inf, 2.0], id="an infinity that is asked for"),
        pytest.param(2 * ROW, [np.nan, 1.0, 2.0, 3.0, 4.0], id="nan expected"),
        pytest.param(np.zeros((0, 3)), np.zeros((3, 0)), id="empty"),
        pytest.param([True, False, True], [False, True, True], id="bools"),
        pytest.param([2**62, 2**62 - 2], [2**61, 2**61 - 1], id="beyond what doubles hold exactly"),
        pytest.param([1000001, 2000000], [1000000, 2000000], id="integers are exact"),
    ],
)
def test_nothing_is_guessed(actual: object, expected: object) -> None:
    assert mistake(actual, expected) is None


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param(np.full((3,), np.nan), ROW[:3], id="nan"),
        pytest.param([np.inf, 1.0, 2.0], [1.0, 1.0, 2.0], id="infinity"),
        pytest.param(
            ScalarValue(type_name="float", value=math.nan), ScalarValue(type_name="float", value=1.0), id="number"
        ),
        pytest.param(
            SequenceValue(type_name="list", items=(value(ROW), value(ROW * np.inf))),
            SequenceValue(type_name="list", items=(value(ROW), value(ROW))),
            id="in a list",
        ),
        pytest.param(
            ArrayValue(type_name="Tensor", dtype="bfloat16", shape=(1,), data=b"\xc0\x7f"), value([1.0]), id="bfloat16"
        ),
    ],
)
def test_numbers_that_overflowed_are_told(actual: object, expected: object) -> None:
    assert mistake(actual, expected, code="function.wrong") == "not_finite"
    assert mistake(actual, expected, code="value.not_finite") is None


def test_a_doubled_gradient_with_two_backward_calls_names_their_lines() -> None:
    for actual, expected in ((-24.0, -12.0), (2 * GRID, GRID)):
        note = diagnose(finding(actual, expected, code="gradient.values"), source=TWICE)
        assert note == Note(code="diagnose.backward_twice", facts={"places": [line(3), line(5)]})


def test_lines_are_counted_within_their_cells() -> None:
    cells = [(12, "def f(x):\n    return x"), (14, "x = 1\n\ny.backward()"), (15, "y.backward()\n")]
    source = "\n".join(text for _, text in cells)
    note = diagnose(finding(-24.0, -12.0, code="gradient.wrong"), source=source, cells=cells)
    assert note is not None
    assert note.facts == {"places": [line(3, cell=14), line(1, cell=15)]}
    assert "セル14の3行目、セル15の1行目" in sentence(note, Language.JA)
    assert "line 3 of cell 14, line 1 of cell 15" in sentence(note, Language.EN)


@pytest.mark.parametrize(
    ("source", "code", "name"),
    [
        pytest.param("y.backward()", "gradient.values", "multiple", id="one call"),
        pytest.param(
            "# y.backward()\n'y.backward()'\ny.backward()", "gradient.values", "multiple", id="comment, string"
        ),
        pytest.param(TWICE, "value.values", "multiple", id="not a gradient"),
        pytest.param("x = (", "gradient.values", "multiple", id="a source that does not parse"),
    ],
)
def test_a_doubled_value_without_two_calls_is_just_doubled(source: str, code: str, name: str) -> None:
    assert mistake(2 * GRID, GRID, source=source, code=code) == name


def test_a_gradient_summed_up_in_a_loop_names_how_often() -> None:
    note = diagnose(finding(3 * GRID, GRID, code="gradient.values"), source=LOOP)
    assert note == Note(code="diagnose.accumulated", facts={"times": 3, "places": [line(2)]})


def test_mean_and_sum_are_named_when_the_source_has_them() -> None:
    assert mistake(GRID / 12, GRID, source="loss = e.mean()") == "mean_for_sum"
    assert mistake(GRID * 12, GRID, source="loss = torch.sum(e)") == "sum_for_mean"
    assert mistake(GRID * 5, GRID, source="loss = torch.sum(e)") == "multiple"


def test_sum_and_mean_of_a_single_number_are_named_only_where_the_source_bears_it_out() -> None:
    assert mistake(2.5, 10.0, source="loss = e.mean()") == "mean_for_sum"
    assert mistake(10.0, 2.5, source="loss = e.sum()") == "sum_for_mean"
    assert mistake(10.0, 4.0, source="loss = e.sum()") is None
    assert mistake(10.0, 0.0, source="loss = e.sum()") is None
    assert mistake(2.5, 10.0, source="a = e.mean()\nloss = e.sum()") is None


def test_lost_fractions_of_a_single_number_are_named_only_where_the_source_cuts_them() -> None:
    assert mistake(3.0, 3.5, source="m = 7 // 2") == "floor"
    assert mistake(3.0, 3.5, source="m = int(7 / 2)") == "floor"
    assert mistake(3.0, 3.5, source="m = 6 / 2") is None


def test_whole_numbers_that_are_only_just_wrong_are_not_called_cut_off() -> None:
    assert mistake(np.array([1.0, 2.0]), np.array([1.002, 2.003])) != "floor"


def test_a_sum_along_another_axis_is_named_where_the_source_sums() -> None:
    note = diagnose(finding(GRID.sum(0), GRID.sum(1)), source="s = t.sum(dim=0)")
    assert note == Note(code="diagnose.other_axis", facts={"call": "sum"})
    assert mistake(GRID.mean(0), GRID.mean(1), source="s = t.mean(0)") == "other_axis"
    assert mistake(GRID.sum(0) + 1, GRID.sum(1), source="s = t.sum(0)") is None


def test_the_variable_itself_in_the_place_of_its_gradient_is_named() -> None:
    with_gradient = replace(value(ROW), grad=value(ROW**2 + 1))
    assert mistake(with_gradient, ROW**2 + 1) == "value_for_gradient"
    assert mistake(with_gradient, ROW**2 + 2) is None
    assert mistake(with_gradient, ROW**2 + 1, code="gradient.wrong") is None


def as_list(*items: object) -> SequenceValue:
    return SequenceValue(
        type_name="list",
        items=tuple(one if isinstance(one, Value) else ScalarValue(type_name="int", value=one) for one in items),
    )


def test_a_list_of_numbers_shows_its_mistake_as_a_whole() -> None:
    assert mistake(as_list(1, 5, 2), as_list(2, 5, 1)) == "reversed"
    assert mistake(as_list(as_list(1, 4), as_list(2, 5)), as_list(as_list(1, 2), as_list(4, 5))) == "transposed"
    assert mistake(as_list(*range(4)), as_list(*range(5))) == "one_short_at_end"


@pytest.mark.parametrize(
    ("source", "call", "at"),
    [
        pytest.param("x = 1\nt = y.detach()", "detach", 2, id="detach"),
        pytest.param("t = y.data", "data", 1, id="data"),
        pytest.param("with torch.no_grad():\n    t = f(x)", "no_grad", 1, id="no_grad"),
        pytest.param("t = torch.tensor(y.item())", "item", 1, id="item"),
        pytest.param("t = torch.ones(2)", None, None, id="never attached"),
    ],
)
def test_what_cuts_a_tensor_off_its_graph_is_named(source: str, call: str | None, at: int | None) -> None:
    lacking = Finding(
        verdict=Verdict.FAILED, code="value.requires_grad", facts={"asked": "True", "found": "False"}, actual=value(ROW)
    )
    note = diagnose(lacking, source=source)
    wanted = None if at is None else Note(code="diagnose.detached", facts={"call": call, "places": [line(at)]})
    assert note == wanted
    assert diagnose(replace(lacking, facts={"asked": "False", "found": "True"}), source=source) is None


@pytest.mark.parametrize(
    ("source", "call"),
    [
        pytest.param("t = x.numpy()", "numpy", id="numpy"),
        pytest.param("t = x.tolist()", "tolist", id="tolist"),
        pytest.param("t = [1, 2]", None, id="never a tensor"),
    ],
)
def test_where_a_tensor_became_something_else_is_named(source: str, call: str | None) -> None:
    for code in ("value.numpy", "value.not_tensor"):
        note = diagnose(finding(ROW, ROW, code=code, rung="type"), source=source)
        wanted = None if call is None else Note(code="diagnose.left_torch", facts={"call": call, "places": [line(1)]})
        assert note == wanted


def test_the_sign_of_a_single_number_is_said_with_care() -> None:
    assert mistake(12.0, -12.0) == "sign_of_number"
    assert mistake(ScalarValue(type_name="float", value=12.0), value(-12.0)) == "sign_of_number"


def test_positions_are_counted_as_people_are_told() -> None:
    note = diagnose(finding(GRID + np.array([[0], [5], [0]]) * ROW[:4], GRID), source="")
    assert note == Note(code="diagnose.one_row", facts={"number": 2})
    cube = np.arange(24.0).reshape(2, 3, 4) ** 2
    wrong = cube.copy()
    wrong[:, 2, :] += np.arange(1.0, 9.0).reshape(2, 4) ** 3
    assert diagnose(finding(wrong, cube), source="") == Note(code="diagnose.one_slice", facts={"axis": 1, "index": 2})


@pytest.mark.parametrize(
    ("source", "actual", "expected", "note"),
    [
        pytest.param(
            "import torch\n\nt = torch.Tensor([[0, 1]])",
            "float32",
            "int64",
            Note(code="diagnose.capital_tensor", facts={"places": [line(3)]}),
            id="torch.Tensor",
        ),
        pytest.param(
            "t = FloatTensor([1])",
            "float32",
            "int64",
            Note(code="diagnose.capital_tensor", facts={"places": [line(1)]}),
            id="FloatTensor",
        ),
        pytest.param(
            "t = torch.tensor([0, 1.,\n 2.0])",
            "float32",
            "int64",
            Note(code="diagnose.float_literal", facts={"places": [line(1)], "literal": "1."}),
            id="a decimal point",
        ),
        pytest.param(
            "t = torch.zeros(4)",
            "float32",
            "int64",
            Note(code="diagnose.float_by_default", facts={"places": [line(1)]}),
            id="zeros",
        ),
        pytest.param(
            "a = np.array([1.])\nt = torch.from_numpy(a)",
            "float64",
            "float32",
            Note(code="diagnose.numpy_double", facts={"places": [line(1)]}),
            id="from NumPy",
        ),
        pytest.param(
            "t = x.double()",
            "float64",
            "float32",
            Note(code="diagnose.double", facts={"places": [line(1)]}),
            id="double",
        ),
        pytest.param("t = torch.tensor([1])", "int32", "int64", None, id="nothing to point at"),
        pytest.param("t = (", "float32", "int64", None, id="a source that does not parse"),
    ],
)
def test_a_wrong_dtype_is_traced_to_its_line(source: str, actual: str, expected: str, note: Note | None) -> None:
    ours, theirs = np.array([0, 1]).astype(actual), np.array([0, 1]).astype(expected)
    assert diagnose(finding(ours, theirs, code="value.dtype", rung="dtype"), source=source) == note


def test_bfloat16_is_read() -> None:
    def bfloat(array: np.ndarray) -> ArrayValue:
        tensor = torch.from_numpy(array).to(torch.bfloat16)
        data = tensor.view(torch.int16).numpy().tobytes()
        return ArrayValue(type_name="Tensor", dtype="bfloat16", shape=tuple(tensor.shape), data=data)

    assert mistake(bfloat(2 * ROW), bfloat(ROW)) == "multiple"


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(OpaqueValue(type_name="A", reason="type"), id="opaque"),
        pytest.param(ScalarValue(type_name="str", value="12"), id="string"),
        pytest.param(ScalarValue(type_name="bool", value=True), id="bool"),
        pytest.param(ScalarValue(type_name="int", value=10**400), id="huge"),
        pytest.param(SequenceValue(type_name="list", items=()), id="list"),
        pytest.param(
            SequenceValue(type_name="list", items=(value(ROW), ScalarValue(type_name="int", value=1))), id="ragged"
        ),
        pytest.param(
            SequenceValue(type_name="list", items=(ScalarValue(type_name="str", value="a"),)), id="list of text"
        ),
        pytest.param(ArrayValue(type_name="Tensor", dtype="complex32", shape=(1,), data=b"1234"), id="no such dtype"),
        pytest.param(ArrayValue(type_name="Tensor", dtype="int3", shape=(1,), data=b"1"), id="no such integer"),
        pytest.param(ArrayValue(type_name="Tensor", dtype="float32", shape=(2,), data=b"1234"), id="too few bytes"),
        pytest.param(ArrayValue(type_name="Tensor", dtype="int8", shape=(10**9,), data=b""), id="too many elements"),
    ],
)
def test_values_that_are_no_numbers_have_no_pattern(odd: Value) -> None:
    assert diagnose(finding(odd, -12.0), source=TWICE) is None
    assert diagnose(finding(-12.0, odd), source=TWICE) is None
    assert diagnose(finding(odd, odd, rung="dtype"), source="") is None


def test_a_finding_without_values_has_no_pattern() -> None:
    assert diagnose(Finding(verdict=Verdict.PASSED, code="value.passed"), source=TWICE) is None


ARRAYS = hnp.arrays(
    dtype=st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_, np.complex64]),
    shape=hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
)


@settings(max_examples=200, deadline=None)
@given(ARRAYS, ARRAYS, st.sampled_from(["", TWICE, LOOP, "\0", "x.mean()"]), st.sampled_from([None, "dtype"]))
def test_no_pair_of_values_raises_and_every_note_has_a_sentence(
    actual: np.ndarray, expected: np.ndarray, source: str, rung: str | None
) -> None:
    note = diagnose(finding(actual, expected, rung=rung), source=source)
    if note is not None:
        assert note.code in known_codes(Language.JA)
        assert sentence(note, Language.JA)
        assert sentence(note, Language.EN, visibility=Visibility.FULL)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=1, max_dims=3, min_side=2), elements=st.integers(-99, 99)))
def test_a_diagnosis_is_never_made_of_equal_values(array: np.ndarray) -> None:
    assert mistake(array, array) is None


@pytest.mark.parametrize("code", ["function.raised", "function.all_wrong", "value.values"])
@pytest.mark.parametrize("formula", ["2*x^3", "3 * (x+1)^2", "x^2"])
def test_a_caret_in_a_wrong_formula_is_named(code: str, formula: str) -> None:
    failed = Finding(verdict=Verdict.FAILED, code=code)
    note = diagnose(failed, source=f"def f(x):\n    return {formula}")
    assert note == Note(code="diagnose.power", facts={"places": [line(2)]})


@pytest.mark.parametrize(
    ("verdict", "code", "source"),
    [
        pytest.param(Verdict.PASSED, "function.passed", "y = x^2", id="what passes needs no hint"),
        pytest.param(Verdict.FAILED, "output.values", "y = x^2", id="another kind of check"),
        pytest.param(Verdict.FAILED, "value.values", "y = a ^ b", id="two masks"),
        pytest.param(Verdict.FAILED, "value.values", "y = x**2  # x^2", id="a comment"),
    ],
)
def test_a_caret_elsewhere_is_no_power(verdict: Verdict, code: str, source: str) -> None:
    assert diagnose(Finding(verdict=verdict, code=code), source=source) is None


def of_calls(numbers: list[float]) -> SequenceValue:
    """What a function gave for several inputs."""
    return SequenceValue(type_name="list", items=tuple(value(np.float32(number)) for number in numbers))


RIGHT_CALLS = [1.0, -12.0, 4.5, 30.0]
CALLS = {
    "another constant": ([-1.0, -14.0, 2.5, 28.0], "", "offset"),
    "the other sign": ([-1.0, 12.0, -4.5, -30.0], "", "sign"),
    "twice as much": ([2.0, -24.0, 9.0, 60.0], "", "multiple"),
    "a sum for a mean": ([3.0, -36.0, 13.5, 90.0], "x.sum()", "sum_for_mean"),
    "the sign of one alone": ([-1.0, -12.0, 4.5, 30.0], "", None),
    "in another order, which says nothing": ([30.0, 4.5, -12.0, 1.0], "", None),
}


@pytest.mark.parametrize(("ours", "source", "name"), [pytest.param(*case, id=name) for name, case in CALLS.items()])
def test_what_a_function_gave_is_looked_at_over_all_inputs(ours: list[float], source: str, name: str | None) -> None:
    assert mistake(of_calls(ours), of_calls(RIGHT_CALLS), source=source, code="function.all_wrong") == name


def test_where_autograd_is_cut_off_no_factor_is_told_besides() -> None:
    assert mistake(GRID / 3, GRID, code="value.values") == "fraction"
    assert mistake(GRID / 3, GRID, code="function.backward_wrong_by") is None


@pytest.mark.parametrize("name", ["x.grad", {"ja": "勾配", "en": "the gradient", "place": "", "code": "x.grad"}])
def test_a_gradient_is_known_as_one_also_under_its_authors_words(name: str | dict[str, object]) -> None:
    doubled = replace(finding(2 * ROW, ROW), facts={"name": name})
    assert diagnose(doubled, source=TWICE) == Note(code="diagnose.backward_twice", facts={"places": [line(3), line(5)]})
