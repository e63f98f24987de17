"""NMF against its formulas written out, known factors, and what its updates promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dvae.inference import nmf
from dvae.inference.nmf import Divergence, Factors, Observed

KINDS = list(Divergence)
IS, KL = Divergence.ITAKURA_SAITO, Divergence.KULLBACK_LEIBLER


def positive(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return 0.05 + torch.rand(shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def observed(generator: torch.Generator) -> Observed:
    """Two problems of 12 frames and 7 bins, three draws of the fixed part, frames that do not count."""
    mask = torch.ones(2, 12, 1, dtype=torch.float64)
    mask[1, 8:] = 0.0
    return Observed(positive(generator, 2, 12, 7), mask, 0.3 * positive(generator, 2, 3, 12, 7))


@pytest.fixture
def factors(generator: torch.Generator) -> Factors:
    return Factors(positive(generator, 2, 3, 7), positive(generator, 2, 12, 3))


def written_out(observed: Observed, factors: Factors, kind: Divergence) -> np.ndarray:
    """The divergence of each problem by loops over draws."""
    total = np.zeros(2)
    for b in range(2):
        for fixed in observed.fixed[b].numpy():
            model = fixed + factors.activations[b].numpy() @ factors.basis[b].numpy()
            data = observed.data[b].numpy()
            log = np.log(data / model)
            value = data / model - log - 1.0 if kind is IS else data * log - data + model
            total[b] += (observed.mask[b].numpy() * value).sum() / len(observed.fixed[b])
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_is_the_formula(kind: Divergence, observed: Observed, factors: Factors) -> None:
    np.testing.assert_allclose(nmf.divergence(observed, factors, kind).numpy(), written_out(observed, factors, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_the_gradient(kind: Divergence, observed: Observed, factors: Factors) -> None:
    """rises - falls is the derivative of the divergence along `factor`; each part is positive."""
    along = torch.linspace(0.5, 2.0, 7, dtype=torch.float64)
    scale = torch.zeros(2, 12, 7, dtype=torch.float64, requires_grad=True)
    model = nmf.model_of(observed, factors) + (along * scale)[:, None]
    data = observed.data[:, None]
    value = data / model - torch.log(data / model) if kind is IS else model - data * torch.log(model)
    (gradient,) = torch.autograd.grad(value.mean(1).sum(), scale)
    falls, rises = nmf.slopes(data, nmf.model_of(observed, factors), along, kind)
    assert (falls > 0).all()
    assert (rises > 0).all()
    torch.testing.assert_close(rises - falls, gradient)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("update", [nmf.update_basis, nmf.update_activations, nmf.update])
def test_no_update_raises_the_divergence(update, kind: Divergence, observed: Observed, factors: Factors) -> None:  # type: ignore[no-untyped-def]
    values = [nmf.divergence(observed, factors, kind)]
    for _ in range(30):
        factors = update(observed, factors, kind)
        values.append(nmf.divergence(observed, factors, kind))
    steps = torch.stack(values).diff(dim=0)
    assert steps.max() < 1e-10
    assert (values[-1] < values[0] - 1.0).all() if kind is IS else (values[-1] < values[0] - 0.3).all()


@pytest.mark.parametrize(("kind", "exponent"), [(IS, 0.5), (KL, 1.0)])
def test_updates_are_those_of_the_paper(
    kind: Divergence, exponent: float, observed: Observed, factors: Factors
) -> None:
    """Each factor times (sum of V model^(beta - 2)) / (sum of model^(beta - 1)), in its direction."""
    beta = {IS: 0, KL: 1}[kind]
    w, h, v = (part.numpy() for part in (*factors, observed.data))
    model = observed.fixed.numpy() + (h @ w)[:, None]
    mask = observed.mask.numpy()[:, None]
    falls = (mask * v[:, None] * model ** (beta - 2.0)).mean(1)
    rises = (mask * model ** (beta - 1.0)).mean(1)
    expected = w * (np.einsum("btk,btf->bkf", h, falls) / np.einsum("btk,btf->bkf", h, rises)) ** exponent
    np.testing.assert_allclose(nmf.update_basis(observed, factors, kind).basis.numpy(), expected)
    counts = observed.mask.numpy()[..., 0] > 0
    expected = (
        h * (np.einsum("btf,bkf->btk", falls, w) / np.maximum(np.einsum("btf,bkf->btk", rises, w), 1e-10)) ** exponent
    )
    found = nmf.update_activations(observed, factors, kind)
    np.testing.assert_allclose(found.activations.numpy()[counts], expected[counts])
    assert (found.basis == factors.basis).all()


@pytest.mark.parametrize("kind", KINDS)
def test_known_factors_are_found(kind: Divergence, generator: torch.Generator) -> None:
    """A power spectrogram of rank 2, two sources that overlap in half of their bins."""
    basis = torch.tensor([[4.0, 3.0, 2.0, 1.0, 0.1, 0.1], [0.1, 0.1, 1.0, 2.0, 3.0, 4.0]], dtype=torch.float64)
    activations = torch.rand(1, 60, 2, generator=generator, dtype=torch.float64) ** 4 + 1e-3
    data = activations @ basis
    factors = nmf.random_factors(data, 2, generator)
    for _ in range(600):
        factors = nmf.update(Observed.alone(data), factors, kind)
    torch.testing.assert_close(factors.product, data, rtol=0.02, atol=1e-4)
    order = factors.basis[0, :, 0].argsort(descending=True)
    expected = basis / basis.sum(-1, keepdim=True)
    torch.testing.assert_close(factors.basis[0, order], expected, rtol=0.0, atol=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fixed_part_is_not_explained_again(kind: Divergence, generator: torch.Generator) -> None:
    """Data that are the fixed part and rank 1: only the rest is left to H W."""
    rest = positive(generator, 1, 40, 1) @ positive(generator, 1, 1, 9)
    fixed = positive(generator, 1, 1, 40, 9)
    observed = Observed.alone(rest + fixed[:, 0])._replace(fixed=fixed)
    factors = nmf.random_factors(observed.data, 1, generator)
    for _ in range(300):
        factors = nmf.update(observed, factors, kind)
    torch.testing.assert_close(factors.product, rest, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_problems_one_by_one(kind: Divergence, observed: Observed, factors: Factors) -> None:
    together = nmf.update(observed, factors, kind)
    for b in (0, 1):
        alone = nmf.update(Observed(*(part[b : b + 1] for part in observed)), factors.select(torch.tensor([b])), kind)
        torch.testing.assert_close(together.select(torch.tensor([b])), alone)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_do_not_count_change_nothing(kind: Divergence, observed: Observed, factors: Factors) -> None:
    noise = observed.data.clone()
    noise[1, 8:] = 100.0
    for other in (observed._replace(data=noise), Observed(*(p[..., :8, :] for p in observed))):
        activations = factors.activations[:, : other.data.shape[1]]
        found = nmf.update_basis(other, factors._replace(activations=activations), kind)
        torch.testing.assert_close(found.basis[1], nmf.update_basis(observed, factors, kind).basis[1])


def test_data_alone_have_one_fixed_part_that_is_nothing(observed: Observed, factors: Factors) -> None:
    found = Observed.alone(observed.data)
    assert [part.shape for part in found] == [(2, 12, 7), (2, 12, 1), (2, 1, 12, 7)]
    torch.testing.assert_close(nmf.model_of(found, factors)[:, 0], factors.product)
    assert (found.mask == 1).all()


def test_normalisation_keeps_the_product(factors: Factors) -> None:
    found = nmf.normalised(factors)
    torch.testing.assert_close(found.product, factors.product)
    torch.testing.assert_close(found.basis.sum(-1), torch.ones(2, 3, dtype=torch.float64))
    empty = nmf.normalised(Factors(torch.zeros(1, 1, 4), torch.ones(1, 5, 1)))
    assert all(part.isfinite().all() for part in empty)


def test_nothing_stays_zero(generator: torch.Generator) -> None:
    """What an update brings to zero can come back; silence gives no NaN."""
    data = positive(generator, 1, 5, 4)
    data[:, 2] = 0.0
    data[:, :, 1] = 0.0
    factors = nmf.random_factors(data, 2, generator)
    for _ in range(60):
        factors = nmf.update(Observed.alone(data), factors, KL)
        assert min(part.min() for part in factors) > 0.0
    assert factors.product[0, 2].max() < 1e-6
    assert float(nmf.divergence(Observed.alone(data), factors, KL)) >= 0.0


def test_a_start_is_about_the_mean_spectrum(generator: torch.Generator) -> None:
    data = positive(generator, 2, 500, 6) * torch.arange(1.0, 7.0)
    start = nmf.random_factors(data, 40, generator)
    assert [part.shape for part in start] == [(2, 40, 6), (2, 500, 40)]
    torch.testing.assert_close(start.activations.sum(-1), torch.ones(2, 500, dtype=torch.float64))
    assert (start.basis <= data.mean(1, keepdim=True)).all()
    torch.testing.assert_close(start.basis.mean(1), 0.5 * data.mean(1), rtol=0.35, atol=0.0)
