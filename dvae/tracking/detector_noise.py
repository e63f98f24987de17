"""How exact the detector is, measured on the boxes that tracks were matched with.

If a person's true motion is nearly straight over four frames and the detector's errors are independent from frame to
frame, neighbouring second differences of its boxes have a covariance of -4 times the variance of the errors; an
acceleration that is independent from frame to frame adds nothing to it, and a lasting one only lowers the estimate.
So no truth is needed, and a tracker can lean on an exact detector and smooth a rough one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import Boxes, sizes

Array = NDArray[np.float64]
NUM_FRAMES = 4  # two neighbouring second differences
START = 0.03  # standard deviation before anything was measured, in fractions of the box's size
LEAST = 0.005
RATE = 1e-3  # of the running mean, for each box
LARGEST = 0.02  # products of differences are clipped here: one wrong match must not decide


@dataclass(frozen=True)
class DetectorNoise:
    """Running estimate of the variance of x1, y1, x2, y2 in fractions of (w, h, w, h), squared: `ratio_variance`
    (4,)."""

    ratio_variance: Array = field(default_factory=lambda: np.full(4, START**2))

    def after(self, boxes: Array) -> DetectorNoise:
        """The estimate with what U people tell who were detected in each of the last four frames: boxes (U, 4 frames,
        4)."""
        if not len(boxes):
            return self
        second = np.diff(boxes, n=2, axis=1) / sizes(boxes[:, -1])[:, None]
        found = -np.clip(second[:, 0] * second[:, 1], -LARGEST, LARGEST).mean(axis=0) / 4.0
        gain = RATE * len(boxes) / (1.0 + RATE * len(boxes))
        return DetectorNoise(self.ratio_variance + gain * (found - self.ratio_variance))

    def variance(self, boxes: Boxes, factor: float) -> Boxes:
        """Variance of detections (K, 4), `factor` times what was measured."""
        return np.asarray(np.maximum(factor * self.ratio_variance, LEAST**2) * np.square(sizes(boxes)))
