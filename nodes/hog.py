"""OpenCV's HOG people detector, so that a plain camera works without another package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting
from dvae.tracking.boxes import Boxes

# the detector's window is 64x128 with a margin of 16 around the person it was trained on
MARGIN_X, MARGIN_Y = 16 / 64, 16 / 128 * 0.6


@dataclass(frozen=True)
class HogConfig:
    """Settings of the HOG people detector."""

    hit_threshold: float = setting(0.0, "margin of the classifier below which a window is no person", live=True)
    scale: float = setting(1.05, "ratio of neighbouring levels of the image pyramid", minimum=1.01, maximum=2.0, live=True)
    stride: int = setting(8, "step of the detection window", unit="pixel", minimum=4, maximum=32, live=True)
    max_height: int = setting(
        576, "larger images are made smaller first, to this height", unit="pixel", minimum=128, live=True
    )
    group_iou: float = setting(
        0.4, "of windows that overlap more than this only the best is kept", minimum=0.05, maximum=1.0, live=True
    )


class HogDetector:
    """People in one image. Every call stands alone."""

    def __init__(self, config: HogConfig | None = None) -> None:
        self.config = config or HogConfig()
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect(self, image: NDArray[np.uint8]) -> tuple[Boxes, NDArray[np.float64]]:
        """BGR image (H, W, 3) -> boxes (K, 4) in pixels and scores (K,) in [0, 1], best first."""
        config = self.config
        shrink = min(1.0, config.max_height / image.shape[0])
        small: Any = cv2.resize(image, None, fx=shrink, fy=shrink) if shrink < 1.0 else image
        if small.shape[0] < 128 or small.shape[1] < 64:
            return np.zeros((0, 4)), np.zeros(0)  # smaller than the detection window
        windows, margins = self._hog.detectMultiScale(
            small,
            hitThreshold=config.hit_threshold,
            winStride=(config.stride, config.stride),
            scale=config.scale,
            groupThreshold=0,
        )
        if len(windows) == 0:
            return np.zeros((0, 4)), np.zeros(0)
        margins = np.asarray(margins, dtype=np.float64).reshape(-1)
        rectangles = np.asarray(windows, dtype=np.float64)
        kept = np.asarray(
            cv2.dnn.NMSBoxes(rectangles.tolist(), margins.tolist(), -np.inf, config.group_iou), dtype=np.int64
        ).reshape(-1)
        x, y, width, height = rectangles[kept].T
        boxes = np.stack(
            [x + MARGIN_X / 2 * width, y + MARGIN_Y * height, x + (1 - MARGIN_X / 2) * width, y + (1 - MARGIN_Y) * height],
            axis=1,
        )
        return boxes / shrink, 1.0 / (1.0 + np.exp(-2.0 * margins[kept]))
