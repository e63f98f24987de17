"""What the robot's loudspeaker plays, kept by its time until the microphones hear it."""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr

from dvae.signal.audio_file import Audio
from dvae_nodes.wire.conversions import NANOSECONDS

KEPT_SECONDS = 10.0
MAX_JITTER_SECONDS = 0.02  # stamps nearer than this to their expected time are taken as it


class Reference:
    """Samples at `rate` on the clock of the stamps; what nobody sent is silence."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._samples: Audio = np.zeros(int(KEPT_SECONDS * rate), dtype=np.float32)
        self._end = 0  # index on the clock of the sample after the last one kept
        self._next: tuple[int, int] | None = None  # rate of the input and stamp that the next chunk should have
        self._resampler: Any = None
        self.num_received = 0

    def add(self, samples: Audio, rate: int, stamp: int) -> None:
        """A chunk (S,) at `rate` Hz whose first sample is played at `stamp` ns."""
        jitter = MAX_JITTER_SECONDS * NANOSECONDS
        if self._next is None or self._next[0] != rate or abs(stamp - self._next[1]) > jitter:
            self._move_to(stamp * self.rate // NANOSECONDS)
            self._resampler = soxr.ResampleStream(rate, self.rate, 1, dtype="float32") if rate != self.rate else None
            self._next = (rate, stamp)
        self._next = (rate, self._next[1] + samples.size * NANOSECONDS // rate)
        self.num_received += samples.size
        # what a resampler holds back comes with the next chunk, in its place
        self._append(samples if self._resampler is None else self._resampler.resample_chunk(samples))

    def _move_to(self, first: int) -> None:
        """The next sample is number `first` of the clock: silence before it, or void what would come after it."""
        size, gap = self._samples.size, first - self._end
        if gap > 0:
            self._samples = np.concatenate([self._samples, np.zeros(min(gap, size), dtype=np.float32)])[-size:]
        elif gap < 0:
            self._samples = np.concatenate([np.zeros(min(-gap, size), dtype=np.float32), self._samples])[:size]
        self._end = first

    def _append(self, samples: Audio) -> None:
        self._samples = np.concatenate([self._samples, samples])[-self._samples.size :]
        self._end += samples.size

    def take(self, stamp: int, count: int) -> Audio:
        """The `count` samples from `stamp` ns on."""
        first = round(stamp * self.rate / NANOSECONDS)
        offset = first - (self._end - self._samples.size)
        index = offset + np.arange(count)
        inside = (index >= 0) & (index < self._samples.size)
        taken = np.zeros(count, dtype=np.float32)
        taken[inside] = self._samples[index[inside]]
        return taken
