"""A recursion whose gates do not depend on its state: leaky averages with learned, changing time constants.

h_t = (1 - a_t) h_{t-1} + a_t u_t with a_t = sigmoid(.), u_t = tanh(.) of the input: the "minimal GRU" of L. Feng et
al., "Were RNNs all we needed?" (2024), eq. 6, with a bounded candidate. Only the averaging is sequential, so that
thousands of short recursions train several times faster than an LSTM of the same size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _LeakyAverage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, drive: Tensor) -> Tensor:
        rate, candidate = drive.chunk(2, dim=-1)
        rate, candidate = torch.sigmoid(rate), torch.tanh(candidate)
        states = torch.empty_like(candidate)
        previous = torch.zeros_like(candidate[0])
        for t in range(len(rate)):
            previous = torch.lerp(previous, candidate[t], rate[t], out=states[t])
        ctx.save_for_backward(rate, candidate, states)
        return states

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        rate, candidate, states = ctx.saved_tensors
        gradient = torch.empty(*rate.shape[:-1], 2 * rate.shape[-1], dtype=rate.dtype, device=rate.device)
        to_rate, to_candidate = gradient.chunk(2, dim=-1)
        total, zeros = gradients[0][-1], torch.zeros_like(states[0])
        for t in range(len(rate) - 1, -1, -1):
            a, u = rate[t], candidate[t]
            share = total * a
            to_rate[t] = (u - (states[t - 1] if t else zeros)) * share * (1.0 - a)
            to_candidate[t] = share * (1.0 - u * u)
            if t:
                total = total - share + gradients[0][t - 1]  # what h_t hands back to h_{t-1}
        return gradient


def leaky_average(drive: Tensor) -> Tensor:
    """What drives rates and candidates, (T, N, 2H) of any range -> h (T, N, H), with h = 0 before the first frame."""
    states: Tensor = _LeakyAverage.apply(drive)  # type: ignore[no-untyped-call]
    return states
