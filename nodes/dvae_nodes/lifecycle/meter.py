"""Counts and times of one input: what /diagnostics tells of it."""

from __future__ import annotations

import time
from collections import deque

import numpy as np


class Meter:
    """Counts of one input since the node was configured, and times of its last thousand messages."""

    def __init__(self, optional: bool = False) -> None:
        self.optional = optional  # that nothing comes is no problem
        self.count = self.drops = self.failures = 0
        self.failed_in_a_row = 0
        self._newest: float | None = None  # arrival of the newest message, also of one that failed or was dropped
        self._arrivals: deque[float] = deque(maxlen=1000)
        self._processing: deque[float] = deque(maxlen=1000)
        self._ages: deque[float] = deque(maxlen=1000)

    def see(self) -> None:
        """A message has arrived, whatever becomes of it."""
        self._newest = time.monotonic()

    def add(self, processing_seconds: float, age_seconds: float | None) -> None:
        """One message processed; its age is from its stamp to its results (None when clocks do not compare)."""
        self.count += 1
        self.failed_in_a_row = 0
        self._arrivals.append(time.monotonic())
        self._processing.append(processing_seconds)
        if age_seconds is not None:
            self._ages.append(age_seconds)

    def fail(self) -> None:
        """One message that could not be handled."""
        self.failures += 1
        self.failed_in_a_row += 1

    @property
    def num_arrived(self) -> int:
        """Messages that came, whatever became of them."""
        return self.count + self.failures + self.drops

    @property
    def silence_seconds(self) -> float:
        """Since the last message; infinite before the first."""
        return float("inf") if self._newest is None else time.monotonic() - self._newest

    def values(self) -> dict[str, str]:
        """For humans and for tests: rate in Hz, times in ms."""
        found = {"messages": str(self.count), "drops": str(self.drops), "failures": str(self.failures)}
        if len(self._arrivals) > 1:
            found["rate [Hz]"] = f"{(len(self._arrivals) - 1) / (self._arrivals[-1] - self._arrivals[0]):.1f}"
        for name, seconds in (("processing", self._processing), ("latency", self._ages)):
            if seconds:
                p50, p99 = 1e3 * np.percentile(seconds, [50, 99])
                found[f"{name} p50 [ms]"], found[f"{name} p99 [ms]"] = f"{p50:.2f}", f"{p99:.2f}"
        return found
