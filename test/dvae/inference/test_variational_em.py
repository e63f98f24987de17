"""The loop against a mixture of Gaussians, whose steps are exact, and against problems that break."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.inference.responsibilities import independent
from dvae.inference.variational_em import Step, iterate_variational_em, run_variational_em

Array = np.ndarray


class MixtureOfGaussians:
    """x_k ~ sum_n pi_n N(mu_n, 1), mu_n ~ N(0, 10^2): E-W for q(w), E-S for q(mu), M for pi; the bound is exact."""

    def __init__(self, data: Array, mean: Array) -> None:
        self.data, self.mean, self.variance = data, mean, np.ones_like(mean)
        self.weights = np.full(mean.shape, 1.0 / mean.size)
        self.responsibilities = np.full((data.size, mean.size), 1.0 / mean.size)

    def steps(self) -> list[Step]:
        return [Step("E-W", self.e_w), Step("E-S", self.e_s), Step("M", self.m_step)]

    def log_joint(self) -> Array:
        """E log p(x_k, w_k = n) under q(mu)."""
        squared = np.square(self.data[:, None] - self.mean) + self.variance
        return np.log(self.weights) - 0.5 * (np.log(2.0 * np.pi) + squared)

    def e_w(self) -> None:
        self.responsibilities = independent(self.log_joint(), np.full(self.data.shape, -np.inf)).responsibilities

    def e_s(self) -> None:
        self.variance = 1.0 / (self.responsibilities.sum(0) + 1.0 / 100.0)
        self.mean = self.variance * (self.responsibilities * self.data[:, None]).sum(0)

    def m_step(self) -> None:
        self.weights = self.responsibilities.mean(0)

    def objective(self) -> float:
        entropy = -(self.responsibilities * np.log(np.maximum(self.responsibilities, 1e-300))).sum()
        kl = 0.5 * (np.log(100.0 / self.variance) + (self.variance + self.mean**2) / 100.0 - 1.0).sum()
        return float((self.responsibilities * self.log_joint()).sum() + entropy - kl)


@pytest.fixture
def mixture(rng: np.random.Generator) -> MixtureOfGaussians:
    data = np.concatenate([rng.normal(-3.0, 1.0, 60), rng.normal(1.0, 1.0, 140)])
    return MixtureOfGaussians(data, np.array([-0.5, 0.5]))


def test_no_exact_step_lowers_the_bound_and_the_mixture_is_found(mixture: MixtureOfGaussians) -> None:
    history = run_variational_em(mixture, 40, each_step=True)
    assert len(history) == 3 * 40
    assert np.diff(history).min() > -1e-9
    assert history[-1] > history[0] + 10
    np.testing.assert_allclose(mixture.mean, [-3.0, 1.0], atol=0.4)
    np.testing.assert_allclose(mixture.weights, [0.3, 0.7], atol=0.08)


def test_each_iteration_ends_with_the_objective_of_its_last_step(mixture: MixtureOfGaussians) -> None:
    again = MixtureOfGaussians(mixture.data, mixture.mean)
    assert run_variational_em(mixture, 5) == run_variational_em(again, 5, each_step=True)[2::3]


def test_who_has_enough_stops(mixture: MixtureOfGaussians) -> None:
    iterations = iterate_variational_em(mixture, 100)
    first = next(iterations)
    mean = mixture.mean
    assert next(iterations) > first
    assert mixture.mean is not mean
    mean = mixture.mean
    iterations.close()
    assert mixture.mean is mean


class Recorded:
    """Writes down what is called; the objective is not finite from some call of a step on."""

    def __init__(self, breaks_at: int, broken: float = float("nan")) -> None:
        self.breaks_at, self.broken, self.calls = breaks_at, broken, list[str]()

    def steps(self) -> list[Step]:
        return [Step(name, lambda name=name: self.calls.append(name)) for name in ("E-W boxes", "E-W voices", "E-S")]

    def objective(self) -> float:
        return self.broken if len(self.calls) >= self.breaks_at else 0.0


def test_steps_run_in_order() -> None:
    problem = Recorded(breaks_at=100)
    assert run_variational_em(problem, 2) == [0.0, 0.0]
    assert problem.calls == ["E-W boxes", "E-W voices", "E-S"] * 2
    assert run_variational_em(problem, 0) == []
    assert list(iterate_variational_em(problem, 2)) == [0.0, 0.0]  # one an iteration here too


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_stops_the_loop(value: float) -> None:
    with pytest.raises(FloatingPointError, match=f"iteration 1: expected a finite objective, got {value}"):
        run_variational_em(Recorded(breaks_at=1, broken=value), 5)


def test_the_step_that_broke_is_named() -> None:
    problem = Recorded(breaks_at=5)
    with pytest.raises(FloatingPointError, match="iteration 2, E-W voices: expected a finite objective, got nan"):
        run_variational_em(problem, 5, each_step=True)
    assert problem.calls[-1] == "E-W voices"
