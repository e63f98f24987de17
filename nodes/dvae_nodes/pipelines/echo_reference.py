"""What the robot's loudspeaker plays, kept by its time until the microphones hear it."""

from __future__ import annotations

import sys

from dvae.signal.audio_clock import NANOSECONDS, AudioClock
from dvae.signal.audio_file import Audio
from dvae.signal.audio_history import AudioHistory
from dvae.signal.audio_input import AudioFormat, AudioInput
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.stamp_source import StampSource
from dvae_nodes.wire.audio import AudioChunk

KEPT_SECONDS = 10.0
JITTER_SECONDS = 0.02  # stamps nearer than this to their expected time are taken as it
ARRIVAL_JITTER_SECONDS = 0.2  # the same for times of arrival


class EchoReference:
    """Chunks in any format, ahead of the microphones or behind them; `take` gives them at `rate` Hz by their time.

    Nothing is held until it is known whether it is late, as for microphones: what was put in a wrong place is written
    again in the right one.
    """

    def __init__(self, rate: int, reporter: Reporter) -> None:
        self.rate, self._reporter = rate, reporter
        self._history = AudioHistory(rate, KEPT_SECONDS)
        self._times = StampSource("reference", reporter)
        self._input: AudioInput | None = None
        self._clock = AudioClock(rate, rate)
        self._next_stamp = 0  # of what is appended to the history next
        self._num_received = 0

    def add(self, chunk: AudioChunk, audio_format: AudioFormat) -> None:
        """A chunk whose stamp says when its first sample is played."""
        if self._times.is_repeated(chunk):
            return
        stamp, is_arrival, is_other_clock = self._times.time_of(chunk)
        jitter = ARRIVAL_JITTER_SECONDS if is_arrival else JITTER_SECONDS
        is_late = is_other_clock or abs(self._clock.late_seconds(stamp)) > jitter
        if self._input is None or self._input.format != audio_format or is_late:
            self._input = self._begin(audio_format)
            self._move_to(stamp)
        samples, num_wrong = self._input.read(chunk.data)[1:]
        if num_wrong:
            text = f"reference: expected samples in [-1, 1], got {num_wrong} far above the others, infinite or NaN: "
            self._reporter.report("reference samples", f"{text}taken as silence")
        self._place(stamp, samples.shape[1], is_arrival)
        # what a resampler holds back comes with the next chunk, in its place
        self._history.append(self._input.convert(samples)[0])

    def take(self, stamp: int, count: int) -> Audio:
        """The `count` samples from `stamp` ns on (S,); silence where nothing came."""
        if not self._num_received:
            text = "reference: expected what the loudspeaker plays, got nothing yet"
            self._reporter.report("no reference", text)
        return self._history.take(stamp, count)

    def _begin(self, audio_format: AudioFormat) -> AudioInput:
        self._clock = AudioClock(audio_format.sample_rate, self.rate)
        fresh = AudioInput(audio_format, self.rate)
        if self._input is not None and self._input.format == audio_format:
            fresh.continue_from(self._input)
        return fresh

    def _place(self, stamp: int, num_samples: int, is_arrival: bool) -> None:
        """Where the clock has gone away from what was counted since the history was moved, move it."""
        self._clock.add(stamp, num_samples, is_arrival)
        begin = self._clock.next_stamp or stamp
        lasts = num_samples * NANOSECONDS // self._clock.input_rate
        if abs(begin - lasts - self._next_stamp) / NANOSECONDS > JITTER_SECONDS:
            self._move_to(begin - lasts)
        self._next_stamp += lasts
        self._num_received += num_samples
        self._times.lasted(lasts)
        self._clock.forget_before(sys.maxsize)  # it is only asked for what comes next

    def _move_to(self, stamp: int) -> None:
        self._history.move_to(stamp)
        self._next_stamp = stamp
