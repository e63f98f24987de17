"""The diagonal Gaussian.

With log-variances it is what networks give, tensors of torch (the divergences: Kingma and Welling, "Auto-encoding
variational Bayes", 2014, appendix B). With variances and precisions it is what filters use: those functions are written
with operators and take numpy arrays as well as tensors. Torch itself is not imported.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Values = TypeVar("Values", "Tensor", NDArray[np.float64])


class Gaussian(NamedTuple):
    """N(mean, exp(log_var)), diagonal: both of the same shape (..., L)."""

    mean: Tensor
    log_var: Tensor

    def draw(self, noise: Tensor | None) -> Tensor:
        """mean + std * noise, reparameterised, with standard normal noise of the shape of `mean`; the mean without."""
        return self.mean if noise is None else self.mean + (0.5 * self.log_var).exp() * noise

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw with noise from `generator`, shape of `mean`."""
        return self.draw(self.mean.new_empty(self.mean.shape).normal_(generator=generator))


def standard_normal(like: Tensor) -> Gaussian:
    """N(0, I) with the shape of `like`."""
    return Gaussian(like.new_zeros(like.shape), like.new_zeros(like.shape))


def gaussian_log_likelihood(value: Tensor, gaussian: Gaussian) -> Tensor:
    """log N(value; mean, var) per dimension, in nats."""
    squared = (value - gaussian.mean).square() * (-gaussian.log_var).exp()
    return -0.5 * (math.log(2.0 * math.pi) + gaussian.log_var + squared)


def kl_divergence(posterior: Gaussian, prior: Gaussian) -> Tensor:
    """KL(posterior || prior) per dimension, in nats, shape of the means."""
    ratio = (posterior.log_var - prior.log_var).exp()
    distance = (posterior.mean - prior.mean).square() * (-prior.log_var).exp()
    return 0.5 * (prior.log_var - posterior.log_var + ratio + distance - 1.0)


def kl_to_standard_normal(posterior: Gaussian) -> Tensor:
    """KL(posterior || N(0, I)) per dimension, in nats, shape of the means."""
    return 0.5 * (posterior.log_var.exp() + posterior.mean.square() - posterior.log_var - 1.0)


def log_volume(variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """log |2 pi Sigma| of diagonal covariances (..., D) -> (...): minus twice the log density at the mean."""
    return np.asarray(np.log(2.0 * np.pi * variance).sum(-1))


def product(mean: Values, variance: Values, precision: Values, information: Values) -> tuple[Values, Values]:
    """N(mean, variance) times the Gaussian factor exp(-precision s^2 / 2 + information s) -> mean and variance of s.

    Of evidence N(o; s, Phi), precision is 1 / Phi and information o / Phi; those of several observations add up, and
    zero is no evidence. All of one shape.
    """
    after = 1.0 / (precision + 1.0 / variance)
    return after * (information + mean / variance), after
