"""Single samples that are far too loud, or no numbers, are taken as silence before anything remembers them.

Floats can hold anything, and one wrong sample of 1e5 would be the level of all that follows, for half a minute. What a
stream's samples reach is known from those before; a few far above it are errors, but where many are, the stream has
another scale than [-1, 1] (16-bit values as floats, for instance), which is taken: soon at its start, later only
when they stay. Rubbish that lasts is taken for a scale too, so the one before comes back when samples stay within it,
far below the new one, for several times as long as that was heard. Silence tells nothing of the scale, nor do whole
numbers of [-1, 1], which are what pauses between integers are made of.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dvae.signal.audio_file import Audio

USUAL_PEAK = 0.5  # what samples are taken to reach at least
HEADROOM = 8.0  # louder than this times what was reached is far too loud
FIRST_SECONDS = 0.1  # of a stream: nothing is known of it before
MANY_AT_FIRST, AT_FIRST_SECONDS = 64, 0.1  # so many such samples within such a time are of the stream's scale
MANY_SECONDS, LATER_SECONDS = 0.125, 0.5  # and later so many seconds of them within such a time
LARGEST = 2.0**33  # no format has samples above this
BLOCK_SECONDS = 1 / 16  # samples are looked at together for so long, to see whether they are of the scale
FAR_BELOW = 1 / 256  # of what the scale reaches: a block below this is not of it
SILENT = 2e-4  # of what the scale before reached: a block below this tells nothing
BACK_SECONDS, BACK_FACTOR = 1.0, 4  # the scale before comes back after so long, so many times as long as the new one


class Admitted(NamedTuple):
    """Samples (C, S) that can be gone on with, and how many of them were too loud or no numbers, and are 0 now.

    returns: places in them from which on the scale is again the one before, and those before it were rubbish.
    """

    samples: Audio
    num_wrong: int
    returns: tuple[int, ...] = ()


@dataclass
class Block:
    """What was heard since the last multiple of BLOCK_SECONDS."""

    peak: float = 0.0
    is_whole: bool = True  # all samples are whole numbers


class SampleScale:
    """What the samples of one stream at `rate` Hz reach. `admit` each chunk; any chunking gives the same samples."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.peak = USUAL_PEAK
        self._before = USUAL_PEAK  # what was reached before this scale
        self._num_samples = 0
        self._loud: deque[int] = deque(maxlen=max(MANY_AT_FIRST, round(MANY_SECONDS * rate)))  # places of too loud ones
        self._block_size = max(1, round(BLOCK_SECONDS * rate))
        self._block = Block()
        self._num_within = self._num_below = 0  # blocks of this scale, and then far below it and of the one before

    @property
    def is_usual(self) -> bool:
        """Whether the samples are those of the range [-1, 1], with some headroom."""
        return _is_usual(self.peak)

    def admit(self, samples: Audio) -> Admitted:
        """Channels (C, S)."""
        limit = min(HEADROOM * self.peak, USUAL_PEAK * HEADROOM)
        largest = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
        if self.is_usual and largest <= limit:  # not so for NaN
            self.peak = max(self.peak, largest)
            self._num_samples += samples.shape[1]
            return Admitted(samples, 0)
        parts, returns, first = [], [], 0
        while first < samples.shape[1]:
            last = first + self._block_size - self._num_samples % self._block_size
            parts.append(self._admit_part(samples[:, first:last]))
            if self._num_samples % self._block_size == 0 and self._ends_block():
                returns.append(last)
            first = last
        num_wrong = sum(part.num_wrong for part in parts)
        admitted = np.concatenate([part.samples for part in parts], axis=1) if num_wrong else samples
        return Admitted(admitted, num_wrong, tuple(returns))

    def _admit_part(self, samples: Audio) -> Admitted:
        """Channels (C, S) within a block."""
        is_number = np.abs(samples) <= LARGEST  # not so for NaN
        admitted = samples if is_number.all() else np.where(is_number, samples, np.float32(0.0))
        peaks = np.abs(admitted).max(axis=0, initial=0.0)
        loud, first = np.flatnonzero(peaks > HEADROOM * self.peak).tolist(), 0
        if loud and admitted is samples:
            admitted = samples.copy()
        for place in loud:
            self._heard(peaks[first:place])
            admitted[:, place] = self._examine(admitted[:, place])
            first = place + 1
        self._heard(peaks[first:])
        self._block.peak = max(self._block.peak, float(np.abs(admitted).max(initial=0.0)))
        self._block.is_whole &= bool((admitted == np.rint(admitted)).all())
        return Admitted(admitted, 0 if admitted is samples else int((~(admitted == samples)).sum()))

    def _ends_block(self) -> bool:
        """Whether the scale before comes back after this block."""
        block, self._block = self._block, Block()
        if self.is_usual:
            return False
        if block.peak > self.peak * FAR_BELOW:
            self._num_within, self._num_below = self._num_within + 1, 0
            return False
        tells_nothing = block.peak < self._before * SILENT or (block.is_whole and _is_usual(self._before))
        if not tells_nothing and block.peak <= HEADROOM * self._before:
            self._num_below += 1
        if self._num_below < max(BACK_SECONDS / BLOCK_SECONDS, BACK_FACTOR * self._num_within):
            return False
        self.peak, self._num_within, self._num_below = self._before, 0, 0
        return True

    def _heard(self, peaks: Audio) -> None:
        self.peak = max(self.peak, float(peaks.max(initial=0.0)))
        self._num_samples += peaks.size

    def _take(self, peak: float) -> None:
        """Another scale; the one before is kept, unless it was heard too briefly to be one."""
        if self.is_usual or self._num_within * BLOCK_SECONDS >= BACK_SECONDS:
            self._before = self.peak
        self.peak, self._num_within, self._num_below = peak, 0, 0

    def _are_many(self) -> bool:
        """Whether samples are too loud so often that it is the scale of the stream."""
        at_first = self._num_samples < FIRST_SECONDS * self._rate
        many = MANY_AT_FIRST if at_first else self._loud.maxlen or 0
        near = (AT_FIRST_SECONDS if at_first else LATER_SECONDS) * self._rate
        return len(self._loud) >= many and self._num_samples - self._loud[-many] < near

    def _examine(self, column: Audio) -> Audio:
        """All channels of one sample (C,), of which one at least may be too loud."""
        peak = float(np.abs(column).max())
        limit = HEADROOM * self.peak
        if peak > limit:
            self._loud.append(self._num_samples)
            if self._are_many():
                limit = np.inf
                self._take(peak)
        else:
            self.peak = max(self.peak, peak)
        self._num_samples += 1
        return np.where(np.abs(column) <= limit, column, np.float32(0.0))


def _is_usual(peak: float) -> bool:
    return peak <= USUAL_PEAK * HEADROOM
