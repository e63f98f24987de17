"""Beams: weights (F, C) that make one spectrum of several microphones' and pass one direction as it is.

Delay-and-sum, and MVDR with a noise covariance that is learned (J. Heymann, L. Drude, R. Haeb-Umbach, "Neural network
based spectral mask estimation for acoustic beamforming", ICASSP 2016). All pass a plane wave as the first microphone
hears it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.positions import SPEED_OF_SOUND, Positions

LOADING = 1e-1  # of the noise covariance, relative to its own power

Spectra = NDArray[np.complex64]


def beam(weights: Spectra, spectra: Spectra) -> Spectra:
    """Weights (F, C), channels (C, F) -> the beam's output w^H x (F,)."""
    return np.asarray((weights.conj() * spectra.T).sum(axis=1))


def mean_of_channels(num_bins: int, num_channels: int) -> Spectra:
    """Weights (F, C) of the plain mean."""
    return np.full((num_bins, num_channels), 1.0 / num_channels, dtype=np.complex64)


def first_channel(num_bins: int, num_channels: int) -> Spectra:
    """Weights (F, C) of the first microphone alone."""
    return np.asarray(np.eye(1, num_channels, dtype=np.complex64).repeat(num_bins, axis=0))


def steering_vectors(positions: Positions, azimuth: float, frequencies: NDArray[np.float64]) -> Spectra:
    """A plane wave from `azimuth` (rad) at microphones (C, 3), relative to the first, at (F,) in Hz: (F, C)."""
    later = (positions[0] - positions) @ [math.cos(azimuth), math.sin(azimuth), 0.0]  # than at the first, in m
    phase = -2j * math.pi * frequencies[:, None] * later / SPEED_OF_SOUND
    return np.asarray(np.exp(phase), dtype=np.complex64)


def delay_and_sum(steering: Spectra) -> Spectra:
    """Weights (F, C) that put the channels in time and average them."""
    return np.asarray(steering / steering.shape[1])


def mvdr(steering: Spectra, noise_cov: Spectra) -> Spectra:
    """Weights (F, C) that let the least noise of covariance (F, C, C) through, Phi^-1 d / (d^H Phi^-1 d).

    A tenth of its mean power is added to the diagonal, so that errors of positions and direction do no harm.
    """
    num_channels = steering.shape[1]
    level = np.einsum("fcc->f", noise_cov).real / num_channels
    loaded = noise_cov + (LOADING * level + 1e-12)[:, None, None] * np.eye(num_channels, dtype=np.complex64)
    solved = np.linalg.solve(loaded, steering[:, :, None])[:, :, 0]
    return np.asarray(solved / (steering.conj() * solved).sum(axis=1, keepdims=True), dtype=np.complex64)
