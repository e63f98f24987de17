"""The adaptive methods of the papers, for a batch of utterances of any lengths: what is fitted is fitted to each
utterance.

- RVAE-VEM (S. Leglaive et al., ICASSP 2020): NMF noise; E step by Adam on a copy of the encoder, M step by NMF updates.
- RVAE-LDEM (M. Sadeghi and R. Serizel, "Posterior sampling algorithms for unsupervised speech enhancement with
  recurrent variational autoencoder", 2023): the same model; the E step draws z by Langevin dynamics from where the
  encoder starts.
- NA and NDA (X. Lin, 2024, section 6.2.4): a noise network instead of NMF, fitted together with the encoder by Adam on
  eq. 6.16, from scratch (NA) or from weights trained on noisy speech (NDA). ND alone needs no fitting: `forward_pass`.

Departures: the lower bound decides when an utterance is done, instead of a fixed number of iterations; the result is
the mean over several samples of z (or its mean) instead of one sample, which is noisier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dvae.configuration import setting
from dvae.enhancement import stacked
from dvae.enhancement.nmf import NMFNoise
from dvae.enhancement.noise_networks import NoiseNetwork, NoisySpeech, noisy_speech_elbo
from dvae.inference.variational_em import run_variational_em
from dvae.models.divergence import itakura_saito
from dvae.models.dvae import Latents
from dvae.models.rvae import RVAE


@dataclass(frozen=True)
class AdaptationConfig:
    """How the adaptive methods iterate."""

    max_iterations: int = setting(300, "iterations at most", minimum=1)
    min_iterations: int = setting(30, "iterations at least", minimum=1)
    patience: int = setting(10, "iterations over which the lower bound is averaged and compared", minimum=1)
    tolerance: float = setting(
        0.5, "rise of the bound over `patience` iterations below which an utterance is done", unit="nats per frame"
    )
    learning_rate: float = setting(1e-3, "step of Adam", minimum=0.0)
    rank: int = setting(8, "templates of the NMF noise", minimum=1)
    langevin_step: float = setting(5e-3, "step of the Langevin dynamics", minimum=0.0)
    num_samples: int = setting(5, "samples of z that are averaged in the result", minimum=1)
    seed: int = setting(1, "of the samples and the NMF", minimum=0)


class Utterances(NamedTuple):
    """Mixture power (B, T, F) of mean about 1 each, padded with zeros to the longest, and lengths (B,) in frames."""

    power: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """1 in frames, 0 in padding, (B, T, 1)."""
        return (torch.arange(self.power.shape[1]) < self.lengths[:, None])[..., None].to(self.power)


class Adapted(NamedTuple):
    """Wiener gains (B, T, F), 0 in padding; iterations that each utterance took (B,); bounds (iterations, B), NaN after
    an utterance was done."""

    gain: Tensor
    iterations: Tensor
    bounds: Tensor


class Method(Protocol):
    """One adaptive method on the utterances that are not done yet."""

    def e_step(self) -> None:
        """Improve the posterior of z."""

    def m_step(self) -> None:
        """Improve the noise."""

    def bound(self) -> Tensor:
        """The lower bound of each utterance now, (B,), in nats per frame."""

    def gain(self) -> Tensor:
        """Wiener gains now, (B, T, F)."""

    def select(self, kept: Tensor) -> None:
        """Go on with the utterances `kept` (indices) only."""


def pad(powers: list[Tensor]) -> Utterances:
    """Powers (T_b, F) -> one batch."""
    lengths = torch.tensor([len(power) for power in powers])
    return Utterances(torch.nn.utils.rnn.pad_sequence(powers, batch_first=True), lengths)


class _Problem:
    """Runs a method inside the project's EM loop; utterances leave the batch when their bound stops rising."""

    def __init__(self, method: Method, utterances: Utterances, config: AdaptationConfig) -> None:
        self.method, self.config = method, config
        batch = len(utterances.power)
        self.active = torch.arange(batch)
        self.result = torch.zeros_like(utterances.power)
        self.iterations = torch.zeros(batch, dtype=torch.long)
        self.history: list[Tensor] = []  # bounds (B,), NaN for those that are done
        self.num_utterances = batch

    def e_w(self) -> None:
        """There is nothing to assign: every bin is a sum of speech and noise."""

    def e_z_and_e_s(self) -> None:
        """q(s | z, x) is exact (eqs 6.12, 6.13); only z needs a step."""
        self.method.e_step()

    def m_step(self) -> None:
        self.method.m_step()

    def objective(self) -> float:
        bounds = torch.full((self.num_utterances,), torch.nan)
        bounds[self.active] = self.method.bound().detach()
        self.history.append(bounds)
        return float(bounds[self.active].mean())

    def has_converged(self) -> bool:
        number, patience = len(self.history), self.config.patience
        finished = torch.full((len(self.active),), number >= self.config.max_iterations)
        if number >= max(self.config.min_iterations, 2 * patience):
            recent = torch.stack(self.history[-2 * patience :])[:, self.active]
            finished |= recent[patience:].mean(0) - recent[:patience].mean(0) < self.config.tolerance
        if finished.any():
            leaving = self.active[finished]
            self.result[leaving] = self.method.gain()[finished]
            self.iterations[leaving] = number
            kept = torch.nonzero(~finished)[:, 0]
            self.active = self.active[kept]
            if kept.numel():
                self.method.select(kept)
        return not self.active.numel()


