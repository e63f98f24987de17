"""A recording of numbered frames through the online tracker, at a cost that follows its detections and not the numbers
of its frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.account import Account
from dvae.tracking.boxes import Boxes
from dvae.tracking.online import OnlineTracker
from dvae.tracking.smoothing import LagSmoother
from dvae.tracking.tracks import Tracks

Array = NDArray[np.float64]


class NumberedFrame(NamedTuple):
    """The detections of a frame: boxes (K, 4), scores (K,)."""

    number: int
    boxes: Boxes
    scores: Array


class Recording:
    """Tracks frame by frame. `account` is of the frames so far, `num_frames` counts those between the first and the
    last.

    first: number of the first frame; motion: of the camera, maps (2, 3) by frames from 0. Once nobody is left, frames
    without detections change nothing but the time: of such a gap the last frame is enough.
    """

    def __init__(
        self,
        tracker: OnlineTracker,
        smoother: LagSmoother | None,
        frames_per_second: float,
        first: int = 1,
        motion: Mapping[int, Array] | None = None,
    ) -> None:
        self._tracker, self._smoother, self._rate = tracker, smoother, frames_per_second
        self._first, self._motion = first, motion or {}
        self._held: deque[int] = deque()  # frames in the smoother
        self._is_empty = True  # nobody is left
        self.account, self.num_frames = Account(), 0

    def track(self, frames: Iterable[NumberedFrame]) -> Iterator[tuple[int, Tracks]]:
        """The frames with detections, in order -> number and tracks of each frame in which somebody can be."""
        last = self._first - 1
        for frame in frames:
            while last < frame.number - 1:
                last = frame.number - 1 if self._is_empty else last + 1
                yield from self._step(NumberedFrame(last, np.zeros((0, 4)), np.zeros(0)))
            last, self.num_frames = frame.number, frame.number + 1 - self._first
            yield from self._step(frame)
        for late in self._smoother.flush() if self._smoother else []:
            yield self._held.popleft(), late.tracks

    def _step(self, frame: NumberedFrame) -> Iterator[tuple[int, Tracks]]:
        index = frame.number - self._first
        time = index / self._rate
        tracks = self._tracker.update(frame.boxes, time, frame.scores, camera=self._motion.get(index))
        self.account = self.account.plus(self._tracker.account)
        self._is_empty = not len(tracks.track_id)
        if self._smoother is None:
            yield frame.number, tracks
            return
        self._held.append(frame.number)
        smoothed = self._smoother.update(time, tracks)
        if smoothed:
            yield self._held.popleft(), smoothed.tracks
