"""RVAE-LDEM against its joint density, written out in double precision."""

from __future__ import annotations

import copy

import pytest
import torch

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.langevin import LangevinEM
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.rvae import RVAE, RVAEConfig

CONFIG = AdaptationConfig(num_samples=2, langevin_step=0.01, rank=2)
FLOOR = 0.01  # more than it is, so that leaving it out shows


@pytest.fixture
def rvae() -> RVAE:
    torch.manual_seed(4)
    model = RVAE(RVAEConfig(20, 3, 6, floor=FLOOR))
    for parameter in model.emission.parameters():
        parameter.data *= 2.0  # z matters
    return model


@pytest.fixture
def method(rvae: RVAE, utterances: Utterances) -> LangevinEM:
    found = LangevinEM(rvae, utterances, CONFIG)
    found.noise.gain = torch.linspace(0.5, 2.0, 36).view(3, 12, 1)
    found.z = found.z + torch.randn(found.z.shape, generator=torch.Generator().manual_seed(9))
    return found


@torch.no_grad()
def log_joint(method: LangevinEM, rvae: RVAE, z: torch.Tensor) -> torch.Tensor:
    """log p(x, z) of every chain (B, R) in double precision, up to the constant that makes a perfect fit 0."""
    truth, total = copy.deepcopy(rvae).double(), []
    for b, length in enumerate(method.utterances.lengths.tolist()):
        speech_var = truth.speech_var(z[b].double())[:, :length]
        variance = method.noise.gain[b, :length].double() * speech_var + method.noise.variance[b, :length].double()
        power = method.utterances.power[b, :length].double() + FLOOR
        fit = -(torch.log(variance) + power / variance - torch.log(power) - 1.0).sum((1, 2))
        total.append(fit - 0.5 * z[b, :, :length].double().square().sum((1, 2)))
    return torch.stack(total)


def test_the_step_follows_the_gradient_of_the_joint_density(method: LangevinEM, rvae: RVAE) -> None:
    """What the step adds to z besides the noise is half the step size times the gradient, by finite differences."""
    z, again = method.z.clone(), torch.Generator()
    again.set_state(method.generator.get_state())
    method.e_z()
    noise = torch.randn(z.shape, generator=again)
    gradient = (method.z - z - 0.1 * noise) / 0.005
    h = 1e-4
    for index in [(0, 0, 0, 0), (0, 1, 5, 2), (1, 0, 6, 1), (1, 1, 3, 0), (2, 1, 8, 2)]:
        above, below = z.double().clone(), z.double().clone()
        above[index] += h
        below[index] -= h
        slope = (log_joint(method, rvae, above) - log_joint(method, rvae, below))[index[:2]] / (2.0 * h)
        assert abs(float(slope)) > 0.05
        assert float(gradient[index]) == pytest.approx(float(slope), rel=0.01, abs=0.01)
    torch.testing.assert_close(gradient[1, :, 7:], torch.zeros(2, 5, 3), atol=1e-3, rtol=0.0)  # padding
    assert not method.z.requires_grad


def test_the_bound_is_the_mean_over_the_chains_per_frame(method: LangevinEM, rvae: RVAE) -> None:
    expected = log_joint(method, rvae, method.z).mean(1) / method.utterances.lengths
    method.e_z()
    torch.testing.assert_close(method.bound(), expected.float(), rtol=1e-4, atol=1e-4)


def test_chains_start_where_the_encoder_is_on_each_utterance_alone(rvae: RVAE, utterances: Utterances) -> None:
    method = LangevinEM(rvae, utterances, CONFIG)
    for b, length in enumerate(utterances.lengths.tolist()):
        mean = rvae.encode(utterances.power[b : b + 1, :length]).posterior.mean[0].detach()
        torch.testing.assert_close(method.z[b, :, :length], mean.expand(2, -1, -1))
        assert not method.z[b, :, length:].any()
    assert method.bound().shape == (3,)


def test_the_m_step_is_that_of_the_noise_at_the_draws_before_the_step(method: LangevinEM, rvae: RVAE) -> None:
    twin = copy.deepcopy(method.noise)
    speech_var = torch.stack([rvae.speech_var(method.z[:, r]) for r in range(2)], dim=1).detach()
    for step in method.steps():
        step.update()
    twin.update(method.utterances.power + FLOOR, speech_var, method.utterances.mask)
    torch.testing.assert_close(method.noise.variance, twin.variance)
    torch.testing.assert_close(method.noise.gain, twin.gain)


def test_the_gain_is_the_mean_of_the_wiener_filters_of_the_chains(method: LangevinEM, rvae: RVAE) -> None:
    gains = []
    for r in range(2):
        speech_var = method.noise.gain * rvae.speech_var(method.z[:, r])
        gains.append(speech_var / (speech_var + method.noise.variance))
    torch.testing.assert_close(method.gain(), torch.stack(gains).mean(0).detach())
    assert not method.gain().requires_grad


def test_who_stays_keeps_chains_and_noise(method: LangevinEM) -> None:
    method.e_z()
    kept = torch.tensor([2, 0])
    z, variance, bound = method.z[kept], method.noise.variance[kept], method.bound()[kept]
    method.select(kept)
    assert method.utterances.lengths.tolist() == [9, 12]
    for found, expected in ((method.z, z), (method.noise.variance, variance), (method.bound(), bound)):
        torch.testing.assert_close(found, expected)
    for step in method.steps():
        step.update()
