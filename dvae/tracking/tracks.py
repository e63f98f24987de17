"""Tracks as the user sees them, and what the online tracker remembers of frames and people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import Boxes
from dvae.tracking.detector_noise import NUM_FRAMES

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


class Frame(NamedTuple):
    """The detections of one frame that are used."""

    boxes: Boxes  # (K, 4)
    variance: Array  # (K, 4), Phi
    scores: Array  # (K,)
    label: NDArray[np.int64]  # (K,)
    given_index: NDArray[np.int64]  # (K,), in the detections as given
    time: float
    rate: float  # time step in frames of the training data


@dataclass
class Population:
    """What is known of each track beside its motion, arrays over N in order of birth."""

    track_id: NDArray[np.int64]
    label: NDArray[np.int64]
    birth_time: Array
    seen_time: Array
    hits: NDArray[np.int64]
    in_a_row: NDArray[np.int64]  # frames with detection without a miss, up to the last one
    missed: NDArray[np.int64]  # frames without detection, up to the last one
    confirmed: NDArray[np.bool_]
    confidence: Array
    score: Array  # running mean of the scores of its detections
    agility: Array  # factor of the predicted variance in E-W, from how well the track was predicted so far
    recent: Array  # (N, 4 frames, 4), boxes of the last frames, the newest last

    def select(self, keep: NDArray[np.bool_]) -> None:
        """Drop the tracks where `keep` (N,) is false."""
        for name, value in vars(self).items():
            setattr(self, name, value[keep])

    def extend(self, others: Population) -> None:
        """Append the tracks of `others`."""
        for name, value in vars(self).items():
            setattr(self, name, np.concatenate([value, getattr(others, name)]))


def newborns(first_id: int, frame: Frame, which: NDArray[np.int64], confirmed: bool) -> Population:
    """One tracklet for each of the detections `which` (M,) of the frame."""
    count = len(which)
    ones, now = np.ones(count, dtype=np.int64), np.full(count, frame.time)
    return Population(
        first_id + np.arange(count),
        frame.label[which],
        now,
        now.copy(),
        ones,
        ones.copy(),
        np.zeros(count, dtype=np.int64),
        np.full(count, confirmed),
        np.full(count, 0.5),
        frame.scores[which],
        np.ones(count),
        np.repeat(frame.boxes[which][:, None], NUM_FRAMES, axis=1),
    )
