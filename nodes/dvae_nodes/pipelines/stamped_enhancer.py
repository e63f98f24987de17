"""The streaming enhancer with time: chunks with stamps in, enhanced speech with the stamps of its samples out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dvae.enhancement.activity import FrameActivity
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.signal.audio_clock import AudioClock
from dvae.signal.audio_file import Audio
from dvae.signal.audio_input import AudioFormat, AudioInput
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.echo_reference import EchoReference
from dvae_nodes.wire.audio import AudioChunk


class Enhanced(NamedTuple):
    """Enhanced speech (S,) whose first sample is at `stamp` ns, and the activity of the frames that became ready."""

    stamp: int
    frame_id: str
    waveform: Audio
    activity: list[FrameActivity]


@dataclass
class Stretch:
    """Audio in one format without gaps."""

    audio: AudioInput
    clock: AudioClock
    frame_id: str = ""


class StampedEnhancer:
    """`add` chunks, `flush` at the end. A stretch ends where the format changes, where stamps are further than
    `max_gap` seconds from their expected time, or go back; what was received of it is finished, nothing is lost.

    channels: what is made of several, "mean" or "first"; an array takes all. reference: what the loudspeaker plays, if
    the enhancer cancels echo.
    """

    def __init__(
        self,
        enhancer: StreamingEnhancer,
        channels: str,
        max_gap: float,
        reporter: Reporter,
        reference: EchoReference | None = None,
    ) -> None:
        self.enhancer, self.max_gap, self.reference = enhancer, max_gap, reference
        self._channels = "all" if enhancer.array else channels
        self._reporter = reporter
        self._stretch: Stretch | None = None
        self.rate = enhancer.stft.sample_rate

    def add(self, chunk: AudioChunk, audio_format: AudioFormat) -> list[Enhanced]:
        """What a chunk in this format completes."""
        results = self._end_before(chunk.stamp, audio_format)
        if self.enhancer.array and audio_format.channels != self.enhancer.num_channels:
            expected = f"{self.enhancer.num_channels} channels (microphone_positions)"
            self._reporter.report("array", f"audio: expected {expected}, got {audio_format.channels}: chunk ignored")
            return results
        if self._stretch is None:
            self._stretch = self._begin(audio_format)
        stretch, samples = self._stretch, self._read(self._stretch, chunk)
        results += self._fill_lost(stretch, chunk.stamp, samples.shape[1])
        stretch.frame_id = chunk.frame_id
        stretch.clock.add(chunk.stamp, samples.shape[1])
        return results + self._feed(stretch, stretch.audio.convert(samples))

    def flush(self) -> list[Enhanced]:
        """What is still inside, then start anew."""
        stretch, self._stretch = self._stretch, None
        if stretch is None:
            return []
        tail = stretch.audio.flush()
        results = self._feed(stretch, tail) if tail.size else []
        first = self.enhancer.num_returned
        return results + self._results(stretch, self.enhancer.flush(), first)

    def reset(self) -> None:
        """Forget the stretch."""
        self._stretch = None
        self.enhancer.reset()

    def _end_before(self, stamp: int, audio_format: AudioFormat) -> list[Enhanced]:
        """End the stretch when the format changes or the stamp shows that audio is missing or time went back."""
        if self._stretch is None:
            return []
        clock, known = self._stretch.clock, self._stretch.audio.format
        late = clock.late_seconds(stamp)
        if known != audio_format:
            cause = f"format changed from {known} to {audio_format}"
        elif abs(late) > self.max_gap:
            cause = f"expected a stamp near {clock.next_stamp} ns, got {stamp} ns ({late:+.3f} s)"
        else:
            return []
        text = f"audio: {cause}: what was received is finished, then starting anew"
        self._reporter.report("audio gap", text)
        return self.flush()

    def _begin(self, audio_format: AudioFormat) -> Stretch:
        count, rate = audio_format.channels, audio_format.sample_rate
        if count > 1 and self._channels != "all":
            chosen = "the first" if self._channels == "first" else "their mean"
            self._reporter.report("channels", f"audio: expected 1 channel, got {count}: {chosen} is enhanced")
        if rate != self.rate:
            self._reporter.report("rate", f"audio: expected {self.rate} Hz, got {rate} Hz: resampled")
        return Stretch(AudioInput(audio_format, self.rate, self._channels), AudioClock(rate, self.rate))

    def _read(self, stretch: Stretch, chunk: AudioChunk) -> Audio:
        samples, num_wrong = stretch.audio.read(chunk.data)
        if num_wrong:
            text = f"audio: expected finite samples, got {num_wrong} NaN: taken as silence"
            self._reporter.report("samples", text)
        return samples

    def _fill_lost(self, stretch: Stretch, stamp: int, num_samples: int) -> list[Enhanced]:
        """Silence for a chunk that was lost, so that what follows keeps its place."""
        clock, audio = stretch.clock, stretch.audio
        num_lost = clock.num_lost(stamp, num_samples)
        if not num_lost:
            return []
        self._reporter.report(
            "lost audio",
            f"audio: expected a chunk at {clock.next_stamp} ns, got one at {stamp} ns: "
            f"{num_lost / clock.input_rate:.3f} s are lost and replaced by silence",
        )
        clock.skip(num_lost)
        silence = np.zeros((audio.num_channels, num_lost), dtype=np.float32)
        return self._feed(stretch, audio.convert(silence))

    def _feed(self, stretch: Stretch, samples: Audio) -> list[Enhanced]:
        """(C, S) at the rate of the model, with the reference of the same time."""
        reference = None
        if self.reference is not None:
            start = stretch.clock.newest_stamp_of(self.enhancer.num_fed)
            reference = self.reference.take(start, samples.shape[1])
        waveform = self.enhancer.feed(samples if self.enhancer.array else samples[0], reference)
        return self._results(stretch, waveform, self.enhancer.num_returned - waveform.size)

    def _results(self, stretch: Stretch, waveform: Audio, first: int) -> list[Enhanced]:
        """The samples from number `first` of the stretch on."""
        activity = self.enhancer.pop_activity()
        if not waveform.size:
            return []
        stretch.clock.forget_before(first)
        return [Enhanced(stretch.clock.stamp_of(first), stretch.frame_id, waveform, activity)]
