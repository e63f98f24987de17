"""Recurrent variational autoencoder for speech power spectra, in the "causal" and the non-causal form.

Leglaive, Alameda-Pineda, Girin, Horaud, "A recurrent variational autoencoder for speech enhancement", ICASSP 2020;
the thesis of X. Lin (2024), eqs 6.1-6.6. Causal: generation is causal; the posterior reads the present and the future.
Non-causal: v_t depends on all of z and the posterior of z_t on all of s. Both have the published number of parameters.

Departures: log power as input, and floors (dvae.models.networks.emission).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import standard_normal
from dvae.models.dvae import DVAE, Densities, Latents, Step, given_or_drawn
from dvae.models.networks.emission import Density, EmissionHead, emission_setting, expectation, floor_setting
from dvae.models.networks.layers import LSTM, LSTMState, both_ways
from dvae.models.networks.recurrent_posterior import RecurrentPosterior


@dataclass(frozen=True)
class RVAEConfig:
    """Sizes of the RVAE and the scale of its input."""

    data_size: int = setting(513, "dimension D of a frame: frequency bins", minimum=1)
    latent_size: int = setting(16, "latent dimension L", minimum=1)
    hidden_size: int = setting(128, "units of each LSTM", minimum=1)
    causal: bool = setting(
        True, "whether generation is causal; else both LSTMs but that over z in the posterior go both ways"
    )
    emission: str = emission_setting()
    floor: float = floor_setting()


class Posterior(nn.Module):
    """q(z_t | z_{1:t-1}, x_{t:T}): an LSTM backward over x and one forward over z. x: (B, T, D), z: (B, T, L).

    Non-causal: q(z_t | z_{1:t-1}, x_{1:T}), with an LSTM over x in both directions."""

    def __init__(self, config: RVAEConfig) -> None:
        super().__init__()
        self.causal, size = config.causal, config.hidden_size
        context_size = size if config.causal else 2 * size
        self.x_lstm: nn.LSTM = LSTM(config.data_size, size) if config.causal else both_ways(config.data_size, size)
        self.latent = RecurrentPosterior(context_size, config.latent_size, size)

    def forward(self, features: Tensor, noise: Tensor | None) -> Latents:
        context = self.x_lstm(features.flip(1))[0].flip(1) if self.causal else self.x_lstm(features)[0]
        latents: Latents = self.latent(context, noise)
        return latents


class Emission(EmissionHead):
    """p(x_t | z_{1:t}): an LSTM over z and a linear layer. z: (B, T, L).

    Non-causal: p(x_t | z_{1:T}), with an LSTM in both directions."""

    def __init__(self, config: RVAEConfig) -> None:
        size = config.hidden_size
        super().__init__(size if config.causal else 2 * size, config.data_size, config.emission, config.floor)
        self.z_lstm: nn.LSTM = LSTM(config.latent_size, size) if config.causal else both_ways(config.latent_size, size)

    def forward(self, z: Tensor) -> Density:
        hidden, _ = self.z_lstm(z)
        return self.density(hidden)


class RVAEState(NamedTuple):
    """What one step hands to the next."""

    recurrence: LSTMState  # of the LSTM over z, (B, H) each


class RVAE(DVAE[RVAEState]):
    """z_t ~ N(0, I), x_t | z_{1:t}; of speech, circular complex Gaussian of variance v_t (eqs 6.1 to 6.3)."""

    Config = RVAEConfig
    config: RVAEConfig

    def __init__(self, config: RVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.posterior = Posterior(config)
        self.emission = Emission(config)

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        latents: Latents = self.posterior(self.features(data), noise)
        return latents

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return Densities(standard_normal(z), self.emission(z))

    def speech_var(self, z: Tensor) -> Tensor:
        """z (B, T, L) -> variance v (B, T, F), eq. 6.2; TypeError for real data."""
        density = self.emission(z)
        if not isinstance(density, ComplexGaussian):
            raise TypeError(f"expected an RVAE of spectra, got one of {self.config.emission} data")
        return density.variance

    def initial_state(self, batch: int, w: Tensor | None = None) -> RVAEState:
        size = self.config.hidden_size
        return RVAEState((self.zeros(batch, size), self.zeros(batch, size)))

    def step(
        self, state: RVAEState, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None
    ) -> Step[RVAEState]:
        """As in the family; ValueError for a non-causal model, which has no such form."""
        lstm = self.emission.z_lstm
        if not isinstance(lstm, LSTM):
            raise ValueError("expected a causal RVAE: a non-causal one cannot be run frame by frame")
        like = previous.new_zeros(len(previous), self.config.latent_size)
        prior, z = given_or_drawn(z, lambda: standard_normal(like), noise)
        recurrence = lstm.step(z, state.recurrence)
        return Step(prior, z, self.emission.density(recurrence[0]), RVAEState(recurrence))

    @torch.no_grad()
    def generate(self, batch: int, num_frames: int, generator: torch.Generator, w: Tensor | None = None) -> Tensor:
        """As in the family, but all frames at once, which a non-causal model needs."""
        noise = torch.randn(num_frames, batch, self.config.latent_size, generator=generator)
        return expectation(self.emission(noise.transpose(0, 1).to(self.zeros(1))))
