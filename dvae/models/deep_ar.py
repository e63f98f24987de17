"""Deep autoregressive model: an LSTM over the past of the data, without latent variable.

The baseline of X. Lin (2024), section 4.3.4: p(x_t | x_{1:t-1}). As a member of the family its z has dimension 0.
(The tracker's Deep AR is dvae.models.trajectory_srnn with latent_size 0, in the tracker's coordinates.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from dvae.configuration import setting
from dvae.distributions.gaussian import standard_normal
from dvae.models.dvae import DVAE, Densities, Latents, Step, shift_right
from dvae.models.networks.emission import Density, EmissionHead, emission_setting, floor_setting
from dvae.models.networks.layers import LSTMState, tanh_layers
from dvae.models.srnn import Recurrence


@dataclass(frozen=True)
class DeepARConfig:
    """Sizes of the networks (defaults: those of the SRNN for speech)."""

    data_size: int = setting(513, "dimension D of a frame", minimum=1)
    features_size: int = setting(256, "layer between data and LSTM", minimum=1)
    hidden_size: int = setting(128, "units of the LSTM", minimum=1)
    emission_hidden: int = setting(256, "layer of p(x)", minimum=1)
    emission: str = emission_setting()
    floor: float = floor_setting()

    @property
    def latent_size(self) -> int:
        """There is no latent variable."""
        return 0


class Emission(EmissionHead):
    """p(x_t | h_t). h: (..., H)."""

    def __init__(self, config: DeepARConfig) -> None:
        super().__init__(config.emission_hidden, config.data_size, config.emission, config.floor)
        self.hidden = tanh_layers(config.hidden_size, (config.emission_hidden,))

    def forward(self, hidden: Tensor) -> Density:
        return self.density(self.hidden(hidden))


class DeepARState(NamedTuple):
    """What one step hands to the next."""

    recurrence: LSTMState  # (B, H) each


class DeepAR(DVAE[DeepARState]):
    """x_t from the past of the data."""

    Config = DeepARConfig
    config: DeepARConfig
    reads_past = True

    def __init__(self, config: DeepARConfig) -> None:
        super().__init__()
        self.config = config
        self.recurrence = Recurrence(config.data_size, config.features_size, config.hidden_size)
        self.emission = Emission(config)

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        nothing = data.new_zeros(*data.shape[:2], 0)
        return Latents(nothing, standard_normal(nothing))

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return Densities(standard_normal(z), self.emission(self.recurrence(self.features(shift_right(shown)))))

    def initial_state(self, batch: int, w: Tensor | None = None) -> DeepARState:
        size = self.config.hidden_size
        return DeepARState((self.zeros(batch, size), self.zeros(batch, size)))

    def step(
        self, state: DeepARState, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None
    ) -> Step[DeepARState]:
        nothing = previous.new_zeros(len(previous), 0)
        recurrence = self.recurrence.step(self.features(previous), state.recurrence)
        return Step(standard_normal(nothing), nothing, self.emission(recurrence[0]), DeepARState(recurrence))
