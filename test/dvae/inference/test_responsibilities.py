from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import norm

from dvae.inference.responsibilities import exclusive, independent, log_beta


def brute_force(log_likelihood: np.ndarray, log_clutter: np.ndarray, log_missed: np.ndarray) -> np.ndarray:
    """Marginals by listing every assignment in which a source has at most one observation."""
    num_observations, num_sources = log_likelihood.shape
    marginals, total = np.zeros_like(log_likelihood), 0.0
    for choice in itertools.product(range(-1, num_sources), repeat=num_observations):
        used = [n for n in choice if n >= 0]
        if len(used) != len(set(used)):
            continue
        log_weight = sum(log_likelihood[k, n] if n >= 0 else log_clutter[k] for k, n in enumerate(choice))
        log_weight += sum(log_missed[n] for n in range(num_sources) if n not in used)
        weight = np.exp(log_weight)
        total += weight
        for k, n in enumerate(choice):
            if n >= 0:
                marginals[k, n] += weight
    return marginals / total


def test_exclusive_is_exact_without_loops(rng: np.random.Generator) -> None:
    log_likelihood = np.full((3, 3), -np.inf)  # a chain of possible pairs
    for k, n in ((0, 0), (1, 0), (1, 1), (2, 1), (2, 2)):
        log_likelihood[k, n] = rng.normal()
    clutter, missed = rng.normal(size=3), rng.normal(size=3)
    found = exclusive(log_likelihood, clutter, missed, max_iterations=200, tolerance=1e-12)
    np.testing.assert_allclose(found.responsibilities, brute_force(log_likelihood, clutter, missed), atol=1e-9)


def test_exclusive_is_close_with_loops(rng: np.random.Generator) -> None:
    errors = []
    for _ in range(30):
        log_likelihood = rng.normal(scale=2.0, size=(4, 3))
        clutter, missed = rng.normal(size=4), rng.normal(size=3)
        found = exclusive(log_likelihood, clutter, missed, max_iterations=200, tolerance=1e-10)
        errors.append(np.abs(found.responsibilities - brute_force(log_likelihood, clutter, missed)).max())
    assert np.mean(errors) < 0.05
    assert np.max(errors) < 0.2


def test_exclusive_gives_one_observation_to_each_source(rng: np.random.Generator) -> None:
    log_likelihood = np.array([[5.0, 4.0], [4.9, -3.0]])  # both prefer source 0; only one can have it
    found = exclusive(log_likelihood, np.full(2, -20.0), np.full(2, -5.0))
    np.testing.assert_allclose(found.responsibilities, [[0.0, 1.0], [1.0, 0.0]], atol=2e-3)


def test_independent_sums_to_one_and_is_the_mixture_posterior() -> None:
    log_likelihood, clutter = np.log([[0.2, 0.6], [0.0001, 0.0001]]), np.log([0.2, 0.5])
    found = independent(log_likelihood, clutter)
    np.testing.assert_allclose(found.responsibilities[0], [0.2, 0.6])
    np.testing.assert_allclose(found.responsibilities.sum(-1) + found.clutter, 1.0)


def test_an_observation_that_nothing_explains_has_no_responsibilities() -> None:
    found = independent(np.full((1, 2), -np.inf), np.array([-np.inf]))
    assert found.responsibilities.tolist() == [[0.0, 0.0]]


def test_log_beta_is_equation_3_25(rng: np.random.Generator) -> None:
    o, phi = rng.normal(size=(1, 2, 4)), rng.uniform(0.5, 2.0, size=(1, 2, 4))
    m, v = rng.normal(size=(1, 3, 4)), rng.uniform(0.5, 2.0, size=(1, 3, 4))
    expected = norm.logpdf(o[0, 1], m[0, 2], np.sqrt(phi[0, 1])).sum() - 0.5 * (v[0, 2] / phi[0, 1]).sum()
    assert log_beta(o, phi, m, v)[0, 1, 2] == pytest.approx(expected)


class Weighted(NamedTuple):
    """Two frames, K = 3 observations, N = 2 sources, D = 4, weights of the observations."""

    observations: np.ndarray
    phi: np.ndarray
    mean: np.ndarray
    source_var: np.ndarray
    weights: np.ndarray


