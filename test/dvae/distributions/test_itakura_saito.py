from __future__ import annotations

import math

import pytest
import torch

from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.itakura_saito import itakura_saito


def test_itakura_saito_is_the_complex_gaussian_likelihood() -> None:
    # -log Nc(x; 0, v) = log(pi v) + |x|^2 / v; the divergence is its excess over the best v = |x|^2
    power, variance = torch.tensor([0.3, 2.0]), torch.tensor([1.7, 0.2])
    negative_log = lambda v: torch.log(math.pi * v) + power / v  # noqa: E731
    expected = negative_log(variance) - negative_log(power)
    torch.testing.assert_close(itakura_saito(power[:, None], variance[:, None]), expected)
    torch.testing.assert_close(itakura_saito(power, variance), expected.sum())


@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((2, 1, 3, 4), (2, 5, 3, 4)), ((0, 4), (0, 4)), ((4,), (30, 4))])
def test_itakura_saito_has_the_right_gradient(
    shapes: tuple[tuple[int, ...], ...], generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvae.distributions.itakura_saito.CHUNK_ELEMENTS", 8)  # several chunks
    power, variance = (torch.rand(shape, generator=generator, dtype=torch.float64) + 0.1 for shape in shapes)
    power, variance = power.requires_grad_(), variance.requires_grad_()
    ratio = power / variance
    torch.testing.assert_close(itakura_saito(power, variance), (ratio - ratio.log() - 1).sum(-1))
    if power.numel() < 100:
        assert torch.autograd.gradcheck(itakura_saito, (power, variance))


def test_it_is_the_divergence_of_complex_gaussians(generator: torch.Generator) -> None:
    """KL(Nc(0, v) || Nc(0, w)) as the mean of the log ratio of the densities over draws."""
    first, second = torch.tensor([0.5, 2.0]), torch.tensor([1.5, 0.7])
    draws = ComplexGaussian(first.expand(400_000, 2)).draw(
        torch.randn(400_000, 2, generator=generator, dtype=torch.complex64)
    )
    power = draws.abs().square()
    ratio = (-power / first - first.log() + power / second + second.log()).sum(-1)
    error = 5.0 * float(ratio.std()) / 400_000**0.5
    assert float(itakura_saito(first, second)) == pytest.approx(float(ratio.mean()), abs=error)
