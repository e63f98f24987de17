"""The one short-time Fourier transform of the project: sine window, exact reconstruction.

Frame t covers samples [t * hop - (n_fft - hop), t * hop + hop): the signal is preceded by n_fft - hop zeros, so
that every sample lies in n_fft / hop frames and frame t is complete as soon as (t + 1) * hop samples have
arrived. Batch and streaming analysis therefore give the same frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class STFT:
    """Analysis and synthesis with the same sine window, scaled so that white noise of variance 1 has power 1.

    n_fft: window length in samples. hop_length: samples between frames; divides n_fft into >= 2 parts.
    """

    n_fft: int = 1024
    hop_length: int = 256
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        if self.hop_length < 1 or self.n_fft % self.hop_length or self.n_fft < 2 * self.hop_length:
            raise ValueError(f"expected n_fft a multiple (>= 2) of hop_length, got {self.n_fft} and {self.hop_length}")

    @property
    def num_bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def overlap(self) -> int:
        """Samples shared by a frame with those before it, n_fft - hop_length."""
        return self.n_fft - self.hop_length

    @cached_property
    def window(self) -> Tensor:
        """sin(pi (n + 1/2) / n_fft), shape (n_fft,); its square sums to n_fft / (2 hop_length) over the overlap."""
        return torch.sin(math.pi * (torch.arange(self.n_fft, dtype=torch.float64) + 0.5) / self.n_fft)

    @property
    def _scale(self) -> float:
        return math.sqrt(2.0 / self.n_fft)

    def num_frames(self, num_samples: int) -> int:
        """Frames needed so that every one of `num_samples` samples is covered by all its windows."""
        return -(-(num_samples + self.overlap) // self.hop_length)

    def frames_to_spectrum(self, frames: Tensor) -> Tensor:
        """Windowed spectrum of raw frames (..., n_fft) -> complex (..., F)."""
        spectrum: Tensor = torch.fft.rfft(frames * (self.window.to(frames) * self._scale))
        return spectrum

    def spectrum_to_frames(self, spectrum: Tensor) -> Tensor:
        """Frames (..., n_fft) to overlap-add; exact inverse of the analysis when they are summed."""
        gain = 2.0 * self.hop_length / self.n_fft / self._scale
        frames: Tensor = torch.fft.irfft(spectrum, n=self.n_fft)
        return frames * (self.window.to(frames) * gain)

    def analyse(self, waveform: Tensor) -> Tensor:
        """Waveform (..., S) -> complex spectrogram (..., F, T)."""
        num_samples = waveform.shape[-1]
        tail = self.num_frames(num_samples) * self.hop_length - num_samples
        padded = torch.nn.functional.pad(waveform, (self.overlap, tail))
        frames = padded.unfold(-1, self.n_fft, self.hop_length)  # (..., T, n_fft)
        return self.frames_to_spectrum(frames).transpose(-1, -2)

    def synthesise(self, spectrogram: Tensor, num_samples: int) -> Tensor:
        """Complex spectrogram (..., F, T) -> waveform (..., num_samples)."""
        frames = self.spectrum_to_frames(spectrogram.transpose(-1, -2))  # (..., T, n_fft)
        batch, num_frames = frames.shape[:-2], frames.shape[-2]
        length = self.overlap + num_frames * self.hop_length
        columns = frames.reshape(-1, num_frames, self.n_fft).transpose(1, 2)  # fold wants (B, n_fft, T)
        summed = torch.nn.functional.fold(columns, (1, length), (1, self.n_fft), stride=(1, self.hop_length))
        return summed.reshape(*batch, length)[..., self.overlap : self.overlap + num_samples]
