"""Weights of points in clustering: fixed, or random with a posterior.

I. Gebru, X. Alameda-Pineda, F. Forbes, R. Horaud, "EM algorithms for weighted-data clustering with application to
audio-visual scene analysis" (IEEE TPAMI 2016). A point x_i with the weight w_i is Gaussian with the covariance
Sigma_k / w_i in cluster k: it is as if it had been seen w_i times. Where w_i ~ Gamma(shape_i, rate_i), its posterior
differs from cluster to cluster, and a point that fits no cluster loses its weight. All one is the Gaussian mixture;
Gamma(nu / 2, nu / 2) the mixture of t distributions (D. Peel, G. McLachlan, "Robust mixture modelling using the t
distribution", Statistics and Computing 2000).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.special import gammaln

Array = NDArray[np.float64]
LOG_2PI = float(np.log(2.0 * np.pi))


class FixedWeights(NamedTuple):
    """FWD-EM: the weight (N,) of each point, positive."""

    weight: Array

    def log_density(self, squared: Array, log_det: Array, dimension: int) -> Array:
        """log N(x_i; mu_k, Sigma_k / w_i) (N, K) from squared Mahalanobis distances (N, K) and log |Sigma_k| (K,)."""
        weight = self.weight[:, None]
        return np.asarray(0.5 * (dimension * (np.log(weight) - LOG_2PI) - log_det - weight * squared))

    def expected(self, squared: Array, dimension: int) -> Array:
        """Weights (N, K) as the M step has them."""
        return np.broadcast_to(self.weight[:, None], squared.shape)


class GammaWeights(NamedTuple):
    """WD-EM: prior of the weight of each point, with mean shape / rate and variance shape / rate^2; both (N,)."""

    shape: Array
    rate: Array

    def log_density(self, squared: Array, log_det: Array, dimension: int) -> Array:
        """As `FixedWeights.log_density`, the weight integrated out: Pearson's type VII."""
        shape, rate, half = self.shape[:, None], self.rate[:, None], 0.5 * dimension
        scale = gammaln(shape + half) - gammaln(shape) - half * (LOG_2PI + np.log(rate)) - 0.5 * log_det
        return np.asarray(scale - (shape + half) * np.log1p(0.5 * squared / rate))

    def expected(self, squared: Array, dimension: int) -> Array:
        """Posterior means (N, K) of the weights."""
        return np.asarray((self.shape[:, None] + 0.5 * dimension) / (self.rate[:, None] + 0.5 * squared))


Weights = FixedWeights | GammaWeights


def equal_weights(count: int) -> FixedWeights:
    """All one: the Gaussian mixture."""
    return FixedWeights(np.ones(count))


def t_weights(count: int, degrees_of_freedom: float = 4.0) -> GammaWeights:
    """The mixture of t distributions."""
    half = np.full(count, 0.5 * degrees_of_freedom)
    return GammaWeights(half, half)


def uncertain(weight: Array) -> GammaWeights:
    """Gamma priors with weights (N,) as their means, and variance 1: shape w^2, rate w."""
    return GammaWeights(np.square(weight), weight)


def density_weights(points: ArrayLike, neighbours: int = 20, scale: float = 1.0) -> Array:
    """How many others are around each of the points (N, D), (N,): the sum over the nearest ones of exp(-distance^2 /
    scale), at least 1e-3. Distances count: points have to be in units of what clusters measure (see `whitening`)."""
    given = as_points(points)
    if len(given) < 2:
        return np.ones(len(given))
    distance = np.asarray(cKDTree(given).query(given, k=min(neighbours + 1, len(given)))[0])
    return np.asarray(np.maximum(np.exp(-np.square(distance[:, 1:]) / scale).sum(axis=1), 1e-3))


def whitening(points: ArrayLike) -> tuple[Array, Array]:
    """Mean (D,) and matrix (D, D) so that (points - mean) @ matrix has no correlation and unit variance."""
    given = as_points(points)
    offset = given - given.mean(axis=0)
    values, vectors = np.linalg.eigh(offset.T @ offset / len(given))
    return given.mean(axis=0), np.asarray(vectors / np.sqrt(np.maximum(values, 1e-12 * values.max() + 1e-300)))


def as_points(points: ArrayLike) -> Array:
    """(N, D), from (N,) too; ValueError for another shape or numbers that are not finite."""
    given = np.asarray(points, dtype=np.float64)
    given = given[:, None] if given.ndim == 1 else given
    if given.ndim != 2 or not np.isfinite(given).all():
        raise ValueError(f"expected finite points of shape (N, D), got shape {given.shape}")
    return given
