"""How far a set of generated utterances is from real ones: the Frechet distance between Gaussians of their features.

The formula is that of Heusel et al. (2017). The features are NOT those of the Frechet Deep Speech Distance (Binkowski
et al., 2020), whose network DeepSpeech2 is not at hand: they are statistics of log mel bands, which need no weights and
say what they measure: the long-term spectrum, how much each band varies, and how fast. Values cannot be compared with
table 7.3 of X. Lin (2024).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from dvae.signal.stft import STFT
from dvae.signal.voice_features import mel_filters

Array = NDArray[Any]


def mel_statistics(waveforms: Array, stft: STFT) -> Array:
    """Waveforms (N, S) -> (N, 3 * NUM_MELS): mean, standard deviation and that of the change from frame to frame of the
    log energy of each mel band, at mean power 1 with a floor at -60 dB."""
    power = np.square(np.abs(stft.analyse(waveforms)))
    power /= np.maximum(power.mean((1, 2), keepdims=True), 1e-12)
    mel = np.log(power @ mel_filters(stft.num_bins, stft.sample_rate).T + 1e-6)  # (N, T, NUM_MELS)
    return np.concatenate([mel.mean(1), mel.std(1), np.diff(mel, axis=1).std(1)], axis=-1)


def frechet_distance(first: Array, second: Array) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two sets of features (N, D); ValueError when one has too few."""
    for features in (first, second):
        if len(features) <= features.shape[1]:
            raise ValueError(f"expected more than {features.shape[1]} utterances, got {len(features)}")
    means, covariances = [], []
    for features in (first, second):
        means.append(features.mean(0))
        covariances.append(np.cov(features, rowvar=False))
    # C1 C2 is similar to a symmetric matrix, whose eigenvalues are those of the product
    values = linalg.eigvals(covariances[0] @ covariances[1]).real
    root_trace = np.sqrt(np.clip(values, 0.0, None)).sum()
    distance = np.square(means[0] - means[1]).sum() + np.trace(covariances[0]) + np.trace(covariances[1])
    return float(distance - 2.0 * root_trace)
