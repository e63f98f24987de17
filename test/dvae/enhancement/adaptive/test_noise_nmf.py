"""Noise by NMF beside a speech variance with a gain."""

from __future__ import annotations

import numpy as np
import torch

from dvae.distributions.itakura_saito import itakura_saito
from dvae.enhancement.adaptive.noise_nmf import NMFNoise


def likelihood(noise: NMFNoise, power: torch.Tensor, speech_var: torch.Tensor) -> float:
    return -float(itakura_saito(power, noise.gain * speech_var[:, 0] + noise.variance).sum())


def test_nmf_updates_never_lower_the_likelihood(generator: torch.Generator) -> None:
    power = torch.rand(2, 30, 20, generator=generator) + 0.01
    speech_var = torch.rand(2, 1, 30, 20, generator=generator) + 0.01
    noise, mask = NMFNoise(power, 3, generator), torch.ones(2, 30, 1)
    values = [likelihood(noise, power, speech_var)]
    for _ in range(40):
        noise.update(power, speech_var, mask)
        values.append(likelihood(noise, power, speech_var))
    assert (np.diff(values) >= -1e-3).all()
    assert values[-1] > values[0] + 10
    torch.testing.assert_close(noise.factors.basis.sum(-1), torch.ones(2, 3), atol=0.2, rtol=0.2)


def test_nmf_finds_a_noise_of_its_own_rank(generator: torch.Generator) -> None:
    template, activation = torch.rand(1, 1, 20, generator=generator), 0.2 + torch.rand(1, 200, 1, generator=generator)
    truth = activation @ template + 0.01
    power = truth * torch.empty_like(truth).exponential_(generator=generator)
    noise = NMFNoise(power, 1, generator)
    for _ in range(100):
        noise.update(power, torch.full((1, 1, 200, 20), 1e-6), torch.ones(1, 200, 1))
    error = (10 * torch.log10(noise.variance / truth)).abs().median()
    assert error < 1.5  # dB; exponential noise with 20 bins a frame


def test_the_gain_of_the_speech_is_found(generator: torch.Generator) -> None:
    """Speech of known shape whose gain differs from frame to frame, and almost no noise."""
    speech_var = 0.1 + torch.rand(1, 1, 40, 20, generator=generator)
    gain = 0.2 + 3.0 * torch.rand(1, 40, 1, generator=generator)
    noise = NMFNoise(torch.full((1, 40, 20), 1e-6), 1, generator)
    power = gain * speech_var[:, 0] + noise.variance
    for _ in range(60):
        noise.update(power, speech_var, torch.ones(1, 40, 1))
    torch.testing.assert_close(noise.gain, gain, rtol=0.02, atol=0.0)


def test_gain_update_is_that_of_the_paper(generator: torch.Generator) -> None:
    """Eq. 16 of Leglaive et al. (2018), with exponent 1/2, after W and H."""
    power = 0.1 + torch.rand(1, 6, 5, generator=generator)
    speech_var = 0.1 + torch.rand(1, 4, 6, 5, generator=generator)
    mask = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])[None, :, None]
    noise = NMFNoise(power, 2, generator)
    noise.gain = 0.5 + torch.rand(1, 6, 1, generator=generator)
    before = noise.gain.clone()
    noise.update(power, speech_var, mask)
    total = before[:, None] * speech_var + noise.variance[:, None]
    ratio = (power[:, None] * speech_var / total**2).sum((1, 3)) / (speech_var / total).sum((1, 3))
    torch.testing.assert_close(noise.gain[:, :4, 0], (before[..., 0] * ratio.sqrt())[:, :4])
    assert (noise.gain > 0).all()


def test_updates_with_samples_never_lower_the_mean_likelihood(generator: torch.Generator) -> None:
    power = 0.01 + torch.rand(2, 15, 10, generator=generator)
    speech_var = 0.01 + torch.rand(2, 3, 15, 10, generator=generator)
    noise, values = NMFNoise(power, 2, generator), list[float]()
    for _ in range(30):
        total = noise.gain[:, None] * speech_var + noise.variance[:, None]
        values.append(-float(itakura_saito(power[:, None], total).mean(1).sum()))
        noise.update(power, speech_var, torch.ones(2, 15, 1))
    assert (np.diff(values) >= -1e-3).all()
    assert values[-1] > values[0] + 5


def test_selected_utterances_go_on_alone(generator: torch.Generator) -> None:
    power = 0.1 + torch.rand(3, 8, 6, generator=generator)
    speech_var, mask = 0.1 + torch.rand(3, 1, 8, 6, generator=generator), torch.ones(3, 8, 1)
    together, some = (NMFNoise(power, 2, torch.Generator().manual_seed(5)) for _ in range(2))
    kept = torch.tensor([2, 0])
    together.update(power, speech_var, mask)
    together.update(power, speech_var, mask)
    some.update(power, speech_var, mask)
    some.select(kept)
    some.update(power[kept], speech_var[kept], mask[kept])
    torch.testing.assert_close(some.variance, together.variance[kept])
    torch.testing.assert_close(some.gain, together.gain[kept])
