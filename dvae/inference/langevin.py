"""Sampling by Langevin dynamics, unadjusted: G. Parisi, "Correlation functions and computer simulations" (1981)."""

from __future__ import annotations

import torch
from torch import Tensor


def langevin_step(z: Tensor, log_density: Tensor, step_size: float, generator: torch.Generator) -> Tensor:
    """z + eps / 2 * gradient of log p(z) + sqrt(eps) * noise: draws approach p as eps goes to 0.

    z: a leaf of any shape that requires its gradient; log_density: log p, up to a constant, computed from it, of any
    shape (it is summed: chains do not know each other).
    """
    (gradient,) = torch.autograd.grad(log_density.sum(), z)
    noise = torch.randn(z.shape, generator=generator)
    moved: Tensor = z.detach() + 0.5 * step_size * gradient + step_size**0.5 * noise
    return moved
