"""The time of each sample of a stretch of audio: its samples are the clock, the stamps of the chunks set it.

A stamp is late by what its chunk waited for on the way, and never early. So samples are counted, and the count is held
to the stamps: at once to one that is earlier, slowly to later ones, which is enough for a sound card's clock that
drifts against that of the stamps (by up to MAX_LATE_SECONDS / SETTLING_SECONDS = 0.1 %). What is lost is found by
`dvae.signal.audio_gaps`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

NANOSECONDS = 1_000_000_000
SETTLING_SECONDS = 2.0  # time constant with which later stamps are followed
MAX_LATE_SECONDS = 0.002  # a stamp that is later than this counts as this late: it waited on the way
SLOWEST = 0.1  # where the count was ahead of time, stamps advance by this much of what the samples last: never back


class Anchor(NamedTuple):
    """A chunk's first sample: its position at the rate of the model, its time in ns, and ns from there to the next."""

    position: float
    stamp: int
    step: float


class AudioClock:
    """Chunks are told with `add` as they come in; samples at the rate of the model are asked for as they go out.

    input_rate, output_rate: of the chunks and of the model, in Hz. One clock belongs to one stretch without gaps.
    last_stamp: of the newest chunk that had one.
    """

    def __init__(self, input_rate: int, output_rate: int) -> None:
        self.input_rate, self.output_rate = input_rate, output_rate
        self.last_stamp: int | None = None
        self._zero: int | None = None  # time in ns of sample 0, as the stamps have it now
        self._num_samples = 0  # at the input rate
        self._late_before = 0  # of the chunk before, in ns
        self._told = 0  # time in ns that was told for the sample after the last one
        self._anchors: deque[Anchor] = deque()  # of what has not gone out

    @property
    def next_stamp(self) -> int | None:
        """Time in ns of the next chunk, if it follows at once; None before the first."""
        return None if self._zero is None else self._zero + self._lasts(self._num_samples)

    def late_seconds(self, stamp: int) -> float:
        """How long after its expected time a chunk at `stamp` ns is; below 0 before it, and 0 for the first one."""
        return 0.0 if self.next_stamp is None else (stamp - self.next_stamp) / NANOSECONDS

    def skip(self, num_samples: int) -> None:
        """So many samples are put in the place of lost ones."""
        self._tell(num_samples)

    def set_to(self, stamp: int) -> None:
        """The next chunk is at `stamp` ns, because the stamps come from another clock now."""
        if self._zero is not None:
            self._zero = stamp - self._lasts(self._num_samples)
            self._told = self.last_stamp = stamp

    def add(self, stamp: int | None, num_samples: int, is_arrival: bool = False) -> None:
        """A chunk of `num_samples` whose first one is at `stamp` ns; None: at the time that is expected.

        is_arrival: the stamp is the time of arrival, which is never too early. A single earlier stamp of another clock
        may be wrong: it is followed when the next one is early too.
        """
        if self._zero is None:
            self._zero = self._told = stamp or 0
        if stamp is not None:
            self._follow(stamp, num_samples, is_arrival)
            self.last_stamp = stamp
        self._tell(num_samples)

    def stamp_of(self, index: int) -> int:
        """Time in ns of sample `index` at the rate of the model, by the last chunk that begins before it."""
        before = [anchor for anchor in self._anchors if anchor.position <= index]
        return self._from(before[-1] if before else self._anchors[0], index)

    def newest_stamp_of(self, index: int) -> int:
        """The same by the newest chunk, for samples that are just coming in."""
        return self._from(self._anchors[-1], index)

    def forget_before(self, index: int) -> None:
        """Samples before `index` have gone out: what only they needed is dropped."""
        while len(self._anchors) > 1 and self._anchors[1].position <= index:
            self._anchors.popleft()

    def forget(self) -> None:
        """Everything has gone out that came before the newest chunk."""
        while len(self._anchors) > 1:
            self._anchors.popleft()

    def _follow(self, stamp: int, num_samples: int, is_arrival: bool) -> None:
        assert self._zero is not None
        late = stamp - self._zero - self._lasts(self._num_samples)
        if late < 0:
            change = late if is_arrival else min(0, max(late, self._late_before))
        else:
            share = -math.expm1(-num_samples / self.input_rate / SETTLING_SECONDS)
            change = round(share * min(late, MAX_LATE_SECONDS * NANOSECONDS))
        self._zero += change
        self._late_before = late - change

    def _tell(self, num_samples: int) -> None:
        """The next samples get their time, after that of those before: where that was too late, time goes slowly."""
        assert self._zero is not None
        time, lasts = self._zero + self._lasts(self._num_samples), self._lasts(num_samples)
        too_late = max(0, self._told - time)
        slower = min(too_late, round((1.0 - SLOWEST) * lasts))
        step = (1.0 - slower / lasts if slower else 1.0) * NANOSECONDS / self.output_rate
        first = time + too_late
        self._anchors.append(Anchor(self._num_samples * self.output_rate / self.input_rate, first, step))
        self._num_samples += num_samples
        self._told = first + lasts - slower

    def _lasts(self, num_samples: int) -> int:
        return num_samples * NANOSECONDS // self.input_rate

    def _from(self, anchor: Anchor, index: int) -> int:
        return anchor.stamp + round((index - anchor.position) * anchor.step)
