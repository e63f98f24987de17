"""Motion of the camera from its images: sparse optical flow and a robust similarity, by OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 480  # images are shrunk to this width: a few pixels of shift are enough, and it is fast
MOST, QUALITY, DISTANCE = 300, 0.01, 6.0  # of the points that are followed: number, cornerness, pixels apart
FEWEST = 12  # points that have to be found again


class OpticalFlow:
    """Affine map (2, 3) of each image's coordinates to the next one's."""

    def __init__(self) -> None:
        self._last: Any = None

    def reset(self) -> None:
        """Forget the last image."""
        self._last = None

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """BGR or grey image (H, W[, 3]) -> the map from the image before; None for the first or a plain image."""
        grey: Any = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
        scale = min(1.0, WIDTH / grey.shape[1])
        small: Any = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            return None
        points: Any = cv2.goodFeaturesToTrack(last, MOST, QUALITY, DISTANCE)
        if points is None or len(points) < FEWEST:
            return None
        moved, found, _ = cv2.calcOpticalFlowPyrLK(last, small, points, None)  # type: ignore[call-overload]
        kept = found.reshape(-1) == 1
        if kept.sum() < FEWEST:
            return None
        motion, _ = cv2.estimateAffinePartial2D(points[kept], moved[kept], method=cv2.RANSAC, ransacReprojThreshold=1.5)
        if motion is None:
            return None
        affine = np.asarray(motion, dtype=np.float64)
        affine[:, 2] /= scale
        return affine


def compose(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map that does `first` and then `then`, all (2, 3)."""
    return np.hstack([then[:, :2] @ first[:, :2], (then[:, :2] @ first[:, 2] + then[:, 2])[:, None]])
