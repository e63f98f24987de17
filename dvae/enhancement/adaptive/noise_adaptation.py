"""NA and NDA."""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.enhancement.adaptive import stacked
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.fitted import Fitted
from dvae.enhancement.adaptive.noise_networks import NoiseNetwork, noisy_speech_elbo
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.rvae import RVAE


class NoiseAdaptation(Fitted):
    """NA from `noise` as it was initialised, NDA from one that was trained on noisy speech."""

    def __init__(self, rvae: RVAE, noise: NoiseNetwork, utterances: Utterances, config: AdaptationConfig) -> None:
        super().__init__(rvae, utterances, config)
        self.dependency = noise.dependency
        self.groups.append(stacked.stack_weights(noise, len(utterances.power)))
        self.start()

    def _noise_var(self, z: Tensor) -> Tensor:
        power, lengths = self.utterances
        floor = self.rvae.config.floor
        return stacked.noise_log_var(power, z, self.groups[1], self.dependency, lengths, floor).exp() + floor

    def e_step(self) -> None:
        z, posterior, *_ = self.draw()
        floor = self.rvae.config.floor
        bound = noisy_speech_elbo(self.utterances.power, self.rvae.speech_var(z), self._noise_var(z), posterior, floor)
        self.climb(bound)

    def m_step(self) -> None:
        """Encoder and noise network climb eq. 6.16 together."""

    @torch.no_grad()
    def gain(self) -> Tensor:
        gains = torch.zeros_like(self.utterances.power)
        for _ in range(self.config.num_samples):
            z = self.draw().z
            speech_var = self.rvae.speech_var(z)
            gains += speech_var / (speech_var + self._noise_var(z))
        return gains / self.config.num_samples
