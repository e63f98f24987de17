"""Images as cameras publish them, against the picture that was encoded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dvae_nodes.wire.images import image_from_message

HEIGHT, WIDTH = 48, 64
LEFT, RIGHT = (30, 60, 200), (200, 120, 20)  # BGR
PICTURE = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
PICTURE[:, :32], PICTURE[:, 32:] = LEFT, RIGHT
GREY = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2GRAY)


def message(kind: str, rows: NDArray[Any], **changes: Any) -> SimpleNamespace:
    """Rows (R, ...) as a sensor_msgs/Image of the picture's size."""
    data = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    fields = {"height": HEIGHT, "width": WIDTH, "encoding": kind, "is_bigendian": 0, "step": data.shape[1]}
    return SimpleNamespace(**fields | {"data": data.reshape(-1)} | changes)


def semi_planar(first: int) -> NDArray[np.uint8]:
    """nv12 (first 0) or nv21 (first 1): brightness, then pairs of chroma."""
    planes = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2YUV_I420)
    chroma = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    pairs = np.stack([chroma[first], chroma[1 - first]], axis=-1)
    return np.concatenate([planes[:HEIGHT], pairs.reshape(HEIGHT // 2, WIDTH)])


def packed(brightness_first: bool) -> NDArray[np.uint8]:
    """YUYV or UYVY, (H, W, 2)."""
    planes = cv2.cvtColor(PICTURE, cv2.COLOR_BGR2YUV_I420)
    chroma = planes[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2).repeat(2, axis=1)
    shared = np.stack([chroma[0], chroma[1]], axis=-1).reshape(HEIGHT, WIDTH)
    return np.stack([planes[:HEIGHT], shared] if brightness_first else [shared, planes[:HEIGHT]], axis=-1)


def mosaic(pattern: str) -> NDArray[np.uint8]:
    """What a sensor with this Bayer pattern sees, (H, W)."""
    seen = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for place, letter in enumerate(pattern):
        y, x = divmod(place, 2)
        seen[y::2, x::2] = PICTURE[y::2, x::2, "bgr".index(letter)]
    return seen


def padded(rows: NDArray[Any], extra: int) -> NDArray[np.uint8]:
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    return np.concatenate([flat, np.full((len(rows), extra), 99, dtype=np.uint8)], axis=1)


FOUR = np.concatenate([PICTURE, np.full((HEIGHT, WIDTH, 1), 7, dtype=np.uint8)], axis=-1)
SIXTEEN = PICTURE.astype(np.uint16) * 257
COLOURS = {
    "bgr8": PICTURE,
    "rgb8": PICTURE[..., ::-1],
    "BGR8": PICTURE,
    "8UC3": PICTURE,
    "bgra8": FOUR,
    "rgba8": FOUR[..., [2, 1, 0, 3]],
    "8UC4": FOUR,
    "bgr16": SIXTEEN,
    "rgb16": SIXTEEN[..., ::-1],
    "rgba16": np.concatenate([SIXTEEN[..., ::-1], SIXTEEN[..., :1]], axis=-1),
    "nv12": semi_planar(0),
    "nv21": semi_planar(1),
    "uyvy": packed(False),
    "yuv422": packed(False),
    "yuyv": packed(True),
    "yuv422_yuy2": packed(True),
    **{f"bayer_{pattern}8": mosaic(pattern) for pattern in ("rggb", "bggr", "gbrg", "grbg")},
    "bayer_rggb16": mosaic("rggb").astype(np.uint16) * 257,
}


@pytest.mark.parametrize("extra", [0, 20])
@pytest.mark.parametrize("encoding", COLOURS)
def test_colours_with_and_without_padding(encoding: str, extra: int) -> None:
    found = image_from_message(message(encoding, padded(COLOURS[encoding], extra)))
    assert found.shape == PICTURE.shape
    inside = np.r_[2:30, 34:62]  # chroma and mosaics blur the edge
    difference = np.abs(found.astype(int) - PICTURE)[:, inside]
    assert difference.max() <= (0 if "8" in encoding and "y" not in encoding else 6), difference.max()


@pytest.mark.parametrize("big_endian", [0, 1])
def test_grey_of_16_bits_in_either_byte_order(big_endian: int) -> None:
    rows = (GREY.astype(np.uint16) * 257).astype(">u2" if big_endian else "<u2")
    found = image_from_message(message("mono16", padded(rows, 6), is_bigendian=big_endian))
    assert np.abs(found.astype(int) - GREY[..., None]).max() <= 1
    assert np.array_equal(image_from_message(message("mono8", GREY)), np.stack([GREY] * 3, axis=-1))


def test_a_driver_that_counts_the_rows_of_chroma_and_a_last_row_without_padding() -> None:
    rows = semi_planar(0)
    expected = image_from_message(message("nv12", rows))
    assert np.array_equal(image_from_message(message("nv12", rows, height=72)), expected)
    cut = message("bgr8", padded(PICTURE, 20))
    cut.data = cut.data[:-20]
    assert np.array_equal(image_from_message(cut), PICTURE)
    assert np.array_equal(image_from_message(message("bgr8", PICTURE, step=0)), PICTURE)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"height": 0}, "at least one pixel"),
        ({"width": 0, "step": 0}, "at least one pixel"),
        ({"step": 100}, "a step of at least 192 bytes"),
        ({"data": PICTURE.reshape(-1)[:-1]}, "at least 9216 bytes of data"),
        ({"width": 2**32 - 1, "step": 0}, "at least 618475290480 bytes"),
        ({"encoding": "16UC1"}, "depth is no picture"),
        ({"encoding": "teal"}, "got encoding 'teal', 64x48, step 192, 9216 bytes"),
        ({"encoding": "nv12", "width": 63, "step": 63, "data": PICTURE.reshape(-1)}, "nv12"),
    ],
)
def test_what_is_no_picture_is_refused_with_numbers(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        image_from_message(message("bgr8", PICTURE, **changes))


def compressed(description: str, data: bytes) -> SimpleNamespace:
    return SimpleNamespace(format=description, data=np.frombuffer(data, dtype=np.uint8))


def encoded(suffix: str, image: NDArray[Any]) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


@pytest.mark.parametrize(
    ("description", "suffix", "tolerance"),
    [
        ("jpeg", ".jpg", 8),
        ("png", ".png", 0),
        ("bgr8; jpeg compressed bgr8", ".jpg", 8),
        ("rgb8; png compressed bgr8", ".png", 0),
        ("rgb8; jpeg compressed ", ".jpg", 8),
    ],
)
def test_compressed_images(description: str, suffix: str, tolerance: int) -> None:
    found = image_from_message(compressed(description, encoded(suffix, PICTURE)))
    assert np.abs(found.astype(int) - PICTURE)[:, np.r_[:24, 40:64]].max() <= tolerance


def test_compressed_grey_and_red_first() -> None:
    grey = image_from_message(compressed("mono8; png compressed ", encoded(".png", GREY)))
    assert np.array_equal(grey, np.stack([GREY] * 3, axis=-1))
    deep = encoded(".png", GREY.astype(np.uint16) * 257)
    assert np.array_equal(image_from_message(compressed("mono16; png compressed mono16", deep)), grey)
    swapped = encoded(".png", PICTURE[..., ::-1])
    assert np.array_equal(image_from_message(compressed("rgb8; png compressed rgb8", swapped)), PICTURE)


@pytest.mark.parametrize(
    ("description", "data", "text"),
    [
        ("16UC1; compressedDepth png", encoded(".png", GREY), "got depth"),
        ("32FC1; compressedDepth rvl", b"12", "got depth"),
        ("jpeg", b"", "got format 'jpeg', 0 bytes"),
        ("jpeg", encoded(".jpg", PICTURE)[:20], "got format 'jpeg', 20 bytes"),
        ("h264", b"\x00\x00\x00\x01\x67", "OpenCV reads"),
    ],
)
def test_what_is_not_decoded_is_said(description: str, data: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        image_from_message(compressed(description, data))
