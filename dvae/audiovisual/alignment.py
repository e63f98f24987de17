"""Two streams in time: what is heard and what is seen become moments, by their stamps alone.

A video frame is a moment once everything that was heard until its time is there, or once a frame that is `wait`
seconds newer has come. Where no video frame is for longer than `wait`, moments with sound alone follow each other
steadily, `wait` seconds after their time. So the same stamps give the same moments in whatever order and pieces both
streams come, as long as none is more than `wait` behind the other.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from dvae.audiovisual.scene import Array, BearingMap, Ids
from dvae.audiovisual.sound import HeardFrame
from dvae.tracking.boxes import Boxes


class Seen(NamedTuple):
    """A video frame: boxes (K, 4) in pixels, where given the tracks' ids (K,) and scores (K,), and the map of its time,
    which may be another one when the frame's turn comes: a head turns meanwhile."""

    time: float  # s
    boxes: Boxes
    track_ids: Ids | None
    scores: Array | None
    bearings: BearingMap | None = None


class Moment(NamedTuple):
    """A time, what is seen (None: no image), and what was heard since the moment before."""

    time: float  # s
    seen: Seen | None
    heard: tuple[HeardFrame, ...]


class Alignment:
    """`add_heard` and `add_seen` as things come, then `ready`.

    num_late_seen, num_late_heard: left out, because a later moment was out already. num_without_sound: video frames
    that sound did not reach in time.
    """

    def __init__(self, wait: float, step: float) -> None:
        self.wait, self.step = wait, step
        self.num_late_seen = self.num_late_heard = self.num_without_sound = 0
        self.newest_seen = -math.inf  # s
        self._seen: deque[Seen] = deque()
        self._heard: deque[HeardFrame] = deque()
        self._last = self._last_seen = -math.inf  # moment, moment with an image

    def reset(self) -> None:
        """Forget the past; what was counted stays."""
        self.newest_seen = self._last = self._last_seen = -math.inf
        self._seen.clear()
        self._heard.clear()

    def add_seen(self, seen: Seen) -> None:
        """A video frame; one that is not after those before is left out."""
        if seen.time <= max(self.newest_seen, self._last):
            self.num_late_seen += 1
            return
        self.newest_seen = seen.time
        self._seen.append(seen)

    def add_heard(self, heard: list[HeardFrame]) -> None:
        """In order of time."""
        fresh = [each for each in heard if each.heard.time > self._last]
        self.num_late_heard += len(heard) - len(fresh)
        if fresh and math.isinf(self._last_seen):
            self._last_seen = fresh[0].heard.time  # from then on there could have been an image
        self._heard.extend(fresh)

    def ready(self, reached: float, is_end: bool = False) -> list[Moment]:
        """The moments that are complete when everything that is heard until `reached` is there; at the end all."""
        found = []
        while (moment := self._next(reached, is_end)) is not None:
            found.append(moment)
        return found

    def _next(self, reached: float, is_end: bool) -> Moment | None:
        tick = self._tick()
        if self._seen and not (self._seen[0].time - self._last_seen > self.wait and tick < self._seen[0].time):
            return self._next_seen(reached, is_end)
        limit = math.inf if is_end else reached if self._seen else reached - self.wait
        if math.isinf(tick) or tick > limit or not (self._seen or limit >= self._last_seen + self.wait):
            return self._next_seen(reached, is_end) if self._seen and self._is_due() else None
        return self._take(tick, None)

    def _next_seen(self, reached: float, is_end: bool) -> Moment | None:
        if not (is_end or reached >= self._seen[0].time or self._is_due()):
            return None
        if reached < self._seen[0].time:
            self.num_without_sound += 1
        seen = self._seen.popleft()
        self._last_seen = seen.time
        return self._take(seen.time, seen)

    def _is_due(self) -> bool:
        return self.newest_seen - self._seen[0].time >= self.wait - 1e-9  # of rounding

    def _tick(self) -> float:
        """The next moment with sound alone: where nothing was heard for long, when something is."""
        if not self._heard:
            return math.inf
        heard = self._heard[0].heard.time
        return self._last + self.step if heard <= self._last + max(self.wait, self.step) else heard

    def _take(self, time: float, seen: Seen | None) -> Moment:
        heard = []
        while self._heard and self._heard[0].heard.time <= time:
            heard.append(self._heard.popleft())
        self._last = time
        return Moment(time, seen, tuple(heard))
