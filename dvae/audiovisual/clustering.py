"""Clustering of points that count more or less: EM for weighted data, and for weights that are not known.

I. Gebru, X. Alameda-Pineda, F. Forbes, R. Horaud, "EM algorithms for weighted-data clustering with application to
audio-visual scene analysis" (IEEE TPAMI 2016). FWD-EM has weights that are fixed, WD-EM weights that are random; these,
the Gaussian mixture and the mixture of t distributions are one EM with other weights (dvae.audiovisual.point_weights),
and a uniform class may be added to any of them. Departure: variances have a floor, by clipping the eigenvalues, which
is the exact M step under that constraint, so that the likelihood never falls.

The number of clusters is the one with the shortest message: M. Figueiredo, A. Jain, "Unsupervised learning of finite
mixture models" (IEEE TPAMI 2002), which updates one cluster at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from dvae.audiovisual.point_weights import Weights, as_points
from dvae.configuration import setting
from dvae.inference.variational_em import Step, iterate_variational_em

Array = NDArray[np.float64]
MOST_CLUTTER = 1.0 - 1e-6  # proportion of the uniform class: clusters stay possible


class Mixture(NamedTuple):
    """K clusters of points in D dimensions."""

    proportion: Array  # (K,), pi; with that of the uniform class they sum to one
    mean: Array  # (K, D)
    covariance: Array  # (K, D, D), of points of weight 1


@dataclass(frozen=True)
class ClusteringConfig:
    """Settings of the clustering."""

    num_iterations: int = setting(100, "of EM, at most", minimum=1)
    tolerance: float = setting(1e-5, "a gain of less, per point, ends EM", unit="nat", minimum=0.0)
    least_variance: float = setting(
        1e-3, "of a cluster in each direction, in the units of the points squared", minimum=1e-12
    )
    clutter_density: float = setting(
        0.0, "density of the uniform class, 1 / volume of where points may be; 0: no such class", minimum=0.0
    )
    fewest: float = setting(1e-3, "a cluster of fewer points goes", unit="points", minimum=1e-9)


class Clusters(NamedTuple):
    """What was found."""

    mixture: Mixture
    responsibilities: Array  # (N, K)
    clutter: Array  # (N,), of the uniform class
    weight: Array  # (N, K), expected weights
    history: list[float]  # log likelihood in nats after each iteration
    message_length: float  # nats

    def labels(self) -> NDArray[np.int64]:
        """(N,), the cluster of each point, -1 for the uniform class."""
        with_clutter = np.column_stack([self.responsibilities, self.clutter])
        found = with_clutter.argmax(axis=1)
        return np.where(found < self.responsibilities.shape[1], found, -1)


def start_mixture(
    points: ArrayLike, count: int, generator: np.random.Generator, weight: Array | None = None
) -> Mixture:
    """`count` means that are points (N, D) far from each other (k-means++), those of more weight (N,) sooner, each
    cluster as wide as a part of the whole."""
    given = as_points(points)
    weight = np.ones(len(given)) if weight is None else weight
    means = [given[generator.choice(len(given), p=weight / weight.sum())]]
    for _ in range(1, count):
        nearest = weight * np.min([np.square(given - mean).sum(axis=1) for mean in means], axis=0)
        total = nearest.sum()
        means.append(given[generator.choice(len(given), p=nearest / total if total > 0.0 else None)])
    width = given.var(axis=0).mean() / count ** (2.0 / given.shape[1]) + 1e-12
    covariance = np.tile(np.eye(given.shape[1]) * width, (count, 1, 1))
    return Mixture(np.full(count, 1.0 / count), np.array(means), covariance)


def cluster(points: ArrayLike, start: Mixture, weights: Weights, config: ClusteringConfig | None = None) -> Clusters:
    """EM from `start`, which may be what was found a window ago. points (N, D); the weights have N entries.

    ValueError for no points, another number of weights or weights that are not positive.
    """
    return _Problem(points, start, weights, config or ClusteringConfig(), by_message=False).run()


def find_clusters(
    points: ArrayLike, start: Mixture, weights: Weights, config: ClusteringConfig | None = None
) -> Clusters:
    """As `cluster`, with at most as many clusters as `start` has: those whose message is the shortest. Its formula is
    one for clusters of some 12 points or more (`fewest`): smaller ones cost next to nothing, and are often spurious."""
    config = config or ClusteringConfig()
    best = found = _Problem(points, start, weights, config, by_message=True).run()
    while len(found.mixture.proportion) > 1:
        smaller = _without(found.mixture, int(found.mixture.proportion.argmin()))
        found = _Problem(points, smaller, weights, config, by_message=True).run()
        best = min(best, found, key=lambda each: each.message_length)
    return best


def _without(mixture: Mixture, index: int) -> Mixture:
    rest = [np.delete(each, index, axis=0) for each in mixture]
    return Mixture(rest[0] * mixture.proportion.sum() / rest[0].sum(), *rest[1:])


class _Problem:
    """EM as `VariationalProblem`; by_message: proportions of the shortest message, one cluster after the other."""

    def __init__(self, points: ArrayLike, start: Mixture, weights: Weights, config: ClusteringConfig, by_message: bool):
        self._points, self._weights, self._config, self._by_message = as_points(points), weights, config, by_message
        count, self._dimension = self._points.shape
        for each in weights:
            if each.shape != (count,) or not count or not (each > 0.0).all():
                raise ValueError(f"expected points and as many positive weights, got {count} and {each.shape}")
        self._uniform = 0.1 if config.clutter_density > 0.0 else 0.0  # proportion of the class
        self.mixture = start._replace(proportion=start.proportion * (1.0 - self._uniform))
        self._squared, self._log_density = self._look_at(slice(None))
        self._share, self._clutter = self._shares()

    def run(self) -> Clusters:
        """Until it gains no more."""
        history: list[float] = []
        for value in iterate_variational_em(self, self._config.num_iterations):
            history.append(value)
            if len(history) > 1 and abs(value - history[-2]) < self._config.tolerance * len(self._points):
                break
        share, clutter = self._shares()
        expected = self._weights.expected(self._squared, self._dimension)
        return Clusters(self.mixture, share, clutter, expected, history, self._message_length(history[-1]))

    def steps(self) -> Sequence[Step]:
        """As `VariationalProblem.steps`."""
        if self._by_message:
            return [Step("E and M, one by one", self._one_by_one)]
        return [Step("E", self._e_step), Step("M", self._m_step)]

    def objective(self) -> float:
        """Log likelihood in nats."""
        return float(self._log_total().sum())

    def _e_step(self) -> None:
        self._share, self._clutter = self._shares()

    def _m_step(self) -> None:
        count = self._share.sum(axis=0)
        kept = count >= self._config.fewest
        if not kept.any():  # the uniform class has them all: clusters stay where they are
            return
        self.mixture = Mixture(*(each[kept] for each in self.mixture))
        self._squared, share, count = self._squared[:, kept], self._share[:, kept], count[kept]
        expected = self._weights.expected(self._squared, self._dimension)
        fits = [self._fitted(share[:, k], expected[:, k]) for k in range(len(count))]
        self._uniform = min(float(self._clutter.mean()), MOST_CLUTTER)
        proportion = count / count.sum() * (1.0 - self._uniform)
        self.mixture = Mixture(proportion, np.array([f[0] for f in fits]), np.array([f[1] for f in fits]))
        self._squared, self._log_density = self._look_at(slice(None))

    def _one_by_one(self) -> None:
        """Each cluster in turn, with the responsibilities of the moment: one that has too few points goes, and the
        others share what it had."""
        k = 0
        while k < len(self.mixture.proportion):
            share, clutter = self._shares()
            count = share.sum(axis=0)
            beyond = np.maximum(count - self._num_parameters() / 2.0, 0.0)
            if (beyond[k] == 0.0 or count[k] < self._config.fewest) and len(beyond) > 1:
                self.mixture = _without(self.mixture, k)
                self._log_density, self._squared = (
                    np.delete(each, k, axis=1) for each in (self._log_density, self._squared)
                )
                continue
            expected = self._weights.expected(self._squared, self._dimension)[:, k]
            mean, covariance = self._fitted(share[:, k], expected)
            self._uniform = min(float(clutter.mean()), MOST_CLUTTER)
            weight = self.mixture.proportion.copy()
            weight[k] = max(beyond[k], 1e-9) / max(beyond.sum(), 1e-9)
            weight *= (1.0 - self._uniform) / weight.sum()
            self.mixture = Mixture(weight, self.mixture.mean.copy(), self.mixture.covariance.copy())
            self.mixture.mean[k], self.mixture.covariance[k] = mean, covariance
            self._squared[:, [k]], self._log_density[:, [k]] = self._look_at(slice(k, k + 1))
            k += 1

    def _fitted(self, share: Array, expected: Array) -> tuple[Array, Array]:
        """Mean and covariance: weights count in the sums, and the covariance is that of a point of weight 1."""
        both = expected * share
        mean = both @ self._points / both.sum()
        offset = self._points - mean
        values, vectors = np.linalg.eigh((both * offset.T) @ offset / share.sum())
        least = max(self._config.least_variance, 1e-9 * values[-1])  # of what numbers can hold
        return mean, (vectors * np.maximum(values, least)) @ vectors.T

    def _look_at(self, which: slice) -> tuple[Array, Array]:
        """Squared Mahalanobis distances and log densities (N, K) of some clusters."""
        factor = np.linalg.cholesky(self.mixture.covariance[which])
        offset = self._points[None] - self.mixture.mean[which, None]  # (K, N, D)
        squared = np.square(np.linalg.solve(factor, offset.transpose(0, 2, 1))).sum(axis=1).T
        log_det = 2.0 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        return squared, self._weights.log_density(squared, log_det, self._dimension)

    def _log_parts(self) -> tuple[Array, Array]:
        density = self._config.clutter_density
        nobody = np.log(self._uniform * density) if self._uniform > 0.0 and density > 0.0 else -np.inf
        return np.log(self.mixture.proportion) + self._log_density, np.full((len(self._points), 1), nobody)

    def _log_total(self) -> Array:
        return np.asarray(logsumexp(np.hstack(self._log_parts()), axis=1))

    def _shares(self) -> tuple[Array, Array]:
        clusters, nobody = self._log_parts()
        total = self._log_total()[:, None]
        return np.exp(clusters - total), np.exp(nobody - total)[:, 0]

    def _num_parameters(self) -> float:
        return 0.5 * float(self._dimension * (self._dimension + 3))

    def _message_length(self, log_likelihood: float) -> float:
        """Figueiredo and Jain, eq. 15, but that no cluster, however small, has a negative length."""
        count, size, parameters = len(self.mixture.proportion), len(self._points), self._num_parameters()
        each = 0.5 * parameters * float(np.log(np.maximum(size * self.mixture.proportion / 12.0, 1.0)).sum())
        return float(each + 0.5 * count * np.log(size / 12.0) + 0.5 * count * (parameters + 1.0) - log_likelihood)
