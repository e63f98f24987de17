"""Whether audio and video have the same clock: by how long after its stamp each of them arrives.

Both are late by what it takes to record, process and send them, some tenths of a second at most. Where one is later
than the other by more, or comes before its own time, their clocks are apart.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.reporting import Reporter

KEPT = 200  # messages of each stream
NEEDED = 50  # of each, until something is said; and so many more, until it is said again
USUAL_SECONDS = 0.35  # difference that has other causes: a detector is slower than a microphone


class StreamClocks:
    """`hear` and `see` stamps and times of arrival in ns; `apart_seconds` is the estimate, NaN until enough came."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._audio, self._video = deque[int](maxlen=KEPT), deque[int](maxlen=KEPT)
        self._last: tuple[int, int] | None = None  # stamp and arrival of the chunk before
        self._num_since = 0  # frames since it was last judged
        self.apart_seconds = float("nan")  # how much the stamps of audio are behind those of video

    def reset(self) -> None:
        """Nothing came yet."""
        self._audio.clear()
        self._video.clear()
        self._last, self._num_since, self.apart_seconds = None, 0, float("nan")

    def hear(self, stamp: int, received: int) -> None:
        """A chunk by the stamp of its first sample: the one before it was complete then."""
        if self._last is not None and stamp > self._last[0]:
            self._audio.append(self._last[1] - stamp)
        self._last = stamp, received

    def see(self, stamp: int, received: int) -> None:
        """A frame of tracks."""
        self._video.append(received - stamp)
        self._num_since += 1
        if min(len(self._audio), len(self._video), self._num_since) >= NEEDED:
            self._num_since = 0
            self._judge()

    def _judge(self) -> None:
        heard, seen = (float(np.median(late)) / NANOSECONDS for late in (self._audio, self._video))
        self.apart_seconds = heard - seen
        if abs(self.apart_seconds) <= USUAL_SECONDS:
            return
        text = (
            f"clocks: expected audio and tracks to arrive about as long after their stamps, got {heard:+.2f} s and "
            f"{seen:+.2f} s (medians): the stamps of audio are {abs(self.apart_seconds):.2f} s too "
            f"{'early' if self.apart_seconds > 0 else 'late'}, or those of the tracks the other way; if the clocks are "
            f"apart, audio_offset_seconds:={self.apart_seconds:.2f} mends it"
        )
        self._reporter.report("clocks", text)
