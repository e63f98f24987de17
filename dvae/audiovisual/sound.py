"""A stream of samples with stamps, as frames of what is heard, with times of the stamps' clock."""

from __future__ import annotations

import math
from typing import NamedTuple

from dvae.audiovisual.hearing import Hearing
from dvae.audiovisual.scene import Heard
from dvae.signal.audio_file import Audio

SAMPLE_RATE = 16000
JITTER_SECONDS = 1e-3  # by which stamps and samples may differ without being followed
MAX_LATE_SECONDS = 2e-3  # a chunk that differs by more counts as this much
SETTLING_SECONDS = 2.0  # time constant with which the stamps are followed
FIRST_SECONDS = 0.03  # that the first frame of a stretch stands for


class HeardFrame(NamedTuple):
    """What is heard, what time it stands for, and whether the robot itself spoke."""

    heard: Heard
    seconds: float  # before heard.time
    robot: bool


class Sound:
    """`add` samples as they come; `reached`: the time up to which everything that is heard has come out, s.

    What is heard is told for `earlier` seconds before its time: who averages it knows what was just before and after.
    """

    def __init__(self, hearing: Hearing, gap_seconds: float, earlier: float) -> None:
        self.hearing, self.gap_seconds, self.earlier = hearing, gap_seconds, earlier
        self.reached, self.num_gaps = -math.inf, 0
        self._start, self._num_fed = math.nan, 0  # of the stretch without gaps
        self._robot: list[float] = []  # times at which the robot began, ended, began ... to speak

    @property
    def fed_until(self) -> float:
        """Time of the next sample if it follows at once; NaN before the first one."""
        return self._start + self._num_fed / SAMPLE_RATE

    def robot_speaks(self, value: bool) -> None:
        """From the next sample on the robot itself speaks, or is silent."""
        if value != self.hearing.robot_speaks:
            self._robot = [*self._robot[-8:], -math.inf if math.isnan(self.fed_until) else self.fed_until]
            self.hearing.robot_speaks = value

    def is_before(self, time: float) -> float:
        """By how much a chunk at `time` is before it is expected, s; 0 for the first one."""
        return 0.0 if math.isnan(self._start) else self.fed_until - time

    def add(self, samples: Audio, time: float) -> list[HeardFrame]:
        """Samples (C, S), the first one at `time` -> what is ready. After a gap, or a small step back, anew."""
        found: list[HeardFrame] = []
        if abs(self.is_before(time)) > self.gap_seconds:
            found += self.flush()
            self.num_gaps += 1
        if math.isnan(self._start):
            self._start = time
            self.reached = max(self.reached, time - self.earlier)
        self._follow(-self.is_before(time), samples.shape[-1])
        heard = self.hearing.feed(samples)
        self._num_fed += samples.shape[-1]
        return found + self._with_times(heard)

    def flush(self) -> list[HeardFrame]:
        """What is still inside; the next samples are a new stretch."""
        found = self._with_times(self.hearing.flush())
        self._forget()
        return found

    def reset(self) -> None:
        """As new; whether the robot speaks stays."""
        self.hearing.reset()
        self._forget()
        self.reached = -math.inf
        self._robot = [-math.inf] if self.hearing.robot_speaks else []

    def _forget(self) -> None:
        self._start, self._num_fed = math.nan, 0

    def _follow(self, late: float, num_samples: int) -> None:
        if abs(late) > JITTER_SECONDS:
            share = -math.expm1(-num_samples / SAMPLE_RATE / SETTLING_SECONDS)
            self._start += share * max(-MAX_LATE_SECONDS, min(late, MAX_LATE_SECONDS))

    def _with_times(self, heard: list[Heard]) -> list[HeardFrame]:
        found, begin = [], self._start - self.earlier
        for each in heard:
            time = begin + each.time
            if time <= self.reached and self.reached > begin:
                continue  # was heard already, before a step back
            seconds = FIRST_SECONDS if self.reached <= begin else time - self.reached
            robot = self._is_robots(time + self.earlier)
            found.append(HeardFrame(each._replace(time=time), seconds, robot))
            self.reached = time
        return found

    def _is_robots(self, time: float) -> bool:
        changes = sum(change <= time for change in self._robot)
        later = len(self._robot) - changes
        return self.hearing.robot_speaks != bool(later % 2)
