"""Our tracker under the interface of the peers."""

from __future__ import annotations

from typing import Any

import numpy as np

from dvae.data.motchallenge import FrameBoxes
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.smoothing import LagSmoother


def make_tracker(image_size: tuple[int, int] | None, model: str = "motion_srnn", **settings: Any) -> OnlineTracker:
    """A fresh online tracker; settings: of TrackerConfig."""
    return OnlineTracker.load(model, TrackerConfig(**settings), image_size)


class Ours:
    """Call with the detections (K, 5) of each frame; gives the visible tracks."""

    def __init__(self, frames_per_second: float, image_size: tuple[int, int] | None, **settings: Any) -> None:
        self.tracker, self.rate, self.frame = make_tracker(image_size, **settings), frames_per_second, 0

    def __call__(self, detections: np.ndarray, camera: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        self.frame += 1
        time = self.frame / self.rate
        tracks = self.tracker.update(
            detections[:, :4], time, detections[:, 4], camera=camera if self.frame > 1 else None
        )
        return tracks.track_id[tracks.visible], tracks.boxes[tracks.visible]


def smoothed(tracker: Ours, frames: list[np.ndarray], lag_frames: int) -> list[FrameBoxes]:
    """All frames of a clip through the tracker and the smoother; gaps that were closed within the lag are filled."""
    smoother, results = LagSmoother(lag_frames), []
    for index, detections in enumerate(frames):
        time = (index + 1) / tracker.rate
        found = smoother.update(time, tracker.tracker.update(detections[:, :4], time, detections[:, 4]))
        results += [found] if found else []
    results += smoother.flush()
    frames_out = []
    for _, tracks, _ in results:
        shown = tracks.visible
        frames_out.append(FrameBoxes(tracks.boxes[shown], tracks.track_id[shown], tracks.confidence[shown]))
    return frames_out
