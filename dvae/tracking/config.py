"""Settings of the online tracker."""

from __future__ import annotations

from dataclasses import dataclass

from dvae.configuration import setting


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
    duplicate_iou: float = setting(
        0.75,
        "of boxes of one class that overlap more than this only the best is used; 1: all are",
        minimum=0.0,
        maximum=1.0,
        live=True,
    )
    max_detections: int = setting(300, "only this many detections of a frame, the best scores, are used", minimum=1)

    def notes(self) -> list[str]:
        """What the values do not do together, one line each."""
        if self.min_score <= self.birth_score:
            return []
        text = f"birth_score {self.birth_score:g} is below min_score {self.min_score:g}, which leaves out lower scores"
        return [f"{text}: tracks start from {self.min_score:g}"]
