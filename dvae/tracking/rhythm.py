"""When a detector that is slower than the camera gives its next output: frames in between are no frames without people.

Many programs call the tracker for every image and run their detector on every second, third or fifth one. Such a
rhythm is observed: after a few intervals between frames with detections, none of them without an empty frame in
between and all of about one length, an empty frame that comes before the next output is due says nothing. One that
comes when it is due is a frame in which nobody was found.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

NEEDED = 3  # intervals that make a rhythm
KEPT = 16  # intervals that are remembered
REGULAR = 2.0  # the longest of them may be so many times the shortest
LATE = 1.5  # times the expected interval: what takes longer is an absence of people and no interval
EXACT = 1.0 - 1e-6  # of rounding in times


class Rhythm(NamedTuple):
    """Of the frames with detections so far. seen: time of the newest one, in seconds; last: that of the detector's
    newest output, empty ones that were due too; is_next: whether no frame was empty since `seen`; intervals: seconds
    from one frame with detections to the next, 0 where no empty frame lies between, newest last."""

    seen: float | None = None
    last: float = -inf
    is_next: bool = True
    intervals: tuple[float, ...] = ()

    def expected(self) -> float | None:
        """Seconds from one output to the next at most, None where there is no rhythm: the longest of the newest
        intervals that are regular."""
        shortest, longest, found = inf, 0.0, None
        for count, interval in enumerate(reversed(self.intervals), start=1):
            shortest, longest = min(interval, shortest), max(interval, longest)
            if interval <= 0.0 or longest * EXACT > REGULAR * shortest:
                break
            found = longest if count >= NEEDED else None
        return found

    def is_between(self, time: float, has_detections: bool) -> bool:
        """Whether the frame at `time` s is one that the detector did not look at."""
        expected = self.expected()
        return not has_detections and expected is not None and time - self.last < EXACT * expected

    def after(self, time: float, has_detections: bool) -> Rhythm:
        """With the frame at `time` s."""
        if not has_detections:
            is_due = self.expected() is not None and not self.is_between(time, has_detections)
            return self._replace(last=time if is_due else self.last, is_next=False)
        intervals, expected = self.intervals, self.expected()
        if self.seen is not None:
            interval = 0.0 if self.is_next else time - self.seen
            if expected is None or interval * EXACT <= LATE * expected:
                intervals = (*intervals, interval)[-KEPT:]
        return Rhythm(time, time, True, intervals)
