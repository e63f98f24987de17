"""Clustering of weighted points against closed forms, known clusters and the plain Gaussian mixture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, multivariate_t

from dvae.audiovisual.clustering import ClusteringConfig, Clusters, Mixture, cluster, find_clusters, start_mixture
from dvae.audiovisual.point_weights import (
    FixedWeights,
    GammaWeights,
    Weights,
    density_weights,
    equal_weights,
    t_weights,
    uncertain,
    whitening,
)

CENTRES = np.array([[0.0, 0.0], [6.0, 1.0], [1.0, 7.0]])
FINE = ClusteringConfig(num_iterations=200, tolerance=1e-9, least_variance=1e-6)


def three_clusters(seed: int, outliers: int = 0, each: int = 80) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = [centre + rng.normal(size=(each, 2)) * [0.8, 0.5] for centre in CENTRES]
    return np.concatenate([*points, rng.uniform(-20.0, 25.0, (outliers, 2))])


def start(points: np.ndarray, count: int = 3, seed: int = 0, weight: np.ndarray | None = None) -> Mixture:
    return start_mixture(points, count, np.random.default_rng(seed), weight)


def largest_error(found: Clusters, centres: np.ndarray = CENTRES) -> float:
    """Of the nearest cluster to each true centre."""
    return float(np.linalg.norm(found.mixture.mean[:, None] - centres, axis=2).min(axis=0).max())


def weights_of(kind: str, points: np.ndarray) -> Weights:
    weight = density_weights(points)
    return {
        "gmm": equal_weights(len(points)),
        "fwd": FixedWeights(weight),
        "wd": uncertain(weight),
        "t": t_weights(len(points)),
    }[kind]


@pytest.mark.parametrize("clutter_density", [0.0, 1.0 / 45.0**2])
@pytest.mark.parametrize("kind", ["gmm", "fwd", "wd", "t"])
def test_likelihood_never_falls(kind: str, clutter_density: float) -> None:
    for seed in range(5):
        points = three_clusters(seed, outliers=40)
        config = ClusteringConfig(num_iterations=60, tolerance=0.0, clutter_density=clutter_density, fewest=1e-9)
        found = cluster(points, start(points, seed=seed), weights_of(kind, points), config)
        assert (np.diff(found.history) > -1e-8).all()
        np.testing.assert_allclose(found.responsibilities.sum(axis=1) + found.clutter, 1.0)


def test_densities_are_those_of_scipy() -> None:
    """Gaussian with Sigma / w, and the t distribution where shape and rate are half the degrees of freedom."""
    rng = np.random.default_rng(1)
    points, covariance = rng.normal(size=(6, 2)), np.array([[2.0, 0.3], [0.3, 0.5]])
    squared = np.einsum("ni,ij,nj->n", points, np.linalg.inv(covariance), points)[:, None]
    log_det = np.log(
        np.linalg.det(
            covariance,
        )
    )[None]
    weight = rng.uniform(0.5, 3.0, 6)
    expected = [multivariate_normal.logpdf(x, cov=covariance / w) for x, w in zip(points, weight, strict=True)]
    np.testing.assert_allclose(FixedWeights(weight).log_density(squared, log_det, 2)[:, 0], expected)
    expected = multivariate_t.logpdf(points, shape=covariance, df=5.0)
    np.testing.assert_allclose(t_weights(6, 5.0).log_density(squared, log_det, 2)[:, 0], expected)


def test_gamma_density_and_weight_are_integrals_over_the_weight() -> None:
    weights = GammaWeights(np.array([2.5]), np.array([1.5]))
    w = np.linspace(1e-6, 60.0, 400_001)
    prior = w**1.5 * np.exp(-1.5 * w)
    prior /= np.trapezoid(prior, w)
    likelihood = w / (2.0 * np.pi) * np.exp(-0.5 * w * 4.0)  # 2 dimensions, squared distance 4, |Sigma| = 1
    expected = np.trapezoid(prior * likelihood, w)
    found = weights.log_density(np.array([[4.0]]), np.zeros(1), 2)
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-5)
    mean = np.trapezoid(w * prior * likelihood, w) / expected
    np.testing.assert_allclose(weights.expected(np.array([[4.0]]), 2), mean, rtol=1e-5)


def test_weights_of_one_are_the_gaussian_mixture() -> None:
    """Against EM for a Gaussian mixture as it is written in text books."""
    points = three_clusters(2)
    first = start(points)
    config = ClusteringConfig(num_iterations=7, tolerance=0.0, least_variance=1e-9)
    found = cluster(points, first, equal_weights(len(points)), config).mixture
    pi, mean, covariance = first
    for _ in range(7):
        share = np.array(
            [p * multivariate_normal.pdf(points, m, c) for p, m, c in zip(pi, mean, covariance, strict=True)]
        )
        share /= share.sum(axis=0)
        pi, mean = share.mean(axis=1), share @ points / share.sum(axis=1, keepdims=True)
        covariance = [np.cov(points.T, aweights=each, bias=True) for each in share]
    np.testing.assert_allclose(found.proportion, pi)
    np.testing.assert_allclose(found.mean, mean)
    np.testing.assert_allclose(found.covariance, covariance)


def test_a_point_that_is_there_twice_has_weight_two_for_the_mean() -> None:
    points = three_clusters(3, each=10)[:10]
    doubled = np.concatenate([points, points[:1]])
    weight = np.ones(10)
    weight[0] = 2.0
    means = [
        cluster(given, start(given, 1), weights, FINE).mixture.mean[0]
        for given, weights in ((doubled, equal_weights(11)), (points, FixedWeights(weight)))
    ]
    np.testing.assert_allclose(means[0], means[1])


def test_clusters_are_found_among_outliers_where_the_gaussian_mixture_loses_them() -> None:
    errors: dict[str, list[float]] = {"gmm": [], "wd": [], "fwd": [], "t": []}
    for seed in range(6):
        points = three_clusters(seed, outliers=80)
        starts = [start(points, seed=each, weight=density_weights(points)) for each in range(5)]
        for kind, found in errors.items():
            fits = [cluster(points, each, weights_of(kind, points)) for each in starts]
            found.append(largest_error(max(fits, key=lambda fit: fit.history[-1])))
    assert max(errors["wd"]) < 0.5
    assert max(errors["fwd"]) < 0.5
    assert np.median(errors["gmm"]) > 2.0


def test_uniform_class_takes_the_outliers() -> None:
    points = three_clusters(4, outliers=80)
    config = ClusteringConfig(clutter_density=1.0 / 45.0**2)
    starts = [start(points, seed=each, weight=density_weights(points)) for each in range(5)]
    fits = [cluster(points, each, equal_weights(len(points)), config) for each in starts]
    best = max(fits, key=lambda fit: fit.history[-1])
    assert largest_error(best) < 0.3
    assert (best.labels()[:240] >= 0).mean() > 0.95
    assert (best.labels()[240:] == -1).mean() > 0.9


@pytest.mark.parametrize("kind", ["gmm", "wd"])
def test_shortest_message_finds_how_many_there_are(kind: str) -> None:
    for seed in range(4):
        points = three_clusters(seed, each=200)
        found = find_clusters(points, start(points, 10, seed), weights_of(kind, points), ClusteringConfig(fewest=12))
        assert len(found.mixture.mean) == 3
        assert largest_error(found) < 0.4
    alone = three_clusters(0)[:80]
    assert (
        len(find_clusters(alone, start(alone, 6), weights_of(kind, alone), ClusteringConfig(fewest=12)).mixture.mean)
        == 1
    )


def test_found_clusters_are_where_the_last_ones_led() -> None:
    """Warm: from what was found before, fewer iterations and the same clusters in the same order."""
    points = three_clusters(5)
    weights = equal_weights(len(points))
    cold = cluster(points, start(points), weights)
    moved = points + 0.3
    warm = cluster(moved, cold.mixture, weights)
    assert len(warm.history) < len(cold.history)
    np.testing.assert_allclose(warm.mixture.mean, cold.mixture.mean + 0.3, atol=0.02)


def test_whitened_clusters_do_not_depend_on_the_units() -> None:
    points, units = three_clusters(6, outliers=40), np.array([[100.0, 3.0], [0.0, 0.01]])
    labels = []
    for given in (points, points @ units):
        mean, matrix = whitening(given)
        white = (given - mean) @ matrix
        np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(2), atol=1e-9)
        weights = uncertain(density_weights(white, scale=0.1))
        first = Mixture(np.full(3, 1 / 3), white[[0, 80, 160]], np.tile(0.1 * np.eye(2), (3, 1, 1)))
        labels.append(cluster(white, first, weights).labels())
    np.testing.assert_array_equal(labels[0], labels[1])


def test_points_on_one_place_and_far_away_stay_finite() -> None:
    points = np.concatenate([np.zeros((20, 2)), np.full((3, 2), 1e8)])
    for kind in ("gmm", "fwd", "wd", "t"):
        found = cluster(points, start(points, 2), weights_of(kind, points))
        for each in (*found.mixture, found.responsibilities, found.weight):
            assert np.isfinite(each).all()
        assert (np.linalg.eigvalsh(found.mixture.covariance) >= ClusteringConfig().least_variance * 0.99).all()


def test_uniform_class_may_take_all_there_is() -> None:
    points = np.random.default_rng(8).uniform(-20.0, 25.0, (60, 2))
    nowhere = Mixture(np.ones(1), np.full((1, 2), 1e4), np.eye(2)[None])
    found = cluster(points, nowhere, equal_weights(60), ClusteringConfig(clutter_density=1.0 / 45.0**2))
    np.testing.assert_allclose(found.clutter, 1.0)
    assert all(np.isfinite(each).all() for each in found.mixture)


def test_what_cannot_be_clustered_is_refused() -> None:
    points = three_clusters(7)
    with pytest.raises(ValueError, match="240 and \\(3,\\)"):
        cluster(points, start(points), equal_weights(3))
    with pytest.raises(ValueError, match="positive weights"):
        cluster(points, start(points), FixedWeights(np.zeros(240)))
    with pytest.raises(ValueError, match="finite points"):
        cluster(np.full((3, 2), np.nan), start(points), equal_weights(3))
