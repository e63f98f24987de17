"""The adaptive enhancers of the papers against what must hold whatever the weights are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from dvae.distributions.gaussian import Gaussian
from dvae.distributions.itakura_saito import itakura_saito
from dvae.enhancement.adaptive import stacked
from dvae.enhancement.adaptive.adapt import adapt
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.forward_pass import forward_pass
from dvae.enhancement.adaptive.langevin import LangevinEM
from dvae.enhancement.adaptive.method import Method
from dvae.enhancement.adaptive.noise_adaptation import NoiseAdaptation
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig, noisy_speech_elbo
from dvae.enhancement.adaptive.noise_nmf import NMFNoise
from dvae.enhancement.adaptive.utterances import Utterances, pad
from dvae.enhancement.adaptive.vem import VariationalEM
from dvae.models.networks.latent_recurrence import latent_recurrence
from dvae.models.networks.layers import num_parameters

SMALL = {"num_bins": 20, "latent_size": 3, "hidden_size": 6}
DEPENDENCIES = ["LV", "NO", "NOLV"]


@pytest.fixture
def utterances(generator: torch.Generator) -> Utterances:
    return pad([torch.rand(length, 20, generator=generator) for length in (12, 7, 9)])


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


@pytest.mark.parametrize(("dependency", "causal"), list(itertools.product(DEPENDENCIES, [True, False])))
def test_stacked_copies_are_the_network_itself(
    dependency: str, causal: bool, utterances: Utterances, generator: torch.Generator
) -> None:
    torch.manual_seed(2)
    model = NoisySpeech(NoisySpeechConfig(**SMALL, dependency=dependency, causal=causal))  # type: ignore[arg-type]
    power, lengths = utterances
    noise = torch.randn(3, 12, 3, generator=generator)
    encoder = stacked.stack_weights(model.rvae.posterior, 3)
    network = stacked.stack_weights(model.noise, 3)
    z, posterior, *_ = stacked.encode(power, encoder, causal, lengths, noise, 1e-6)
    log_var = stacked.noise_log_var(power, z, network, dependency, lengths, 1e-6)
    total = torch.zeros(())
    for b, length in enumerate(lengths.tolist()):
        _, noise_var, expected = model.variances(power[b : b + 1, :length], noise[b : b + 1, :length])
        torch.testing.assert_close(posterior.mean[b, :length], expected.mean[0])
        torch.testing.assert_close(log_var[b, :length].exp() + 1e-6, noise_var[0])
        total = total + noise_var.sum()
    # and so are its gradients, summed over the copies
    (log_var.exp() * utterances.mask).sum().backward()  # type: ignore[no-untyped-call]
    total.backward()  # type: ignore[no-untyped-call]
    for group, module in ((encoder, model.rvae.posterior), (network, model.noise)):
        for name, parameter in module.named_parameters():
            found = group[name].grad
            if parameter.grad is not None and found is not None:
                torch.testing.assert_close(found.sum(0), parameter.grad, atol=1e-5, rtol=1e-4)


def test_recurrences_have_the_right_gradient(generator: torch.Generator) -> None:
    def leaf(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(stacked._LSTMRecurrence.apply, (leaf(2, 4, 12), leaf(2, 3, 12)))
    noise = torch.randn(2, 3, 4, 2, generator=generator, dtype=torch.float64)  # two copies, three rows each
    arguments = (leaf(2, 3, 4, 4), leaf(2, 3, 4), leaf(2, 5, 12), leaf(2, 1, 12))
    assert torch.autograd.gradcheck(lambda *parts: latent_recurrence(*parts, noise), arguments)


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


def test_elbo_is_that_of_equation_6_16(generator: torch.Generator) -> None:
    power, speech_var, noise_var = (torch.rand(1, 5, 20, generator=generator) + 0.1 for _ in range(3))
    posterior = Gaussian(torch.randn(1, 5, 3, generator=generator), torch.randn(1, 5, 3, generator=generator))
    total = speech_var + noise_var
    fit = (power / total - torch.log(power / total) - 1).sum(-1)
    kl = 0.5 * (posterior.log_var.exp() + posterior.mean**2 - 1 - posterior.log_var).sum(-1)
    torch.testing.assert_close(noisy_speech_elbo(power, speech_var, noise_var, posterior, 0.0), -fit - kl)


def make(kind: str, utterances: Utterances, config: AdaptationConfig) -> Method:
    torch.manual_seed(4)
    model = NoisySpeech(NoisySpeechConfig(**SMALL, dependency=kind if kind in DEPENDENCIES else "LV"))  # type: ignore[arg-type]
    if kind in DEPENDENCIES:
        return NoiseAdaptation(model.rvae, model.noise, utterances, config)
    return {"VEM": VariationalEM, "LDEM": LangevinEM}[kind](model.rvae, utterances, config)


@pytest.mark.parametrize("kind", ["VEM", "LDEM", *DEPENDENCIES])
def test_adaptation_raises_the_bound_and_stops_by_it(kind: str, utterances: Utterances) -> None:
    config = AdaptationConfig(max_iterations=150, learning_rate=1e-2, tolerance=0.3)
    found = adapt(make(kind, utterances, config), utterances, config)
    assert found.gain.shape == utterances.power.shape
    assert ((found.gain >= 0) & (found.gain <= 1)).all()
    assert (found.gain[1, 7:] == 0).all()  # padding
    for b in range(3):
        count = int(found.iterations[b])
        bounds = found.bounds[:count, b]
        assert config.min_iterations <= count <= config.max_iterations
        assert torch.isfinite(bounds).all()
        assert torch.isnan(found.bounds[count:, b]).all()
        assert bounds[-10:].mean() > bounds[:5].mean() + 1
    assert found.iterations.min() < config.max_iterations  # somebody was done before the end


@pytest.mark.parametrize("kind", ["VEM", "NOLV"])
def test_an_utterance_that_leaves_does_not_disturb_the_others(kind: str, utterances: Utterances) -> None:
    """Leaving the batch keeps weights and Adam's memory of the others: the bound goes on without a jump."""
    config = AdaptationConfig(max_iterations=60, min_iterations=60, learning_rate=1e-3)
    method = make(kind, utterances, config)
    bounds = []
    for i in range(60):
        for step in method.steps():
            step.update()
        bounds.append(method.bound()[-1])
        if i == 30:
            method.select(torch.tensor([0, 2]))
    steps = np.abs(np.diff(torch.stack(bounds).numpy()))
    assert steps[30:33].max() < 3 * np.quantile(steps[20:30], 0.9) + 0.5


def test_forward_pass_is_the_wiener_filter_of_the_mean(utterances: Utterances) -> None:
    model = NoisySpeech(NoisySpeechConfig(**SMALL))  # type: ignore[arg-type]
    found = forward_pass(model, utterances)
    speech_var, noise_var, _ = model.variances(utterances.power[1:2, :7], None)
    torch.testing.assert_close(found.gain[1, :7], (speech_var / (speech_var + noise_var))[0])
    assert not found.gain[1, 7:].any()
    assert found.iterations.tolist() == [0, 0, 0]
