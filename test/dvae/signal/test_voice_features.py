from __future__ import annotations

import numpy as np
import pytest
from sounds import voice

from dvae.signal.voice_features import median_pitch, voice_features


def test_voice_features_of_a_known_voice(rng: np.random.Generator) -> None:
    time = np.arange(1600) / 16000
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 9)).astype(np.float32)
    found = voice_features(0.1 * voice, 16000)
    assert found.pitch == pytest.approx(140, rel=0.02)
    assert found.hnr > 10
    assert found.rms == pytest.approx(float(np.sqrt(np.square(0.1 * voice).mean())), rel=1e-3)
    noise = voice_features(0.1 * rng.normal(size=1600).astype(np.float32), 16000)
    assert noise.pitch == 0.0
    assert noise.zcr == pytest.approx(0.5, abs=0.05)
    hiss = rng.normal(size=1600).astype(np.float32)
    quiet, loud = (voice_features(gain * hiss, 16000).mfcc for gain in (np.float32(0.1), np.float32(0.2)))
    np.testing.assert_allclose(loud[1:], quiet[1:], atol=1e-2)  # loudness is in the first alone
    assert np.isfinite(voice_features(np.zeros(3, dtype=np.float32), 16000).mfcc).all()


@pytest.mark.parametrize("pitch", [95.0, 130.0, 240.0])
def test_median_pitch(pitch: float, rng: np.random.Generator) -> None:
    waveform = voice(pitch, 1.0, rng) + rng.normal(0, 0.005, 16000).astype(np.float32)
    assert median_pitch(waveform, 16000) == pytest.approx(pitch, rel=0.03)
    assert np.isnan(median_pitch(rng.normal(0, 1, 16000).astype(np.float32), 16000))
    assert np.isnan(median_pitch(np.zeros(10, dtype=np.float32), 16000))
