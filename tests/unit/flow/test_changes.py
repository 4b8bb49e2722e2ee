"""What changed between two texts, whatever they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.flow.changes import Change, compare_texts

TEXTS = st.text(alphabet="ab 。\n四", max_size=60)


@given(before=TEXTS, after=TEXTS)
def test_the_pieces_make_up_both_texts(before, after):
    pieces = compare_texts(before=before, after=after)

    assert "".join(text for change, text in pieces if change is not Change.ADDED) == before
    assert "".join(text for change, text in pieces if change is not Change.REMOVED) == after


def test_a_word_put_in_is_told_alone():
    assert compare_texts(before="答えは4です。", after="答えは4メートルです。") == (
        (Change.SAME, "答えは4"),
        (Change.ADDED, "メートル"),
        (Change.SAME, "です。"),
    )


def test_texts_with_nothing_in_common_are_told_whole():
    assert compare_texts(before="It is four.", after="速度") == (
        (Change.REMOVED, "It is four."),
        (Change.ADDED, "速度"),
    )


@pytest.mark.parametrize("size", [5_000, 200_000])
def test_long_texts_are_compared_by_lines(size):
    line = "ab " * 300 + "\n"
    before = line * (size // len(line))

    assert compare_texts(before=before, after=before + "new\n")[-1] == (Change.ADDED, "new\n")


def test_of_very_long_texts_nothing_is_compared():
    before = "".join(f"{number}\n" for number in range(501))
    after = f"{before}new\n"

    assert compare_texts(before=before, after=after) == ((Change.REMOVED, before), (Change.ADDED, after))
