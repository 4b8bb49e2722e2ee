"""Pictures are known by their own bytes and shown only where a browser can hold them."""

import base64
import struct

import numpy as np
import pytest
from png_file import write_png

from grader.rendering.images import MAX_BYTES, as_data_address, read_image, write_image

PNG = write_png(np.zeros((2, 3, 3), dtype=np.uint8))
GIF = b"GIF89a" + struct.pack("<HH", 3, 2) + bytes(20)
_FRAME = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 2, 3) + bytes(12)
JPEG = b"\xff\xd8" + b"\xff\xe0\x00\x10JFIF\x00" + bytes(9) + _FRAME
FILLED_JPEG = b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + b"\xff" + _FRAME


def encode(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(PNG, "image/png"), (GIF, "image/gif"), (JPEG, "image/jpeg"), (FILLED_JPEG, "image/jpeg")],
    ids=["PNG", "GIF", "JPEG", "JPEG with filling"],
)
def test_picture_is_read_and_measured(data, media_type):
    image = read_image(encode(data))
    assert (image.media_type, image.width, image.height) == (media_type, 3, 2)
    assert as_data_address(image) == f"data:{media_type};base64,{encode(data)}"


def test_line_ends_within_base64_are_left_out():
    assert read_image("\n".join(encode(PNG))).data == PNG


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param("", id="nothing"),
        pytest.param("<script>", id="no base64"),
        pytest.param("あ", id="no ASCII"),
        pytest.param(encode(b"<svg onload=alert(1)>"), id="SVG"),
        pytest.param(encode(b"<html>"), id="HTML"),
        pytest.param(encode(PNG[:15]), id="a PNG that breaks off"),
        pytest.param(encode(PNG[:16] + struct.pack(">II", 100_000, 100_000) + PNG[24:]), id="a PNG too large to hold"),
        pytest.param(encode(GIF[:6] + bytes(20)), id="a GIF of no size"),
        pytest.param(encode(JPEG[:8]), id="a JPEG that breaks off"),
        pytest.param(encode(b"\xff\xd8\xff\xe0\x00\x00" + bytes(20)), id="a JPEG with a part of no length"),
        pytest.param(encode(PNG + bytes(MAX_BYTES)), id="too many bytes"),
    ],
)
def test_what_is_no_picture_is_none(encoded):
    assert read_image(encoded) is None


def test_address_cannot_break_out_of_its_attribute():
    html = write_image(read_image(encode(PNG)), address='"><script>', alternative="a")
    assert html == '<img class="nb-image" src="&quot;&gt;&lt;script&gt;" alt="a" loading="lazy" width="3" height="2">'
