"""RVAE-VEM: S. Leglaive, X. Alameda-Pineda, L. Girin, R. Horaud, "A recurrent variational autoencoder for speech
enhancement", ICASSP 2020.

    x_tf ~ Nc(0, g_t v_s,tf(z) + (H W)_tf),  z_t ~ N(0, I)

E-Z: one step of Adam on the encoder up the bound, with one draw of z. M: multiplicative updates of W, H and g at the
same draw.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.fitted import Fitted
from dvae.enhancement.adaptive.noise_nmf import NMFNoise
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.inference.variational_em import Step
from dvae.models.rvae import RVAE


class VariationalEM(Fitted):
    """RVAE-VEM for a batch of utterances."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        super().__init__(rvae, utterances, config)
        self.noise = NMFNoise(utterances.power, config.rank, self.generator)
        self.speech_var = torch.zeros_like(utterances.power)  # v_s (B, T, F) at the last draw of z

    def steps(self) -> list[Step]:
        return [Step("E-Z", self.e_z), Step("M", self.m_step)]

    def variances(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.noise.gain * self.rvae.speech_var(z), self.noise.variance

    def e_z(self) -> None:
        """Fit the encoder, the noise held."""
        z, posterior, *_ = self.draw()
        speech_var = self.rvae.speech_var(z)
        self.speech_var = speech_var.detach()
        self.climb(self.noise.gain * speech_var, self.noise.variance, posterior)

    def m_step(self) -> None:
        """Fit the noise and the gain of the speech, the draw of z held."""
        power = self.utterances.power + self.rvae.config.floor
        self.noise.update(power, self.speech_var[:, None], self.utterances.mask)

    def select(self, kept: Tensor) -> None:
        super().select(kept)
        self.noise.select(kept)
        self.speech_var = self.speech_var[kept]