@pytest.fixture
def weighted(rng: np.random.Generator) -> Weighted:
    return Weighted(
        rng.normal(size=(2, 3, 4)),
        rng.uniform(0.5, 2.0, size=(2, 3, 4)),
        rng.normal(size=(2, 2, 4)),
        rng.uniform(0.1, 0.5, size=(2, 2, 4)),
        rng.uniform(0.2, 3.0, size=(2, 3)),
    )


def test_weights_scale_the_precision_of_each_observation(weighted: Weighted) -> None:
    """p(o_k | s) = N(s, Phi_k / w_k), its logarithm averaged over q(s), against scipy element by element."""
    found = log_beta(*weighted[:4], weights=weighted.weights)
    for t, k, n in itertools.product(range(2), range(3), range(2)):
        variance = weighted.phi[t, k] / weighted.weights[t, k]
        at_mean = norm.logpdf(weighted.observations[t, k], weighted.mean[t, n], np.sqrt(variance)).sum()
        expected = at_mean - 0.5 * (weighted.source_var[t, n] / variance).sum()
        assert found[t, k, n] == pytest.approx(expected)


@pytest.mark.parametrize("tempering", [1.0, 0.008])
def test_weights_of_one_change_no_bit(weighted: Weighted, tempering: float) -> None:
    plain = log_beta(*weighted[:4], tempering)
    assert (log_beta(*weighted[:4], tempering, np.ones((2, 3))) == plain).all()


