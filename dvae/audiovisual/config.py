"""Settings of the audio-visual tracker."""

from __future__ import annotations

from dataclasses import dataclass

from dvae.configuration import setting
from dvae.tracking.config import TrackerConfig

OF_TRACKS = TrackerConfig(  # for boxes that are tracked already, with the track's id as label
    confirm_hits=1,
    min_score=-1e3,
    birth_score=-1e3,
    visible_score=-1e3,
    birth_iou=1.0,
    duplicate_iou=1.0,
    clutter_nats=1e6,  # whatever has the label of a track is the track's
    camera_motion=False,
)


@dataclass(frozen=True)
class AudioVisualConfig:
    """How people who are seen are heard, and who is heard only."""

    direction_deviation: float = setting(
        5.0, "standard deviation of a direction that is heard", unit="deg", minimum=0.1, maximum=90.0
    )
    direction_clutter: float = setting(
        0.2, "prior probability that a direction is nobody's voice", minimum=1e-6, maximum=1.0 - 1e-6
    )
    directions_per_second: float = setting(
        3.3,
        "as so many independent directions of a voice count those of a second: the inverse of the time over which "
        "directions are averaged, however often they come",
        unit="Hz",
        minimum=0.01,
    )
    max_silent_seconds: float = setting(
        2.0, "a person without boxes lives on while heard, and for so long after it", unit="s", minimum=0.0
    )
    unseen_birth_seconds: float = setting(
        0.3, "directions of nobody who is known have to go on for so long to be a speaker", unit="s", minimum=0.0
    )
    unseen_birth_nats: float = setting(
        2.0, "and to be so many nats more probable than directions at random", unit="nat", minimum=0.0
    )
    unseen_drift: float = setting(
        10.0, "standard deviation of how far who is heard only moves in a second", unit="deg", minimum=0.0
    )
    unseen_silent_seconds: float = setting(
        5.0, "who is heard only is forgotten after so much silence", unit="s", minimum=0.0
    )
