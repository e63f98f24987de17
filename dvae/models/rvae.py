"""Recurrent variational autoencoder for speech power spectra, in the "causal" and the non-causal form.

Leglaive, Alameda-Pineda, Girin, Horaud, "A recurrent variational autoencoder for speech enhancement", ICASSP 2020;
the thesis of X. Lin (2024), eqs 6.1-6.6. Causal: generation is causal; the posterior reads the present and the future.
Non-causal: v_t depends on all of z and the posterior of z_t on all of s. Both have the published number of parameters.

Departures: the encoder reads standardised log power instead of raw power (raw power spans eight decades and makes
training slow); power and variance are floored by `floor`, because digital silence makes -log 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.models.divergence import itakura_saito, kl_to_standard_normal
from dvae.models.elbo import ELBO
from dvae.models.layers import LSTM, Gaussian, LSTMState, both_ways
from dvae.models.module import ConfiguredModule
from dvae.models.recurrent_posterior import LatentSequence, RecurrentPosterior


@dataclass(frozen=True)
class RVAEConfig:
    """Sizes of the RVAE and the scale of its input."""

    num_bins: int = setting(513, "frequency bins F", minimum=1)
    latent_size: int = setting(16, "latent dimension L", minimum=1)
    hidden_size: int = setting(128, "units of each LSTM", minimum=1)
    causal: bool = setting(
        True, "whether generation is causal; else both LSTMs but that over z in the posterior go both ways"
    )
    floor: float = setting(1e-6, "power added to data and variance, relative to the mean power", minimum=0.0)


def log_power_features(power: Tensor, floor: float) -> Tensor:
    """Standardised log power, roughly in [-3, 3] for speech of mean power 1; shape of `power`."""
    return (torch.log(power + floor) + 6.0) / 3.0


class Posterior(nn.Module):
    """q(z_t | z_{1:t-1}, x_{t:T}): an LSTM backward over x and one forward over z. x: (B, T, F), z: (B, T, L).

    Non-causal: q(z_t | z_{1:t-1}, x_{1:T}), with an LSTM over x in both directions."""

    def __init__(self, config: RVAEConfig) -> None:
        super().__init__()
        self.floor, self.causal, size = config.floor, config.causal, config.hidden_size
        context_size = size if config.causal else 2 * size
        self.x_lstm: nn.LSTM = LSTM(config.num_bins, size) if config.causal else both_ways(config.num_bins, size)
        self.latent = RecurrentPosterior(context_size, config.latent_size, size)

    def forward(self, power: Tensor, noise: Tensor | None) -> LatentSequence:
        features = log_power_features(power, self.floor)
        context = self.x_lstm(features.flip(1))[0].flip(1) if self.causal else self.x_lstm(features)[0]
        latents: LatentSequence = self.latent(context, noise)
        return latents


class Emission(nn.Module):
    """p(s_t | z_{1:t}) = Nc(0, diag(v_t)): an LSTM over z and a linear layer give log v. z: (B, T, L), v: (B, T, F).

    Non-causal: p(s_t | z_{1:T}), with an LSTM in both directions."""

    def __init__(self, config: RVAEConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.z_lstm: nn.LSTM = LSTM(config.latent_size, size) if config.causal else both_ways(config.latent_size, size)
        self.log_var = nn.Linear(size if config.causal else 2 * size, config.num_bins)

    def forward(self, z: Tensor) -> Tensor:
        hidden, _ = self.z_lstm(z)
        log_var: Tensor = self.log_var(hidden)
        return log_var


class RVAE(ConfiguredModule):
    """The prior of clean speech: z_t ~ N(0, I), s_t | z_{1:t} circular complex Gaussian of variance v_t."""

    Config = RVAEConfig
    config: RVAEConfig

    def __init__(self, config: RVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.posterior = Posterior(config)
        self.emission = Emission(config)

    def encode(self, power: Tensor, noise: Tensor | None = None) -> LatentSequence:
        """|s|^2 (B, T, F) -> z and its posterior; z is the mean when `noise` (B, T, L) is None."""
        latents: LatentSequence = self.posterior(power, noise)
        return latents

    def decode(self, z: Tensor) -> Tensor:
        """z (B, T, L) -> speech variance v (B, T, F), eq. 6.2."""
        log_var: Tensor = self.emission(z)
        return log_var.exp() + self.config.floor

    def prior(self, z: Tensor) -> Gaussian:
        """p(z_t) = N(0, I), eq. 6.3, with the shape of `z`."""
        return Gaussian(torch.zeros_like(z), torch.zeros_like(z))

    def elbo(self, power: Tensor, noise: Tensor, beta: float = 1.0) -> ELBO:
        """Eq. 6.6, per frame: sums over bins and latent dimensions, mean over frames and batch."""
        latents = self.encode(power, noise)
        reconstruction = -itakura_saito(power + self.config.floor, self.decode(latents.z)).sum(-1).mean()
        kl = kl_to_standard_normal(latents.posterior).sum(-1).mean()
        return ELBO(reconstruction - beta * kl, reconstruction, kl)

    def generate(self, batch: int, num_frames: int, generator: torch.Generator) -> Tensor:
        """Speech variances (B, T, F) of z drawn from the prior."""
        return self.decode(torch.randn(batch, num_frames, self.config.latent_size, generator=generator))

    def step(self, z: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """`decode` for one frame: z (B, L) and the state before it -> v (B, F) and the state after it.

        ValueError for a non-causal model, which has no such form."""
        lstm = self.emission.z_lstm
        if not isinstance(lstm, LSTM):
            raise ValueError("expected a causal RVAE: a non-causal one cannot be run frame by frame")
        state = lstm.step(z, state)
        log_var: Tensor = self.emission.log_var(state[0])
        return log_var.exp() + self.config.floor, state
