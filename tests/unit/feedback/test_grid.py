"""Small arrays element by element: which are wrong, and how much of them each level shows."""

import numpy as np
import pytest

from grader.domain.assignment import Visibility
from grader.domain.ids import CheckId
from grader.domain.result import CheckResult, Verdict
from grader.feedback.grid import visible_grid
from grader.grading.arrays import array_value
from grader.grading.compare import Tolerance
from grader.grading.difference import find_difference


def compare(actual, expected):
    """A check's result about two arrays."""
    ours, theirs = (array_value(np.array(side), type_name="Tensor") for side in (actual, expected))
    found = find_difference(actual=ours, expected=theirs, tolerance=Tolerance())
    return CheckResult(
        check_id=CheckId("value"),
        kind="value",
        verdict=Verdict.FAILED,
        score=0,
        decided=1,
        pending=0,
        points=1,
        code=f"value.{found.code}",
        facts={"name": "t", **found.facts},
    )


def spell(grid):
    """Rows as 'index: actual' with '!' behind what is wrong and what it should be."""
    return [
        f"{row.index}: " + " ".join(f"{one.actual}{'!' * one.is_wrong}{one.expected or ''}" for one in row.elements)
        for row in grid.rows
    ]


@pytest.mark.parametrize(
    ("actual", "expected", "rows"),
    [
        pytest.param([1, 5, 3], [1, 2, 3], [": 1 5!2 3"], id="a vector"),
        pytest.param([[1, 2], [3, 0]], [[1, 2], [3, 4]], ["[0]: 1 2", "[1]: 3 0!4"], id="a matrix"),
        pytest.param([[[1], [2]]], [[[1], [3]]], ["[0, 0]: 1", "[0, 1]: 2!3"], id="three axes"),
        pytest.param([1.0, float("nan")], [1.0, 0.1], [": 1 nan!0.1"], id="not a number"),
        pytest.param([1.0, 2.0], [1.0000001, 3.0], [": 1 2!3"], id="near enough is right"),
        pytest.param([2**60, 1], [2**60 + 1, 1], [f": {2**60}!{2**60 + 1} 1"], id="large integers are exact"),
    ],
)
def test_the_wrong_elements_are_those_that_the_comparison_finds(actual, expected, rows):
    grid = visible_grid(compare(actual, expected), Visibility.FULL)

    assert spell(grid) == rows
    assert (grid.name, grid.columns) == ("t", np.array(expected).shape[-1])


@pytest.mark.parametrize(
    ("visibility", "rows"),
    [
        pytest.param(Visibility.FULL, [": 1 5!2"], id="full"),
        pytest.param(Visibility.HINT, [": 1 5!"], id="hint: no value of the reference"),
        pytest.param(Visibility.VERDICT, None, id="verdict: nothing"),
    ],
)
def test_a_level_shows_no_more_than_it_may(visibility, rows):
    grid = visible_grid(compare([1, 5], [1, 2]), visibility)

    assert (None if grid is None else spell(grid)) == rows


def test_a_wrong_truth_would_tell_the_right_one():
    result = compare([True, False], [True, True])

    assert visible_grid(result, Visibility.HINT) is None
    assert visible_grid(result, Visibility.FULL) is not None


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param([[0] * 9] * 8, [[1] * 9] * 8, id="too many elements"),
        pytest.param([0] * 13, [1] * 13, id="too wide"),
        pytest.param(0, 1, id="a single number"),
        pytest.param([1, 2], [1, 2, 3], id="another shape"),
        pytest.param([1.0, 2.0], [1, 2], id="only the type is wrong"),
    ],
)
def test_what_is_no_small_array_of_wrong_values_is_told_in_words_alone(actual, expected):
    assert visible_grid(compare(actual, expected), Visibility.FULL) is None
