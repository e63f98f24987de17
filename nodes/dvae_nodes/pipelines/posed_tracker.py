"""The audio-visual tracker with the camera's map of the time that an update is about.

Images wait until what is heard at their time is there. Where the head turns, the map has changed meanwhile.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from numpy.typing import ArrayLike

from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.scene import BearingMap, Heard
from dvae.audiovisual.tracker import AudioVisualFrame, AudioVisualTracker
from dvae.tracking.online import OnlineTracker


class PosedTracker(AudioVisualTracker):
    """`follow` tells the map of each image before the image itself is given to `update`."""

    def __init__(self, tracker: OnlineTracker, config: AudioVisualConfig) -> None:
        super().__init__(tracker, None, config)
        self.bearings: BearingMap | None = None  # of the last update
        self._maps: deque[tuple[float, BearingMap | None]] = deque([(-math.inf, None)])  # and from when on, s

    def reset(self) -> None:
        """As the base; the newest map is that of what follows."""
        super().reset()
        self._maps = deque([(-math.inf, self._maps[-1][1])])

    def follow(self, time: float, bearings: BearingMap | None) -> None:
        """The map from `time` in s on."""
        if bearings is not self._maps[-1][1]:
            self._maps.append((time, bearings))

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
        """As the base, with the map of that time."""
        while len(self._maps) > 1 and self._maps[1][0] <= time:
            self._maps.popleft()
        self.bearings = self._maps[0][1]
        return super().update(boxes, time, scores, labels, camera, heard, looked)
