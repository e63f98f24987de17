"""Who explains which detection: E-W, and the match that follows from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.inference.responsibilities import Assignment, exclusive, independent
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.config import TrackerConfig
from dvae.tracking.frame import Frame
from dvae.tracking.gating import log_fit, perfect_fit
from dvae.tracking.population import Population

Array = NDArray[np.float64]
MIN_CONFIDENCE = 0.0075
GATE_NATS = 10.0  # a track that explains a detection so much worse than clutter is not considered for it


class Match(NamedTuple):
    """What the frame shows of N tracks."""

    support: Array  # (N,), expected number of detections that show the track
    detected: NDArray[np.bool_]  # (N,), more probably than not
    detection: NDArray[np.int64]  # (M,), of each detected track, in order: the one that it explains best

    def given_index(self, frame: Frame) -> NDArray[np.int64]:
        """(N,) that detection's index among those given to the tracker, -1 for tracks that were not detected."""
        index = np.full(len(self.detected), -1, dtype=np.int64)
        index[self.detected] = frame.given_index[self.detection]
        return index


def detectable(people: Population, config: TrackerConfig) -> Array:
    """(N,) probability that a track has a detection: less for one that was missed lately or is made of doubtful boxes
    (existence, as in IPDA)."""
    presence = np.clip(people.confidence * np.clip(people.score, 0.0, 1.0), MIN_CONFIDENCE, 1.0)
    return np.asarray(config.detection_probability * presence)


def assign(frame: Frame, predicted: BoxEstimate, people: Population, config: TrackerConfig) -> Assignment:
    """E-W, eq. 3.24, with the density given the past in place of eq. 3.25."""
    spread = np.array([1.0, 1.0, 1.0, config.height_spread])
    perfect = perfect_fit(frame.variance, spread)
    margin = np.full(len(frame.boxes), config.clutter_nats + GATE_NATS)
    fit = log_fit(
        frame.boxes, frame.variance, frame.label, predicted.mean, predicted.variance, people.label, spread, perfect,
        margin,
    )  # fmt: skip
    probability, log_clutter = detectable(people, config), perfect - config.clutter_nats
    if config.exclusive_assignment:
        return exclusive(fit + np.log(probability), log_clutter, np.log1p(-probability))
    return independent(fit + np.log(probability), log_clutter)


def match_of(assignment: Assignment) -> Match:
    """Which tracks were detected, and by which detection."""
    responsibilities = assignment.responsibilities  # (K, N)
    support = responsibilities.sum(axis=0)
    detected = np.asarray(support > 0.5)
    best = responsibilities.argmax(axis=0) if len(responsibilities) else np.zeros(len(support), dtype=np.int64)
    return Match(support, detected, best[detected])
