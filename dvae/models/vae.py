"""The variational autoencoder, frame by frame: the family's member without dynamics.

Kingma and Welling, "Auto-encoding variational Bayes" (2014); for speech spectra Bando et al. (2018) and Leglaive et al.
(2018). Sizes of X. Lin (2024), table 7.1: one tanh layer of 128 on either side, 138,273 parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from dvae.configuration import setting
from dvae.distributions.gaussian import standard_normal
from dvae.models.dvae import DVAE, Densities, Latents, Step, given_or_drawn
from dvae.models.networks.emission import Density, EmissionHead, emission_setting, floor_setting
from dvae.models.networks.layers import GaussianHead, tanh_layers


@dataclass(frozen=True)
class VAEConfig:
    """Sizes of the VAE."""

    data_size: int = setting(513, "dimension D of a frame", minimum=1)
    latent_size: int = setting(16, "latent dimension L", minimum=1)
    hidden_size: int = setting(128, "units of the layer in posterior and emission", minimum=1)
    emission: str = emission_setting()
    floor: float = floor_setting()


class Emission(EmissionHead):
    """p(x_t | z_t). z: (..., L)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__(config.hidden_size, config.data_size, config.emission, config.floor)
        self.hidden = tanh_layers(config.latent_size, (config.hidden_size,))

    def forward(self, z: Tensor) -> Density:
        return self.density(self.hidden(z))


class VAEState(NamedTuple):
    """Nothing is remembered; where z_t is drawn, it has the shape of this."""

    zeros: Tensor  # (B, L)


class VAE(DVAE[VAEState]):
    """z_t ~ N(0, I), x_t | z_t, independent of all other frames."""

    Config = VAEConfig
    config: VAEConfig

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.posterior = GaussianHead(config.data_size, (config.hidden_size,), config.latent_size)  # q(z_t | x_t)
        self.emission = Emission(config)

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        posterior = self.posterior(self.features(data))
        return Latents(posterior.draw(noise), posterior)

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return Densities(standard_normal(z), self.emission(z))

    def initial_state(self, batch: int, w: Tensor | None = None) -> VAEState:
        return VAEState(self.zeros(batch, self.config.latent_size))

    def step(
        self, state: VAEState, previous: Tensor, z: Tensor | None = None, noise: Tensor | None = None
    ) -> Step[VAEState]:
        prior, z = given_or_drawn(z, lambda: standard_normal(state.zeros), noise)
        return Step(prior, z, self.emission(z), state)
