"""VEM and NA against copies of the networks fitted one utterance after the other, with torch's own modules."""

from __future__ import annotations

import copy

import pytest
import torch

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.fitted import Fitted, FittedWeights
from dvae.enhancement.adaptive.noise_adaptation import NoiseAdaptation
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.enhancement.adaptive.vem import VariationalEM

SMALL = {"num_bins": 20, "latent_size": 3, "hidden_size": 6}
RATE = 1e-2


def noisy_speech(dependency: str) -> NoisySpeech:
    torch.manual_seed(4)
    return NoisySpeech(NoisySpeechConfig(**SMALL, dependency=dependency))  # type: ignore[arg-type]


def bound(power: torch.Tensor, variance: torch.Tensor, mean: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Nats per frame, written out."""
    ratio = (power + 1e-6) / variance
    fit = (ratio - torch.log(ratio) - 1.0).sum()
    return (-fit - 0.5 * (log_var.exp() + mean.square() - 1.0 - log_var).sum()) / len(mean)


def check(method: Fitted, utterances: Utterances, model: NoisySpeech, noise: torch.Tensor) -> None:
    """Two iterations of the first step of `method` and of a copy of `model` for each utterance."""
    draws = torch.Generator()
    draws.set_state(method.generator.get_state())
    noises = [torch.randn(3, 12, 3, generator=draws) for _ in range(2)]
    values = []
    for _ in range(2):
        method.steps()[0].update()
        values.append(method.bound())
    for b, length in enumerate(utterances.lengths.tolist()):
        alone = copy.deepcopy(model)
        fitted = [*alone.rvae.posterior.parameters(), *alone.noise.parameters()]
        adam = torch.optim.Adam(fitted, lr=RATE, betas=(0.9, 0.99), eps=1e-9)
        power = utterances.power[b : b + 1, :length]
        for value, draw in zip(values, noises, strict=True):
            speech_var, noise_var, posterior = alone.variances(power, draw[b : b + 1, :length])
            variance = speech_var + (noise_var if isinstance(method, NoiseAdaptation) else noise[b, :length])
            expected = bound(power[0], variance[0], posterior.mean[0], posterior.log_var[0])
            adam.zero_grad()
            (-expected).backward()  # type: ignore[no-untyped-call]
            adam.step()
            assert float(value[b]) == pytest.approx(float(expected.detach()), rel=1e-4)
        for name, parameter in alone.rvae.posterior.named_parameters():
            found = method.weights.stacks["encoder"][name][b]
            torch.testing.assert_close(found, parameter, atol=2e-4, rtol=1e-3)
        if isinstance(method, NoiseAdaptation):
            for name, parameter in alone.noise.named_parameters():
                torch.testing.assert_close(method.weights.stacks["noise"][name][b], parameter, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("dependency", ["LV", "NO", "NOLV"])
def test_noise_adaptation_fits_a_copy_of_both_networks(dependency: str, utterances: Utterances) -> None:
    model, config = noisy_speech(dependency), AdaptationConfig(learning_rate=RATE)
    check(NoiseAdaptation(model.rvae, model.noise, utterances, config), utterances, model, torch.zeros(0))


def test_vem_fits_a_copy_of_the_encoder_beside_its_noise(utterances: Utterances) -> None:
    model, config = noisy_speech("LV"), AdaptationConfig(learning_rate=RATE)
    method = VariationalEM(model.rvae, utterances, config)
    check(method, utterances, model, method.noise.variance)


def test_the_m_step_of_vem_is_that_of_its_noise(utterances: Utterances) -> None:
    """At the draw that E-Z used, floors added: the noise explains |x|^2 + floor."""
    model = noisy_speech("LV")
    method, twin = (VariationalEM(model.rvae, utterances, AdaptationConfig()) for _ in range(2))
    z = method.draw().z
    method.generator.set_state(twin.generator.get_state())
    for step in method.steps():
        step.update()
    speech_var = model.rvae.speech_var(z).detach()[:, None]
    twin.noise.update(utterances.power + 1e-6, speech_var, utterances.mask)
    torch.testing.assert_close(method.noise.variance, twin.noise.variance)
    torch.testing.assert_close(method.noise.gain, twin.noise.gain)


@pytest.mark.parametrize("kind", ["VEM", "NA"])
def test_gain_is_the_mean_of_the_wiener_filters_of_several_draws(kind: str, utterances: Utterances) -> None:
    model, config = noisy_speech("LV"), AdaptationConfig(num_samples=4)
    method: Fitted = VariationalEM(model.rvae, utterances, config)
    if kind == "NA":
        method = NoiseAdaptation(model.rvae, model.noise, utterances, config)
    elif isinstance(method, VariationalEM):
        method.noise.gain = torch.linspace(0.5, 2.0, 36).view(3, 12, 1)
    state, gains = method.generator.get_state(), []
    for _ in range(4):
        z = method.draw().z
        speech_var = model.rvae.speech_var(z)
        if isinstance(method, VariationalEM):
            speech_var, noise_var = method.noise.gain * speech_var, method.noise.variance
        else:
            noise_var = method.variances(z)[1]
        gains.append(speech_var / (speech_var + noise_var))
    method.generator.set_state(state)
    torch.testing.assert_close(method.gain(), torch.stack(gains).mean(0).detach())
    assert not method.gain().requires_grad


def test_adam_remembers_the_utterances_that_stay(generator: torch.Generator) -> None:
    """Bounds that pull each copy elsewhere: two go on as if the third had never been there."""
    target = torch.randn(3, 4, generator=generator)
    kept = torch.tensor([2, 0])

    def run(target: torch.Tensor, then: torch.Tensor | None) -> torch.Tensor:
        weights = FittedWeights({"a": {"w": torch.zeros(len(target), 4, requires_grad=True)}}, 0.1)
        for i in range(6):
            if i == 3 and then is not None:
                weights, target = weights.select(then), target[then]
            weights.climb(-(weights.stacks["a"]["w"] - target).square().sum(1))
        return weights.stacks["a"]["w"].detach()

    found = run(target, kept)
    torch.testing.assert_close(found, run(target[kept], None))
    assert ((found - target[kept]).abs() < target[kept].abs()).all()  # towards the targets: up


@pytest.mark.parametrize("kind", ["VEM", "NA"])
def test_what_is_left_of_the_batch_is_that_of_those_who_stay(kind: str, utterances: Utterances) -> None:
    model, kept = noisy_speech("LV"), torch.tensor([2, 0])
    method: Fitted = VariationalEM(model.rvae, utterances, AdaptationConfig())
    if kind == "NA":
        method = NoiseAdaptation(model.rvae, model.noise, utterances, AdaptationConfig())
    for step in method.steps():
        step.update()
    bounds = method.bound()
    method.select(kept)
    assert method.utterances.lengths.tolist() == [9, 12]
    torch.testing.assert_close(method.bound(), bounds[kept])
    for step in method.steps():
        step.update()
    assert method.gain().shape == (2, 12, 20)
