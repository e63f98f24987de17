"""Audio as it arrives, in chunks of any size and one of many codings -> channels of samples at the rate of the model.

One `AudioInput` belongs to one stretch of audio in one format: when the format changes, or audio is missing, take a new
one. What time its samples have is told by `dvae.signal.audio_clock`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import soxr

from dvae.signal.audio_file import RATE_RANGE, Audio
from dvae.signal.channel_choice import ALL_CHANNELS, MAX_CHANNELS, parse_channels
from dvae.signal.sample_formats import SAMPLE_FORMATS, sample_format_name, samples_from_bytes, to_float
from dvae.signal.sample_scale import SampleScale

CHANNEL_CHOICES = ("mean", "first", "all")


@dataclass(frozen=True)
class AudioFormat:
    """How a stream of interleaved samples is coded; ValueError for what cannot be read. sample_type: any spelling that
    `sample_format_name` reads, kept as the name in SAMPLE_FORMATS."""

    sample_rate: int
    channels: int
    sample_type: str = "S16LE"

    def __post_init__(self) -> None:
        low, high = RATE_RANGE
        if not low <= self.sample_rate <= high:
            raise ValueError(f"expected a sample rate of {low} to {high} Hz, got {self.sample_rate}")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise ValueError(f"expected 1 to {MAX_CHANNELS} channels, got {self.channels}")
        object.__setattr__(self, "sample_type", sample_format_name(self.sample_type))

    def __str__(self) -> str:
        return f"{self.sample_rate} Hz, {self.channels} channel{'s' * (self.channels > 1)}, {self.sample_type}"


class Samples(NamedTuple):
    """Samples (C, S) at the rate of the input, without those of channels that are not used.

    waveform: of what is made of them, (C', S). num_wrong: how many were far too loud, infinite or NaN, and are 0 now.
    """

    channels: Audio
    waveform: Audio
    num_wrong: int


def decode(data: bytes, audio_format: AudioFormat) -> tuple[Audio, bytes]:
    """Interleaved samples -> channels (C, S) and the bytes of an incomplete last sample."""
    block = SAMPLE_FORMATS[audio_format.sample_type].size * audio_format.channels
    whole = len(data) // block * block
    samples = samples_from_bytes(data[:whole], audio_format.sample_type)
    return samples.reshape(-1, audio_format.channels).T, data[whole:]


class AudioInput:
    """`read` each chunk, then `convert` it to `sample_rate`; any chunking gives the same samples.

    channels: what is made of several: their mean, the first, or all of them. use: which of the input's are taken, as
    `parse_channels` reads it; ValueError when it does not have them. `flush` gives what the resampler holds.
    """

    def __init__(
        self, audio_format: AudioFormat, sample_rate: int, channels: str = "mean", use: str = ALL_CHANNELS
    ) -> None:
        if channels not in CHANNEL_CHOICES:
            raise ValueError(f"expected channels to be one of {', '.join(CHANNEL_CHOICES)}, got {channels!r}")
        self.format, self.channels = audio_format, channels
        chosen = parse_channels(use)
        if chosen is not None and max(chosen) >= audio_format.channels:
            raise ValueError(f"channels: expected some of 1 to {audio_format.channels}, which there are, got {use!r}")
        self.used = list(range(audio_format.channels)) if chosen is None else list(chosen)
        self.num_channels = len(self.used) if channels == "all" else 1
        self.scale = SampleScale(audio_format.sample_rate)
        self._rest = b""  # bytes of an incomplete sample
        self._num_open = 0  # such bytes after the last chunk that was counted
        self._resampler: Any = None
        if audio_format.sample_rate != sample_rate:
            rates = audio_format.sample_rate, sample_rate
            self._resampler = soxr.ResampleStream(*rates, self.num_channels, dtype="float32")

    def continue_from(self, other: AudioInput) -> None:
        """The same stream goes on after a gap: its samples have the same scale."""
        self.scale = other.scale

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return SAMPLE_FORMATS[self.format.sample_type].size * self.format.channels

    @property
    def num_incomplete(self) -> int:
        """Bytes that were read of a sample which the next chunk completes."""
        return len(self._rest)

    def count(self, chunk: bytes | Audio) -> int:
        """Samples that are complete with a chunk which is read later. ValueError for another number of channels."""
        if not isinstance(chunk, bytes):
            self._check(chunk)
            return int(chunk.shape[1])
        count, self._num_open = divmod(self._num_open + len(chunk), self.sample_bytes)
        return count

    def drop_incomplete(self) -> None:
        """Bytes are missing before the next chunk, which begins with a whole sample."""
        self._rest = b""

    def read(self, chunk: bytes | Audio) -> Samples:
        """Bytes, cut anywhere, or channels (C, S) -> the chosen channels (C', S) at the rate of the input."""
        if isinstance(chunk, bytes):
            chunk, self._rest = decode(self._rest + chunk, self.format)
        self._check(chunk)
        used = chunk if self.used == list(range(len(chunk))) else chunk[self.used]
        samples, num_wrong, _ = self.scale.admit(to_float(used))
        return Samples(samples, self._choose(samples), num_wrong)

    def convert(self, samples: Audio) -> Audio:
        """(C', S) at the rate of the input -> those that are ready (C', R) at the rate of the model."""
        return samples if self._resampler is None else self._resample(samples, last=False)

    def flush(self) -> Audio:
        """What the resampler still holds (C', R); nothing may be converted after it."""
        nothing = np.zeros((self.num_channels, 0), dtype=np.float32)
        return nothing if self._resampler is None else self._resample(nothing, last=True)

    def _check(self, channels: Audio) -> None:
        if channels.shape[0] != self.format.channels:
            raise ValueError(f"expected {self.format.channels} channels, got {channels.shape[0]}")

    def _choose(self, samples: Audio) -> Audio:
        if self.channels == "all":
            return samples
        return samples[:1] if self.channels == "first" else samples.mean(axis=0, keepdims=True)

    def _resample(self, samples: Audio, last: bool) -> Audio:
        found = self._resampler.resample_chunk(np.ascontiguousarray(samples.T), last=last)
        return np.asarray(found, dtype=np.float32).reshape(-1, self.num_channels).T
