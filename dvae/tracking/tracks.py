"""Tracks as the user sees them, the settings of the online tracker, and what it remembers of frames and people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting
from dvae.tracking.boxes import Boxes
from dvae.tracking.detector_noise import NUM_FRAMES

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
        0.08, "standard deviation of detector boxes, as a fraction of their size", minimum=1e-3, maximum=1.0, live=True
    )
    height_spread: float = setting(
        0.9,
        "spread of height errors relative to those of centre and width: heights tell people apart best",
        minimum=0.1,
        maximum=10.0,
        live=True,
    )
    detection_probability: float = setting(
        0.45,
        "probability that a person who was seen lately is detected in a frame",
        minimum=0.01,
        maximum=0.999,
        live=True,
    )
    confidence_rate: float = setting(
        0.1, "how much one frame changes the confidence of a track", minimum=0.001, maximum=1.0, live=True
    )
    agility_rate: float = setting(
        0.15, "how fast a track that keeps surprising gets a wider gate; 0: never", minimum=0.0, maximum=1.0, live=True
    )
    clutter_nats: float = setting(
        17.0,
        "how many nats a detection may fit worse than perfectly before clutter explains it better",
        unit="nat",
        minimum=0.0,
        live=True,
    )
    min_score: float = setting(0.3, "detections with a lower score are ignored", live=True)
    birth_score: float = setting(0.6, "detections with a lower score continue tracks but start none", live=True)
    birth_iou: float = setting(
        0.36, "a detection that overlaps a track more than this starts no other", minimum=0.0, maximum=1.0, live=True
    )
    confirm_hits: int = setting(3, "detections that make a tracklet a confirmed track", minimum=1, live=True)
    max_missed_seconds: float = setting(
        2.0, "a confirmed track without detection for longer is dropped", unit="s", minimum=0.0, live=True
    )
    coast_frames: int = setting(
        2, "a sure track counts as visible for so many frames without detection", unit="frames", minimum=0, live=True
    )
    coast_confidence: float = setting(0.7, "confidence that makes a track sure", minimum=0.0, maximum=1.0, live=True)
    visible_score: float = setting(
        0.55,
        "a track whose detections score less, averaged over the last ten or so, does not count as visible",
        live=True,
    )
    camera_motion: bool = setting(True, "infer the camera's shift and zoom from what all tracks do alike", live=True)
    noise_factor: float = setting(
        2.0,
        "variance of the detector in the published boxes, as a multiple of what was measured: more is smoother",
        minimum=0.0,
        maximum=100.0,
        live=True,
    )
    exclusive_assignment: bool = setting(True, "one detection explains at most one track", live=True)
    max_detections: int = setting(300, "only this many detections of a frame, the best scores, are used", minimum=1)


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
