"""Other trackers under one interface: `tracker(detections (K, 5)) -> ids (N,), boxes (N, 4)`, one call for each frame.

Detections are x1, y1, x2, y2 in pixels and a score. All peers run at the defaults of their packages unless options are
given.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from dvae.tracking.boxes import iou

os.environ.setdefault("YOLO_VERBOSE", "False")

NOTHING = (np.zeros(0, dtype=int), np.zeros((0, 4)))
Result = tuple[np.ndarray, np.ndarray]
Peer = Callable[[np.ndarray], Result]


class Trackers:
    """A tracker of the package `trackers` (Roboflow)."""

    def __init__(self, name: str, **options: Any) -> None:
        import supervision
        import trackers

        self._detections = supervision.Detections
        self._tracker = getattr(trackers, name)(**options)

    def __call__(self, detections: np.ndarray) -> Result:
        given = self._detections.empty()
        if len(detections):
            boxes, scores = detections[:, :4].astype("f4"), detections[:, 4].astype("f4")
            given = self._detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), dtype=int))
        found = self._tracker.update(given)
        if len(found) == 0 or found.tracker_id is None:
            return NOTHING
        confirmed = found.tracker_id >= 0
        return found.tracker_id[confirmed].astype(int), found.xyxy[confirmed]


class BoxMOT:
    """A motion-only tracker of the package `boxmot`."""

    def __init__(self, name: str, **options: Any) -> None:
        import boxmot

        self._tracker = getattr(boxmot, name)(**options)

    def __call__(self, detections: np.ndarray) -> Result:
        given = np.concatenate([detections, np.zeros((len(detections), 1))], axis=1).astype("f4")
        found = np.asarray(self._tracker.update(given, None))
        return (found[:, 4].astype(int), found[:, :4]) if found.size else NOTHING


class Norfair:
    """norfair with its IoU distance."""

    def __init__(self, **options: Any) -> None:
        import norfair

        settings = {"distance_threshold": 0.7, "hit_counter_max": 15, "initialization_delay": 3, **options}
        self._norfair, self._tracker = norfair, norfair.Tracker(distance_function="iou", **settings)

    def __call__(self, detections: np.ndarray) -> Result:
        points = [self._norfair.Detection(row[:4].reshape(2, 2), np.repeat(row[4], 2)) for row in detections]
        self._tracker.update(points)
        found = self._tracker.get_active_objects()
        if not found:
            return NOTHING
        return np.array([one.id for one in found]), np.array([one.estimate.reshape(-1) for one in found])


class KalmanHungarian:
    """The plainest tracker: a constant-velocity Kalman filter for centre and size, the Hungarian algorithm on IoU."""

    def __init__(self, max_age: int = 30, min_hits: int = 2, least_iou: float = 0.2, min_score: float = 0.0) -> None:
        self.max_age, self.min_hits, self.least_iou, self.min_score = max_age, min_hits, least_iou, min_score
        self._mean = np.zeros((0, 8))  # centre x, centre y, width, height and their velocities
        self._cov = np.zeros((0, 4, 2, 2))
        self._id, self._age, self._hits = (np.zeros(0, dtype=int) for _ in range(3))
        self._next, self._frame = 1, 0

    def _boxes(self) -> np.ndarray:
        centre, half = self._mean[:, :2], self._mean[:, 2:4] / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    def __call__(self, detections: np.ndarray) -> Result:
        self._frame += 1
        boxes = detections[detections[:, 4] >= self.min_score, :4]
        height = np.maximum(self._mean[:, 3], 1.0)
        self._mean[:, :4] += self._mean[:, 4:]
        move = np.array([[1.0, 1.0], [0.0, 1.0]])
        growth = np.zeros((len(height), 1, 2, 2))
        growth[:, 0, 0, 0], growth[:, 0, 1, 1] = (0.022 * height) ** 2, (0.006 * height) ** 2
        self._cov = move @ self._cov @ move.T + growth
        measured = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
        overlap = iou(self._boxes(), boxes)
        rows, columns = linear_sum_assignment(-np.maximum(overlap - self.least_iou, 0.0))
        good = overlap[rows, columns] > self.least_iou
        rows, columns = rows[good], columns[good]
        noise = (0.05 * height[rows]) ** 2
        gain = self._cov[rows, :, :, 0] / (self._cov[rows, :, 0, 0] + noise[:, None])[..., None]  # (M, 4, 2)
        news = measured[columns] - self._mean[rows, :4]
        self._mean[rows, :4] += gain[..., 0] * news
        self._mean[rows, 4:] += gain[..., 1] * news
        self._cov[rows] -= gain[..., None] * self._cov[rows, :, None, 0]
        self._age += 1
        self._age[rows] = 0
        self._hits[rows] += 1
        new = np.setdiff1d(np.arange(len(boxes)), columns)
        keep = (self._age <= self.max_age) & ((self._hits >= self.min_hits) | (self._age == 0))
        start = np.zeros((len(new), 4, 2, 2))
        start[..., 0, 0] = (0.1 * measured[new, 3:]) ** 2
        start[..., 1, 1] = (0.06 * measured[new, 3:]) ** 2
        self._mean = np.concatenate([self._mean[keep], np.hstack([measured[new], np.zeros((len(new), 4))])])
        self._cov = np.concatenate([self._cov[keep], start])
        self._id = np.concatenate([self._id[keep], self._next + np.arange(len(new))])
        self._age = np.concatenate([self._age[keep], np.zeros(len(new), dtype=int)])
        self._hits = np.concatenate([self._hits[keep], np.ones(len(new), dtype=int)])
        self._next += len(new)
        shown = (self._age == 0) & ((self._hits >= self.min_hits) | (self._frame <= self.min_hits))
        return self._id[shown], self._boxes()[shown]


PEERS: dict[str, Callable[..., Peer]] = {
    "SORT (trackers)": lambda **o: Trackers("SORTTracker", **o),
    "ByteTrack (trackers)": lambda **o: Trackers("ByteTrackTracker", **o),
    "OC-SORT (trackers)": lambda **o: Trackers("OCSORTTracker", **o),
    "BoT-SORT, no camera (trackers)": lambda **o: Trackers("BoTSORTTracker", enable_cmc=False, **o),
    "C-BIoU (trackers)": lambda **o: Trackers("CBIoUTracker", **o),
    "ByteTrack (boxmot)": lambda **o: BoxMOT("ByteTrack", **o),
    "OC-SORT (boxmot)": lambda **o: BoxMOT("OcSort", **o),
    "norfair": Norfair,
    "Kalman + Hungarian": KalmanHungarian,
}
