"""What late chunks of audio mean: that samples are missing before them, or that they only waited on the way.

A chunk that waited in a queue is followed by others that come faster than their samples last, until one is in time
again; after a loss all that follow stay late. So late chunks are held until it is known. What stays late for all later
ones was lost, and its length is the least by which they are late. Stamps that were taken from the samples show it soon;
a time of arrival has to stay late for longer than queues can explain.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_clock import NANOSECONDS, AudioClock
from dvae.signal.audio_file import Audio

LATE_FRACTION = 0.75  # of a chunk: what is less late follows at once
LATE_SECONDS, LATE_JITTER_SECONDS = 0.007, 0.02  # and what is less late than this: steady stamps, and those that jitter
REMEMBERED_SECONDS = 10.0  # after chunks have caught up, stamps count as jittering for so long
STEADY_SECONDS, STEADY_CHUNKS = 0.25, 6  # where stamps are exact, so long and so many must be late, and none catch up
STEADY_PART = 0.25  # of how late they are: what they may differ by
FLOORS, FLOOR_CHUNKS = 3, 4  # parts of what is held whose least waiting is compared; so many chunks tell the least
QUEUE_SECONDS = 1.0  # longer than that no queue holds audio back without catching up, or than twice what one did
MAX_QUEUE_SECONDS = 4.0
MAX_HELD_SECONDS, MAX_HELD_CHUNKS = 10.0, 5000


class StampedChunk(NamedTuple):
    """Sound as it came, `num_samples` at the rate of the input, the first at `stamp` ns, which may be the time of
    arrival."""

    data: bytes | Audio
    num_samples: int
    stamp: int
    is_arrival: bool = False
    frame_id: str = ""


class Release(NamedTuple):
    """Chunks that follow each other. Before the first, `num_lost` samples are missing, or a new stretch begins.

    is_trusted: the stamp of the first one means its time. late_seconds: how late the first one was. sets_clock: they
    come more slowly than their samples last: the stamp of the last one is the time from now on.
    """

    chunks: list[StampedChunk]
    num_lost: int = 0
    begins_anew: bool = False
    is_trusted: bool = True
    late_seconds: float = 0.0
    sets_clock: bool = False


class HeldAudio:
    """`put` each chunk of a stretch, then `take` until it gives None, telling each that was taken to `clock`.

    clock: of the stretch. max_gap: longer gaps, and jumps back by more, begin anew, in s.
    """

    def __init__(self, clock: AudioClock, max_gap: float) -> None:
        self._clock, self.max_gap = clock, max_gap
        self._chunks: deque[StampedChunk] = deque()
        self._size: int | None = None  # of all chunks so far, 0 when they differ
        self._caught_up: int | None = None  # stamp of the newest chunk that was late without loss, in ns
        self._latest = 0.0  # how late such a chunk was, the most of them, in s

    def __len__(self) -> int:
        return len(self._chunks)

    def put(self, chunk: StampedChunk) -> None:
        """The next chunk."""
        self._chunks.append(chunk)
        if chunk.num_samples != self._size:
            self._size = chunk.num_samples if self._size is None else 0

    def continue_with(self, clock: AudioClock) -> None:
        """What is held belongs to a new stretch."""
        self._clock, self._size = clock, None

    def take(self, is_end: bool = False) -> Release | None:
        """The next chunks of which it is known what is before them. is_end: nothing more comes, what is held goes."""
        if not self._chunks:
            return None
        head = self._chunks[0]
        if len(self._chunks) == 1 and not is_end and not self._is_open(head):
            return Release([self._chunks.popleft()])
        late = self._lateness()
        back = self._are_back(late)
        if back[0]:
            return self._take_back(float(late[0]), back, is_end)
        stays = np.minimum.accumulate(np.where(back, np.inf, late)[::-1])[::-1]  # in all that come after
        jitters = self._jitters(late[~back])
        limits = np.array(self._limits(jitters))
        if stays[0] < limits[0]:
            if late[0] >= limits[0]:
                self._remember(head.stamp, float(late[0]))
            return Release(self._pop(self._num_following(stays, limits, back)))
        may_wait = (jitters or head.is_arrival) and stays[0] < self._queue_seconds()
        if is_end and may_wait:  # none comes after them to tell
            return Release(self._pop(self._num_following(stays - stays[0], limits, back)))
        if (is_end or self._is_known(late, back)) and head.is_arrival and _grows(stays):
            return Release(self._pop(len(self._chunks)), sets_clock=True)
        if is_end or self._is_known(late, back):
            return self._after_gap(late, stays, limits, back, jitters)
        return None

    def _is_open(self, chunk: StampedChunk) -> bool:
        """Whether a chunk that is next may not follow at once."""
        late = self._clock.late_seconds(chunk.stamp)
        return late >= self._limit(chunk.num_samples, self._has_caught_up()) or late < -self.max_gap

    def _limits(self, jitters: bool) -> list[float]:
        """How late each chunk may be and follow at once: by a part of it or, where chunks wait, of the longest."""
        sizes = [chunk.num_samples for chunk in self._chunks]
        longest = max(sizes)
        return [self._limit(longest if jitters else size, jitters) for size in sizes]

    def _limit(self, num_samples: int, jitters: bool) -> float:
        least = LATE_JITTER_SECONDS if jitters else LATE_SECONDS
        return max(LATE_FRACTION * num_samples / self._clock.input_rate, least)

    def _has_caught_up(self) -> bool:
        """Whether chunks of the last seconds were late without loss."""
        if self._caught_up is None:
            return False
        return abs(self._chunks[-1].stamp - self._caught_up) / NANOSECONDS < REMEMBERED_SECONDS

    def _remember(self, stamp: int, late: float) -> None:
        """A chunk that was late has caught up."""
        self._latest = max(late, self._latest) if self._has_caught_up() else late
        self._caught_up = stamp

    def _queue_seconds(self) -> float:
        """How long audio may be held back on its way."""
        longest = 2.0 * self._latest if self._has_caught_up() else 0.0
        return min(max(QUEUE_SECONDS, longest), MAX_QUEUE_SECONDS)

    def _jitters(self, late: NDArray[np.float64]) -> bool:
        """Whether stamps tell when chunks were sent or came rather than when they were recorded."""
        return self._has_caught_up() or _largest_fall(late) > LATE_SECONDS

    def _are_back(self, late: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where time went back: chunks that come in a burst are early too, but each after the other."""
        last = self._clock.last_stamp
        if last is None:
            return np.zeros(late.size, dtype=bool)
        stamps = np.array([chunk.stamp for chunk in self._chunks])
        return np.asarray((late < -self.max_gap) & (stamps - last < -LATE_JITTER_SECONDS * NANOSECONDS))

    def _lateness(self) -> NDArray[np.float64]:
        """Of each chunk that is held, in s, if nothing is missing before it."""
        sizes = np.array([chunk.num_samples for chunk in self._chunks])
        before = (np.cumsum(sizes) - sizes) / self._clock.input_rate
        begin = self._chunks[0].stamp if self._clock.next_stamp is None else self._clock.next_stamp
        stamps = np.array([chunk.stamp for chunk in self._chunks])
        return np.asarray((stamps - begin) / NANOSECONDS - before)

    def _num_following(self, stays: NDArray[np.float64], limits: NDArray[np.float64], back: NDArray[np.bool_]) -> int:
        """Chunks from the first on that follow each other."""
        held = np.flatnonzero((stays >= limits) | back)
        after = held[held > 0]
        return int(after[0]) if after.size else len(self._chunks)

    def _pop(self, count: int) -> list[StampedChunk]:
        return [self._chunks.popleft() for _ in range(count)]

    def _is_known(self, late: NDArray[np.float64], back: NDArray[np.bool_]) -> bool:
        """Whether what is held has been late for so long, and by so much, that audio is missing."""
        late = late[~back]
        stamps = [chunk.stamp for chunk, is_back in zip(self._chunks, back, strict=True) if not is_back]
        rate = self._clock.input_rate
        num_samples = sum(chunk.num_samples for chunk in self._chunks)
        if num_samples >= MAX_HELD_SECONDS * rate or len(self._chunks) >= MAX_HELD_CHUNKS:
            return True
        held = (stamps[-1] - min(stamps)) / NANOSECONDS + self._chunks[-1].num_samples / rate  # the first may be wrong
        steady = not self._jitters(late) and _largest_fall(late) <= STEADY_PART * late.min()
        by_stamps = steady and not any(chunk.is_arrival for chunk in self._chunks)
        if by_stamps and held >= STEADY_SECONDS and len(stamps) >= STEADY_CHUNKS:
            return True
        if held < self._queue_seconds():
            return False
        lowest = int(np.argmax(late <= late.min() + LATE_SECONDS))
        return (stamps[-1] - stamps[lowest]) / NANOSECONDS >= self._queue_seconds()

    def _after_gap(
        self,
        late: NDArray[np.float64],
        stays: NDArray[np.float64],
        limits: NDArray[np.float64],
        back: NDArray[np.bool_],
        jitters: bool,
    ) -> Release:
        least = float(stays[0])
        count = self._num_following(stays - least, limits, back)
        if jitters and count < len(self._chunks):
            lasts = (self._chunks[count - 1].stamp - self._chunks[0].stamp) / NANOSECONDS
            if lasts < STEADY_SECONDS:  # these only waited, just before the loss
                return Release(self._pop(count))
        if self._chunks[0].is_arrival and not back.any() and _wanders(late):
            return Release(self._pop(len(self._chunks)), sets_clock=True)
        if least > self.max_gap:
            head = self._chunks[0]  # how late it is for itself is its way here, or its stamp is wrong
            self._chunks[0] = head._replace(stamp=head.stamp - round((float(late[0]) - least) * NANOSECONDS))
            return Release(self._pop(1), begins_anew=True, late_seconds=float(late[0]))
        return Release(self._pop(count), self._num_lost(least, jitters), late_seconds=float(late[0]))

    def _num_lost(self, seconds: float, jitters: bool) -> int:
        """Samples that are missing: whole chunks where all are equally long, unless stamps that are exact say else."""
        lost = round(seconds * self._clock.input_rate)
        if not self._size:
            return lost
        whole = max(1, round(lost / self._size)) * self._size
        return whole if jitters or abs(whole - lost) <= self._size / 4 else lost

    def _take_back(self, late: float, back: NDArray[np.bool_], is_end: bool) -> Release | None:
        """The first chunk is from before: time went back, or its stamp is wrong and the next ones go on."""
        if not back.all():
            return Release(self._pop(1), is_trusted=False, late_seconds=late)
        held = sum(chunk.num_samples for chunk in self._chunks) / self._clock.input_rate
        if is_end or held >= STEADY_SECONDS or len(self._chunks) >= MAX_HELD_CHUNKS:
            return Release(self._pop(1), begins_anew=True, late_seconds=late)
        return None


def _largest_fall(late: NDArray[np.float64]) -> float:
    """By how many seconds one is less late than one before it: chunks that waited catch up."""
    return float((np.maximum.accumulate(late) - late).max())


def _grows(stays: NDArray[np.float64]) -> bool:
    """Whether chunks come later and later, step by step, as where they are played slowly: after a loss all are as
    late."""
    early, later = stays[stays.size // 4], stays[3 * stays.size // 4]
    steps = np.diff(stays[np.isfinite(stays)], prepend=stays[0])  # infinite where time is back at the end
    return bool(later > (1.0 + STEADY_PART) * early and steps.max() < 0.5 * steps.sum())


def _wanders(late: NDArray[np.float64]) -> bool:
    """Whether the waiting varies by more than the least of it, and the least too, as in a network: nothing tells then
    that this much was lost. After a loss the least is the same again and again."""
    least = float(late.min())
    floors = [float(part.min()) for part in np.array_split(late, FLOORS) if part.size]
    varies = max(floors) - least > max(STEADY_PART * least, LATE_JITTER_SECONDS)
    at_least = int((late <= least + LATE_SECONDS).sum())
    return least < float(late.max()) - least and varies and at_least < FLOOR_CHUNKS
