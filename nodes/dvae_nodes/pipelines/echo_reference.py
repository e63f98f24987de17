"""What the robot's loudspeaker plays, kept by its time until the microphones hear it."""

from __future__ import annotations

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import Audio
from dvae.signal.audio_history import AudioHistory
from dvae.signal.audio_input import AudioFormat, AudioInput
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.audio import AudioChunk

KEPT_SECONDS = 10.0
MAX_JITTER_SECONDS = 0.02  # stamps nearer than this to their expected time are taken as it


class EchoReference:
    """Chunks in any format, ahead of the microphones or behind them; `take` gives them at `rate` Hz by their time."""

    def __init__(self, rate: int, reporter: Reporter) -> None:
        self.rate, self._reporter = rate, reporter
        self._history = AudioHistory(rate, KEPT_SECONDS)
        self._input: AudioInput | None = None
        self._next_stamp = 0  # that the next chunk should have
        self._num_received = 0

    def add(self, chunk: AudioChunk, audio_format: AudioFormat) -> None:
        """A chunk whose stamp says when its first sample is played."""
        jitter = abs(chunk.stamp - self._next_stamp) / NANOSECONDS
        if self._input is None or self._input.format != audio_format or jitter > MAX_JITTER_SECONDS:
            self._history.move_to(chunk.stamp)
            self._input, self._next_stamp = AudioInput(audio_format, self.rate), chunk.stamp
        samples = self._input.read(chunk.data).waveform
        self._next_stamp += samples.shape[1] * NANOSECONDS // audio_format.sample_rate
        self._num_received += samples.shape[1]
        # what a resampler holds back comes with the next chunk, in its place
        self._history.append(self._input.convert(samples)[0])

    def take(self, stamp: int, count: int) -> Audio:
        """The `count` samples from `stamp` ns on (S,); silence where nothing came."""
        if not self._num_received:
            text = "reference: expected what the loudspeaker plays, got nothing yet"
            self._reporter.report("no reference", text)
        return self._history.take(stamp, count)
