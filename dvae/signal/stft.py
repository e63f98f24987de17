"""The one short-time Fourier transform of the project: exact reconstruction, with a short synthesis window if wanted.

Frame t covers samples [t * hop - (n_fft - hop), t * hop + hop): the signal is preceded by n_fft - hop zeros, so
that every sample lies in n_fft / hop frames and frame t is complete as soon as (t + 1) * hop samples have
arrived. Batch and streaming analysis therefore give the same frames.

A frame is resynthesised from its last `synthesis_length` samples only. The delay is then that of the short window
while the spectrum keeps the resolution of the long one (Mauler and Martin, "A low delay, variable resolution,
perfect reconstruction spectral analysis-synthesis system for speech enhancement", EUSIPCO 2007). With
synthesis_length = n_fft both windows are the sine window of the thesis.

numpy and scipy only: a robot that filters needs no deep-learning library in memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[Any]


@dataclass(frozen=True)
class STFT:
    """Analysis scaled so that white noise of variance 1 has power 1, and its inverse.

    n_fft: length of the analysis window in samples. hop_length: samples between frames. synthesis_length: samples at
    the end of a frame that are resynthesised (None: all). Both lengths are multiples (>= 2) of hop_length.
    """

    n_fft: int = 1024
    hop_length: int = 256
    synthesis_length: int | None = None
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        for name, length in (("n_fft", self.n_fft), ("synthesis_length", self.num_synthesis)):
            if self.hop_length < 1 or length % self.hop_length or length < 2 * self.hop_length or length > self.n_fft:
                raise ValueError(
                    f"expected {name} a multiple (>= 2) of hop_length and at most n_fft, "
                    f"got {length}, {self.hop_length} and {self.n_fft}"
                )

    @property
    def num_bins(self) -> int:
        """Frequency bins F of a spectrum."""
        return self.n_fft // 2 + 1

    @property
    def num_synthesis(self) -> int:
        """Samples of a frame that are resynthesised."""
        return self.n_fft if self.synthesis_length is None else self.synthesis_length

    @property
    def overlap(self) -> int:
        """Samples shared by a frame with those before it, n_fft - hop_length."""
        return self.n_fft - self.hop_length

    @property
    def synthesis_overlap(self) -> int:
        """Samples of a frame to which later frames still add, num_synthesis - hop_length."""
        return self.num_synthesis - self.hop_length

    @cached_property
    def window(self) -> Array:
        """Analysis window (n_fft,): a quarter of a sine up, a quarter down over the last num_synthesis / 2 samples."""
        fall = self.num_synthesis // 2
        rise = self.n_fft - fall
        up = np.sin(0.5 * math.pi * (np.arange(rise) + 0.5) / rise)
        down = np.cos(0.5 * math.pi * (np.arange(fall) + 0.5) / fall)
        return np.concatenate([up, down])

    @cached_property
    def synthesis_window(self) -> Array:
        """Synthesis window (num_synthesis,): its product with the end of `window` is sin^2, which overlap-adds to
        num_synthesis / (2 hop_length)."""
        length = self.num_synthesis
        product = np.sin(math.pi * (np.arange(length) + 0.5) / length) ** 2
        return product / self.window[-length:]

    @cached_property
    def _scaled(self) -> dict[tuple[str, str], Array]:
        """Both windows with their gains, in either precision."""
        scale = math.sqrt(1.0 / np.square(self.window).sum())
        gain = 2.0 * self.hop_length / self.num_synthesis / scale
        return {
            (name, kind): np.asarray(window, dtype=kind)
            for name, window in (("analysis", self.window * scale), ("synthesis", self.synthesis_window * gain))
            for kind in ("float32", "float64")
        }

    def num_frames(self, num_samples: int) -> int:
        """Frames needed so that every one of `num_samples` samples is covered by all its windows."""
        return -(-(num_samples + self.overlap) // self.hop_length)

    def frames_to_spectrum(self, frames: Array) -> Array:
        """Windowed spectrum of raw frames (..., n_fft) -> complex (..., F), precision of the frames."""
        return np.asarray(fft.rfft(frames * self._scaled["analysis", frames.dtype.name]))

    def spectrum_to_frames(self, spectrum: Array) -> Array:
        """Frames (..., num_synthesis) to overlap-add; exact inverse of the analysis when they are summed."""
        frames = fft.irfft(spectrum, n=self.n_fft)[..., -self.num_synthesis :]
        return np.asarray(frames * self._scaled["synthesis", frames.dtype.name])

    def analyse(self, waveform: Array) -> Array:
        """Waveform (..., S) -> complex spectrogram (..., T, F)."""
        num_samples = waveform.shape[-1]
        tail = self.num_frames(num_samples) * self.hop_length - num_samples
        padded = np.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(self.overlap, tail)])
        return self.frames_to_spectrum(
            np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, axis=-1)[..., :: self.hop_length, :]
        )

    def synthesise(self, spectrogram: Array, num_samples: int) -> Array:
        """Complex spectrogram (..., T, F) -> waveform (..., num_samples)."""
        frames = self.spectrum_to_frames(spectrogram)
        *batch, num_frames, length = frames.shape
        hop, parts = self.hop_length, length // self.hop_length
        blocks = frames.reshape(*batch, num_frames, parts, hop)
        summed = np.zeros((*batch, num_frames + parts - 1, hop), dtype=frames.dtype)
        for part in range(parts):
            summed[..., part : part + num_frames, :] += blocks[..., part, :]
        waveform = summed.reshape(*batch, -1)
        first = self.synthesis_overlap  # what is synthesised of frame 0 begins so far before sample 0
        missing = first + num_samples - waveform.shape[-1]
        if missing > 0:
            waveform = np.pad(waveform, [(0, 0)] * len(batch) + [(0, missing)])
        return waveform[..., first : first + num_samples]


def power_of(spectrogram: Array) -> Array:
    """|X|^2 without the root that numpy takes for |X|, several times as fast; any shape."""
    return np.asarray(np.square(spectrogram.real) + np.square(spectrogram.imag))
