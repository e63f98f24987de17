"""Non-negative matrix factorisation of the noise variance, beside a speech variance with a gain for each frame.

S. Leglaive, L. Girin, R. Horaud, "A variance modeling framework based on variational autoencoders for speech
enhancement", MLSP 2018, eqs 13 to 16: x_ft ~ Nc(0, g_t v_s,ft + (H W)_tf), with multiplicative updates that never lower
the likelihood (exponent 1/2, majorisation-minimisation of C. Fevotte and J. Idier, 2011). Here for a batch of
utterances.
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-10


class NMFNoise:
    """v_n (B, T, F) = activation (B, T, K) @ template (B, K, F), and the gain (B, T, 1) of the speech; all positive."""

    def __init__(self, power: Tensor, rank: int, generator: torch.Generator) -> None:
        batch, num_frames, num_bins = power.shape
        self.template = torch.rand(batch, rank, num_bins, generator=generator).clamp_min(TINY)
        self.activation = torch.rand(batch, num_frames, rank, generator=generator).clamp_min(TINY)
        # start from the mixture's mean spectrum
        self.template *= power.mean(1, keepdim=True).clamp_min(TINY)
        self.activation /= self.activation.sum(-1, keepdim=True)
        self.gain = torch.ones(batch, num_frames, 1)

    @property
    def variance(self) -> Tensor:
        """v_n (B, T, F)."""
        return self.activation @ self.template

    def update(self, power: Tensor, speech_var: Tensor, mask: Tensor) -> None:
        """One update of each, W then H then g, given |x|^2 (B, T, F) and v_s (B, R, T, F): R samples, whose likelihoods
        are averaged. mask (B, T, 1) is 0 in frames that are padding."""
        power, mask = power[:, None], mask[:, None]

        def weights(factor: Tensor) -> tuple[Tensor, Tensor]:
            """Means over the samples of factor * |x|^2 / v^2 and factor / v, (B, T, F)."""
            total = (self.gain[:, None] * speech_var + self.variance[:, None]).clamp_min(TINY)
            return (mask * factor * power / total.square()).mean(1), (mask * factor / total).mean(1)

        one = torch.ones(())
        up, down = weights(one)
        activation = self.activation.transpose(1, 2)
        self.template *= torch.sqrt((activation @ up) / (activation @ down).clamp_min(TINY))
        up, down = weights(one)
        template = self.template.transpose(1, 2)
        self.activation *= torch.sqrt((up @ template) / (down @ template).clamp_min(TINY))
        scale = self.template.sum(-1, keepdim=True).clamp_min(TINY)
        self.template, self.activation = self.template / scale, self.activation * scale.transpose(1, 2)
        up, down = weights(speech_var)
        self.gain *= torch.sqrt(up.sum(-1, keepdim=True) / down.sum(-1, keepdim=True).clamp_min(TINY))
        for factor in (self.template, self.activation, self.gain):
            factor.clamp_min_(TINY)

    def select(self, kept: Tensor) -> None:
        """Keep the utterances `kept` (indices) only."""
        self.template, self.activation, self.gain = self.template[kept], self.activation[kept], self.gain[kept]
