"""Tracks as the user sees them, the settings of the online tracker, and what it remembers of frames and people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting
from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]


class TrackState(IntEnum):
    """Life of a track."""

    TENTATIVE = 0  # seen too few times to be believed
    CONFIRMED = 1  # seen in the last frame
    OCCLUDED = 2  # confirmed before, not seen in the last frame: the box is a prediction


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of the online tracker."""

    observation_ratio: float = setting(
        0.12, "standard deviation of detector boxes, as a fraction of their size", minimum=1e-3, maximum=1.0, live=True
    )
    detection_probability: float = setting(
        0.5,
        "probability that a person who was seen lately is detected in a frame",
        minimum=0.01,
        maximum=0.999,
        live=True,
    )
    clutter_nats: float = setting(
        20.0,
        "how many nats a detection may fit worse than perfectly before clutter explains it better",
        unit="nat",
        minimum=0.0,
        live=True,
    )
    min_score: float = setting(0.3, "detections with a lower score are ignored", live=True)
    birth_score: float = setting(0.4, "detections with a lower score continue tracks but start none", live=True)
    birth_iou: float = setting(
        0.25, "a detection that overlaps a track more than this starts no other", minimum=0.0, maximum=1.0, live=True
    )
    confirm_hits: int = setting(3, "detections that make a tracklet a confirmed track", minimum=1, live=True)
    max_missed_seconds: float = setting(
        2.0, "a confirmed track without detection for longer is dropped", unit="s", minimum=0.0, live=True
    )
    window_frames: int = setting(1, "frames W over which EM runs", unit="frames", minimum=1, maximum=64)
    iterations: int = setting(1, "EM iterations when a frame arrives", minimum=1, maximum=100, live=True)
    exclusive_assignment: bool = setting(True, "one detection explains at most one track", live=True)
    predictive_assignment: bool = setting(True, "weigh detections by their density given the past", live=True)
    max_detections: int = setting(300, "only this many detections of a frame, the best scores, are used", minimum=1)


class Tracks(NamedTuple):
    """All living tracks after a frame, N of them, oldest first."""

    track_id: NDArray[np.int64]  # (N,), unique in the life of the tracker
    state: NDArray[np.int64]  # (N,), TrackState
    boxes: Boxes  # (N, 4), pixels
    velocity: Array  # (N, 4), of the box's coordinates, pixels per second
    variance: Array  # (N, 4), of the box's coordinates, pixels squared
    confidence: Array  # (N,), smoothed probability that a detection of the frame shows the person, in [0, 1]
    age: Array  # (N,), seconds since the first detection
    time_since_detection: Array  # (N,), seconds
    detection_index: NDArray[np.int64]  # (N,), of the frame's detections as given, -1 for none


@dataclass
class Frame:
    """One frame of the window."""

    boxes: Boxes  # (K, 4)
    variance: Array  # (K, 4), Phi
    scores: Array  # (K,)
    index: NDArray[np.int64]  # (K,), in the detections as given
    time: float
    rate: float  # time step in frames of the training data
    responsibilities: Array  # (K, N)
    clutter: Array  # (K,)


@dataclass
class Population:
    """What is known of each track beside its motion, arrays over N in order of birth."""

    track_id: NDArray[np.int64]
    birth_frame: NDArray[np.int64]  # index in the window, -1 when born before it
    birth_mean: Boxes
    birth_time: Array
    seen_time: Array
    hits: NDArray[np.int64]
    confirmed: NDArray[np.bool_]
    confidence: Array

    def select(self, keep: NDArray[np.bool_]) -> None:
        """Drop the tracks where `keep` (N,) is false."""
        for name, value in vars(self).items():
            setattr(self, name, value[keep])


def empty_population() -> Population:
    """No tracks."""
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Population(whole, whole, np.zeros((0, 4)), real, real, whole, np.zeros(0, dtype=bool), real)
