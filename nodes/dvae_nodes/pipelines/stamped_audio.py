"""Chunks of audio with stamps in, samples with their time at the rate of a model out, in stretches without gaps.

What every capability that hears begins with: the enhancer, and whoever else reads microphones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dvae.signal.audio_clock import AudioClock
from dvae.signal.audio_file import Audio
from dvae.signal.audio_input import AudioFormat, AudioInput
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.audio import AudioChunk


@dataclass
class Stretch:
    """Audio in one format without gaps."""

    audio: AudioInput
    clock: AudioClock
    frame_id: str = ""
    num_given: int = 0  # samples, at the rate of the model


class Piece(NamedTuple):
    """Samples (C, S), perhaps none, the first at `stamp` ns by the newest chunk. The clock is that of the stretch, in
    which sample 0 is its first one. is_last: the stretch ends with it."""

    samples: Audio
    stamp: int
    frame_id: str
    clock: AudioClock
    is_last: bool


class StampedAudio:
    """`add` chunks in any format, `end` when nothing more comes.

    A stretch ends where the format changes, where stamps are further than `max_gap` seconds from their expected time,
    or go back. Shorter losses become silence. rate: of the model in Hz; channels: "mean", "first" or "all".
    num_channels: formats with another number are reported and ignored.
    """

    def __init__(
        self, rate: int, channels: str, max_gap: float, reporter: Reporter, num_channels: int | None = None
    ) -> None:
        self.rate, self.channels, self.max_gap, self.num_channels = rate, channels, max_gap, num_channels
        self._reporter = reporter
        self._stretch: Stretch | None = None

    def add(self, chunk: AudioChunk, audio_format: AudioFormat) -> list[Piece]:
        """What comes of a chunk in this format, of what was before it first."""
        pieces = self._end_before(chunk.stamp, audio_format)
        if self.num_channels not in (None, audio_format.channels):
            expected = f"{self.num_channels} channels (microphone_positions)"
            self._reporter.report("array", f"audio: expected {expected}, got {audio_format.channels}: chunk ignored")
            return pieces
        stretch = self._stretch or self._begin(audio_format)
        samples = self._read(stretch, chunk)
        self._stretch = stretch
        pieces += self._fill_lost(stretch, chunk.stamp, samples.shape[1])
        stretch.frame_id = chunk.frame_id
        stretch.clock.add(chunk.stamp, samples.shape[1])
        return [*pieces, self._piece(stretch, stretch.audio.convert(samples))]

    def end(self) -> list[Piece]:
        """The rest of the stretch; what comes then begins another."""
        stretch, self._stretch = self._stretch, None
        return [] if stretch is None else [self._piece(stretch, stretch.audio.flush(), is_last=True)]

    def reset(self) -> None:
        """Forget the stretch."""
        self._stretch = None

    def _end_before(self, stamp: int, audio_format: AudioFormat) -> list[Piece]:
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
        return self.end()

    def _begin(self, audio_format: AudioFormat) -> Stretch:
        count, rate = audio_format.channels, audio_format.sample_rate
        if count > 1 and self.channels != "all":
            chosen = "the first" if self.channels == "first" else "their mean"
            self._reporter.report("channels", f"audio: expected 1 channel, got {count}: {chosen} is enhanced")
        if rate != self.rate:
            self._reporter.report("rate", f"audio: expected {self.rate} Hz, got {rate} Hz: resampled")
        return Stretch(AudioInput(audio_format, self.rate, self.channels), AudioClock(rate, self.rate))

    def _read(self, stretch: Stretch, chunk: AudioChunk) -> Audio:
        samples, num_wrong = stretch.audio.read(chunk.data)
        if num_wrong:
            text = f"audio: expected finite samples, got {num_wrong} NaN: taken as silence"
            self._reporter.report("samples", text)
        return samples

    def _fill_lost(self, stretch: Stretch, stamp: int, num_samples: int) -> list[Piece]:
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
        return [self._piece(stretch, audio.convert(np.zeros((audio.num_channels, num_lost), dtype=np.float32)))]

    def _piece(self, stretch: Stretch, samples: Audio, is_last: bool = False) -> Piece:
        """The next samples of the stretch."""
        stamp = stretch.clock.newest_stamp_of(stretch.num_given)
        stretch.num_given += samples.shape[1]
        return Piece(samples, stamp, stretch.frame_id, stretch.clock, is_last)