def adapt(method: Method, utterances: Utterances, config: AdaptationConfig) -> Adapted:
    """Iterate `method` until every utterance is done."""
    problem = _Problem(method, utterances, config)
    run_variational_em(problem, config.max_iterations, problem.has_converged)
    return Adapted(problem.result * utterances.mask, problem.iterations, torch.stack(problem.history))


@torch.no_grad()
def forward_pass(model: NoisySpeech, utterances: Utterances) -> Adapted:
    """ND: the gains of a model trained on noisy speech, with the mean of z, no iteration."""
    gains = torch.zeros_like(utterances.power)
    for gain, power, length in zip(gains, utterances.power, utterances.lengths, strict=True):
        speech_var, noise_var, _ = model.variances(power[None, :length], None)
        gain[:length] = (speech_var / (speech_var + noise_var))[0]
    return Adapted(gains, torch.zeros(len(gains), dtype=torch.long), torch.zeros(0, len(gains)))


class _Fitted:
    """Encoder copies fitted by Adam, with whatever else has weights; shared by VEM and NA."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        self.rvae, self.config = rvae, config
        self.utterances, self.mask = utterances, utterances.mask
        self.generator = torch.Generator().manual_seed(config.seed)
        self.groups = [stacked.stack_weights(rvae.posterior, len(utterances.power))]
        self._bound = torch.zeros(len(utterances.power))

    def start(self) -> None:
        """Give all weights to Adam; call once after adding groups."""
        self.adam = torch.optim.Adam(self._leaves(), lr=self.config.learning_rate, betas=(0.9, 0.99), eps=1e-9)

    def _leaves(self) -> list[Tensor]:
        return [leaf for group in self.groups for leaf in group.values()]

    def draw(self) -> Latents:
        """A sample of z (B, T, L) and the posterior that it is from."""
        power, lengths = self.utterances
        shape = (*power.shape[:2], self.rvae.config.latent_size)
        noise = torch.randn(shape, generator=self.generator)
        config = self.rvae.config
        return stacked.encode(power, self.groups[0], config.causal, lengths, noise, config.floor)

    def climb(self, bound: Tensor) -> None:
        """One step of Adam up the bounds (B, T) of all frames."""
        per_utterance = (bound * self.mask[..., 0]).sum(1) / self.utterances.lengths
        self.adam.zero_grad()
        (-per_utterance.sum()).backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        self._bound = per_utterance.detach()

    def bound(self) -> Tensor:
        """At the weights before the last step, which it was computed for."""
        return self._bound

    def select(self, kept: Tensor) -> None:
        """Weights, the state of Adam and the data of the utterances `kept`."""
        self.utterances = Utterances(self.utterances.power[kept], self.utterances.lengths[kept])
        self.mask = self.utterances.mask
        before = [self.adam.state[leaf] for leaf in self._leaves()]
        self.groups = [
            {name: leaf.detach()[kept].clone().requires_grad_() for name, leaf in group.items()}
            for group in self.groups
        ]
        self.start()
        for leaf, state in zip(self._leaves(), before, strict=True):
            self.adam.state[leaf] = {
                name: value[kept] if name.startswith("exp_avg") else value for name, value in state.items()
            }


class VariationalEM(_Fitted):
    """RVAE-VEM."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        super().__init__(rvae, utterances, config)
        self.noise = NMFNoise(utterances.power, config.rank, self.generator)
        self._speech_var = torch.zeros(0)
        self.start()

    def e_step(self) -> None:
        z, posterior, *_ = self.draw()
        speech_var, floor = self.rvae.speech_var(z), self.rvae.config.floor
        self._speech_var = speech_var.detach()[:, None]
        scaled = self.noise.gain * speech_var
        self.climb(noisy_speech_elbo(self.utterances.power, scaled, self.noise.variance, posterior, floor))

    def m_step(self) -> None:
        self.noise.update(self.utterances.power + self.rvae.config.floor, self._speech_var, self.mask)

    @torch.no_grad()
    def gain(self) -> Tensor:
        gains = torch.zeros_like(self.utterances.power)
        for _ in range(self.config.num_samples):
            speech_var = self.noise.gain * self.rvae.speech_var(self.draw()[0])
            gains += speech_var / (speech_var + self.noise.variance)
        return gains / self.config.num_samples

    def select(self, kept: Tensor) -> None:
        super().select(kept)
        self.noise.select(kept)


