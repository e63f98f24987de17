"""OpenCV's HOG people detector, so that a plain camera works without another package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting

Boxes = NDArray[np.float64]  # (K, 4) as x1, y1, x2, y2 in pixels
WINDOW_WIDTH, WINDOW_HEIGHT, PERSON_HEIGHT = 64, 128, 96  # pixels; the window has a margin around the person
MARGIN_X, MARGIN_Y = 0.23, 0.125  # of the window, on each side


@dataclass(frozen=True)
class HogConfig:
    """Settings of the HOG people detector."""

    hit_threshold: float = setting(0.25, "margin of the classifier below which a window is no person", live=True)
    scale: float = setting(
        1.2, "ratio of neighbouring levels of the image pyramid", minimum=1.01, maximum=2.0, live=True
    )
    stride: int = setting(8, "step of the detection window", unit="pixel", minimum=4, maximum=32, live=True)
    smallest_person: float = setting(
        0.125,
        "height of the smallest person to find, as a fraction of the image; the cost grows with its inverse square",
        minimum=0.04,
        maximum=1.0,
        live=True,
    )
    group_overlap: float = setting(
        0.6,
        "of windows that share more than this fraction of the smaller one only the best is kept",
        minimum=0.05,
        maximum=1.0,
        live=True,
    )


def best_windows(corners: Boxes, scores: NDArray[np.float64], max_overlap: float) -> NDArray[np.int64]:
    """Indices of the windows (K, 4) that stay, best first. Overlap is measured against the smaller window, because HOG
    finds one person at several scales, one inside the other."""
    area = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable").tolist():
        top_left = np.maximum(corners[k, :2], corners[kept, :2])
        bottom_right = np.minimum(corners[k, 2:], corners[kept, 2:])
        shared = np.clip(bottom_right - top_left, 0.0, None).prod(axis=1)
        if not (shared > max_overlap * np.minimum(area[k], area[kept])).any():
            kept.append(k)
    return np.array(kept, dtype=np.int64)


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Inside, OpenCV uses one thread, for results that are always the same. Several are twice as fast on two cores, but
    append windows, and then weights, each in an order that changes: now and then a window gets the weight of another.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class HogDetector:
    """People in one image. Every call stands alone."""

    def __init__(self, config: HogConfig | None = None) -> None:
        self.config = config or HogConfig()
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def detect(self, image: NDArray[np.uint8]) -> tuple[Boxes, NDArray[np.float64]]:
        """BGR image (H, W, 3) -> boxes (K, 4) in pixels and scores (K,) in [0, 1], best first. ValueError for
        one without pixels."""
        if not image.size:
            raise ValueError(f"expected an image with pixels, got shape {image.shape}")
        config = self.config
        zoom = PERSON_HEIGHT / (config.smallest_person * image.shape[0])
        zoomed: Any = cv2.resize(image, None, fx=zoom, fy=zoom)
        if zoomed.shape[0] < WINDOW_HEIGHT or zoomed.shape[1] < WINDOW_WIDTH:
            return np.zeros((0, 4)), np.zeros(0)
        windows, found = self._hog.detectMultiScale(
            zoomed,
            hitThreshold=config.hit_threshold,
            winStride=(config.stride, config.stride),
            scale=config.scale,
            groupThreshold=0,
        )
        if len(windows) == 0:
            return np.zeros((0, 4)), np.zeros(0)
        # OpenCV 4.6 sums in an order that depends on where in memory the image lies: 1e-8 from run to run
        margins = np.asarray(found, dtype=np.float64).reshape(-1).round(3)
        rectangles = np.asarray(windows, dtype=np.float64)
        order = np.lexsort(rectangles.T)  # OpenCV's threads, and its versions, find them in any order
        rectangles, margins = rectangles[order], margins[order]
        scores = 1.0 / (1.0 + np.exp(-4.0 * (margins - 0.45)))  # 0.6, the tracker's birth score, at a margin of 0.55
        corners = np.concatenate([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]], axis=1)
        kept = best_windows(corners, scores, config.group_overlap)
        x, y, width, height = rectangles[kept].T
        margin_x, margin_y = MARGIN_X * width, MARGIN_Y * height
        boxes = np.stack([x + margin_x, y + margin_y, x + width - margin_x, y + height - margin_y], axis=1)
        return boxes / zoom, scores[kept]
