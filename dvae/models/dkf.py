"""Deep Kalman filter: z_t | z_{t-1}, x_t | z_t, and a posterior that reads the present and the future.

Krishnan, Shalit, Sontag, "Deep Kalman filters" (2015) and "Structured inference networks for nonlinear state space
models" (AAAI 2017), from which come the gated transition and the combiner. Sizes of the speech model of X. Lin (2024),
table 7.1: 516,641 parameters. Departures: log-variances are linear in the features, as in the rest of the family,
instead of softplus variances; log power as input, and floors (dvae.models.networks.emission).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.distributions.gaussian import Gaussian
from dvae.models.dvae import DVAE, Densities, Latents, Step, draw_in_turn, given_or_drawn, shift_right
from dvae.models.networks.emission import Density, EmissionHead, emission_setting, floor_setting
from dvae.models.networks.layers import LSTM, GaussianHead, tanh_layers


@dataclass(frozen=True)
class DKFConfig:
    """Sizes of the networks (defaults: those of the speech model)."""

    data_size: int = setting(513, "dimension D of a frame", minimum=1)
    latent_size: int = setting(16, "latent dimension L", minimum=1)
    features_size: int = setting(256, "layer between data and LSTM", minimum=1)
    hidden_size: int = setting(128, "units of the LSTM, which runs backward over the data", minimum=1)
    combiner_hidden: int = setting(32, "layers before and after the combination with z_{t-1}", minimum=1)
    transition_hidden: int = setting(16, "layers of gate and proposal", minimum=1)
    emission_hidden_1: int = setting(32, "first layer of the emission", minimum=1)
    emission_hidden_2: int = setting(64, "second layer of the emission", minimum=1)
    emission_hidden_3: int = setting(128, "third layer of the emission", minimum=1)
    emission_hidden_4: int = setting(256, "fourth layer of the emission", minimum=1)
    emission: str = emission_setting()
    floor: float = floor_setting()


class Transition(nn.Module):
    """p(z_t | z_{t-1}): a gate chooses between a linear and a proposed mean. z: (..., L)."""

    def __init__(self, config: DKFConfig) -> None:
        super().__init__()
        latent, hidden = config.latent_size, config.transition_hidden
        self.gate = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, latent), nn.Sigmoid())
        self.proposal = nn.Sequential(nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, latent))
        self.mean = nn.Linear(latent, latent)
        self.log_var = nn.Linear(latent, latent)

    def forward(self, z: Tensor) -> Gaussian:
        gate, proposed = self.gate(z), self.proposal(z)
        return Gaussian((1.0 - gate) * self.mean(z) + gate * proposed, self.log_var(torch.tanh(proposed)))


class Posterior(nn.Module):
    """q(z_t | z_{t-1}, x_{t:T}): an LSTM backward over the data, combined with z_{t-1}. features: (B, T, D)."""

    def __init__(self, config: DKFConfig) -> None:
        super().__init__()
        self.features = tanh_layers(config.data_size, (config.features_size,))
        self.x_lstm = LSTM(config.features_size, config.hidden_size)
        self.from_z = tanh_layers(config.latent_size, (config.combiner_hidden, config.hidden_size))
        self.combined = GaussianHead(config.hidden_size, (config.combiner_hidden,), config.latent_size)

    def forward(self, features: Tensor, noise: Tensor | None) -> Latents:
        context = self.x_lstm(self.features(features).flip(1))[0].flip(1)

        def density(part: Tensor, z: Tensor) -> Gaussian:
            found: Gaussian = self.combined(0.5 * (self.from_z(z) + part))
            return found

        return draw_in_turn(context, density, self.combined.mean.out_features, noise)


class Emission(EmissionHead):
    """p(x_t | z_t). z: (..., L)."""

    def __init__(self, config: DKFConfig) -> None:
        super().__init__(config.emission_hidden_4, config.data_size, config.emission, config.floor)
        sizes = (config.emission_hidden_1, config.emission_hidden_2, config.emission_hidden_3, config.emission_hidden_4)
        self.hidden = tanh_layers(config.latent_size, sizes)

    def forward(self, z: Tensor) -> Density:
        return self.density(self.hidden(z))


class DKFState(NamedTuple):
    """What one step hands to the next."""

    z: Tensor  # z_{t-1}, (B, L)


class DKF(DVAE[DKFState]):
    """A state-space model whose transition and emission are networks; z_0 = 0."""

    Config = DKFConfig
    config: DKFConfig

    def __init__(self, config: DKFConfig) -> None:
        super().__init__()
        self.config = config
        self.posterior = Posterior(config)
        self.transition = Transition(config)
        self.emission = Emission(config)

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        latents: Latents = self.posterior(self.features(data), noise)
        return latents

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return Densities(self.transition(shift_right(z)), self.emission(z))

    def initial_state(self, batch: int, w: Tensor | None = None) -> DKFState:
        return DKFState(self.zeros(batch, self.config.latent_size))

    def step(
        self, state: DKFState, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None
    ) -> Step[DKFState]:
        prior, z = given_or_drawn(z, lambda: self.transition(state.z), noise)
        return Step(prior, z, self.emission(z), DKFState(z))
