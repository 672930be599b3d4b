"""Pictures are decoded within bounds, or refused."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.stills import (
    decode_still,
    drawn_stills,
    read_still,
    stated_size,
)
from tests.models_registry.benchmarking.pictures import jpeg, picture, png


def huge_png(width: int, height: int) -> bytes:
    """A header that promises many pixels, and no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return len(content).to_bytes(4) + checked + zlib.crc32(checked).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


def turned(content: bytes) -> bytes:
    """The JPEG with an EXIF tag that says: turn me by a quarter."""
    tags = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    body = b"Exif\0\0" + tags
    return content[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + content[2:]


def test_pictures_are_decoded_as_they_were(tmp_path: Path) -> None:
    np.testing.assert_array_equal(decode_still(png(1, 40, 30)), picture(1, 40, 30))
    (tmp_path / "a.jpg").write_bytes(jpeg(2, 40, 30))
    assert read_still(tmp_path / "a.jpg").shape == (30, 40, 3)


def test_a_grey_picture_gets_three_channels() -> None:
    written, content = cv2.imencode(".png", np.full((10, 20), 90, np.uint8))
    assert written
    assert decode_still(content.tobytes()).shape == (10, 20, 3)


def test_a_picture_is_turned_upright_as_it_says() -> None:
    assert decode_still(turned(jpeg(1, 40, 30))).shape == (40, 30, 3)


@pytest.mark.parametrize("progressive", [0, 1])
def test_the_size_is_read_from_the_header(progressive: int) -> None:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, 2]
    written, content = cv2.imencode(".jpg", picture(1, 65, 33), options)
    assert written
    assert stated_size(content.tobytes()) == (65, 33)
    assert stated_size(turned(content.tobytes())) == (65, 33)
    assert stated_size(png(1, 65, 33)) == (65, 33)


WRONG = {
    "empty": (b"", "expected a JPEG or PNG"),
    "another format": (b"GIF89a" + bytes(100), "expected a JPEG or PNG"),
    "a length past the end": (b"\xff\xd8\xff\xe0\xff\xff", "expected a JPEG or PNG"),
    "JPEG cut off before its size": (jpeg(1)[:100], "expected a JPEG or PNG"),
    "JPEG cut off in its pixels": (jpeg(1)[:-2000], "expected a whole picture"),
    "damaged PNG": (png(1)[:-2000] + bytes(10), "expected a whole picture"),
    "too many pixels": (huge_png(60_000, 60_000), "at most 50000000 pixels, got 60000×60000"),
    "no pixels": (huge_png(0, 10), "expected at most"),
    "PNG without data": (huge_png(10, 10), "expected a whole picture"),
    "too many bytes": (jpeg(1) + bytes(33 * 1024 * 1024), "of at most 33554432 bytes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_whole_picture_is_refused(name: str) -> None:
    content, message = WRONG[name]
    with pytest.raises(MeasurementFailed) as no:
        decode_still(content, "still 4")
    assert no.value.code == "still_unreadable"
    assert no.value.message.startswith("still 4: expected")
    assert message in no.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MeasurementFailed, match=r"cannot read none\.jpg: No such file"):
        read_still(tmp_path / "none.jpg")


def test_drawn_pictures_are_the_same_each_time() -> None:
    first, again = drawn_stills(2, 64, 48), drawn_stills(2, 64, 48)
    assert [x.shape for x in first] == [(48, 64, 3)] * 2
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (first[0] != first[1]).any()
