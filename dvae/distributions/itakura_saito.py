"""The Itakura-Saito divergence, which is what the circular complex Gaussian of STFT coefficients comes to.

C. Fevotte, N. Bertin, J.-L. Durrieu, "Nonnegative matrix factorization with the Itakura-Saito divergence" (2009),
eq. 10: -log Nc(x; 0, v) is d(|x|^2, v) plus what does not depend on v. And d(v, v') is KL(Nc(0, v) || Nc(0, v')).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_ELEMENTS = 1 << 16  # of each operand at a time on a CPU: what stays in the cache between the passes over it


def _chunks(*operands: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The rows of equally long operands, a few at a time on a CPU, all at once elsewhere."""
    count, width = operands[0].shape
    rows = max(1, CHUNK_ELEMENTS // max(1, width)) if operands[0].device.type == "cpu" else max(1, count)
    for first in range(0, count, rows):
        yield tuple(operand[first : first + rows] for operand in operands)


class _ItakuraSaito(torch.autograd.Function):
    """The sum and its gradient, each in one go over memory: written with single operations, the dozen passes over all
    bins took half of a training step of an RVAE on a CPU."""

    @staticmethod
    def forward(ctx: Any, power: Tensor, variance: Tensor) -> Tensor:
        ctx.save_for_backward(power, variance)
        total = power.new_empty(len(power))
        for p, v, out in _chunks(power, variance, total[:, None]):
            ratio = p / v
            torch.sum(ratio - torch.log(ratio), dim=-1, keepdim=True, out=out)
        return total.sub_(power.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        power, variance = ctx.saved_tensors
        for_power, for_variance = (
            torch.empty_like(operand) if needed else None
            for operand, needed in zip((power, variance), ctx.needs_input_grad, strict=True)
        )
        if for_variance is not None:  # (1 - p / v) / v
            for p, v, g, out in _chunks(power, variance, gradient[:, None], for_variance):
                torch.div(p, v, out=out).neg_().add_(1.0).mul_(g).div_(v)
        if for_power is not None:  # 1 / v - 1 / p
            for p, v, g, out in _chunks(power, variance, gradient[:, None], for_power):
                torch.reciprocal(v, out=out).sub_(p.reciprocal()).mul_(g)
        return for_power, for_variance


def itakura_saito(power: Tensor, variance: Tensor) -> Tensor:
    """The sum over the last axis of d(power, variance) = power / variance - log(power / variance) - 1.

    Both are positive and broadcast against each other: (..., F) -> (...).
    """
    shape = np.broadcast_shapes(power.shape, variance.shape)
    power, variance = power.expand(shape), variance.expand(shape)
    width = shape[-1]
    total: Tensor = _ItakuraSaito.apply(power.reshape(-1, width), variance.reshape(-1, width))  # type: ignore[no-untyped-call]
    return total.view(shape[:-1])
