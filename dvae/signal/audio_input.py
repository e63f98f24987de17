"""Audio as it arrives, in chunks of any size and one of many codings -> channels of samples at the rate of the model.

One `AudioInput` belongs to one stretch of audio in one format: when the format changes, or audio is missing, take a new
one. What time its samples have is told by `dvae.signal.audio_clock`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from dvae.signal.audio_file import Audio

SAMPLE_TYPES = {"S8": "<i1", "U8": "<u1", "S16LE": "<i2", "S16BE": ">i2", "S32LE": "<i4", "F32LE": "<f4"}
CHANNEL_CHOICES = ("mean", "first", "all")
RATE_RANGE = (1000, 384_000)
MAX_CHANNELS = 64


@dataclass(frozen=True)
class AudioFormat:
    """How a stream of interleaved samples is coded; ValueError for what cannot be read."""

    sample_rate: int
    channels: int
    sample_type: str = "S16LE"

    def __post_init__(self) -> None:
        low, high = RATE_RANGE
        if not low <= self.sample_rate <= high:
            raise ValueError(f"expected a sample rate of {low} to {high} Hz, got {self.sample_rate}")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise ValueError(f"expected 1 to {MAX_CHANNELS} channels, got {self.channels}")
        if self.sample_type not in SAMPLE_TYPES:
            raise ValueError(f"expected a sample format of {', '.join(SAMPLE_TYPES)}, got {self.sample_type!r}")


class Samples(NamedTuple):
    """Finite samples (C, S) at the rate of the input; num_wrong: how many were NaN or infinite, and are 0 now."""

    waveform: Audio
    num_wrong: int


def to_float(samples: NDArray[Any]) -> Audio:
    """Integer samples of any width, or floats -> float32 in [-1, 1]."""
    if samples.dtype.kind == "f":
        return np.asarray(samples, dtype=np.float32)
    scale = float(2 ** (8 * samples.dtype.itemsize - 1))
    offset = scale if samples.dtype.kind == "u" else 0.0
    return ((samples.astype(np.float32) - offset) / scale).astype(np.float32)


def decode(data: bytes, audio_format: AudioFormat) -> tuple[Audio, bytes]:
    """Interleaved samples -> channels (C, S) and the bytes of an incomplete last sample."""
    kind = np.dtype(SAMPLE_TYPES[audio_format.sample_type])
    block = kind.itemsize * audio_format.channels
    whole = len(data) // block * block
    samples = np.frombuffer(data[:whole], dtype=kind).reshape(-1, audio_format.channels)
    return to_float(samples).T, data[whole:]


class AudioInput:
    """`read` each chunk, then `convert` it to `sample_rate`; any chunking gives the same samples.

    channels: what is made of several: their mean, the first, or all of them. `flush` gives what the resampler holds.
    """

    def __init__(self, audio_format: AudioFormat, sample_rate: int, channels: str = "mean") -> None:
        if channels not in CHANNEL_CHOICES:
            raise ValueError(f"expected channels to be one of {', '.join(CHANNEL_CHOICES)}, got {channels!r}")
        self.format, self.channels = audio_format, channels
        self.num_channels = audio_format.channels if channels == "all" else 1
        self._rest = b""  # bytes of an incomplete sample
        self._resampler: Any = None
        if audio_format.sample_rate != sample_rate:
            rates = audio_format.sample_rate, sample_rate
            self._resampler = soxr.ResampleStream(*rates, self.num_channels, dtype="float32")

    def read(self, chunk: bytes | Audio) -> Samples:
        """Bytes, cut anywhere, or channels (C, S) -> the chosen channels (C', S) at the rate of the input."""
        if isinstance(chunk, bytes):
            chunk, self._rest = decode(self._rest + chunk, self.format)
        if chunk.shape[0] != self.format.channels:
            raise ValueError(f"expected {self.format.channels} channels, got {chunk.shape[0]}")
        chosen = self._choose(chunk)
        wrong = ~np.isfinite(chosen)
        return Samples(np.where(wrong, np.float32(0.0), chosen) if wrong.any() else chosen, int(wrong.sum()))

    def convert(self, samples: Audio) -> Audio:
        """(C', S) at the rate of the input -> those that are ready (C', R) at the rate of the model."""
        return samples if self._resampler is None else self._resample(samples, last=False)

    def flush(self) -> Audio:
        """What the resampler still holds (C', R); nothing may be converted after it."""
        nothing = np.zeros((self.num_channels, 0), dtype=np.float32)
        return nothing if self._resampler is None else self._resample(nothing, last=True)

    def _choose(self, samples: Audio) -> Audio:
        if self.channels == "all":
            return samples
        return samples[:1] if self.channels == "first" else samples.mean(axis=0, keepdims=True)

    def _resample(self, samples: Audio, last: bool) -> Audio:
        found = self._resampler.resample_chunk(np.ascontiguousarray(samples.T), last=last)
        return np.asarray(found, dtype=np.float32).reshape(-1, self.num_channels).T
