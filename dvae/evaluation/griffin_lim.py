"""Phases for magnitudes that have none, with the one STFT of the project.

Griffin and Lim (1984), in the fast form of Perraudin, Balazs, Sondergaard (WASPAA 2013): alternate projections onto the
magnitudes and onto the spectrograms of waveforms, with momentum. (Library versions bring an STFT of their own, whose
frames are not ours.)
"""

from __future__ import annotations

import numpy as np

from dvae.signal.stft import STFT, Array


def num_samples_of(num_frames: int, stft: STFT) -> int:
    """Samples of the waveform whose spectrogram has so many frames; ValueError for fewer than one window has hops."""
    num_samples = num_frames * stft.hop_length - stft.overlap
    if num_samples < 1:
        raise ValueError(f"expected more than {stft.overlap // stft.hop_length} frames, got {num_frames}")
    return num_samples


def griffin_lim(
    magnitude: Array, stft: STFT, rng: np.random.Generator, iterations: int = 60, momentum: float = 0.99
) -> Array:
    """Magnitudes (..., T, F) -> waveforms (..., S) whose spectrograms come near to them; phases start at random.

    S and its ValueError: `num_samples_of`.
    """
    num_samples = num_samples_of(magnitude.shape[-2], stft)
    phase = np.exp(2j * np.pi * rng.random(magnitude.shape)).astype(np.complex64)
    before = np.zeros_like(phase)
    for _ in range(iterations):
        consistent = stft.analyse(stft.synthesise(magnitude * phase, num_samples))
        ahead = consistent + momentum * (consistent - before)
        phase, before = ahead / np.maximum(np.abs(ahead), 1e-12), consistent
    return stft.synthesise(magnitude * phase, num_samples)
