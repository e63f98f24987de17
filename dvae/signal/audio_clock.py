"""The time of each sample of a stretch of audio, from the stamps of its chunks.

Stamps jitter, and the clock of a sound card drifts against that of the stamps. So each chunk anchors the samples that
follow it to its own stamp; how far a stamp is from where it was expected tells what was lost on the way.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

NANOSECONDS = 1_000_000_000
MIN_LOST_SECONDS = 0.01  # shorter gaps are jitter of the stamps
LOST_FRACTION = 0.75  # of a chunk: shorter gaps are jitter too


class Anchor(NamedTuple):
    """A chunk's first sample: its position at the rate of the model, and its time in ns."""

    position: float
    stamp: int


class AudioClock:
    """Chunks are told with `add` as they come in; samples at the rate of the model are asked for as they go out.

    input_rate, output_rate: of the chunks and of the model, in Hz. One clock belongs to one stretch without gaps.
    """

    def __init__(self, input_rate: int, output_rate: int) -> None:
        self.input_rate, self.output_rate = input_rate, output_rate
        self.next_stamp: int | None = None  # of the next chunk, if it follows at once; None before the first
        self._num_samples = 0  # at the input rate
        self._anchors: deque[Anchor] = deque()  # of what has not gone out

    def late_seconds(self, stamp: int) -> float:
        """How long after its expected time a chunk at `stamp` ns is; below 0 before it, and 0 for the first one."""
        return 0.0 if self.next_stamp is None else (stamp - self.next_stamp) / NANOSECONDS

    def num_lost(self, stamp: int, num_samples: int) -> int:
        """Samples that are missing before a chunk of `num_samples` at `stamp` ns, 0 when it is jitter."""
        if self.next_stamp is None:
            return 0
        gap = (stamp - self.next_stamp) * self.input_rate // NANOSECONDS
        return 0 if gap < max(LOST_FRACTION * num_samples, MIN_LOST_SECONDS * self.input_rate) else gap

    def skip(self, num_samples: int) -> None:
        """So many samples were put in the place of lost ones."""
        self._num_samples += num_samples

    def add(self, stamp: int, num_samples: int) -> None:
        """A chunk of `num_samples` whose first one is at `stamp` ns."""
        self._anchors.append(Anchor(self._num_samples * self.output_rate / self.input_rate, stamp))
        self._num_samples += num_samples
        self.next_stamp = stamp + num_samples * NANOSECONDS // self.input_rate

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

    def _from(self, anchor: Anchor, index: int) -> int:
        return anchor.stamp + round((index - anchor.position) * NANOSECONDS / self.output_rate)
