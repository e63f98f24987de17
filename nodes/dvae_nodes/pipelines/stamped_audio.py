"""Chunks of audio with stamps in, samples with their time at the rate of a model out, in stretches without gaps.

What every capability that hears begins with: the enhancer, and whoever else reads microphones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS, AudioClock
from dvae.signal.audio_file import Audio
from dvae.signal.audio_gaps import HeldAudio, Release, StampedChunk
from dvae.signal.audio_input import AudioFormat, AudioInput
from dvae.signal.channel_choice import ALL_CHANNELS
from dvae.signal.channel_watch import ChannelWatch
from dvae.signal.stamp_pace import StampPace
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.stamp_source import ChunkTime, StampSource
from dvae_nodes.wire.audio import AudioChunk

MANY_CUT = 8  # equally long chunks in a row that are no whole samples: it is no accident


@dataclass
class Stretch:
    """Audio in one format without gaps."""

    audio: AudioInput
    clock: AudioClock
    held: HeldAudio  # what came, until it is known what is before it
    pace: StampPace
    watch: ChannelWatch | None  # of several channels that become one
    frame_id: str = ""
    num_given: int = 0  # samples, at the rate of the model
    says_scale: bool = True  # where the samples have an unusual one
    cut_size: int = 0  # bytes of the newest chunks, where they are no whole samples and equally long
    num_cut: int = 0  # how many these are


class Piece(NamedTuple):
    """Samples (C, S), perhaps none, the first at `stamp` ns by the newest chunk. The clock is that of the stretch, in
    which sample 0 is its first one; sample_type: how its samples were coded. is_last: the stretch ends with it."""

    samples: Audio
    stamp: int
    frame_id: str
    clock: AudioClock
    sample_type: str
    is_last: bool


class StampedAudio:
    """`add` chunks in any format, `end` when nothing more comes.

    A stretch ends where the format changes, where more than `max_gap` seconds are missing, or time goes back. Shorter
    losses become silence; a chunk that is late is held until it is known whether it is a loss. rate: of the model in
    Hz; channels: "mean", "first" or "all"; use: which of the input's channels, as `parse_channels` reads it.
    num_channels: formats with another number of them are reported and ignored.
    """

    def __init__(
        self,
        rate: int,
        channels: str,
        max_gap: float,
        reporter: Reporter,
        num_channels: int | None = None,
        use: str = ALL_CHANNELS,
    ) -> None:
        self.rate, self.channels, self.max_gap = rate, channels, max_gap
        self.num_channels, self.use = num_channels, use
        self._reporter = reporter
        self._times = StampSource("audio", reporter)
        self._stretch: Stretch | None = None

    def add(self, chunk: AudioChunk, audio_format: AudioFormat) -> list[Piece]:
        """What comes of a chunk in this format, of what was before it first."""
        if not len(chunk.data) or self._times.is_repeated(chunk):
            return []
        pieces = self._end_before(audio_format)
        time = self._times.time_of(chunk)
        if time.is_other_clock:
            pieces += self._go_over_to(time)
        if self._stretch is None:
            self._stretch = self._begin(audio_format)
        if self._stretch is None:
            return pieces
        count = self._stretch.audio.count(chunk.data)
        self._say_cut(self._stretch, chunk.data)
        self._times.lasted(count * NANOSECONDS // audio_format.sample_rate)
        self._say_pace(self._stretch, time, count)
        self._stretch.held.put(StampedChunk(chunk.data, count, time.stamp, time.is_arrival, chunk.frame_id))
        return pieces + self._released()

    def end(self) -> list[Piece]:
        """The rest of the stretch; what comes then begins another."""
        pieces = self._released(is_end=True)
        return pieces + self._finished()

    def reset(self) -> None:
        """Forget the stretch."""
        self._stretch, self._times = None, StampSource("audio", self._reporter)

    def _end_before(self, audio_format: AudioFormat) -> list[Piece]:
        """End the stretch when the format changes."""
        if self._stretch is None or self._stretch.audio.format == audio_format:
            return []
        self._say_anew(f"format changed from {self._stretch.audio.format} to {audio_format}")
        return self.end()

    def _go_over_to(self, time: ChunkTime) -> list[Piece]:
        """From stamps to arrival, which goes on as before; or back, when nobody knows what was in between."""
        pieces = self._released(is_end=True)
        if not time.is_arrival:
            self._say_anew("stamps advance again")
            return pieces + self._finished()
        if self._stretch is not None:
            self._stretch.clock.set_to(time.stamp)
        return pieces

    def _say_cut(self, stretch: Stretch, data: bytes | Audio) -> None:
        """A word where all chunks are no whole samples, equally long: bytes are missing or the format is another."""
        length, size = len(data), stretch.audio.sample_bytes
        if not isinstance(data, bytes) or not length % size:
            stretch.num_cut = 0
            return
        stretch.num_cut = stretch.num_cut + 1 if length == stretch.cut_size else 1
        stretch.cut_size = length
        if stretch.num_cut == MANY_CUT:
            text = (
                f"audio: expected chunks of whole samples of {size} bytes ({stretch.audio.format}), got {length} bytes"
            )
            word = f"{text} each time: joined; if it is noise, bytes are missing or the format is another"
            self._reporter.report("cut samples", word)

    def _say_left_out(self, stretch: Stretch) -> None:
        """A word on bytes of a sample that nothing completes."""
        audio = stretch.audio
        if audio.num_incomplete:
            text = f"audio: expected whole samples of {audio.sample_bytes} bytes before a gap and at the end, got "
            self._reporter.report("incomplete sample", f"{text}{audio.num_incomplete} of one: left out")

    def _say_anew(self, cause: str) -> None:
        text = f"audio: {cause}: what was received is finished, then starting anew"
        self._reporter.report("audio gap", text)

    def _begin(self, audio_format: AudioFormat) -> Stretch | None:
        """A stretch in this format; None, and a word, where it has not the channels that are expected."""
        try:
            audio = AudioInput(audio_format, self.rate, self.channels, self.use)
        except ValueError as error:
            self._reporter.report("array", f"audio: {error}: chunk ignored")
            return None
        count, rate = len(audio.used), audio_format.sample_rate
        if self.num_channels not in (None, count):
            expected = f"{self.num_channels} channels (microphone_positions)"
            self._reporter.report("array", f"audio: expected {expected}, got {count}: chunk ignored")
            return None
        if count > 1 and self.channels != "all":
            chosen = "the first" if self.channels == "first" else "their mean"
            self._reporter.report("channels", f"audio: expected 1 channel, got {count}: {chosen} is enhanced")
        if rate != self.rate:
            self._reporter.report("rate", f"audio: expected {self.rate} Hz, got {rate} Hz: resampled")
        clock = AudioClock(rate, self.rate)
        watch = ChannelWatch(rate, count) if count > 1 and self.channels != "first" else None
        return Stretch(audio, clock, HeldAudio(clock, self.max_gap), StampPace(rate), watch)

    def _say_pace(self, stretch: Stretch, time: ChunkTime, num_samples: int) -> None:
        ratio = stretch.pace.add(time.stamp, num_samples)
        if ratio is None or (ratio > 1) == time.is_arrival:  # a bag may be played faster; losses are seen by stamps
            return
        text = "what the stamps say: is num_channels or sample_rate wrong?"
        if time.is_arrival:
            text = (
                "as long as they take to come: without stamps, what is lost cannot be told from what is played slowly"
            )
        self._reporter.report("pace", f"audio: samples last {ratio:.2f} times {text}")

    def _read(self, stretch: Stretch, data: bytes | Audio) -> Audio:
        channels, samples, num_wrong = stretch.audio.read(data)
        if num_wrong:
            text = f"audio: expected samples in [-1, 1], got {num_wrong} far above the others, infinite or NaN: "
            self._reporter.report("samples", f"{text}taken as silence")
        if stretch.says_scale and not stretch.audio.scale.is_usual:
            stretch.says_scale = False
            text = f"audio: expected samples in [-1, 1], got up to {stretch.audio.scale.peak:g}: taken at that scale"
            self._reporter.report("scale", text)
        elif not stretch.says_scale and stretch.audio.scale.is_usual:
            stretch.says_scale = True
            self._reporter.report("usual scale", "audio: samples are within [-1, 1] again: taken as such")
        unlike = stretch.watch.add(channels) if stretch.watch else None
        if unlike is not None:
            self._reporter.report("unlike channel", f"audio: {unlike.text(stretch.audio.used)}")
        return samples

    def _released(self, is_end: bool = False) -> list[Piece]:
        """What of the held audio is known to follow, with silence for what was lost before it."""
        pieces: list[Piece] = []
        while self._stretch is not None and (release := self._stretch.held.take(is_end)) is not None:
            if release.begins_anew:
                pieces += self._anew(self._stretch, release)
            if release.num_lost:
                pieces.append(self._silence(self._stretch, release))
            for i, chunk in enumerate(release.chunks):
                if release.sets_clock and i == len(release.chunks) - 1:
                    self._stretch.clock.set_to(chunk.stamp)
                pieces.append(self._given(self._stretch, chunk, release.is_trusted or i > 0))
        return pieces

    def _given(self, stretch: Stretch, chunk: StampedChunk, is_trusted: bool) -> Piece:
        samples = self._read(stretch, chunk.data)
        stretch.frame_id = chunk.frame_id
        stretch.clock.add(chunk.stamp if is_trusted else None, samples.shape[1], chunk.is_arrival)
        return self._piece(stretch, stretch.audio.convert(samples))

    def _anew(self, stretch: Stretch, release: Release) -> list[Piece]:
        """End the stretch; what is held begins another."""
        clock, stamp = stretch.clock, release.chunks[0].stamp
        late = f"{release.late_seconds:+.3f} s"
        self._say_anew(f"expected a stamp near {clock.next_stamp} ns, got {stamp} ns ({late})")
        pieces = self._finished()
        self._stretch = self._begin(stretch.audio.format)
        if self._stretch is not None:
            self._stretch.audio.continue_from(stretch.audio)
            self._stretch.held = stretch.held
            stretch.held.continue_with(self._stretch.clock)
        return pieces

    def _silence(self, stretch: Stretch, release: Release) -> Piece:
        """Silence for chunks that were lost, so that what follows keeps its place."""
        clock, audio, num_lost = stretch.clock, stretch.audio, release.num_lost
        self._reporter.report(
            "lost audio",
            f"audio: expected a chunk at {clock.next_stamp} ns, got one at {release.chunks[0].stamp} ns: "
            f"{num_lost / clock.input_rate:.3f} s are lost and replaced by silence",
        )
        clock.skip(num_lost)
        self._say_left_out(stretch)
        audio.drop_incomplete()
        return self._piece(stretch, audio.convert(np.zeros((audio.num_channels, num_lost), dtype=np.float32)))

    def _finished(self) -> list[Piece]:
        stretch, self._stretch = self._stretch, None
        if stretch is None or stretch.clock.next_stamp is None:  # no chunk of it could be read
            return []
        self._say_left_out(stretch)
        return [self._piece(stretch, stretch.audio.flush(), is_last=True)]

    def _piece(self, stretch: Stretch, samples: Audio, is_last: bool = False) -> Piece:
        """The next samples of the stretch."""
        stamp = stretch.clock.newest_stamp_of(stretch.num_given)
        stretch.num_given += samples.shape[1]
        return Piece(samples, stamp, stretch.frame_id, stretch.clock, stretch.audio.format.sample_type, is_last)
