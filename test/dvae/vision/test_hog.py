"""People in images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dvae.vision.hog import HogConfig, HogDetector, best_windows

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


def test_windows_are_looked_for_by_one_thread() -> None:
    detector, found = HogDetector(), []

    class Watch:
        """In the place of OpenCV's detector."""

        def detectMultiScale(self, *_: object, **__: object) -> tuple[list[int], list[int]]:  # noqa: N802
            found.append(cv2.getNumThreads())
            return [], []

    detector._hog = Watch()
    before = cv2.getNumThreads()
    detector.detect(np.zeros((480, 640, 3), dtype=np.uint8))
    assert (found, cv2.getNumThreads()) == ([1], before)
