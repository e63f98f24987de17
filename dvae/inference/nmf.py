"""Non-negative matrix factorisation V = H W by multiplicative updates, for a batch of problems at once.

C. Fevotte and J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence" (Neural Computation
2011): majorisation-minimisation, so that no update raises the divergence. Frames come before bins, so W (K, F), the
basis, stands right of H (T, K), the activations. Beyond the paper: frames may be masked, and a fixed part may be added
to H W, or several draws of one, over which the divergence is averaged (as S. Leglaive, L. Girin, R. Horaud, "A variance
modeling framework based on variational autoencoders for speech enhancement", MLSP 2018, do with the speech variance).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor

from dvae.distributions.itakura_saito import itakura_saito

TINY = 1e-10


class Divergence(Enum):
    """d(V, model), of which H W is the minimum."""

    ITAKURA_SAITO = "V / model - log(V / model) - 1"  # of power: V is |x|^2, x circular complex Gaussian
    KULLBACK_LEIBLER = "V log(V / model) - V + model"  # of magnitudes or counts


class Observed(NamedTuple):
    """What is factorised. data V (B, T, F), positive; mask (B, T, 1), 0 in frames that do not count; fixed part of the
    model (B, R, T, F), of which there may be R draws."""

    data: Tensor
    mask: Tensor
    fixed: Tensor

    @classmethod
    def alone(cls, data: Tensor) -> Observed:
        """All frames count, and nothing is added to H W."""
        batch, num_frames, num_bins = data.shape
        return cls(data, data.new_ones(batch, num_frames, 1), data.new_zeros(batch, 1, num_frames, num_bins))


class Factors(NamedTuple):
    """basis W (B, K, F) and activations H (B, T, K), all positive."""

    basis: Tensor
    activations: Tensor

    @property
    def product(self) -> Tensor:
        """H W, (B, T, F)."""
        return self.activations @ self.basis

    def select(self, kept: Tensor) -> Factors:
        """Those of the problems `kept` (indices)."""
        return Factors(self.basis[kept], self.activations[kept])


def random_factors(data: Tensor, rank: int, generator: torch.Generator) -> Factors:
    """A start for V (B, T, F): every basis vector about the mean spectrum, activations of a frame sum to one."""
    batch, num_frames, num_bins = data.shape
    basis = torch.rand(batch, rank, num_bins, generator=generator, dtype=data.dtype).clamp_min(TINY)
    activations = torch.rand(batch, num_frames, rank, generator=generator, dtype=data.dtype).clamp_min(TINY)
    basis = basis * data.mean(1, keepdim=True).clamp_min(TINY)
    return Factors(basis, activations / activations.sum(-1, keepdim=True))


def model_of(observed: Observed, factors: Factors) -> Tensor:
    """The fixed part and H W, (B, R, T, F)."""
    return (observed.fixed + factors.product[:, None]).clamp_min(TINY)


def divergence(observed: Observed, factors: Factors, kind: Divergence = Divergence.ITAKURA_SAITO) -> Tensor:
    """The sum over the frames that count and all bins, the mean over the draws: (B,)."""
    data, model = observed.data[:, None], model_of(observed, factors)
    if kind is Divergence.ITAKURA_SAITO:
        per_frame = itakura_saito(data, model)
    else:
        per_frame = (torch.xlogy(data, data / model) - data + model).sum(-1)
    return (per_frame * observed.mask[:, None, :, 0]).sum(-1).mean(1)


def slopes(
    data: Tensor, model: Tensor, factor: Tensor, kind: Divergence = Divergence.ITAKURA_SAITO
) -> tuple[Tensor, Tensor]:
    """How much the divergence falls and rises as the model grows by `factor`: the negative and the positive part of
    factor * d'(V, model), means over the draws. V and factor broadcast against the model (B, R, T, F) -> (B, T, F)."""
    if kind is Divergence.ITAKURA_SAITO:
        return (factor * data / model.square()).mean(1), (factor / model).mean(1)
    return (factor * data / model).mean(1), factor.expand_as(model).mean(1)


def scaled(value: Tensor, falls: Tensor, rises: Tensor, kind: Divergence = Divergence.ITAKURA_SAITO) -> Tensor:
    """The multiplicative update of a parameter, given the slopes in its direction; exponents as in the paper's
    theorem 1, 1 / 2 and 1."""
    ratio = falls / rises.clamp_min(TINY)
    return value * (torch.sqrt(ratio) if kind is Divergence.ITAKURA_SAITO else ratio)


def update_basis(observed: Observed, factors: Factors, kind: Divergence = Divergence.ITAKURA_SAITO) -> Factors:
    """W, the activations held."""
    falls, rises = slopes(observed.data[:, None], model_of(observed, factors), observed.mask[:, None], kind)
    activations = factors.activations.transpose(1, 2)
    return factors._replace(basis=scaled(factors.basis, activations @ falls, activations @ rises, kind))


def update_activations(observed: Observed, factors: Factors, kind: Divergence = Divergence.ITAKURA_SAITO) -> Factors:
    """H, the basis held: all that is done where the basis was learnt before."""
    falls, rises = slopes(observed.data[:, None], model_of(observed, factors), observed.mask[:, None], kind)
    basis = factors.basis.transpose(1, 2)
    return factors._replace(activations=scaled(factors.activations, falls @ basis, rises @ basis, kind))


def normalised(factors: Factors) -> Factors:
    """The same product with basis vectors that sum to one."""
    scale = factors.basis.sum(-1, keepdim=True).clamp_min(TINY)
    return Factors(factors.basis / scale, factors.activations * scale.transpose(1, 2))


def floored(factors: Factors) -> Factors:
    """The factors, none of which is zero: multiplication would never leave it."""
    return Factors(factors.basis.clamp_min(TINY), factors.activations.clamp_min(TINY))


def update(observed: Observed, factors: Factors, kind: Divergence = Divergence.ITAKURA_SAITO) -> Factors:
    """W, then H, with basis vectors that sum to one."""
    return floored(normalised(update_activations(observed, update_basis(observed, factors, kind), kind)))
