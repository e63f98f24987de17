"""Langevin dynamics on a Gaussian posterior that is known in closed form."""

from __future__ import annotations

import pytest
import torch

from dvae.inference.langevin import langevin_step

STEP = 0.05


@pytest.fixture
def chains() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """z ~ N(0, 1), x = 2 z + noise of variance 0.5, observed as 1.5: draws (2000 chains x 20 times), mean, variance."""
    generator = torch.Generator().manual_seed(3)
    z, kept = torch.full((2000,), -2.0), []
    for i in range(400):
        leaf = z.detach().requires_grad_()
        log_joint = -0.5 * (1.5 - 2.0 * leaf).square() / 0.5 - 0.5 * leaf.square()
        z = langevin_step(leaf, log_joint, STEP, generator)
        if i >= 100 and i % 15 == 0:
            kept.append(z)
    precision = torch.tensor(1.0 + 2.0**2 / 0.5)
    return torch.stack(kept), 2.0 * 1.5 / 0.5 / precision, 1.0 / precision


def test_draws_have_the_mean_and_variance_of_the_posterior(
    chains: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    draws, mean, variance = chains
    assert abs(draws.mean() - mean) < 0.01  # standard error 0.002
    # of a Gaussian of precision p, steps of eps settle at the variance 1 / (p (1 - eps p / 4))
    settled = variance / (1.0 - STEP / variance / 4.0)
    assert float(draws.var() / settled) == pytest.approx(1.0, abs=0.03)  # standard error 0.7 %


def test_chains_do_not_know_each_other_and_nothing_is_fitted() -> None:
    z = torch.tensor([[1.0], [5.0]], requires_grad=True)
    moved = langevin_step(z, -0.5 * z.square().sum(-1), 0.2, torch.Generator().manual_seed(1))
    noise = torch.randn(2, 1, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(moved, 0.9 * z.detach() + 0.2**0.5 * noise)
    assert not moved.requires_grad
    assert z.grad is None
