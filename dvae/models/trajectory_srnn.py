"""Stochastic recurrent neural network for trajectories of boxes.

Fraccaro et al. (2016) with the causal inference model of X. Lin (2024), eqs 3.28, 3.29 and A.26-A.32:
p(s_t | s_{1:t-1}, z_t) p(z_t | s_{1:t-1}, z_{t-1}), q(z_t | s_{1:t}, z_{t-1}); the recurrence h is shared.

Two coordinate systems (`coordinates`):
- "absolute" is the paper: boxes in fractions of the image enter and leave the networks as they are.
- "relative" is ours: the networks read the last step s_{t-1} - s_{t-2} and give the next one, in units of
  `step_unit` times the size of the box. The density is still p(s_t | s_{1:t-1}, z_t), but it no longer depends on where
  in the image and how large a person is, which the 8 units of the paper have to learn by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dvae.configuration import setting
from dvae.distributions.gaussian import Gaussian, gaussian_log_likelihood, kl_divergence
from dvae.models.elbo import ELBO
from dvae.models.module import ConfiguredModule
from dvae.models.networks.layers import GaussianHead, LSTMState
from dvae.models.srnn import Recurrence


@dataclass(frozen=True)
class TrajectorySRNNConfig:
    """Sizes of the networks (defaults: the paper's for boxes) and the coordinates they see."""

    data_size: int = setting(4, "dimension D of s", minimum=1)
    latent_size: int = setting(4, "dimension L of z; 0: Deep AR, the LSTM without latent variable", minimum=0)
    hidden_size: int = setting(8, "LSTM units", minimum=1)
    posterior_hidden_1: int = setting(16, "first layer of q(z)", minimum=0)
    posterior_hidden_2: int = setting(8, "second layer of q(z)", minimum=0)
    prior_hidden_1: int = setting(8, "first layer of p(z)", minimum=0)
    prior_hidden_2: int = setting(8, "second layer of p(z)", minimum=0)
    emission_hidden: int = setting(16, "layer of p(s)", minimum=1)
    coordinates: str = setting("relative", "what the networks see", choices=("absolute", "relative"))
    step_unit: float = setting(0.05, "unit of a step in relative coordinates, in box sizes", minimum=1e-6, maximum=1e3)
    frames_per_second: float = setting(30.0, "frame rate of the training data", unit="Hz", minimum=0.1, maximum=1e4)


class TrajectoryState(NamedTuple):
    """What one step hands to the next, for B tracks."""

    recurrence: LSTMState  # (B, H) each
    z: Tensor  # (B, L)
    source: Tensor  # s_{t-1}, (B, D)
    step_input: Tensor  # what the LSTM reads at t: s_{t-1} (absolute) or the last step in step units, (B, D)


class StepDensities(NamedTuple):
    """The densities of one frame given the past, and the drawn z_t."""

    posterior: Gaussian  # q(z_t | s_{1:t}, z_{t-1}), (B, L)
    prior: Gaussian  # p(z_t | s_{1:t-1}, z_{t-1}), (B, L)
    z: Tensor  # (B, L)
    emission: Gaussian  # p(s_t | s_{1:t-1}, z_t) in box coordinates, (B, D)
    recurrence: LSTMState


class SequenceDensities(NamedTuple):
    """The densities of T - 1 frames given the past, each (B, T - 1, ...)."""

    posterior: Gaussian
    prior: Gaussian
    emission: Gaussian


class TrajectorySRNN(ConfiguredModule):
    """Prior of one person's trajectory; all tracks in one batch."""

    Config = TrajectorySRNNConfig
    config: TrajectorySRNNConfig

    def __init__(self, config: TrajectorySRNNConfig) -> None:
        super().__init__()
        self.config = config
        hidden, latent, data = config.hidden_size, config.latent_size, config.data_size
        self.recurrence = Recurrence(data, data, hidden)
        self.posterior = GaussianHead(
            hidden + data + latent, (config.posterior_hidden_1, config.posterior_hidden_2), latent
        )
        self.transition = GaussianHead(hidden + latent, (config.prior_hidden_1, config.prior_hidden_2), latent)
        self.emission = GaussianHead(hidden + latent, (config.emission_hidden,), data)

    def initial_state(self, source: Tensor) -> TrajectoryState:
        """The state after a first frame at `source` (B, D), at rest."""
        batch = source.shape[0]
        return TrajectoryState(
            self.recurrence.lstm.zero_state(batch, source),
            source.new_zeros(batch, self.config.latent_size),
            source,
            source if self.config.coordinates == "absolute" else torch.zeros_like(source),
        )

    def step_unit(self, source: Tensor) -> Tensor:
        """Size of one unit of the networks' output in box coordinates, (B, D)."""
        if self.config.coordinates == "absolute":
            return torch.ones_like(source)  # the paper's model has no notion of size or rate
        size = (source[:, 2:] - source[:, :2]).clamp_min(1e-6)
        return self.config.step_unit * torch.cat([size, size], dim=-1)

    def step(
        self,
        state: TrajectoryState,
        source: Tensor | None,
        noise: Tensor | None,
        encode: Tensor | None = None,
        rate: float = 1.0,
    ) -> StepDensities:
        """Densities of frame t. With `source` (s_t, (B, D)) z_t comes from the posterior, without it, or where
        `encode` (B,) is false, from the prior; z = mean + std * noise (B, L), or the mean when `noise` is None.

        rate: time since the last frame in frames of the training data (relative coordinates only).
        """
        relative = self.config.coordinates == "relative"
        recurrence = self.recurrence.step(state.step_input, state.recurrence)
        h = recurrence[0]
        prior: Gaussian = self.transition(torch.cat([h, state.z], dim=-1))
        unit = self.step_unit(state.source) * (rate if relative else 1.0)
        posterior = prior
        if source is not None:
            seen = (source - state.source) / unit if relative else source
            posterior = self.posterior(torch.cat([h, seen, state.z], dim=-1))
            if encode is not None:
                pairs = zip(posterior, prior, strict=True)
                posterior = Gaussian(*(torch.where(encode[:, None], q, p) for q, p in pairs))
        z = posterior.draw(noise)
        mean, log_var = self.emission(torch.cat([h, z], dim=-1))
        if relative:
            mean, log_var = state.source + unit * mean, log_var + 2.0 * torch.log(unit)
        return StepDensities(posterior, prior, z, Gaussian(mean, log_var), recurrence)

    def advance(
        self, state: TrajectoryState, densities: StepDensities, source: Tensor, rate: float = 1.0
    ) -> TrajectoryState:
        """The state after s_t = `source` (B, D), `rate` training frames after s_{t-1}."""
        step_input = source
        if self.config.coordinates == "relative":
            step_input = (source - state.source) / (self.step_unit(state.source) * rate)
        return TrajectoryState(densities.recurrence, densities.z, source, step_input)

    def teacher_forced(self, source: Tensor, noise: Tensor) -> SequenceDensities:
        """All densities of frames 1 to T - 1 given the whole trajectory (B, T, D), z drawn with noise (B, T, L).

        As `step` and `advance` frame by frame; but because s is given, only z is sequential, and all else is one batch.
        """
        source, noise = source.transpose(0, 1), noise.transpose(0, 1)  # frames first inside
        relative = self.config.coordinates == "relative"
        unit = torch.stack([self.step_unit(frame) for frame in source[:-1]])
        seen = (source[1:] - source[:-1]) / unit if relative else source[1:]
        first = torch.zeros_like(source[:1]) if relative else source[:1]
        shown = torch.cat([first, seen[:-1]])
        h, _ = self.recurrence.lstm(self.recurrence.features(shown).transpose(0, 1))
        h = h.transpose(0, 1)
        z = source.new_zeros(source.shape[1], self.config.latent_size)
        drawn, posteriors = [z], []
        for t in range(len(h)):
            posteriors.append(self.posterior(torch.cat([h[t], seen[t], z], dim=-1)))
            z = posteriors[-1].draw(noise[t + 1])
            drawn.append(z)
        posterior = Gaussian(*(torch.stack(part) for part in zip(*posteriors, strict=True)))
        prior: Gaussian = self.transition(torch.cat([h, torch.stack(drawn[:-1])], dim=-1))
        mean, log_var = self.emission(torch.cat([h, torch.stack(drawn[1:])], dim=-1))
        if relative:
            mean, log_var = source[:-1] + unit * mean, log_var + 2.0 * torch.log(unit)
        densities = (posterior, prior, Gaussian(mean, log_var))
        return SequenceDensities(*(Gaussian(*(part.transpose(0, 1) for part in density)) for density in densities))

    def elbo(self, source: Tensor, noise: Tensor, beta: float = 1.0, keep_own: Tensor | None = None) -> ELBO:
        """Eq. 3.22 of trajectories (B, T, D), per frame after the first.

        keep_own: scheduled sampling, true (B, T) where the recurrence is shown its own prediction of the frame.
        """
        if keep_own is None:
            whole = self.teacher_forced(source, noise)
            reconstruction = gaussian_log_likelihood(source[:, 1:], whole.emission).sum(-1).mean()
            kl = kl_divergence(whole.posterior, whole.prior).sum(-1).mean()
            return ELBO(reconstruction - beta * kl, reconstruction, kl)
        state = self.initial_state(source[:, 0])
        reconstruction, kl = source.new_zeros(()), source.new_zeros(())
        for t in range(1, source.shape[1]):
            densities = self.step(state, source[:, t], noise[:, t])
            reconstruction = reconstruction + gaussian_log_likelihood(source[:, t], densities.emission).sum(-1).mean()
            kl = kl + kl_divergence(densities.posterior, densities.prior).sum(-1).mean()
            shown = torch.where(keep_own[:, t, None], densities.emission.mean, source[:, t])
            state = self.advance(state, densities, shown)
        num_steps = source.shape[1] - 1
        reconstruction, kl = reconstruction / num_steps, kl / num_steps
        return ELBO(reconstruction - beta * kl, reconstruction, kl)

    def generate(self, start: Tensor, num_frames: int, generator: torch.Generator) -> Tensor:
        """Trajectories (B, T, D) that begin at `start` (B, D), drawn from the prior."""
        state, frames = self.initial_state(start), [start]
        for _ in range(num_frames - 1):
            noise = torch.randn(state.z.shape, generator=generator, dtype=start.dtype)
            densities = self.step(state, None, noise)
            frames.append(densities.emission.sample(generator))
            state = self.advance(state, densities, frames[-1])
        return torch.stack(frames, dim=1)
