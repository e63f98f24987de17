"""RVAE-LDEM: M. Sadeghi and R. Serizel, "Posterior sampling algorithms for unsupervised speech enhancement with
recurrent variational autoencoder" (2023).

    x_tf ~ Nc(0, g_t v_s,tf(z) + (H W)_tf),  z_t ~ N(0, I)

The model of RVAE-VEM. E-Z: one step of Langevin dynamics on log p(x, z), from where the encoder starts; only the
decoder is differentiated. M: multiplicative updates of W, H and g at the z before that step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.distributions.complex_gaussian import wiener_gain
from dvae.distributions.itakura_saito import itakura_saito
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.method import Method
from dvae.enhancement.adaptive.noise_nmf import NMFNoise
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.inference.langevin import langevin_step
from dvae.inference.variational_em import Step
from dvae.models.rvae import RVAE


class LangevinEM(Method):
    """RVAE-LDEM for a batch of utterances: R = `num_samples` chains for each, all in one batch."""

    def __init__(self, rvae: RVAE, utterances: Utterances, config: AdaptationConfig) -> None:
        self.rvae, self.config, self.utterances = rvae, config, utterances
        self.generator = torch.Generator().manual_seed(config.seed)
        self.z = encoder_means(rvae, utterances)[:, None].repeat(1, config.num_samples, 1, 1)  # (B, R, T, L)
        self.noise = NMFNoise(utterances.power, config.rank, self.generator)
        with torch.no_grad():
            self.speech_var = self.decode(self.z)  # v_s (B, R, T, F) at the z before the last step
        self._bound = torch.zeros(len(utterances.power))

    def steps(self) -> list[Step]:
        return [Step("E-Z", self.e_z), Step("M", self.m_step)]

    def decode(self, z: Tensor) -> Tensor:
        """z (B, R, T, L) -> v_s (B, R, T, F)."""
        batch, samples, num_frames, size = z.shape
        decoded = self.rvae.speech_var(z.reshape(batch * samples, num_frames, size))
        return decoded.view(batch, samples, num_frames, -1)

    def log_joint(self, speech_var: Tensor, z: Tensor) -> Tensor:
        """log p(x_t | z) + log p(z_t) of each chain, (B, R, T), up to a constant of the data; 0 in padding."""
        power = (self.utterances.power + self.rvae.config.floor)[:, None]
        variance = self.noise.gain[:, None] * speech_var + self.noise.variance[:, None]
        fit = -itakura_saito(power, variance)
        return (fit - 0.5 * z.square().sum(-1)) * self.utterances.mask[:, None, :, 0]

    def e_z(self) -> None:
        """One step of every chain, the noise held."""
        z = self.z.detach().requires_grad_()
        speech_var = self.decode(z)
        joint = self.log_joint(speech_var, z)
        self.z = langevin_step(z, joint, self.config.langevin_step, self.generator)
        self.speech_var = speech_var.detach()
        self._bound = joint.detach().sum(-1).mean(1) / self.utterances.lengths

    def m_step(self) -> None:
        """Fit the noise and the gain of the speech, all chains held."""
        power = self.utterances.power + self.rvae.config.floor
        self.noise.update(power, self.speech_var, self.utterances.mask)

    def bound(self) -> Tensor:
        """Mean of log p(x, z) over the chains: it rises as a bound does, up to the entropy of q, which it lacks. At the
        z before the last step."""
        return self._bound

    @torch.no_grad()
    def gain(self) -> Tensor:
        """The mean of g v_s / (g v_s + v_n) over the chains."""
        speech_var = self.noise.gain[:, None] * self.decode(self.z)
        return wiener_gain(speech_var, self.noise.variance[:, None]).mean(1)

    def select(self, kept: Tensor) -> None:
        self.utterances, self.z = self.utterances.select(kept), self.z[kept]
        self.speech_var, self._bound = self.speech_var[kept], self._bound[kept]
        self.noise.select(kept)


@torch.no_grad()
def encoder_means(rvae: RVAE, utterances: Utterances) -> Tensor:
    """The posterior means of z (B, T, L), each utterance read from its own end."""
    means = [
        rvae.encode(power[None, :length]).posterior.mean[0]
        for power, length in zip(utterances.power, utterances.lengths, strict=True)
    ]
    return torch.nn.utils.rnn.pad_sequence(means, batch_first=True)
