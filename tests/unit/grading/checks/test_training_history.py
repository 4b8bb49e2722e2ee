"""A loss history: falling ones pass however noisy they are, and what does not fall is told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading.checks.training_history import find_fault, read_history

STEPS = np.arange(200)
NOISE = np.random.default_rng(3).normal(size=200)


def fault(losses, *, falls=True, below=None):
    found = find_fault(np.asarray(losses, float), falls=falls, below=below)
    return None if found is None else found.code


@pytest.mark.parametrize(
    ("losses", "code"),
    [
        pytest.param(np.exp(-STEPS / 50), None, id="a smooth fall"),
        pytest.param(np.exp(-STEPS / 50) + 0.2 * np.abs(NOISE), None, id="a noisy fall"),
        pytest.param([1.0, 0.5], None, id="two epochs"),
        pytest.param(1 - 1e-4 * STEPS, None, id="slow but steady"),
        pytest.param(-STEPS / 10, None, id="below zero"),
        pytest.param([5.0, 9.0, 4.0, 3.0, 0.1], None, id="a bump"),
        pytest.param([], "no_losses", id="none"),
        pytest.param([0.3], "one_loss", id="one"),
        pytest.param([2.0] * 50, "loss_equal", id="equal"),
        pytest.param([0.0] * 5, "loss_equal", id="all zero"),
        pytest.param(2 + 1e-9 * NOISE, "loss_equal", id="equal but for rounding"),
        pytest.param(1 + STEPS / 100, "loss_rose", id="a rise"),
        pytest.param(np.exp(STEPS / 10), "exploded", id="an explosion"),
        pytest.param(2 + 0.1 * (STEPS % 2) - 1e-5 * STEPS, "barely_fell", id="a fall that is lost in the noise"),
        pytest.param([1.0, 10.0, np.inf, np.nan], "diverged", id="infinite"),
        pytest.param([np.nan, 0.1], "diverged", id="NaN at the start"),
    ],
)
def test_a_history_is_told_by_its_looks(losses, code):
    assert fault(losses) == code


def test_nothing_but_noise_may_be_taken_for_a_rise_but_never_for_a_fall():
    assert fault(2 + 0.3 * NOISE) in ("barely_fell", "loss_rose")


def test_the_step_at_which_training_broke_is_told():
    found = find_fault(np.array([3.0, 2.0, np.nan, np.nan]), falls=True, below=None)
    assert found.facts == {"step": 3, "total": 4}


@pytest.mark.parametrize(
    ("losses", "below", "code"),
    [
        pytest.param([1.0, 0.1], 0.2, None, id="below"),
        pytest.param([1.0, 0.3], 0.2, "loss_above", id="above"),
        pytest.param([1.0, 0.2], 0.2, "loss_above", id="at the bound"),
        pytest.param([1.0] * 5 + [0.1] * 19 + [0.4], 0.2, None, id="one noisy batch at the end"),
    ],
)
def test_the_end_lies_below_the_bound(losses, below, code):
    assert fault(losses, below=below) == code


def test_a_bound_alone_asks_for_no_fall():
    assert fault([0.1, 0.1], falls=False, below=0.2) is None
    assert fault([0.1, 0.3], falls=False, below=0.2) == "loss_above"
    assert fault([0.1, np.nan], falls=False) == "diverged"


@given(st.lists(st.floats(width=32), max_size=40), st.booleans(), st.none() | st.floats(allow_nan=False))
def test_any_numbers_are_judged(losses, falls, below):
    found = find_fault(np.array(losses, float), falls=falls, below=below)
    assert found is None or found.code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param([1.0, 2.0], [1, 2], id="a list"),
        pytest.param([[1.0], [2.0]], [1, 2], id="a list of lists of one"),
        pytest.param(3, [3], id="a number"),
        pytest.param("no", None, id="words"),
        pytest.param([1.0, "a"], None, id="words in it"),
        pytest.param([1j], None, id="complex"),
    ],
)
def test_what_can_be_read_as_a_history(wire, value, expected):
    found = read_history(wire(value))
    assert (None if found is None else found.tolist()) == expected


def test_what_is_not_there_is_no_history():
    assert read_history(None) is None
