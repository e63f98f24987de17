"""The one interface of the family: p(x_t | x_{1:t-1}, z_{1:t}) p(z_t | x_{1:t-1}, z_{1:t-1}) and q(z_t | z_{1:t-1}, x).

Girin et al., "Dynamical variational autoencoders: a comprehensive review" (2021); X. Lin (2024), eqs 2.34-2.38.
Subclasses differ in which of these dependencies they keep. `data` is (B, T, D): real vectors, or the power |s|^2 of
STFT frames (dvae.models.networks.emission). Noise is an argument, so that results depend on nothing that is not passed
in.

Scheduled sampling (Bengio et al., 2015) shows an autoregressive model its own output instead of the data. No gradient
flows through what is shown, so the frames to show are found first, by `step` without a graph, and the bound is then
computed for all frames at once: the same value and gradient as frame by frame, at a fraction of the time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from dvae.distributions.gaussian import Gaussian, kl_divergence, kl_to_standard_normal
from dvae.models.elbo import ELBO
from dvae.models.module import ConfiguredModule
from dvae.models.networks.emission import Density, data_features, expectation, log_likelihood

State = TypeVar("State")


class Latents(NamedTuple):
    """Latent variables and the posterior they were drawn from; w belongs to the whole sequence (HiT-DVAE)."""

    z: Tensor  # (B, T, L)
    posterior: Gaussian  # (B, T, L)
    w: Tensor | None = None  # (B, L_w)
    w_posterior: Gaussian | None = None  # (B, L_w)


@dataclass(frozen=True)
class Step(Generic[State]):
    """The densities of one frame given the past, the z_t that was given or drawn, and the state after it."""

    prior: Gaussian | None  # p(z_t | past), (B, L); None where z_t was given
    z: Tensor  # (B, L)
    emission: Density  # p(x_t | past, z_t), (B, D)
    state: State


class Densities(NamedTuple):
    """Both densities of the generative model, for all frames."""

    prior: Gaussian  # (B, T, L)
    emission: Density  # (B, T, D)


class DVAE(ConfiguredModule, Generic[State]):
    """A model of the family. `config` has data_size, latent_size, emission and floor."""

    reads_past: ClassVar[bool] = False  # whether x_{1:t-1} is read: an autoregressive model

    @abstractmethod
    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        """q(z | x): z drawn with `noise` of `noise_shape`, or the posterior mean without it."""

    @abstractmethod
    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        """Prior and emission of all frames at the given z, where the past of the data is that of `shown` (B, T, D)."""

    @abstractmethod
    def initial_state(self, batch: int, w: Tensor | None = None) -> State:
        """The state before the first frame."""

    @abstractmethod
    def step(self, state: State, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None) -> Step[State]:
        """Frame t from `previous` = x_{t-1} (B, D) (zeros before the first frame; unread by models that do not read
        the past). z_t is `z` (B, L), else drawn from the prior with `noise` (B, L), or its mean without."""

    def decode(self, z: Tensor, data: Tensor | None = None, w: Tensor | None = None) -> Density:
        """p(x_t | x_{1:t-1}, z_{1:t}) of all frames: the past is that of `data` (teacher forcing), or, without it, the
        model's own expectation (generation mode)."""
        return self.emissions(z, self.own_past(z, w) if data is None else data, w)

    def prior(self, z: Tensor, data: Tensor | None = None, w: Tensor | None = None) -> Gaussian:
        """p(z_t | x_{1:t-1}, z_{1:t-1}) of all frames, the past as in `decode`."""
        return self.densities(z, self.own_past(z, w) if data is None else data, w).prior

    def own_past(self, z: Tensor, w: Tensor | None) -> Tensor:
        """What is shown in generation mode; zeros to models that do not read the past."""
        return self.roll_out(z, w=w) if self.reads_past else self.zeros(*z.shape[:2], self.config.data_size)

    def elbo(
        self,
        data: Tensor,
        noise: Tensor | None,
        beta: float = 1.0,
        keep_own: Tensor | None = None,
        passes: int = 0,
    ) -> ELBO:
        """The bound per frame, in nats: sums over dimensions, mean over frames and batch.

        keep_own: scheduled sampling, true (B, T) where the model is shown its own expectation of that frame. passes: 0
        finds these frames one after the other; more find all of them at once, so many times (`parallel_roll_out`).
        """
        if keep_own is None:
            latents, densities = self.teacher_forced(data, noise)
        else:
            latents = self.encode(data, noise)
            if passes:
                shown = self.parallel_roll_out(latents.z, data, keep_own, passes, latents.w)
            else:
                shown = self.roll_out(latents.z, data, keep_own, latents.w)
            densities = self.densities(latents.z, shown, latents.w)
        return self.bound(data, latents, densities, beta)

    def teacher_forced(self, data: Tensor, noise: Tensor | None) -> tuple[Latents, Densities]:
        """Both models on the true past: overridden where they share the reading of it."""
        latents = self.encode(data, noise)
        return latents, self.densities(latents.z, data, latents.w)

    def emissions(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Density:
        """The emission of `densities` alone: overridden where the prior costs much."""
        return self.densities(z, shown, w).emission

    def bound(self, data: Tensor, latents: Latents, densities: Densities, beta: float) -> ELBO:
        """The terms of the bound, per frame."""
        reconstruction = log_likelihood(data, densities.emission, self.config.floor).mean()
        kl = kl_divergence(latents.posterior, densities.prior).sum(-1).mean()
        if latents.w_posterior is not None:
            kl = kl + kl_to_standard_normal(latents.w_posterior).sum(-1).mean() / data.shape[1]
        return ELBO(reconstruction - beta * kl, reconstruction, kl)

    @torch.no_grad()
    def roll_out(
        self, z: Tensor, data: Tensor | None = None, keep_own: Tensor | None = None, w: Tensor | None = None
    ) -> Tensor:
        """Frames (B, T, D) to show: the model's own expectation given z (B, T, L), frame by frame; `data` (B, T, D)
        instead where `keep_own` (B, T) is false."""
        state, frames = self.initial_state(len(z), w), []
        previous = self.zeros(len(z), self.config.data_size)
        for t in range(z.shape[1]):
            result = self.step(state, previous, z[:, t])
            previous, state = expectation(result.emission), result.state
            if data is not None and keep_own is not None:
                previous = torch.where(keep_own[:, t, None], previous, data[:, t])
            frames.append(previous)
        return torch.stack(frames, dim=1)

    @torch.no_grad()
    def parallel_roll_out(
        self, z: Tensor, data: Tensor, keep_own: Tensor, passes: int, w: Tensor | None = None
    ) -> Tensor:
        """What `roll_out` finds, by so many passes over all frames at once, each shown what the one before gave: exact
        for the first `passes` frames of each run of own frames, and soon near it where z says most of what comes.

        D. Duckworth et al., "Parallel scheduled sampling" (2019), algorithm 1.
        """
        shown = data
        for _ in range(passes):
            own = expectation(self.emissions(z, shown, w))
            shown = torch.where(keep_own[..., None], own, data)
        return shown

    @torch.no_grad()
    def generate(self, batch: int, num_frames: int, generator: torch.Generator, w: Tensor | None = None) -> Tensor:
        """Sequences (B, T, D) with z drawn from the prior, each frame the expectation given it and the past."""
        state = self.initial_state(batch, w if w is not None else self.draw_w(batch, generator))
        previous, frames = self.zeros(batch, self.config.data_size), []
        noise = torch.randn(num_frames, batch, self.config.latent_size, generator=generator).to(previous)
        for t in range(num_frames):
            result = self.step(state, previous, noise=noise[t])
            previous, state = expectation(result.emission), result.state
            frames.append(previous)
        return torch.stack(frames, dim=1)

    def draw_w(self, batch: int, generator: torch.Generator) -> Tensor | None:
        """w from its prior, for models that have one."""
        return None

    def noise_shape(self, batch: int, num_frames: int) -> tuple[int, int, int]:
        """Shape of the noise that `encode` and `elbo` take."""
        return batch, num_frames, self.config.latent_size

    def features(self, data: Tensor) -> Tensor:
        """What the networks read of `data`."""
        return data_features(data, self.config.emission, self.config.floor)

    def zeros(self, *shape: int) -> Tensor:
        """Zeros of the type and on the device of the weights."""
        return next(self.parameters()).new_zeros(shape)


def shift_right(sequence: Tensor) -> Tensor:
    """(B, T, D) -> what precedes each frame, zeros before the first."""
    return torch.cat([torch.zeros_like(sequence[:, :1]), sequence[:, :-1]], dim=1)


def draw_in_turn(
    context: Tensor, posterior: Callable[[Tensor, Tensor], Gaussian], latent_size: int, noise: Tensor | None
) -> Latents:
    """z_1, z_2, ... from posterior(c_t, z_{t-1}), z_0 = 0: context (B, T, C), noise (B, T, L) or None for the means."""
    z = context.new_zeros(len(context), latent_size)
    latents, means, log_vars = [], [], []
    for t, part in enumerate(context.unbind(1)):
        density = posterior(part, z)
        z = density.draw(None if noise is None else noise[:, t])
        latents.append(z)
        means.append(density.mean)
        log_vars.append(density.log_var)
    return Latents(torch.stack(latents, 1), Gaussian(torch.stack(means, 1), torch.stack(log_vars, 1)))


def given_or_drawn(
    z: Tensor | None, prior: Callable[[], Gaussian], noise: Tensor | None
) -> tuple[Gaussian | None, Tensor]:
    """A given z_t as it is, without the cost of its prior; else the prior and a draw from it."""
    if z is not None:
        return None, z
    density = prior()
    return density, density.draw(noise)
