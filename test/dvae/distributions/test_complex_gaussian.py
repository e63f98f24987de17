from __future__ import annotations

import numpy as np
import pytest
import torch

from dvae.distributions.complex_gaussian import ComplexGaussian, product, wiener_gain


def test_draws_are_circular_and_have_the_variance(generator: torch.Generator) -> None:
    variance = torch.tensor([0.2, 3.0]).expand(200_000, 2)
    noise = torch.randn(200_000, 2, generator=generator, dtype=torch.complex64)
    draws = ComplexGaussian(variance).draw(noise)
    np.testing.assert_allclose(draws.abs().square().mean(0), [0.2, 3.0], rtol=0.02)
    np.testing.assert_allclose(draws.real.var(0), draws.imag.var(0), rtol=0.03)
    assert float((draws**2).mean(0).abs().max()) < 0.03  # no direction in the plane


def test_product_is_the_posterior_of_a_source_in_noise(rng: np.random.Generator) -> None:
    """Regression of s on x = s + n over many draws: its slope is the gain, its residual the variance."""
    size, source_var, noise_var = 200_000, 2.0, 0.5
    s, n = (np.sqrt(v / 2) * (rng.normal(size=size) + 1j * rng.normal(size=size)) for v in (source_var, noise_var))
    x = s + n
    slope = (s * x.conj()).mean() / np.square(np.abs(x)).mean()
    mean, variance = product(x, np.array(source_var), np.array(noise_var))
    np.testing.assert_allclose(mean, slope * x, atol=0.02)
    assert float(variance) == pytest.approx(np.square(np.abs(s - slope * x)).mean(), rel=0.02)


def test_the_gain_is_the_share_of_the_source() -> None:
    source, noise = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([1.0, 1.0, 1.0])
    torch.testing.assert_close(wiener_gain(source, noise), torch.tensor([0.0, 0.5, 0.75]))
    np.testing.assert_array_equal(wiener_gain(source.numpy(), noise.numpy()), wiener_gain(source, noise).numpy())
