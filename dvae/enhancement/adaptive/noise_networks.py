"""The published dynamical noise models and the model of noisy speech that they make with an RVAE.

X. Lin (2024), sections 6.2.2 and 6.3.2: log v_n,t by an LSTM and a perceptron with one tanh layer, from the latent
variables (LV: z_{1:T}, both directions), the noisy observations (NO: x_{1:t-1}) or both (NOLV: x_{1:t-1}, z_{1:t}). The
sizes give the numbers of parameters of the authors' networks (248,577, 411,905 and 503,041).

Departure: the networks read standardised log power instead of raw power, as our RVAE does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dvae.configuration import setting
from dvae.distributions.gaussian import Gaussian, kl_to_standard_normal
from dvae.distributions.itakura_saito import itakura_saito
from dvae.models.module import ConfiguredModule
from dvae.models.networks.emission import log_power_features
from dvae.models.networks.layers import LSTM, both_ways, tanh_layers
from dvae.models.rvae import RVAE, RVAEConfig


@dataclass(frozen=True)
class NoisySpeechConfig:
    """Sizes of an RVAE with a dynamical noise model."""

    num_bins: int = setting(513, "frequency bins F", minimum=1)
    latent_size: int = setting(16, "latent dimension L", minimum=1)
    hidden_size: int = setting(128, "units of each LSTM", minimum=1)
    causal: bool = setting(True, "whether the RVAE is the causal one")
    dependency: str = setting("LV", "what the noise variance depends on", choices=("LV", "NO", "NOLV"))
    floor: float = setting(1e-6, "power added to data and variances, relative to the mean power", minimum=0.0)

    @property
    def rvae(self) -> RVAEConfig:
        """The RVAE in it."""
        return RVAEConfig(self.num_bins, self.latent_size, self.hidden_size, self.causal, floor=self.floor)


class NoiseNetwork(nn.Module):
    """Power |x|^2 (B, T, F) and z (B, T, L) -> log v_n (B, T, F)."""

    def __init__(self, config: NoisySpeechConfig) -> None:
        super().__init__()
        size, self.dependency, self.floor = config.hidden_size, config.dependency, config.floor
        self.x_lstm = None if self.dependency == "LV" else LSTM(config.num_bins, size)
        self.z_lstm: nn.LSTM | None = None
        if self.dependency != "NO":
            make = both_ways if self.dependency == "LV" else LSTM
            self.z_lstm = make(config.latent_size, size)
        self.hidden = tanh_layers(size if self.dependency == "NO" else 2 * size, (size,))
        self.log_var = nn.Linear(size, config.num_bins)

    def forward(self, power: Tensor, z: Tensor) -> Tensor:
        parts = []
        if self.x_lstm is not None:
            past, _ = self.x_lstm(log_power_features(power, self.floor))
            parts.append(nn.functional.pad(past[:, :-1], (0, 0, 1, 0)))  # x_{1:t-1}: the state before frame t
        if self.z_lstm is not None:
            parts.append(self.z_lstm(z)[0])
        log_var: Tensor = self.log_var(self.hidden(torch.cat(parts, dim=-1)))
        return log_var


class NoisySpeech(ConfiguredModule):
    """x_t = s_t + n_t: an RVAE for the speech, a noise network for the noise (eqs 6.7 to 6.10)."""

    Config = NoisySpeechConfig
    config: NoisySpeechConfig

    def __init__(self, config: NoisySpeechConfig) -> None:
        super().__init__()
        self.config = config
        self.rvae = RVAE(config.rvae)
        self.noise = NoiseNetwork(config)

    def variances(self, power: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor, Gaussian]:
        """|x|^2 (B, T, F) -> v_s, v_n, both (B, T, F), and q(z | x); z is the mean without `noise` (B, T, L)."""
        z, posterior, *_ = self.rvae.encode(power, noise)
        return self.rvae.speech_var(z), self.noise(power, z).exp() + self.config.floor, posterior


def noisy_speech_elbo(
    power: Tensor, speech_var: Tensor, noise_var: Tensor, posterior: Gaussian, floor: float
) -> Tensor:
    """Eq. 6.16 for each frame, (B, T), in nats, up to a constant of the data."""
    fit = itakura_saito(power + floor, speech_var + noise_var)
    return -fit - kl_to_standard_normal(posterior).sum(-1)
