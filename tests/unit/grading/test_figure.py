"""The `figure` kind: which outputs are pictures, and when a drawn one is empty. Real plots: tests/integration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from png_file import write_png
from pydantic import ValidationError

from grader.domain.execution import CellError, CellRun, CellState, Evidence, Output
from grader.domain.result import Finding, Verdict
from grader.grading.checks.figure import FigureCheck
from grader.grading.picture import is_blank
from grader.grading.png import Pixels


def paper(height: int = 60, width: int = 80) -> Pixels:
    return np.full((height, width, 3), 255, dtype=np.uint8)


def framed(pixels: Pixels) -> Pixels:
    """With a pair of axes, closed all round."""
    pixels[5:50, [10, 70]] = 0
    pixels[[5, 50], 10:71] = 0
    return pixels


def dotted(pixels: Pixels) -> Pixels:
    pixels[20:24, 30:34] = (200, 0, 0)
    return pixels


def shown(pixels: Pixels, *, text: str = "<Figure size 80x60 with 1 Axes>") -> Output:
    return Output(kind="display", text=text, has_image=True, image=write_png(pixels))


def evidence(*outputs: Output, runs: tuple[CellRun, ...] = ()) -> Evidence:
    return Evidence(source="", notebook_source="", outputs=outputs, cell_runs=runs, replies={})


def check(*outputs: Output, settings: object = 1) -> Finding:
    logic = FigureCheck.model_validate(settings)
    return logic.evaluate(actual=evidence(*outputs), expected=evidence())


UNKNOWN = Output(kind="display", text="", has_image=True)


@pytest.mark.parametrize(
    ("outputs", "verdict", "code"),
    [
        pytest.param([shown(dotted(paper()))], Verdict.PASSED, "figure.passed", id="something on paper"),
        pytest.param([shown(paper())], Verdict.FAILED, "figure.blank", id="paper"),
        pytest.param([shown(framed(paper()))], Verdict.FAILED, "figure.blank", id="axes"),
        pytest.param([shown(dotted(framed(paper())))], Verdict.PASSED, "figure.passed", id="a dot between axes"),
        pytest.param([shown(framed(paper()), text="a photo")], Verdict.PASSED, "figure.passed", id="no plot at all"),
        pytest.param(
            [shown(framed(paper()), text="<Figure size 80x60 with 2 Axes>")],
            Verdict.PASSED,
            "figure.passed",
            id="one of its axes is not to be seen as such",
        ),
        pytest.param([UNKNOWN], Verdict.NEEDS_REVIEW, "figure.unreadable", id="SVG, JPEG or a huge one"),
        pytest.param([UNKNOWN, shown(paper())], Verdict.NEEDS_REVIEW, "figure.unreadable", id="one of them unknown"),
        pytest.param([UNKNOWN, shown(dotted(paper()))], Verdict.PASSED, "figure.passed", id="one of them enough"),
        pytest.param([], Verdict.MISSING, "figure.nothing", id="nothing"),
        pytest.param([Output(kind="stdout", text="図")], Verdict.MISSING, "figure.nothing", id="only words"),
        pytest.param(
            [Output(kind="display", text="<Figure size 640x480 with 0 Axes>")],
            Verdict.MISSING,
            "figure.no_axes",
            id="a figure that is only announced",
        ),
    ],
)
def test_pictures_are_counted_and_looked_at(outputs: list[Output], verdict: Verdict, code: str) -> None:
    finding = check(*outputs)
    assert (finding.verdict, finding.code) == (verdict, code)


def test_the_same_picture_twice_is_one() -> None:
    one, other = shown(dotted(paper())), shown(dotted(paper(61)))
    assert check(one, one, settings=2).code == "figure.too_few"
    assert check(one, other, one, settings=2).code == "figure.passed"
    assert check(UNKNOWN, UNKNOWN, settings={"count": 2, "blank": True}).code == "figure.passed"


def test_more_than_asked_is_enough_and_blank_ones_do_not_count() -> None:
    good, empty = shown(dotted(paper())), shown(paper(70))
    assert check(good, empty, settings=1).code == "figure.passed"
    finding = check(good, empty, settings=2)
    assert (finding.code, finding.facts) == ("figure.blank", {"count": 2, "wanted": 2, "blank": 1})
    assert check(good, empty, settings={"count": 2, "blank": True}).code == "figure.passed"


def test_a_cell_that_stopped_is_named() -> None:
    run = CellRun(index=3, state=CellState.RAISED, error=CellError(name="NameError", message="plt"))
    finding = FigureCheck().evaluate(actual=evidence(runs=(run,)), expected=evidence())
    assert (finding.code, finding.facts) == ("figure.nothing_raised", {"cell": 4, "error": "NameError"})


@pytest.mark.parametrize("settings", [0, -1, 51, True, "one", {"count": 1, "size": 3}, {"blank": "grey"}, 1.5])
def test_an_authors_mistake_is_refused(settings: object) -> None:
    with pytest.raises(ValidationError):
        FigureCheck.model_validate(settings)


def test_short_and_long_form_are_one() -> None:
    assert FigureCheck.model_validate(2) == FigureCheck(count=2, blank=False)
    assert FigureCheck.model_validate({}) == FigureCheck()


def grid(pixels: Pixels) -> Pixels:
    pixels = framed(pixels)
    pixels[6:50, [25, 40, 55]] = 176
    pixels[[15, 30, 40], 11:70] = 176
    return pixels


def test_a_grid_is_nothing_and_a_single_line_something() -> None:
    assert is_blank(grid(paper()), axes=1)
    assert not is_blank(dotted(grid(paper())), axes=1)
    one_line = framed(paper())
    one_line[30, 11:70] = 128
    assert not is_blank(one_line, axes=1)
    coloured = framed(paper())
    coloured[[20, 30], 11:70] = (30, 120, 180)
    assert not is_blank(coloured, axes=1)


def legend(
    pixels: Pixels, *, top: int = 9, left: int = 53, side: int = 13, colour: int | tuple[int, ...] = 204
) -> Pixels:
    """With the frame of a legend, as matplotlib draws it: an outline with round corners."""
    bottom, right = top + side - 1, left + side - 1
    pixels[[top, bottom], left + 1 : right] = colour
    pixels[top + 1 : bottom, [left, right]] = colour
    return pixels


@pytest.mark.parametrize(
    "place",
    [
        pytest.param({}, id="upper right"),
        pytest.param({"top": 34, "left": 15}, id="lower left"),
        pytest.param({"side": 16, "left": 50}, id="larger letters"),
    ],
)
def test_an_empty_legend_is_nothing(place: dict[str, int]) -> None:
    assert is_blank(legend(framed(paper()), **place), axes=1)


def test_an_empty_legend_before_a_grid_is_nothing() -> None:
    pixels = framed(paper())
    pixels[6:50, [25, 40]] = 176
    pixels[[30, 42], 11:70] = 176
    assert is_blank(legend(pixels), axes=1)


def entry(pixels: Pixels) -> Pixels:
    pixels[15, 57:62] = (30, 120, 180)
    return pixels


@pytest.mark.parametrize(
    "drawn",
    [
        pytest.param(entry(legend(framed(paper()))), id="a legend with an entry"),
        pytest.param(dotted(legend(framed(paper()))), id="a dot beside it"),
        pytest.param(legend(legend(framed(paper())), top=34, left=15), id="two of them"),
        pytest.param(legend(framed(paper()), colour=(30, 120, 180)), id="a hollow marker in a colour"),
        pytest.param(legend(framed(paper()), top=22, left=34), id="a hollow marker in the middle"),
        pytest.param(legend(framed(paper()), side=7, left=59), id="a hollow marker that is small"),
        pytest.param(legend(framed(paper(90, 120)), side=41, top=8, left=28), id="a hollow marker that is large"),
    ],
)
def test_what_only_resembles_an_empty_legend_is_something(drawn: Pixels) -> None:
    assert not is_blank(drawn, axes=1)


def test_half_an_outline_is_something() -> None:
    pixels = legend(framed(paper()))
    pixels[12:22, 60:66] = 255
    assert not is_blank(pixels, axes=1)


@given(colour=st.tuples(*[st.integers(0, 255)] * 3), axes=st.none() | st.integers(0, 3))
def test_one_colour_is_blank_and_a_filled_frame_of_another_is_not(colour: tuple[int, ...], axes: int | None) -> None:
    pixels = paper()
    pixels[:] = colour
    assert is_blank(pixels, axes=axes)
    filled = framed(paper())
    filled[6:50, 11:70] = colour
    is_colourful = max(colour) - min(colour) > 24
    assert not is_colourful or not is_blank(filled, axes=1)


@given(arrays_of.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))), st.integers(0, 9))
def test_any_picture_is_blank_or_not(pixels: Pixels, axes: int) -> None:
    assert is_blank(pixels, axes=axes) in (True, False)


def test_a_dot_anywhere_between_the_axes_is_something() -> None:
    for top in range(9, 33):
        pixels = framed(paper())
        pixels[top : top + 4, 2 * top - 4 : 2 * top] = (0, 0, 200)
        assert not is_blank(pixels, axes=1)