def test_tempering_leaves_the_normaliser_alone(weighted: Weighted) -> None:
    whole, half, none = (log_beta(*weighted[:4], tempering) for tempering in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(half - none, 0.5 * (whole - none))
    np.testing.assert_allclose(none[..., 0], -0.5 * np.log(2.0 * np.pi * weighted.phi).sum(-1))


def test_an_observation_of_weight_three_is_three_observations(weighted: Weighted) -> None:
    """Without clutter, responsibilities are those of three copies that share one source: the densities multiply, and
    what they lack of N(o; s, Phi / 3) does not depend on the source. So does the evidence that E-S adds up."""
    nothing = np.full((2, 3), -np.inf)
    found = independent(log_beta(*weighted[:4], weights=np.full((2, 3), 3.0)), nothing).responsibilities
    copies = 3.0 * log_beta(*weighted[:4])
    expected = np.exp(copies) / np.exp(copies).sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("exclusively", [False, True])
def test_weighted_responsibilities_against_all_assignments(weighted: Weighted, exclusively: bool) -> None:
    clutter, missed = np.array([-5.0, -4.0, -6.0]), np.array([-1.0, -2.0])
    found = log_beta(*weighted[:4], weights=weighted.weights)[0]
    std = np.sqrt(weighted.phi[0] / weighted.weights[0][:, None])[:, None]
    truth = norm.logpdf(weighted.observations[0][:, None], weighted.mean[0], std)
    truth = (truth - 0.5 * weighted.source_var[0] / np.square(std)).sum(-1)
    if exclusively:
        expected = brute_force(truth, clutter, missed)
        got = exclusive(found, clutter, missed, max_iterations=200, tolerance=1e-10).responsibilities
        np.testing.assert_allclose(got, expected, atol=0.1)
    else:
        joint = np.exp(np.concatenate([truth, clutter[:, None]], axis=1))
        expected = (joint / joint.sum(1, keepdims=True))[:, :2]
        np.testing.assert_allclose(independent(found, clutter).responsibilities, expected)


def test_clustering_by_weighted_em_never_lowers_the_likelihood_and_is_not_led_astray(rng: np.random.Generator) -> None:
    """Gebru et al. (2016), fixed weights, spherical clusters: outliers of small weight move nothing."""
    centres = np.array([[-3.0, 0.0], [3.0, 1.0]])
    data = np.concatenate([*(rng.normal(centre, 0.5, (60, 2)) for centre in centres), rng.uniform(-20, 20, (30, 2))])
    weights = np.concatenate([np.ones(120), np.full(30, 1e-3)])
    mean, variance, likelihoods = np.array([[-1.0, 3.0], [1.0, -3.0]]), 4.0, []
    for _ in range(30):
        phi = np.full((1, len(data), 2), variance)
        fit = log_beta(data[None], phi, mean[None], np.zeros((1, 2, 2)), weights=weights[None])[0]
        likelihoods.append(np.logaddexp.reduce(fit, axis=1).sum())
        eta = independent(fit, np.full(len(data), -np.inf)).responsibilities * weights[:, None]
        mean = eta.T @ data / eta.sum(0)[:, None]
        squared = np.square(data[:, None] - mean).sum(-1)
        variance = (eta * squared).sum() / (2.0 * len(data))
    assert np.diff(likelihoods).min() > -1e-9
    np.testing.assert_allclose(mean, centres, atol=0.25)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_weight_that_is_not_positive_is_an_error(weighted: Weighted, bad: float) -> None:
    weights = weighted.weights.copy()
    weights[1, 2] = bad
    with pytest.raises(ValueError, match="expected weights that are positive and finite"):
        log_beta(*weighted[:4], weights=weights)


def messages(log_ratio: np.ndarray, most: int, tolerance: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Belief propagation of Williams and Lau (2014) as matrices: responsibilities and clutter after at most so many
    passes there and back, or when the messages back change by less than `tolerance`, and once more there."""
    psi = np.exp(np.minimum(log_ratio, 30.0))
    back, change = np.ones_like(psi), np.inf  # nu, observation to source
    for i in range(most + 1):
        there = psi / (1.0 + (psi * back).sum(0) - psi * back)  # mu, source to observation
        if i == most or change < tolerance:
            break
        new = 1.0 / (1.0 + there.sum(1, keepdims=True) - there)
        change, back = np.abs(new - back)[psi > 0].max(), new
    clutter = 1.0 / (1.0 + there.sum(1))
    return there * clutter[:, None], clutter


@pytest.mark.parametrize("num_iterations", [0, 1, 2, 5])
def test_exclusive_passes_the_messages_of_the_paper(num_iterations: int, rng: np.random.Generator) -> None:
    log_likelihood, clutter, missed = rng.normal(scale=2.0, size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    log_likelihood[1, 2] = -np.inf
    found = exclusive(log_likelihood, clutter, missed, num_iterations, tolerance=0.0)
    responsibilities, of_clutter = messages(log_likelihood - clutter[:, None] - missed, num_iterations)
    np.testing.assert_allclose(found.responsibilities, responsibilities)
    np.testing.assert_allclose(found.clutter, of_clutter)
    np.testing.assert_allclose(found.responsibilities.sum(1) + found.clutter, 1.0)


@pytest.mark.parametrize("tolerance", [0.3, 0.1, 1e-3])
def test_exclusive_ends_when_the_messages_have_settled(tolerance: float, rng: np.random.Generator) -> None:
    log_likelihood, clutter, missed = rng.normal(scale=2.0, size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    found = exclusive(log_likelihood, clutter, missed, 200, tolerance).responsibilities
    ratio = log_likelihood - clutter[:, None] - missed
    np.testing.assert_allclose(found, messages(ratio, 200, tolerance)[0])
    assert np.abs(found - messages(ratio, 200)[0]).max() > 1e-9


def test_exclusive_settles_by_default(rng: np.random.Generator) -> None:
    log_likelihood, clutter, missed = rng.normal(scale=2.0, size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    expected = messages(log_likelihood - clutter[:, None] - missed, 50, 1e-6)[0]
    np.testing.assert_allclose(exclusive(log_likelihood, clutter, missed).responsibilities, expected)


def test_exclusive_survives_certainty_and_impossibility() -> None:
    """A likelihood of e^1000 times that of clutter, and of e^-1000 times it."""
    found = exclusive(np.array([[1000.0, -1000.0]]), np.zeros(1), np.zeros(2))
    np.testing.assert_allclose(found.responsibilities, [[1.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(found.clutter, [0.0], atol=1e-9)


def test_there_may_be_no_source_at_all() -> None:
    found = independent(np.zeros((2, 0)), np.log([0.3, 1.0]))
    assert found.responsibilities.shape == (2, 0)
    np.testing.assert_allclose(found.clutter, 1.0)
    assert exclusive(np.zeros((2, 0)), np.zeros(2), np.zeros(0)).clutter.tolist() == [1.0, 1.0]
