"""Predictions beside hidden labels, and the settings that say which."""

import numpy as np
import pytest
from pydantic import ValidationError

from grader.domain.values import CallReply, CallsReply, ModuleReply
from grader.grading.arrays import array_value, find_array
from grader.grading.checks.settings import HIDDEN
from grader.grading.checks.training_predictions import Predict, find_call

X = np.arange(8, dtype=np.float32).reshape(4, 2)
Y = np.array([0, 1, 1, 0])
LINE = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
ARRAYS = {f"h.npz:{name}": array_value(array, type_name="Tensor") for name, array in (("x", X), ("y", Y), ("t", LINE))}


def predict(**settings):
    return Predict.model_validate({"name": "m", "inputs": "h.npz:x", **settings}, context={HIDDEN: ARRAYS})


def calls(output, wire):
    return CallsReply(name="m", calls=(CallReply(output=wire(np.asarray(output))),))


def code_of(settings, output, wire, *, expected=None):
    theirs = None if expected is None else calls(expected, wire)
    fault = predict(**settings).find_fault(calls(output, wire), theirs)
    return None if fault is None else fault.code


ACCURATE = {"labels": "h.npz:y", "accuracy": 0.75}


@pytest.mark.parametrize(
    ("output", "code"),
    [
        pytest.param([[2, 1], [0, 3], [0, 1], [5, 4]], None, id="scores"),
        pytest.param([[2.0, 1], [0, 3], [1, 0], [5, 4]], None, id="three of four"),
        pytest.param([[2.0, 1], [3, 0], [1, 0], [5, 4]], "inaccurate", id="two of four"),
        pytest.param([0, 1, 1, 0], None, id="classes"),
        pytest.param([0.0, 1.0, 1.0, 0.0], None, id="classes as floats"),
        pytest.param([False, True, True, False], None, id="classes as truths"),
        pytest.param([[0.1], [0.9], [0.8], [0.4]], None, id="probabilities in a column"),
        pytest.param([-0.5, 0.3, 3.0, -2.0], None, id="logits"),
        pytest.param([0.9, 0.1, 0.2, 0.6], "inaccurate", id="the other way round"),
        pytest.param([0, 1, 1], "predict_shape", id="for three of four"),
        pytest.param(np.zeros((2, 4)), "predict_shape", id="scores the other way round"),
        pytest.param([np.nan, 1, 1, 0], "predict_not_finite", id="NaN"),
    ],
)
def test_accuracy_counts_hits(wire, output, code):
    assert code_of(ACCURATE, output, wire) == code


def test_how_many_are_right_is_told_and_no_label(wire):
    fault = predict(**ACCURATE).find_fault(calls([1, 0, 1, 0], wire), None)
    assert fault.facts == {"right": 2, "total": 4, "percent": 50.0, "needed": 75.0}


@pytest.mark.parametrize(
    ("output", "code"),
    [
        pytest.param(LINE, None, id="exact"),
        pytest.param(LINE[:, 0], None, id="without the last dimension"),
        pytest.param(LINE + 0.2, None, id="near"),
        pytest.param(LINE + 0.5, "predict_far", id="far"),
        pytest.param(LINE.T[:, :2], "predict_shape", id="too few"),
    ],
)
def test_mse_is_a_bound(wire, output, code):
    assert code_of({"labels": "h.npz:t", "mse": 0.1}, output, wire) == code


@pytest.mark.parametrize(
    ("settings", "output", "code"),
    [
        pytest.param({}, [1.02, 2.0], None, id="near by default"),
        pytest.param({}, [1.2, 2.0], "predict_unlike", id="far by default"),
        pytest.param({"rtol": 0.5, "atol": 0.0}, [1.2, 2.0], None, id="near by what the author says"),
        pytest.param({"rtol": 0.0, "atol": 0.01}, [1.02, 2.0], "predict_unlike", id="far by what the author says"),
    ],
)
def test_like_the_reference(wire, settings, output, code):
    assert code_of({"like": "reference", **settings}, output, wire, expected=[1.0, 2.0]) == code


