"""The time of each frame of detections, from its stamp or its arrival, and which frames come at no time to be used."""

from __future__ import annotations

from enum import Enum
from typing import Any

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.conversions import stamp_to_nanoseconds

LEAST_STEP = 1000  # ns: between frames that are two
STANDING = 10  # frames with the stamp of the one before, after which it is said that stamps stand still
WAY_OUT = "set the parameter stamp to arrival to use the time of receipt"


class Place(Enum):
    """Of a frame in time."""

    NEXT = "next"
    IGNORED = "ignored"  # no time, or late
    ANEW = "anew"  # time went back


class FrameClock:
    """Judges the frames of one camera. source: header or arrival, what their time is; reset_after: seconds that time
    has to go back to start anew; topic: that they come on; way_out: what to do where stamps mean nothing."""

    def __init__(
        self, reporter: Reporter, source: str, reset_after: float, topic: str = "detections", way_out: str = WAY_OUT
    ) -> None:
        self._reporter, self.source, self._reset_after = reporter, source, reset_after
        self._topic, self._way_out = topic, way_out
        self.last: int | None = None  # ns, of the newest frame
        self._standing = 0  # frames with the stamp of the one before

    def restart(self) -> None:
        """Nothing came yet."""
        self.last, self._standing = None, 0

    def time_of(self, message: Any, received: int) -> int:
        """Of a message with a header that was received at `received` ns."""
        return received if self.source == "arrival" else stamp_to_nanoseconds(message.header.stamp)

    def advance(self, stamp: int) -> None:
        """The frame of that time is used."""
        self.last = stamp

    def place(self, stamp: int) -> Place:
        """What to do with a frame of that time; what is ignored is reported."""
        if stamp <= 0:
            self._reporter.report("no stamp", f"{self._topic}: {self._no_stamp(stamp)}: frame ignored")
            return Place.IGNORED
        if self.last is None or stamp - self.last >= LEAST_STEP:
            return Place.NEXT
        text = f"{self._topic}: expected a stamp after {self.last} ns, got {stamp} ns"
        if (self.last - stamp) / NANOSECONDS > self._reset_after:
            self._reporter.report("time went back", f"{text}: starting anew")
            return Place.ANEW
        self._reporter.report(f"late {self._topic}", f"{text}: frame ignored")
        is_same = abs(stamp - self.last) < LEAST_STEP
        self._standing += is_same
        if is_same and self._standing % STANDING == 0:
            text = f"{self._topic}: expected stamps that advance, got that of the frame before {self._standing} times"
            self._reporter.report("stamps stand still", f"{text}, now {stamp} ns: frames ignored; {self._way_out}")
        return Place.IGNORED

    def _no_stamp(self, stamp: int) -> str:
        if self.source == "arrival":
            return f"expected a time of arrival, got {stamp} ns: use_sim_time is set, but nothing comes on /clock"
        guess = "a detector that does not stamp, or use_sim_time without /clock?"
        return f"expected a stamp, got {stamp} ns, which is none ({guess}; {self._way_out})"
