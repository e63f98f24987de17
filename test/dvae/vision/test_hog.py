"""People in images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dvae.vision.hog import HogConfig, HogDetector, best_windows, one_opencv_thread

VIDEO = Path(__file__).resolve().parents[2] / "data" / "demo_video.mp4"


def test_of_windows_one_inside_the_other_the_best_stays() -> None:
    corners = np.array([[0, 0, 10, 20], [1, 1, 9, 19], [100, 0, 110, 20], [5, 0, 15, 20]], dtype=float)
    assert best_windows(corners, np.array([0.5, 0.9, 0.1, 0.3]), 0.6).tolist() == [1, 3, 2]
    assert best_windows(corners, np.array([0.5, 0.9, 0.1, 0.3]), 0.4).tolist() == [1, 2]


def test_people_are_found_best_first_and_a_plain_image_has_none() -> None:
    _, image = cv2.VideoCapture(str(VIDEO)).read()
    boxes, scores = HogDetector().detect(image)
    assert len(boxes) == len(scores) >= 2
    assert (np.diff(scores) <= 0).all()
    assert ((boxes[:, 2:] - boxes[:, :2]) > 10).all()
    stricter, _ = HogDetector(HogConfig(hit_threshold=0.8)).detect(image)
    assert len(stricter) < len(boxes)
    for shape in ((200, 150, 3), (8, 8, 3)):
        assert len(HogDetector().detect(np.zeros(shape, dtype=np.uint8))[0]) == 0


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_an_image_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected an image with pixels, got shape"):
        HogDetector().detect(np.zeros(shape, dtype=np.uint8))


def test_one_thread_inside_and_as_many_as_before_after_it() -> None:
    before = cv2.getNumThreads()
    with one_opencv_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before