class NoiseAdaptation(_Fitted):
    """NA from `noise` as it was initialised, NDA from one that was trained on noisy speech."""

    def __init__(self, rvae: RVAE, noise: NoiseNetwork, utterances: Utterances, config: AdaptationConfig) -> None:
        super().__init__(rvae, utterances, config)
        self.dependency = noise.dependency
        self.groups.append(stacked.stack_weights(noise, len(utterances.power)))
        self.start()

    def _noise_var(self, z: Tensor) -> Tensor:
        power, lengths = self.utterances
        floor = self.rvae.config.floor
        return stacked.noise_log_var(power, z, self.groups[1], self.dependency, lengths, floor).exp() + floor

    def e_step(self) -> None:
        z, posterior, *_ = self.draw()
        floor = self.rvae.config.floor
        bound = noisy_speech_elbo(self.utterances.power, self.rvae.speech_var(z), self._noise_var(z), posterior, floor)
        self.climb(bound)

    def m_step(self) -> None:
        """Encoder and noise network climb eq. 6.16 together."""

    @torch.no_grad()
    def gain(self) -> Tensor:
        gains = torch.zeros_like(self.utterances.power)
        for _ in range(self.config.num_samples):
            z = self.draw().z
            speech_var = self.rvae.speech_var(z)
            gains += speech_var / (speech_var + self._noise_var(z))
        return gains / self.config.num_samples


class LangevinEM:
    """RVAE-LDEM: `num_samples` chains for each utterance, all in one batch; only the decoder is differentiated."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        self.rvae, self.config = rvae, config
        self.utterances, self.mask = utterances, utterances.mask
        self.generator = torch.Generator().manual_seed(config.seed)
        with torch.no_grad():
            starts = [
                rvae.encode(power[None, :length]).posterior.mean[0]
                for power, length in zip(utterances.power, utterances.lengths, strict=True)
            ]
            start = torch.nn.utils.rnn.pad_sequence(starts, batch_first=True)
        self.z = start[:, None].repeat(1, config.num_samples, 1, 1)  # (B, R, T, L)
        self.noise = NMFNoise(utterances.power, config.rank, self.generator)
        self._speech_var = torch.zeros(0)
        self._bound = torch.zeros(len(utterances.power))

    def _decode(self, z: Tensor) -> Tensor:
        batch, samples, num_frames, size = z.shape
        decoded = self.rvae.speech_var(z.reshape(batch * samples, num_frames, size))
        return decoded.view(batch, samples, num_frames, -1)

    def e_step(self) -> None:
        """z <- z + step / 2 * gradient of log p(x, z) + sqrt(step) * noise."""
        z = self.z.detach().requires_grad_()
        speech_var = self._decode(z)
        power = (self.utterances.power + self.rvae.config.floor)[:, None]
        variance = self.noise.gain[:, None] * speech_var + self.noise.variance[:, None]
        fit = -itakura_saito(power, variance)
        joint = (fit - 0.5 * z.square().sum(-1)) * self.mask[:, None, :, 0]
        (gradient,) = torch.autograd.grad(joint.sum(), z)
        step = self.config.langevin_step
        draw = torch.randn(z.shape, generator=self.generator)
        self.z = z.detach() + 0.5 * step * gradient + step**0.5 * draw
        self._speech_var = speech_var.detach()
        self._bound = joint.detach().sum(-1).mean(1) / self.utterances.lengths

    def m_step(self) -> None:
        self.noise.update(self.utterances.power + self.rvae.config.floor, self._speech_var, self.mask)

    def bound(self) -> Tensor:
        """Mean of log p(x, z) over the chains: it rises as a bound does, up to the entropy of q, which it lacks."""
        return self._bound

    @torch.no_grad()
    def gain(self) -> Tensor:
        speech_var = self.noise.gain[:, None] * self._decode(self.z)
        gains: Tensor = (speech_var / (speech_var + self.noise.variance[:, None])).mean(1)
        return gains

    def select(self, kept: Tensor) -> None:
        self.utterances = Utterances(self.utterances.power[kept], self.utterances.lengths[kept])
        self.mask, self.z = self.utterances.mask, self.z[kept]
        self.noise.select(kept)
