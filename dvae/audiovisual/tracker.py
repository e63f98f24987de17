"""People who are seen and heard: one posterior of where they are, from boxes and from directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.audiovisual.association import assign_directions
from dvae.audiovisual.scene import BearingMap, Heard
from dvae.configuration import setting
from dvae.tracking.online import OnlineTracker
from dvae.tracking.population import select
from dvae.tracking.tracks import Tracks, TrackState

Array = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class AudioVisualConfig:
    """Settings of the audio-visual tracker."""

    direction_deviation: float = setting(
        5.0, "standard deviation of a direction that is heard", unit="deg", minimum=0.1, maximum=90.0
    )
    clutter: float = setting(
        0.2, "prior probability that a direction is nobody's voice", minimum=1e-6, maximum=1.0 - 1e-6
    )


class Sources(NamedTuple):
    """All who may be heard, M of them: the confirmed tracks, then who is heard only."""

    source_id: (
        Ids  # (M,), unique in the life of the tracker: the track's id, or a negative number for who is heard only
    )
    track_id: Ids  # (M,), as in the tracks; 0 for who is heard only
    azimuth: Array  # (M,), rad
    azimuth_variance: Array  # (M,), rad^2
    in_view: NDArray[np.bool_]  # (M,), whether the image shows where they are


class AudioVisualFrame(NamedTuple):
    """What is known at a time. responsibilities: of each Heard, (K, M + 1): whose voice each of its directions is, the
    last column nobody's; rows sum to one."""

    time: float  # s
    tracks: Tracks
    sources: Sources
    heard: tuple[Heard, ...]  # since the frame before
    responsibilities: tuple[Array, ...]


class AudioVisualTracker:
    """Call `update` for every video frame, also for those without boxes; `reset` to start anew (ids go on).

    bearings: from boxes to azimuths; None: nothing that is heard is used.
    """

    def __init__(
        self, tracker: OnlineTracker, bearings: BearingMap | None, config: AudioVisualConfig | None = None
    ) -> None:
        self.config = config or AudioVisualConfig()
        self._tracker, self.bearings = tracker, bearings

    def reset(self) -> None:
        """Forget everybody; ids go on."""
        self._tracker.reset()

    def update(
        self,
        boxes: ArrayLike,
        time: float,
        scores: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        camera: ArrayLike | None = None,
        heard: Sequence[Heard] = (),
        looked: bool = True,
    ) -> AudioVisualFrame:
        """Boxes (K, 4) as in OnlineTracker.update, and what was heard since the last update -> people and voices.

        looked: false where there is no image, so that only time and sound go on. Raises ValueError as OnlineTracker
        does, and for directions that are not finite; after any error the tracker is as it was.
        """
        tracks = self._tracker.update(boxes, time, scores, labels, camera)
        sources = self._sources(select(tracks, tracks.state != TrackState.TENTATIVE))
        own = math.radians(self.config.direction_deviation) ** 2
        found = [
            assign_directions(each.azimuth, sources.azimuth, sources.azimuth_variance + own, self.config.clutter)
            for each in heard
        ]
        return AudioVisualFrame(
            time,
            tracks,
            sources,
            tuple(heard),
            tuple(np.column_stack([*a.responsibilities.T, a.clutter]) for a in found),
        )

    def _sources(self, tracks: Tracks) -> Sources:
        if self.bearings is None:
            tracks = select(tracks, np.zeros(len(tracks.track_id), dtype=bool))
            nothing = np.zeros(0)
            return Sources(tracks.track_id, tracks.track_id, nothing, nothing, np.zeros(0, dtype=bool))
        azimuth, slope, variance = self.bearings.bearings(tracks.boxes)
        spread = (tracks.variance[:, 0] + tracks.variance[:, 2]) / 4.0
        seen = np.ones(len(azimuth), dtype=bool)
        return Sources(tracks.track_id, tracks.track_id, azimuth, variance + np.square(slope) * spread, seen)
