"""Single samples that are far too loud, or no numbers, are taken as silence before anything remembers them.

Floats can hold anything, and one wrong sample of 1e5 would be the level of all that follows, for half a minute. What a
stream's samples reach is known from those before; a few far above it are errors, but where many are, the stream has
another scale than [-1, 1] (16-bit values as floats, for instance), which is taken: soon at its start, later only
when they stay.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from dvae.signal.audio_file import Audio

USUAL_PEAK = 0.5  # what samples are taken to reach at least
HEADROOM = 8.0  # louder than this times what was reached is far too loud
FIRST_SECONDS = 0.1  # of a stream: nothing is known of it before
MANY_AT_FIRST, AT_FIRST_SECONDS = 64, 0.1  # so many such samples within such a time are of the stream's scale
MANY_SECONDS, LATER_SECONDS = 0.125, 0.5  # and later so many seconds of them within such a time
LARGEST = 2.0**33  # no format has samples above this


class Admitted(NamedTuple):
    """Samples (C, S) that can be gone on with, and how many of them were too loud or no numbers, and are 0 now."""

    samples: Audio
    num_wrong: int


class SampleScale:
    """What the samples of one stream at `rate` Hz reach. `admit` each chunk; any chunking gives the same samples."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.peak = USUAL_PEAK
        self._num_samples = 0
        self._loud: deque[int] = deque(maxlen=max(MANY_AT_FIRST, round(MANY_SECONDS * rate)))  # places of too loud ones

    @property
    def is_usual(self) -> bool:
        """Whether the samples are those of the range [-1, 1], with some headroom."""
        return self.peak <= USUAL_PEAK * HEADROOM

    def admit(self, samples: Audio) -> Admitted:
        """Channels (C, S)."""
        limit = min(HEADROOM * self.peak, LARGEST)
        largest = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
        if largest <= limit:  # not so for NaN
            self.peak = max(self.peak, largest)
            self._num_samples += samples.shape[1]
            return Admitted(samples, 0)
        peaks = np.abs(samples).max(axis=0, initial=0.0)
        admitted, first = samples.copy(), 0
        for place in np.flatnonzero(~(peaks <= limit)).tolist():
            self._heard(peaks[first:place])
            admitted[:, place] = self._examine(samples[:, place])
            first = place + 1
        self._heard(peaks[first:])
        return Admitted(admitted, int((~(admitted == samples)).sum()))

    def _heard(self, peaks: Audio) -> None:
        self.peak = max(self.peak, float(peaks.max(initial=0.0)))
        self._num_samples += peaks.size

    def _are_many(self) -> bool:
        """Whether samples are too loud so often that it is the scale of the stream."""
        at_first = self._num_samples < FIRST_SECONDS * self._rate
        many = MANY_AT_FIRST if at_first else self._loud.maxlen or 0
        near = (AT_FIRST_SECONDS if at_first else LATER_SECONDS) * self._rate
        return len(self._loud) >= many and self._num_samples - self._loud[-many] < near

    def _examine(self, column: Audio) -> Audio:
        """All channels of one sample (C,), of which one at least may be too loud."""
        possible = np.abs(column) <= LARGEST  # not so for NaN
        peak = float(np.abs(column[possible]).max(initial=0.0))
        limit = HEADROOM * self.peak
        if peak > limit:
            self._loud.append(self._num_samples)
            if self._are_many():
                limit = np.inf
                self.peak = peak
        else:
            self.peak = max(self.peak, peak)
        self._num_samples += 1
        return np.where(possible & (np.abs(column) <= limit), column, np.float32(0.0))
