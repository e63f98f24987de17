"""The compiled latent recursion against its definition, whose gradient test_adapt checks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dvae.models.networks.latent_recurrence import latent_recurrence, latent_recurrence_reference

LATENT, HIDDEN = 3, 5


def results(form: object, operands: list[Tensor]) -> list[Tensor]:
    """z, the parameters, and the gradients of a weighted sum of them with respect to all but the noise."""
    assert callable(form)
    leaves = [operand.detach().requires_grad_() for operand in operands[:4]]
    found = form(*leaves, operands[4])
    generator = torch.Generator().manual_seed(1)
    weighted = [(torch.randn(part.shape, generator=generator).to(part) * part).sum() for part in found]
    return [*(part.detach() for part in found), *torch.autograd.grad(weighted[0] + weighted[1], leaves)]


@pytest.mark.parametrize(("copies", "rows", "frames"), [(1, 4, 9), (3, 1, 6), (1, 1, 1), (2, 3, 2)])
def test_compiled_recursion_is_its_definition(copies: int, rows: int, frames: int, generator: torch.Generator) -> None:
    shapes = [
        (copies, frames, rows, 2 * LATENT),
        (copies, HIDDEN, 2 * LATENT),
        (copies, LATENT + HIDDEN, 4 * HIDDEN),
        (copies, 1, 4 * HIDDEN),
        (copies, frames, rows, LATENT),
    ]
    operands = [torch.randn(shape, generator=generator) for shape in shapes]
    operands[0], operands[4] = operands[0].transpose(1, 2), operands[4].transpose(1, 2)  # not contiguous
    found = results(latent_recurrence, operands)
    expected = results(latent_recurrence_reference, [operand.double() for operand in operands])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-5 * max(1.0, float(other.abs().max())), rtol=1e-5)
    for one, again in zip(found, results(latent_recurrence, operands), strict=True):
        assert torch.equal(one, again)
