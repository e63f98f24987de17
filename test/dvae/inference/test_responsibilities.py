from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import norm

from dvae.inference.responsibilities import exclusive, independent, log_beta
from dvae.inference.variational_em import run_variational_em


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


class Broken:
    """A problem whose objective becomes NaN."""

    def e_w(self) -> None: ...
    def e_z_and_e_s(self) -> None: ...
    def m_step(self) -> None: ...
    def objective(self) -> float:
        return float("nan")


def test_a_value_that_is_not_finite_stops_the_loop() -> None:
    with pytest.raises(FloatingPointError, match="iteration 1: expected a finite objective, got nan"):
        run_variational_em(Broken(), 5)
