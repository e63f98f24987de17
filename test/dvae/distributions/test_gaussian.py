from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl

from dvae.distributions.gaussian import (
    Gaussian,
    gaussian_log_likelihood,
    kl_divergence,
    kl_to_standard_normal,
    log_volume,
    product,
    standard_normal,
)


def gaussian(generator: torch.Generator, *shape: int) -> Gaussian:
    return Gaussian(torch.randn(shape, generator=generator), torch.randn(shape, generator=generator))


def test_divergences_against_torch_distributions(generator: torch.Generator) -> None:
    q, p = gaussian(generator, 5, 3), gaussian(generator, 5, 3)
    as_normal = lambda g: Normal(g.mean, torch.exp(0.5 * g.log_var))  # noqa: E731
    torch.testing.assert_close(kl_divergence(q, p), torch_kl(as_normal(q), as_normal(p)))
    standard = Gaussian(torch.zeros(5, 3), torch.zeros(5, 3))
    torch.testing.assert_close(kl_to_standard_normal(q), kl_divergence(q, standard))
    value = torch.randn(5, 3, generator=generator)
    torch.testing.assert_close(gaussian_log_likelihood(value, p), as_normal(p).log_prob(value))


def test_the_standard_normal_is_one(generator: torch.Generator) -> None:
    found = standard_normal(torch.randn(2, 3, generator=generator, dtype=torch.float64))
    value = np.linspace(-2.0, 2.0, 6).reshape(2, 3)
    density = gaussian_log_likelihood(torch.from_numpy(value), found)
    np.testing.assert_allclose(density.numpy(), norm.logpdf(value))


def test_draws_have_the_moments_and_pass_the_gradient_on(generator: torch.Generator) -> None:
    mean = torch.full((200_000,), 1.5, requires_grad=True)
    density = Gaussian(mean, torch.full((200_000,), float(np.log(4.0))))
    sample = density.sample(generator)
    moments = sample.detach()
    assert float(moments.mean()) == pytest.approx(1.5, abs=0.02)  # four standard errors
    assert float(moments.std()) == pytest.approx(2.0, abs=0.015)
    sample.sum().backward()
    assert mean.grad is not None
    assert torch.equal(mean.grad, torch.ones(200_000))
    again = density.sample(torch.Generator().manual_seed(0))
    assert torch.equal(again, sample)
    assert not torch.equal(density.sample(generator), sample)


def test_a_draw_is_the_mean_and_so_many_deviations() -> None:
    density = Gaussian(torch.tensor([1.0, -2.0]), torch.log(torch.tensor([9.0, 0.25])))
    torch.testing.assert_close(density.draw(torch.tensor([2.0, -1.0])), torch.tensor([7.0, -2.5]))
    assert density.draw(None) is density.mean


def test_divergence_by_sampling(generator: torch.Generator) -> None:
    """KL is the mean of the log ratio of the densities."""
    q, p = gaussian(generator, 3), gaussian(generator, 3)
    many = Gaussian(*(part.expand(400_000, 3) for part in q))
    z = many.sample(generator)
    ratio = gaussian_log_likelihood(z, q) - gaussian_log_likelihood(z, p)
    error = 5.0 * ratio.std(0) / 400_000**0.5
    assert ((ratio.mean(0) - kl_divergence(q, p)).abs() < error).all()


def test_log_volume_is_minus_twice_the_log_density_at_the_mean(rng: np.random.Generator) -> None:
    variance = rng.uniform(0.1, 3.0, size=(5, 4))
    peak = [multivariate_normal.logpdf(np.zeros(4), cov=np.diag(row)) for row in variance]
    np.testing.assert_allclose(log_volume(variance), -2.0 * np.array(peak))


@pytest.mark.parametrize("make", [np.asarray, torch.tensor])
def test_product_against_the_densities_on_a_grid(make: type) -> None:
    """The normalised product of a prior and two observations of one number."""
    grid = np.linspace(-10.0, 10.0, 200_001)
    density = norm.pdf(grid, 0.5, np.sqrt(2.0)) * norm.pdf(1.5, grid, np.sqrt(0.7)) * norm.pdf(-1.0, grid, np.sqrt(3.0))
    density /= density.sum()
    mean = (grid * density).sum()
    variance = (np.square(grid - mean) * density).sum()
    precision, information = make([1 / 0.7 + 1 / 3.0, 0.0]), make([1.5 / 0.7 - 1.0 / 3.0, 0.0])
    found = product(make([0.5, 0.5]), make([2.0, 2.0]), precision, information)
    np.testing.assert_allclose(np.asarray(found[0]), [mean, 0.5], rtol=1e-6)  # the second without evidence
    np.testing.assert_allclose(np.asarray(found[1]), [variance, 2.0], rtol=1e-6)
