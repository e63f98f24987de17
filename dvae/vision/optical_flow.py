"""Motion of the camera from its images: sparse optical flow and a robust similarity, by OpenCV."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 480  # images are shrunk to this width: a few pixels of shift are enough, and it is fast
MOST, QUALITY, DISTANCE = 300, 0.01, 6.0  # of the points that are followed: number, cornerness, pixels apart
MOST_MOTIONS = 100  # images whose motion is kept until it is asked for
FEWEST = 12  # points that have to be found again


class OpticalFlow:
    """Affine map (2, 3) of each image's coordinates to the next one's."""

    def __init__(self) -> None:
        self._last: Any = None

    def reset(self) -> None:
        """Forget the last image."""
        self._last = None

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """BGR or grey image (H, W[, 3]) -> the map from the image before; None for the first or a plain image.
        ValueError for one without pixels."""
        if not image.size:
            raise ValueError(f"expected an image with pixels, got shape {image.shape}")
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


class Motion(NamedTuple):
    """Of the camera, from the image before to the one at `stamp` ns."""

    stamp: int
    affine: NDArray[np.float64]  # (2, 3)


class CameraMotion:
    """The motion between any two times, from the images in between. At most `MOST_MOTIONS` wait to be taken."""

    def __init__(self) -> None:
        self._flow = OpticalFlow()
        self._motions: deque[Motion] = deque(maxlen=MOST_MOTIONS)

    def reset(self) -> None:
        """Forget all images."""
        self._flow.reset()
        self._motions.clear()

    def add(self, image: NDArray[np.uint8], stamp: int) -> None:
        """The image of `stamp` ns, (H, W, 3) or (H, W)."""
        found = self._flow.update(image)
        if found is not None:
            self._motions.append(Motion(stamp, found))

    def take(self, since: int | None, stamp: int) -> NDArray[np.float64] | None:
        """The map (2, 3) from the image at `since` ns to that at `stamp`, None where images do not tell; what is older
        is forgotten. since: None for the first one."""
        motion = None
        while self._motions and self._motions[0].stamp <= stamp:
            when, found = self._motions.popleft()
            if since is not None and when > since:
                motion = found if motion is None else compose(motion, found)
        return motion


def compose(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map that does `first` and then `then`, all (2, 3)."""
    return np.hstack([then[:, :2] @ first[:, :2], (then[:, :2] @ first[:, 2] + then[:, 2])[:, None]])
