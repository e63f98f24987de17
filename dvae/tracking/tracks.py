"""Tracks as the user sees them."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]


class TrackState(IntEnum):
    """Life of a track."""

    TENTATIVE = 0  # seen too few times to be believed
    CONFIRMED = 1  # seen in the last frame
    OCCLUDED = 2  # confirmed before, not seen in the last frame: the box is a prediction


class Tracks(NamedTuple):
    """All living tracks after a frame, N of them, oldest first."""

    track_id: NDArray[np.int64]  # (N,), unique in the life of the tracker
    state: NDArray[np.int64]  # (N,), TrackState
    visible: NDArray[np.bool_]  # (N,), confirmed, well scored, and seen or missed for few frames only
    label: NDArray[np.int64]  # (N,), class of the detections that it is made of
    boxes: Boxes  # (N, 4), pixels
    velocity: Array  # (N, 4), of the box's coordinates, pixels per second, without the camera's
    variance: Array  # (N, 4), of the box's coordinates, pixels squared
    confidence: Array  # (N,), smoothed probability that a detection of the frame shows the person, in [0, 1]
    age: Array  # (N,), seconds since the first detection
    time_since_detection: Array  # (N,), seconds
    detection_index: NDArray[np.int64]  # (N,), of the frame's detections as given, -1 for none
