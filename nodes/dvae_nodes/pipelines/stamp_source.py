"""The time of a chunk of audio: its stamp, or its arrival where it has none that means anything."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.audio import AudioChunk

STANDING_SECONDS, STANDING_CHUNKS = 1.0, 3  # a stamp that does not advance for longer is none
REMEMBERED = 8  # chunks, among which one that is delivered twice is found


class ChunkTime(NamedTuple):
    """Time in ns of the first sample. is_other_clock: it does not compare with that of the chunk before."""

    stamp: int
    is_arrival: bool
    is_other_clock: bool


class StampSource:
    """`time_of` each chunk of `topic` in turn; `lasted` tells how long it was.

    A stamp of 0 is none: such a chunk follows the one before. When no new stamp comes for a while, the times of arrival
    are taken, which is said once.
    """

    def __init__(self, topic: str, reporter: Reporter) -> None:
        self._topic, self._reporter = topic, reporter
        self._stamp: int | None = None  # the newest that a header had
        self._received = 0  # when it was new, in ns
        self._num_standing = 0  # chunks since then
        self._next = 0  # when the chunk after the last one begins, in ns
        self._by_arrival: bool | None = None
        self._has_advanced = self._is_said = False
        self._last: deque[AudioChunk] = deque(maxlen=REMEMBERED)

    def is_repeated(self, chunk: AudioChunk) -> bool:
        """Whether the same chunk was there before: the same stamp, and the same sound."""
        same = [known for known in self._last if known.stamp == chunk.stamp] if self._has_advanced else []
        if chunk.stamp and any(_is_same_sound(known.data, chunk.data) for known in same):
            text = f"{self._topic}: expected each chunk once, got the one at {chunk.stamp} ns again: left out"
            self._reporter.report(f"{self._topic} twice", text)
            return True
        self._last.append(chunk)
        return False

    def time_of(self, chunk: AudioChunk) -> ChunkTime:
        """The time of the next chunk."""
        is_new = chunk.stamp is not None and chunk.stamp != self._stamp
        if is_new:
            self._has_advanced |= self._stamp is not None
            self._stamp, self._received, self._num_standing = chunk.stamp, chunk.receive_time, -1
        self._num_standing += 1
        standing = (chunk.receive_time - self._received) / NANOSECONDS
        stands = standing > STANDING_SECONDS and self._num_standing >= STANDING_CHUNKS
        by_arrival = self._stamp is None or stands
        if by_arrival and chunk.has_header:
            self._say(standing)
        time = chunk.receive_time if by_arrival else chunk.stamp or self._next
        other = self._by_arrival not in (None, by_arrival)
        self._by_arrival, self._next = by_arrival, time
        return ChunkTime(self._next, by_arrival, other)

    def lasted(self, nanoseconds: int) -> None:
        """Length of the chunk whose time was told last."""
        self._next += nanoseconds

    def _say(self, standing: float) -> None:
        if self._is_said:
            return
        self._is_said = True
        got = "got 0" if self._stamp is None else f"got {self._stamp} ns for {standing:.1f} s"
        text = f"{self._topic}: expected stamps that advance, {got}: the time of arrival is taken"
        self._reporter.report(f"{self._topic} stamps", text)


def _is_same_sound(first: object, second: object) -> bool:
    """Equal samples, which are not all silent: digital silence says nothing."""
    if isinstance(first, bytes) and isinstance(second, bytes):
        return first == second and any(first)
    return np.array_equal(np.asarray(first), np.asarray(second)) and bool(np.any(np.asarray(first)))