def test_a_reference_that_predicts_nothing_decides_nothing(wire):
    assert predict(like="reference").find_fault(calls([1.0], wire), CallsReply(name=None)).code == "no_expected"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(None, "predict_missing", id="no reply"),
        pytest.param(CallsReply(name=None), "predict_missing", id="no function"),
        pytest.param(CallsReply(name="m", timed_out=True), "predict_timed_out", id="too slow"),
        pytest.param(CallsReply(name="m", calls=(CallReply(error="ValueError"),)), "predict_raised", id="an exception"),
        pytest.param(ModuleReply(name="m", error="NotAModule"), "predict_missing", id="no module"),
        pytest.param(ModuleReply(name="m", timed_out=True), "predict_timed_out", id="a slow module"),
    ],
)
def test_what_cannot_be_compared_is_told(reply, code):
    assert predict(**ACCURATE).find_fault(reply, None).code == code


def test_a_module_is_looked_at_in_eval_mode(wire):
    train, evaluated = CallReply(output=wire(1.0)), CallReply(output=wire(2.0))
    assert find_call(ModuleReply(name="m", calls={"train": (train,), "eval": (evaluated,)})) is evaluated


def test_words_are_no_predictions(wire):
    reply = CallsReply(name="m", calls=(CallReply(output=wire("yes")),))
    assert predict(**ACCURATE).find_fault(reply, None).is_malformed


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        pytest.param({}, "one_measure", id="no measure"),
        pytest.param({"accuracy": 0.5, "mse": 1.0, "labels": "h.npz:y"}, "one_measure", id="two measures"),
        pytest.param({"accuracy": 0.5}, "labels_and_measure", id="no labels"),
        pytest.param({"like": "reference", "labels": "h.npz:y"}, "labels_and_measure", id="labels for nothing"),
        pytest.param({"inputs": "h.npz:z", "like": "reference"}, "array_unknown", id="an unknown array"),
        pytest.param({"inputs": "x", "like": "reference"}, "array_unknown", id="an array of no file"),
        pytest.param({"labels": "h.npz:n", "mse": 1.0}, "array_unknown", id="unknown labels"),
        pytest.param(
            {"inputs": {"uniform": [0, 1]}, "labels": "h.npz:y", "mse": 1.0}, "labels_need_array", id="drawn inputs"
        ),
        pytest.param({"accuracy": 1.5, "labels": "h.npz:y"}, "less_than_equal", id="more than all"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, code):
    with pytest.raises(ValidationError) as caught:
        predict(**settings)
    assert code in {error["type"] for error in caught.value.errors()}


def test_labels_of_another_length_are_refused():
    short = ARRAYS | {"h.npz:s": array_value(np.zeros(3), type_name="Tensor")}
    with pytest.raises(ValidationError, match="differ in length"):
        Predict.model_validate(
            {"name": "m", "inputs": "h.npz:x", "labels": "h.npz:s", "mse": 1}, context={HIDDEN: short}
        )


def test_an_array_is_given_as_it_is_and_a_generator_draws_anew():
    given = predict(**ACCURATE)
    assert not given.is_drawn
    assert np.array_equal(find_array(given.calls(())[0][0]), X)
    drawn = predict(inputs={"normal": [0, 1], "shape": [3, 2]}, like="reference")
    assert drawn.is_drawn
    assert drawn.draw(1) == drawn.draw(1) != drawn.draw(2)
    assert drawn.calls(drawn.draw(1))[0][0].shape == (3, 2)


def test_hidden_arrays_stand_in_no_dump():
    """The version's hash covers the files; settings name them only."""
    assert predict(**ACCURATE).model_dump(exclude_defaults=True) == {
        "name": "m",
        "inputs": "h.npz:x",
        "labels": "h.npz:y",
        "accuracy": 0.75,
    }
