"""Speech enhancement with an RVAE prior, a bounded look-ahead posterior and a dynamical noise model.

X. Lin (2024), chapter 6: x_t = s_t + n_t, s_t ~ Nc(0, v_s(z_{1:t})), n_t ~ Nc(0, v_n), Wiener filter eq. 6.12.

Departures: the posterior q(z_t | z_{1:t-1}, x_{1:t+L}) runs forward with a look-ahead of L frames (eq. 2.38 in its
causal form) where the thesis reads x_{t:T}; posterior and noise model are trained on mixtures of clean speech and
noise while the generative model p(s | z) stays as pre-trained on clean speech (dvae.training.enhancer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.enhancement.noise_model import NoiseModel
from dvae.models.layers import LSTM, Gaussian, LSTMState, tanh_layers
from dvae.models.module import ConfiguredModule
from dvae.models.recurrent_posterior import RecurrentPosterior
from dvae.models.rvae import Emission, RVAEConfig, log_power_features


@dataclass(frozen=True)
class EnhancerConfig:
    """Sizes of the enhancer; those of the prior must be those of the RVAE it was trained with."""

    num_bins: int = setting(513, "frequency bins F", minimum=1)
    latent_size: int = setting(16, "latent dimension L of the speech prior", minimum=1)
    prior_hidden_size: int = setting(128, "LSTM units of the speech prior", minimum=1)
    hidden_size: int = setting(256, "units of the observation and noise LSTMs", minimum=1)
    lookahead_frames: int = setting(3, "future frames read before a frame is filtered", unit="frames", minimum=0)
    floor: float = setting(1e-6, "power added to data and variances, relative to the mean power", minimum=0.0)


class Variances(NamedTuple):
    """Speech and noise variance (..., F) and the posterior of z."""

    speech_var: Tensor
    noise_var: Tensor
    posterior: Gaussian

    @property
    def wiener_gain(self) -> Tensor:
        """Eq. 6.12: real, in (0, 1)."""
        return self.speech_var / (self.speech_var + self.noise_var)


class EnhancerState(NamedTuple):
    """Everything that one step hands to the next: LSTM states and the features awaiting their look-ahead."""

    observation: LSTMState
    latent: LSTMState
    emission: LSTMState
    noise: LSTMState
    waiting: Tensor  # (B, lookahead_frames, H): features of the frames not filtered yet, oldest first


class Observation(nn.Module):
    """c_t = [LSTM over x_{1:t+L}, features of x_t]: what posterior and noise model know of the mixture. (B, T, 2H)."""

    def __init__(self, config: EnhancerConfig) -> None:
        super().__init__()
        self.floor, self.lookahead = config.floor, config.lookahead_frames
        self.features = tanh_layers(config.num_bins, (config.hidden_size,))
        self.lstm = LSTM(config.hidden_size, config.hidden_size)

    def forward(self, power: Tensor) -> Tensor:
        features = self.features(log_power_features(power, self.floor))  # (B, T + lookahead, H)
        hidden, _ = self.lstm(features)
        num_frames = power.shape[1] - self.lookahead
        return torch.cat([hidden[:, self.lookahead :], features[:, :num_frames]], dim=-1)

    def step(self, power: Tensor, state: LSTMState, waiting: Tensor) -> tuple[Tensor, LSTMState, Tensor]:
        """x_{t+L} (B, F) -> c_t (B, 2H), the LSTM state and the features still waiting."""
        features = self.features(log_power_features(power, self.floor))
        state = self.lstm.step(features, state)
        waiting = torch.cat([waiting, features[:, None]], dim=1)
        return torch.cat([state[0], waiting[:, 0]], dim=-1), state, waiting[:, 1:]


class Enhancer(ConfiguredModule):
    """|x|^2 -> v_s, v_n. `forward` for training and files in one piece, `step` for streams; both give the same."""

    Config = EnhancerConfig
    config: EnhancerConfig

    def __init__(self, config: EnhancerConfig) -> None:
        super().__init__()
        self.config = config
        prior = RVAEConfig(config.num_bins, config.latent_size, config.prior_hidden_size, config.floor)
        self.emission = Emission(prior)
        self.observation = Observation(config)
        self.posterior = RecurrentPosterior(2 * config.hidden_size, config.latent_size, config.prior_hidden_size)
        self.noise = NoiseModel(2 * config.hidden_size, config.latent_size, config.hidden_size, config.num_bins)

    def forward(self, power: Tensor, noise: Tensor | None = None) -> Variances:
        """|x|^2 (B, T + lookahead, F) of mean about 1 -> variances (B, T, F); z is the mean without `noise`."""
        context = self.observation(power)
        z, posterior = self.posterior(context, noise)
        speech_log_var, noise_log_var = self.emission(z), self.noise(context, z)
        floor = self.config.floor
        return Variances(speech_log_var.exp() + floor, noise_log_var.exp() + floor, posterior)

    def initial_state(self, batch: int, like: Tensor) -> EnhancerState:
        """The state before the first frame."""
        return EnhancerState(
            self.observation.lstm.zero_state(batch, like),
            self.posterior.z_lstm.zero_state(batch, like),
            self.emission.z_lstm.zero_state(batch, like),
            self.noise.lstm.zero_state(batch, like),
            like.new_zeros(batch, self.config.lookahead_frames, self.config.hidden_size),
        )

    def look_ahead(self, power: Tensor, state: EnhancerState) -> EnhancerState:
        """Read one of the first `lookahead_frames` frames (B, F): nothing can be filtered yet."""
        _, observation, waiting = self.observation.step(power, state.observation, state.waiting)
        return state._replace(observation=observation, waiting=waiting)

    def step(self, power: Tensor, state: EnhancerState) -> tuple[Variances, EnhancerState]:
        """|x_{t+L}|^2 (B, F) -> variances of frame t (B, F) and the state after it."""
        context, observation, waiting = self.observation.step(power, state.observation, state.waiting)
        posterior, latent = self.posterior.step(context, state.latent)
        speech_log_var, emission = self.emission.step(posterior.mean, state.emission)
        noise_log_var, noise = self.noise.step(context, posterior.mean, state.noise)
        floor = self.config.floor
        variances = Variances(speech_log_var.exp() + floor, noise_log_var.exp() + floor, posterior)
        return variances, EnhancerState(observation, latent, emission, noise, waiting)
