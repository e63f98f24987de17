from __future__ import annotations

import numpy as np
import pytest
import torch
from sounds import voice
from torch import Tensor

from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import Gaussian
from dvae.evaluation.resynthesis import resynthesise, score_resynthesis
from dvae.models.dvae import Densities, Latents
from dvae.models.srnn import SRNN, SRNNConfig
from dvae.models.vae import VAE, VAEConfig
from dvae.signal.stft import STFT


class Perfect(VAE):
    """z is the power itself, so that everything else must hand it through."""

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        return Latents(data, Gaussian(data, data))

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return Densities(Gaussian(z, z), ComplexGaussian(z))


@pytest.mark.parametrize("piece_frames", [0, 7, 100])
def test_a_perfect_model_gives_the_waveform_back(piece_frames: int, rng: np.random.Generator) -> None:
    waveforms = [voice(120.0, 1.0, rng), 3.0 * voice(200.0, 0.37, rng), rng.normal(0, 1e-3, 900).astype(np.float32)]
    results = resynthesise(Perfect(VAEConfig()), waveforms, STFT(), piece_frames=piece_frames)
    for waveform, result in zip(waveforms, results, strict=True):
        assert result.shape == waveform.shape
        np.testing.assert_allclose(result, waveform, atol=2e-4 * np.abs(waveform).max())


def test_the_two_modes_show_different_pasts(rng: np.random.Generator) -> None:
    torch.manual_seed(1)
    model = SRNN(SRNNConfig(hidden_size=8, features_size=8)).eval()
    waveform = voice(150.0, 1.0, rng)
    own, shown = (resynthesise(model, [waveform], STFT(), teacher, 20)[0] for teacher in (False, True))
    assert own.shape == shown.shape == waveform.shape
    assert not np.allclose(own, shown)


@pytest.mark.filterwarnings("ignore")  # pesq and pystoi on buzzes
def test_scores_of_a_perfect_model(rng: np.random.Generator) -> None:
    speech = [voice(pitch, 1.5, rng) for pitch in (120.0, 200.0)]
    ((row, results),) = score_resynthesis({"perfect": Perfect(VAEConfig())}, speech)
    assert (row.model, row.past, len(results)) == ("perfect", "-", 2)
    assert row.rmse < 1e-4
    assert row.si_sdr > 60
    assert row.estoi == pytest.approx(1.0, abs=1e-3)
    assert row.pesq_wb > 4.5
