"""Noise variance as a product of two small matrices, beside a speech variance with a gain for each frame.

S. Leglaive, L. Girin, R. Horaud, "A variance modeling framework based on variational autoencoders for speech
enhancement", MLSP 2018, eqs 13 to 16: x_ft ~ Nc(0, g_t v_s,ft + (H W)_tf), with multiplicative updates that never lower
the likelihood (dvae.inference.nmf). Here for a batch of utterances.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.inference import nmf


class NMFNoise:
    """v_n (B, T, F) = H W, and the gain (B, T, 1) of the speech; all positive."""

    def __init__(self, power: Tensor, rank: int, generator: torch.Generator) -> None:
        self.factors = nmf.random_factors(power, rank, generator)
        self.gain = power.new_ones(*power.shape[:2], 1)

    @property
    def variance(self) -> Tensor:
        """v_n (B, T, F)."""
        return self.factors.product

    def update(self, power: Tensor, speech_var: Tensor, mask: Tensor) -> None:
        """One update of each, W then H then g, given |x|^2 (B, T, F) and v_s (B, R, T, F): R samples, whose likelihoods
        are averaged. mask (B, T, 1) is 0 in frames that are padding."""
        observed = nmf.Observed(power, mask, self.gain[:, None] * speech_var)
        factors = nmf.normalised(nmf.update_activations(observed, nmf.update_basis(observed, self.factors)))
        total = nmf.model_of(observed, factors)
        falls, rises = nmf.slopes(power[:, None], total, mask[:, None] * speech_var)
        gain = nmf.scaled(self.gain, falls.sum(-1, keepdim=True), rises.sum(-1, keepdim=True))
        self.factors, self.gain = nmf.floored(factors), gain.clamp_min(nmf.TINY)

    def select(self, kept: Tensor) -> None:
        """Keep the utterances `kept` (indices) only."""
        self.factors, self.gain = self.factors.select(kept), self.gain[kept]
