"""Whether samples last as long as their stamps say: longer where the number of channels or the rate is a wrong one,
less long where chunks are lost all the time or are played slowly.

Chunks that waited come in bursts, and some are lost, but then samples and stamps do not go in a straight line.
"""

from __future__ import annotations

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS

SECONDS = 5.0  # by the stamps, that are compared
MAX_SAMPLES_SECONDS = 64 * SECONDS  # by the samples: stamps that go more slowly still mean nothing
LEAST_CHUNKS = 6
LEAST_RATIO = 1.06  # 48 kHz where 44.1 kHz are announced is 1.09
STRAIGHT = 0.25  # chunks are nearer to their line than this part of how far it is from that of the stamps
MAX_STRAIGHT = 0.1  # and than this part of what they last


class StampPace:
    """`add` the chunks of a stretch of `rate` Hz that have stamps."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stamps: list[int] = []
        self._counts: list[int] = []  # samples from the first stamp to each
        self._num_samples = 0

    def add(self, stamp: int, num_samples: int) -> float | None:
        """A chunk at `stamp` ns -> how many times longer samples last than the stamps say, once that is known."""
        if self._stamps and stamp < self._stamps[0]:
            self._forget()
        self._stamps.append(stamp)
        self._counts.append(self._num_samples)
        self._num_samples += num_samples
        if self._num_samples > MAX_SAMPLES_SECONDS * self._rate:
            self._forget()
        elif stamp - self._stamps[0] >= SECONDS * NANOSECONDS:
            found = _ratio(np.array(self._stamps), np.array(self._counts) / self._rate)
            self._forget()
            return found
        return None

    def _forget(self) -> None:
        self._stamps, self._counts, self._num_samples = [], [], 0


def _ratio(stamps: np.ndarray, lasted: np.ndarray) -> float | None:
    """Of stamps in ns and what the samples before each last, in s; None where it is near one, or no line."""
    if stamps.size < LEAST_CHUNKS:
        return None
    times = (stamps - stamps[0]) / NANOSECONDS
    slope, begin = np.polyfit(times, lasted, 1)
    if 1.0 / LEAST_RATIO < slope < LEAST_RATIO:
        return None
    allowed = min(STRAIGHT * abs(slope - 1.0) * times[-1], MAX_STRAIGHT * lasted[-1])
    return float(slope) if np.abs(lasted - begin - slope * times).max() < allowed else None
