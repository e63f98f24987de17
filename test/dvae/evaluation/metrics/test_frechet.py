from __future__ import annotations

import numpy as np
import pytest
from sounds import voice

from dvae.evaluation.metrics.frechet import frechet_distance, mel_statistics
from dvae.signal.stft import STFT


def test_frechet_distance_against_the_closed_form(rng: np.random.Generator) -> None:
    first = rng.normal(0.0, 1.0, (200_000, 3)) * [1.0, 2.0, 0.5]
    second = rng.normal(0.0, 1.0, (200_000, 3)) * [2.0, 2.0, 1.5] + [1.0, 0.0, -2.0]
    # diagonal covariances: |m1 - m2|^2 + sum of (s1 - s2)^2
    assert frechet_distance(first, second) == pytest.approx(5.0 + 1.0 + 0.0 + 1.0, rel=0.02)
    # turned by the same rotation, which keeps it
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert frechet_distance(first @ rotation, second @ rotation) == pytest.approx(frechet_distance(first, second))
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ValueError, match="expected more than 3 utterances, got 3"):
        frechet_distance(first[:3], second)


def test_mel_statistics_do_not_hear_loudness_but_hear_dynamics(rng: np.random.Generator) -> None:
    stft = STFT()
    waveforms = np.stack([voice(pitch, 1.0, rng) for pitch in (110.0, 150.0)])
    features = mel_statistics(waveforms, stft)
    assert features.shape == (2, 78)
    np.testing.assert_allclose(mel_statistics(10 * waveforms, stft), features, atol=1e-4)
    steady = np.stack([np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)] * 2)
    assert (mel_statistics(steady, stft)[:, 26:52].mean(1) < features[:, 26:52].mean(1)).all()
