"""Stochastic recurrent neural network: an autoregressive state-space model.

Fraccaro, Sonderby, Paquet, Winther, "Sequential neural models with stochastic layers" (NeurIPS 2016):
p(x_t | x_{1:t-1}, z_t) p(z_t | x_{1:t-1}, z_{t-1}), with h_t = d_h(x_{t-1}, h_{t-1}) shared by prior, emission and
posterior. Two posteriors:
- "smoothing", of the speech model of table 7.1 of X. Lin (2024): q(z_t | z_{t-1}, x_{1:T}), by an LSTM backward over
  [h_t, x_t]; 884,993 parameters.
- "causal", eq. 3.29 and A.31: q(z_t | z_{t-1}, x_{1:t}) from [h_t, x_t, z_{t-1}]; 1,540 parameters for boxes. (The
  tracker's model, dvae.models.trajectory_srnn, has the same densities and its own coordinates.)

Departures: log power as input, and floors (dvae.models.networks.emission). With scheduled sampling the posterior goes
on reading the data: only the generative model is shown its own output.
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
from dvae.models.networks.layers import LSTM, GaussianHead, LSTMState, tanh_layers

SMOOTHING, CAUSAL = "smoothing", "causal"


@dataclass(frozen=True)
class SRNNConfig:
    """Sizes of the networks (defaults: those of the speech model)."""

    data_size: int = setting(513, "dimension D of a frame", minimum=1)
    latent_size: int = setting(16, "latent dimension L", minimum=1)
    features_size: int = setting(256, "layer between data and LSTM", minimum=1)
    hidden_size: int = setting(128, "units of each LSTM", minimum=1)
    posterior: str = setting(SMOOTHING, "what the posterior reads", choices=(SMOOTHING, CAUSAL))
    posterior_hidden_1: int = setting(64, "first layer of q(z)", minimum=1)
    posterior_hidden_2: int = setting(32, "second layer of q(z)", minimum=1)
    prior_hidden_1: int = setting(64, "first layer of p(z)", minimum=1)
    prior_hidden_2: int = setting(32, "second layer of p(z)", minimum=1)
    emission_hidden: int = setting(256, "layer of p(x)", minimum=1)
    emission: str = emission_setting()
    floor: float = floor_setting()


class Recurrence(nn.Module):
    """h_t = d_h(x_{t-1}, h_{t-1}), eq. A.26: a dense layer and an LSTM. x: (B, D), h: (B, H)."""

    def __init__(self, data_size: int, features_size: int, hidden_size: int) -> None:
        super().__init__()
        self.features = tanh_layers(data_size, (features_size,))
        self.lstm = LSTM(features_size, hidden_size)

    def forward(self, before: Tensor) -> Tensor:
        """What precedes each frame, (B, T, D) -> h (B, T, H)."""
        hidden: Tensor = self.lstm(self.features(before))[0]
        return hidden

    def step(self, before: Tensor, state: LSTMState) -> LSTMState:
        """x_{t-1} and the state of t - 1 -> the state of t, whose first part is h_t."""
        return self.lstm.step(self.features(before), state)


class Posterior(nn.Module):
    """q(z_t | z_{t-1}, x_{1:T}), or q(z_t | z_{t-1}, x_{1:t}). h: (B, T, H), x: (B, T, D), z: (B, T, L)."""

    def __init__(self, config: SRNNConfig) -> None:
        super().__init__()
        self.features: nn.Module | None = None
        context_size = config.hidden_size + config.data_size
        if config.posterior == SMOOTHING:
            self.features = tanh_layers(context_size, (config.features_size,))
            self.lstm = LSTM(config.features_size, config.hidden_size)
            context_size = config.hidden_size
        hidden = (config.posterior_hidden_1, config.posterior_hidden_2)
        self.density = GaussianHead(context_size + config.latent_size, hidden, config.latent_size)

    def forward(self, hidden: Tensor, features: Tensor, noise: Tensor | None) -> Latents:
        context = torch.cat([hidden, features], dim=-1)
        if self.features is not None:
            context = self.lstm(self.features(context).flip(1))[0].flip(1)

        def density(part: Tensor, z: Tensor) -> Gaussian:
            found: Gaussian = self.density(torch.cat([part, z], dim=-1))
            return found

        return draw_in_turn(context, density, self.density.mean.out_features, noise)


class Emission(EmissionHead):
    """p(x_t | h_t, z_t), eq. A.29. h: (..., H), z: (..., L)."""

    def __init__(self, config: SRNNConfig) -> None:
        super().__init__(config.emission_hidden, config.data_size, config.emission, config.floor)
        self.hidden = tanh_layers(config.hidden_size + config.latent_size, (config.emission_hidden,))

    def forward(self, hidden: Tensor, z: Tensor) -> Density:
        return self.density(self.hidden(torch.cat([hidden, z], dim=-1)))


class SRNNState(NamedTuple):
    """What one step hands to the next."""

    recurrence: LSTMState  # (B, H) each
    z: Tensor  # z_{t-1}, (B, L)


class SRNN(DVAE[SRNNState]):
    """z_t and x_t from z_{t-1} and the past of the data; z_0 = 0."""

    Config = SRNNConfig
    config: SRNNConfig
    reads_past = True

    def __init__(self, config: SRNNConfig) -> None:
        super().__init__()
        self.config = config
        prior_size = config.hidden_size + config.latent_size
        self.recurrence = Recurrence(config.data_size, config.features_size, config.hidden_size)
        self.posterior = Posterior(config)
        # p(z_t | h_t, z_{t-1}), eq. A.27
        self.transition = GaussianHead(prior_size, (config.prior_hidden_1, config.prior_hidden_2), config.latent_size)
        self.emission = Emission(config)

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        features = self.features(data)
        latents: Latents = self.posterior(self.recurrence(self._before(data)), features, noise)
        return latents

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return self._densities(z, self.recurrence(self._before(shown)))

    def teacher_forced(self, data: Tensor, noise: Tensor | None) -> tuple[Latents, Densities]:
        hidden = self.recurrence(self._before(data))  # posterior and generative model read the same past: once
        latents = self.posterior(hidden, self.features(data), noise)
        return latents, self._densities(latents.z, hidden)

    def _before(self, data: Tensor) -> Tensor:
        """The features of x_{t-1} for each t; x_0 = 0 is digital silence where the data is power."""
        return self.features(shift_right(data))

    def _densities(self, z: Tensor, hidden: Tensor) -> Densities:
        prior: Gaussian = self.transition(torch.cat([hidden, shift_right(z)], dim=-1))
        return Densities(prior, self.emission(hidden, z))

    def initial_state(self, batch: int, w: Tensor | None = None) -> SRNNState:
        size = self.config.hidden_size
        return SRNNState((self.zeros(batch, size), self.zeros(batch, size)), self.zeros(batch, self.config.latent_size))

    def step(
        self, state: SRNNState, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None
    ) -> Step[SRNNState]:
        recurrence = self.recurrence.step(self.features(previous), state.recurrence)
        hidden = recurrence[0]
        prior, z = given_or_drawn(z, lambda: self.transition(torch.cat([hidden, state.z], dim=-1)), noise)
        return Step(prior, z, self.emission(hidden, z), SRNNState(recurrence, z))
