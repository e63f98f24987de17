"""Terms of the evidence lower bound, per element: sum them over the axes of your model.

Sources: the diagonal Gaussian KL of Kingma and Welling, "Auto-encoding variational Bayes" (2014), appendix B; the
Itakura-Saito divergence as the likelihood of a circular complex Gaussian, Fevotte et al. (2009), eq. 10.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dvae.models.layers import Gaussian


def kl_divergence(posterior: Gaussian, prior: Gaussian) -> Tensor:
    """KL(posterior || prior) per dimension, in nats, shape of the means."""
    ratio = torch.exp(posterior.log_var - prior.log_var)
    distance = (posterior.mean - prior.mean).square() * torch.exp(-prior.log_var)
    return 0.5 * (prior.log_var - posterior.log_var + ratio + distance - 1.0)


def kl_to_standard_normal(posterior: Gaussian) -> Tensor:
    """KL(posterior || N(0, I)) per dimension, in nats, shape of the means."""
    return 0.5 * (posterior.log_var.exp() + posterior.mean.square() - posterior.log_var - 1.0)


def itakura_saito(power: Tensor, variance: Tensor) -> Tensor:
    """d(power, variance) = power / variance - log(power / variance) - 1, per bin; both must be positive."""
    ratio = power / variance
    return ratio - torch.log(ratio) - 1.0


def gaussian_log_likelihood(value: Tensor, gaussian: Gaussian) -> Tensor:
    """log N(value; mean, var) per dimension, in nats."""
    squared = (value - gaussian.mean).square() * torch.exp(-gaussian.log_var)
    return -0.5 * (math.log(2.0 * math.pi) + gaussian.log_var + squared)
