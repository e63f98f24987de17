"""Speech enhancement with an RVAE prior, a bounded look-ahead posterior and a dynamical noise model.

X. Lin (2024), chapter 6: x_t = s_t + n_t, s_t ~ Nc(0, v_s(z_{1:t})), n_t ~ Nc(0, v_n), Wiener filter eq. 6.12.

Departures: the posterior q(z_t | z_{1:t-1}, x_{1:t+L}) runs forward with a look-ahead of L frames (eq. 2.38 in its
causal form) where the thesis reads x_{t:T}; posterior and noise model are trained on mixtures of clean speech and
noise while the generative model p(s | z) stays as pre-trained on clean speech (dvae.training.enhancer).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dvae.distributions.complex_gaussian import wiener_gain
from dvae.distributions.gaussian import Gaussian
from dvae.enhancement.config import EnhancerConfig
from dvae.enhancement.noise_model import NoiseModel
from dvae.enhancement.speech_detector import SpeechDetector
from dvae.models.module import ConfiguredModule
from dvae.models.networks.emission import log_power_features
from dvae.models.networks.layers import LSTM, tanh_layers
from dvae.models.networks.recurrent_posterior import RecurrentPosterior
from dvae.models.rvae import Emission, RVAEConfig
from dvae.signal.bands import Bands


class Variances(NamedTuple):
    """Speech and noise variance (..., F), the posterior of z, and the log odds of speech (...)."""

    speech_var: Tensor
    noise_var: Tensor
    posterior: Gaussian
    activity: Tensor

    @property
    def wiener_gain(self) -> Tensor:
        """Eq. 6.12: real, in (0, 1)."""
        return wiener_gain(self.speech_var, self.noise_var)


class Observation(nn.Module):
    """c_t = [LSTM over e_{1:t+L}, hidden features of e_t]: what posterior and noise model know of the whole spectrum.

    e: (B, T + L, K), c: (B, T, 2H)."""

    def __init__(self, num_bands: int, hidden_size: int, lookahead: int) -> None:
        super().__init__()
        self.lookahead = lookahead
        self.features = tanh_layers(num_bands, (hidden_size,))
        self.lstm = LSTM(hidden_size, hidden_size)

    def forward(self, bands: Tensor) -> Tensor:
        features = self.features(bands)
        hidden, _ = self.lstm(features)
        num_frames = bands.shape[1] - self.lookahead
        return torch.cat([hidden[:, self.lookahead :], features[:, :num_frames]], dim=-1)


class Enhancer(ConfiguredModule):
    """|x|^2 -> v_s, v_n for whole sequences; dvae.enhancement.step gives the same frame by frame."""

    Config = EnhancerConfig
    config: EnhancerConfig

    def __init__(self, config: EnhancerConfig) -> None:
        super().__init__()
        self.config = config
        bands = Bands(config.num_bins)
        self.register_buffer("averaging", torch.from_numpy(bands.averaging), persistent=False)
        self.register_buffer("band_of_bin", torch.from_numpy(bands.band_of_bin), persistent=False)
        prior = RVAEConfig(config.num_bins, config.latent_size, config.prior_hidden_size, floor=config.floor)
        context_size = 2 * config.hidden_size
        self.emission = Emission(prior)
        self.observation = Observation(bands.num_bands, config.hidden_size, config.lookahead_frames)
        self.posterior = RecurrentPosterior(context_size, config.latent_size, config.prior_hidden_size)
        self.noise = NoiseModel(
            context_size, bands.num_bands, config.noise_hidden_size, config.hints, config.lookahead_frames
        )
        self.activity = nn.Linear(context_size, 1)
        self.detector = SpeechDetector(config.num_bins, config.detector_hidden_size)

    def band_features(self, power: Tensor) -> Tensor:
        """Standardised log power of the bands: (..., F) -> (..., K)."""
        averaging: Any = self.averaging
        return log_power_features(power @ averaging, self.config.floor)

    def forward(self, power: Tensor, noise: Tensor | None = None) -> Variances:
        """|x|^2 (B, T + lookahead, F) of mean about 1 -> variances (B, T, F); z is the mean without `noise`."""
        features = self.band_features(power)
        context = self.observation(features)
        z, posterior, *_ = self.posterior(context, noise)
        floor = self.config.floor
        speech_var = self.emission(z).variance
        noise_log_var = self.noise(features, context, self.band_features(speech_var))
        noise_var = noise_log_var.exp().index_select(-1, self.band_of_bin) + floor
        # what the detector learns does not change the filter
        gain, odds = wiener_gain(speech_var, noise_var).detach(), self.activity(context)[..., 0]
        return Variances(speech_var, noise_var, posterior, self.detector(power[:, : gain.shape[1]], gain, odds))
