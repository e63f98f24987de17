"""The last seconds of a signal, kept by their time."""

from __future__ import annotations

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import Audio


class AudioHistory:
    """The newest `seconds` of samples at `rate` Hz on the clock of the stamps; what nobody wrote is silence."""

    def __init__(self, rate: int, seconds: float) -> None:
        self.rate = rate
        self._samples: Audio = np.zeros(int(seconds * rate), dtype=np.float32)
        self._end = 0  # index on the clock of the sample after the last one kept

    def move_to(self, stamp: int) -> None:
        """What is appended next begins at `stamp` ns: silence before it, or what would come after it is void."""
        first = stamp * self.rate // NANOSECONDS
        size, gap = self._samples.size, first - self._end
        if gap > 0:
            self._samples = np.concatenate([self._samples, np.zeros(min(gap, size), dtype=np.float32)])[-size:]
        elif gap < 0:
            self._samples = np.concatenate([np.zeros(min(-gap, size), dtype=np.float32), self._samples])[:size]
        self._end = first

    def append(self, samples: Audio) -> None:
        """Samples (S,) that follow what was appended before."""
        self._samples = np.concatenate([self._samples, samples])[-self._samples.size :]
        self._end += samples.size

    def take(self, stamp: int, count: int) -> Audio:
        """The `count` samples from `stamp` ns on, (S,)."""
        first = round(stamp * self.rate / NANOSECONDS)
        offset = first - (self._end - self._samples.size)
        index = offset + np.arange(count)
        inside = (index >= 0) & (index < self._samples.size)
        taken = np.zeros(count, dtype=np.float32)
        taken[inside] = self._samples[index[inside]]
        return taken
