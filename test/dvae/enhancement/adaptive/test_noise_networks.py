"""The noise networks against their published sizes and dependencies, the bound against its equation."""

from __future__ import annotations

import pytest
import torch

from dvae.distributions.gaussian import Gaussian
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig, noisy_speech_elbo
from dvae.models.networks.layers import num_parameters

SMALL = {"num_bins": 20, "latent_size": 3, "hidden_size": 6}
DEPENDENCIES = ["LV", "NO", "NOLV"]


@pytest.mark.parametrize(("dependency", "parameters"), [("LV", 248_577), ("NO", 411_905), ("NOLV", 503_041)])
def test_noise_networks_have_the_published_size(dependency: str, parameters: int) -> None:
    assert num_parameters(NoisySpeech(NoisySpeechConfig(dependency=dependency)).noise) == parameters


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_noise_variance_reads_what_it_may(dependency: str, generator: torch.Generator) -> None:
    torch.manual_seed(1)
    network = NoisySpeech(NoisySpeechConfig(**SMALL, dependency=dependency)).noise  # type: ignore[arg-type]
    power, z = torch.rand(1, 8, 20, generator=generator), torch.randn(1, 8, 3, generator=generator)
    base = network(power, z)[0]
    new_power, new_z = power.clone(), z.clone()
    new_power[:, 4], new_z[:, 4] = 5.0, 3.0
    of_power = ~torch.isclose(network(new_power, z)[0], base).all(-1)
    of_z = ~torch.isclose(network(power, new_z)[0], base).all(-1)
    later = [False] * 5 + [True] * 3  # x_{1:t-1}
    now = [False] * 4 + [True] * 4  # z_{1:t}
    expected = {"LV": ([False] * 8, [True] * 8), "NO": (later, [False] * 8), "NOLV": (later, now)}[dependency]
    assert (of_power.tolist(), of_z.tolist()) == expected


def test_elbo_is_that_of_equation_6_16(generator: torch.Generator) -> None:
    power, speech_var, noise_var = (torch.rand(1, 5, 20, generator=generator) + 0.1 for _ in range(3))
    posterior = Gaussian(torch.randn(1, 5, 3, generator=generator), torch.randn(1, 5, 3, generator=generator))
    total = speech_var + noise_var
    fit = (power / total - torch.log(power / total) - 1).sum(-1)
    kl = 0.5 * (posterior.log_var.exp() + posterior.mean**2 - 1 - posterior.log_var).sum(-1)
    torch.testing.assert_close(noisy_speech_elbo(power, speech_var, noise_var, posterior, 0.0), -fit - kl)
