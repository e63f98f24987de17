from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sounds import voice
from torch import Tensor

from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import Gaussian
from dvae.evaluation.latents import exchange_w, finite_median, opposite_voices
from dvae.models.dvae import Latents
from dvae.models.hit_dvae import HiTDVAE, HiTDVAEConfig
from dvae.signal.voice_features import median_pitch

PITCHES = (200.0, 90.0, 140.0, 220.0, 110.0)


@pytest.fixture
def speech(rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    noise = rng.normal(0, 0.1, 24000).astype(np.float32)
    return [*(voice(pitch, 1.5, rng) for pitch in PITCHES), voice(80.0, 0.3, rng), noise]


def test_low_voices_from_below_and_high_ones_from_above(speech: list[np.ndarray[Any, Any]]) -> None:
    voices = opposite_voices(speech, 8, 60)  # neither the short one nor the noise; the middle one is nobody's
    assert voices.shape == (4, 60 * 256 - 768)
    found = [median_pitch(waveform, 16000) for waveform in voices]
    np.testing.assert_allclose(found, [90.0, 110.0, 220.0, 200.0], rtol=0.03)
    assert len(opposite_voices(speech, 1, 60)) == 2
    with pytest.raises(ValueError, match="expected two voices of 600 frames or more, got 0"):
        opposite_voices(speech, 8, 600)


class Holder(HiTDVAE):
    """w is the number of the sequence; `by_w`: whether the emission follows w or z, which is the power itself."""

    def __init__(self, by_w: bool) -> None:
        super().__init__(HiTDVAEConfig(features_size=8, global_hidden_size=8, model_size=8, feed_forward_size=8))
        self.by_w = by_w

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        return Latents(data, Gaussian(data, data), torch.arange(len(data))[:, None])

    def decode(self, z: Tensor, shown: Tensor | None = None, w: Tensor | None = None) -> Any:
        assert w is not None
        return ComplexGaussian(z[w[:, 0]] if self.by_w else z)


@pytest.mark.parametrize("by_w", [True, False])
def test_pitch_goes_with_what_holds_it(by_w: bool, speech: list[np.ndarray[Any, Any]]) -> None:
    found = exchange_w(Holder(by_w), opposite_voices(speech, 2, 60))
    assert found.moved == pytest.approx(float(by_w), abs=0.05)
    low, high = found.rows
    assert (low.voices, high.voices) == ("low voices", "high voices")
    assert low.original == pytest.approx(100.0, rel=0.03)
    assert low.own_w == pytest.approx(100.0, rel=0.05)
    assert low.others_w == pytest.approx(210.0 if by_w else 100.0, rel=0.05)
    assert high.others_w == pytest.approx(100.0 if by_w else 210.0, rel=0.05)
    assert {name: sound.shape for name, sound in found.sounds.items()} == dict.fromkeys(
        ("original", "own w", "other's w"), (4, 60 * 256 - 768)
    )


def test_median_of_what_is_a_number() -> None:
    assert finite_median(np.array([1.0, np.nan, 3.0, np.inf])) == 2.0
    assert np.isnan(finite_median(np.array([np.nan])))
