"""RVAE-VEM."""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.fitted import Fitted
from dvae.enhancement.adaptive.noise_networks import noisy_speech_elbo
from dvae.enhancement.adaptive.noise_nmf import NMFNoise
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.rvae import RVAE


class VariationalEM(Fitted):
    """RVAE-VEM."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        super().__init__(rvae, utterances, config)
        self.noise = NMFNoise(utterances.power, config.rank, self.generator)
        self._speech_var = torch.zeros(0)
        self.start()

    def e_step(self) -> None:
        z, posterior, *_ = self.draw()
        speech_var, floor = self.rvae.speech_var(z), self.rvae.config.floor
        self._speech_var = speech_var.detach()[:, None]
        scaled = self.noise.gain * speech_var
        self.climb(noisy_speech_elbo(self.utterances.power, scaled, self.noise.variance, posterior, floor))

    def m_step(self) -> None:
        self.noise.update(self.utterances.power + self.rvae.config.floor, self._speech_var, self.mask)

    @torch.no_grad()
    def gain(self) -> Tensor:
        gains = torch.zeros_like(self.utterances.power)
        for _ in range(self.config.num_samples):
            speech_var = self.noise.gain * self.rvae.speech_var(self.draw()[0])
            gains += speech_var / (speech_var + self.noise.variance)
        return gains / self.config.num_samples

    def select(self, kept: Tensor) -> None:
        super().select(kept)
        self.noise.select(kept)
