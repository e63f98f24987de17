"""RVAE-LDEM."""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.distributions.itakura_saito import itakura_saito
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.noise_nmf import NMFNoise
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.rvae import RVAE


class LangevinEM:
    """RVAE-LDEM: `num_samples` chains for each utterance, all in one batch; only the decoder is differentiated."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        self.rvae, self.config = rvae, config
        self.utterances, self.mask = utterances, utterances.mask
        self.generator = torch.Generator().manual_seed(config.seed)
        with torch.no_grad():
            starts = [
                rvae.encode(power[None, :length]).posterior.mean[0]
                for power, length in zip(utterances.power, utterances.lengths, strict=True)
            ]
            start = torch.nn.utils.rnn.pad_sequence(starts, batch_first=True)
        self.z = start[:, None].repeat(1, config.num_samples, 1, 1)  # (B, R, T, L)
        self.noise = NMFNoise(utterances.power, config.rank, self.generator)
        self._speech_var = torch.zeros(0)
        self._bound = torch.zeros(len(utterances.power))

    def _decode(self, z: Tensor) -> Tensor:
        batch, samples, num_frames, size = z.shape
        decoded = self.rvae.speech_var(z.reshape(batch * samples, num_frames, size))
        return decoded.view(batch, samples, num_frames, -1)

    def e_step(self) -> None:
        """z <- z + step / 2 * gradient of log p(x, z) + sqrt(step) * noise."""
        z = self.z.detach().requires_grad_()
        speech_var = self._decode(z)
        power = (self.utterances.power + self.rvae.config.floor)[:, None]
        variance = self.noise.gain[:, None] * speech_var + self.noise.variance[:, None]
        fit = -itakura_saito(power, variance)
        joint = (fit - 0.5 * z.square().sum(-1)) * self.mask[:, None, :, 0]
        (gradient,) = torch.autograd.grad(joint.sum(), z)
        step = self.config.langevin_step
        draw = torch.randn(z.shape, generator=self.generator)
        self.z = z.detach() + 0.5 * step * gradient + step**0.5 * draw
        self._speech_var = speech_var.detach()
        self._bound = joint.detach().sum(-1).mean(1) / self.utterances.lengths

    def m_step(self) -> None:
        self.noise.update(self.utterances.power + self.rvae.config.floor, self._speech_var, self.mask)

    def bound(self) -> Tensor:
        """Mean of log p(x, z) over the chains: it rises as a bound does, up to the entropy of q, which it lacks."""
        return self._bound

    @torch.no_grad()
    def gain(self) -> Tensor:
        speech_var = self.noise.gain[:, None] * self._decode(self.z)
        gains: Tensor = (speech_var / (speech_var + self.noise.variance[:, None])).mean(1)
        return gains

    def select(self, kept: Tensor) -> None:
        self.utterances = Utterances(self.utterances.power[kept], self.utterances.lengths[kept])
        self.mask, self.z = self.utterances.mask, self.z[kept]
        self.noise.select(kept)
