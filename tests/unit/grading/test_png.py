"""Reading PNG: what is written comes back whatever the filters, and no bytes cost more than they may."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from png_file import chunk, write_png

from grader.grading.png import Pixels, read_png

pictures = st.sampled_from([1, 3]).flatmap(
    lambda channels: arrays_of.arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7), st.just(channels)))
)


@settings(max_examples=60)
@given(pixels=pictures, filters=st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_what_was_written_is_read(pixels: Pixels, filters: list[int]) -> None:
    read = read_png(write_png(pixels, filters=filters))
    assert read is not None
    np.testing.assert_array_equal(read, np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def test_a_picture_of_many_rows_is_read_whole() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, size=(600, 5, 3), dtype=np.uint8)
    read = read_png(write_png(pixels, filters=[4, 3, 2, 1, 0, 4, 4]))
    assert read is not None
    np.testing.assert_array_equal(read, pixels)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), filters=st.lists(st.sampled_from([0, 1, 2, 4, 4]), min_size=1, max_size=4))
def test_a_drawing_on_paper_is_read(data: st.DataObject, filters: list[int]) -> None:
    pixels = np.full((24, 50, 3), 255, dtype=np.uint8)
    for _ in range(data.draw(st.integers(0, 4))):
        top, left = data.draw(st.integers(0, 22)), data.draw(st.integers(0, 48))
        height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
        pixels[top : top + height, left : left + width] = data.draw(st.tuples(*[st.integers(0, 255)] * 3))
    read = read_png(write_png(pixels, filters=filters))
    assert read is not None
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("below", [pytest.param([4], id="noise below"), pytest.param([3, 4], id="averages below")])
def test_paper_above_and_something_else_below_are_read(below: list[int]) -> None:
    pixels = np.full((60, 40, 3), 255, dtype=np.uint8)
    pixels[30:] = np.random.default_rng(3).integers(0, 256, size=(30, 40, 3), dtype=np.uint8)
    read = read_png(write_png(pixels, filters=[0, *[4, 2, 1] * 8, *below * 20]))
    assert read is not None
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize(
    ("pixel", "seen"),
    [
        pytest.param([10, 20, 30, 255], [10, 20, 30], id="opaque"),
        pytest.param([10, 20, 30, 0], [255, 255, 255], id="transparent is white paper"),
        pytest.param([0, 0, 0, 128], [127, 127, 127], id="half"),
        pytest.param([40, 0], [255, 255, 255], id="transparent grey"),
        pytest.param([40, 255], [40, 40, 40], id="opaque grey"),
    ],
)
def test_transparent_parts_lie_on_white(pixel: list[int], seen: list[int]) -> None:
    read = read_png(write_png(np.array([[pixel]], dtype=np.uint8)))
    assert read is not None
    assert read[0, 0].tolist() == seen


WHITE = np.full((4, 5, 3), 255, dtype=np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xd8\xff\xe0JFIF", id="a JPEG"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="only the signature"),
        pytest.param(write_png(WHITE)[:60], id="broken off"),
        pytest.param(write_png(WHITE, depth=16), id="16 bits"),
        pytest.param(write_png(WHITE, colour=3), id="a palette"),
        pytest.param(write_png(WHITE, interlace=1), id="interlaced"),
        pytest.param(write_png(WHITE, width=0), id="no width"),
        pytest.param(write_png(WHITE, height=5), id="fewer rows than it says"),
        pytest.param(write_png(WHITE, width=100_000, height=100_000), id="too many pixels"),
        pytest.param(write_png(WHITE).replace(b"IDAT", b"IDOT"), id="no picture in it"),
    ],
)
def test_everything_else_is_not_read(data: bytes) -> None:
    assert read_png(data) is None


def test_an_unknown_filter_is_not_read() -> None:
    rows = zlib.compress(b"\x07" + b"\0" * 3)
    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    assert read_png(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_not(data: bytes) -> None:
    for given_bytes in (data, b"\x89PNG\r\n\x1a\n" + data, write_png(WHITE)[:33] + data):
        read = read_png(given_bytes)
        assert read is None or read.shape[2] == 3


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(b"\0" * 200_000_000)
    head = struct.pack(">IIBBBBB", 5, 4, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", bomb)
    tracemalloc.start()
    try:
        read_png(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
