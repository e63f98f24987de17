"""Recursions whose gates do not depend on their state: leaky averages with learned, changing time constants.

h_t = (1 - a_t) h_{t-1} + a_t u_t with a_t = sigmoid(.), u_t = tanh(.) of the input: the "minimal GRU" of L. Feng et
al., "Were RNNs all we needed?" (2024), eq. 6, with a bounded candidate. Only the averaging is sequential, so that
thousands of short recursions train many times faster than an LSTM of the same size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from dvae.models.networks import leaky_compiled


def leaky_average(drive: Tensor) -> Tensor:
    """What drives rates and candidates, (..., T, 2H) of any range -> h (..., T, H), h = 0 before the first frame."""
    rate, candidate = drive.chunk(2, dim=-1)
    steps = zip(torch.sigmoid(rate).unbind(-2), torch.tanh(candidate).unbind(-2), strict=True)
    states, state = [], torch.zeros_like(candidate[..., 0, :])
    for rate_t, candidate_t in steps:
        state = torch.lerp(state, candidate_t, rate_t)
        states.append(state)
    return torch.stack(states, dim=-2)


class LeakyLayers(NamedTuple):
    """Weights of two layers of leaky averages, the second reading the first as well, and of one output that reads all:
    first (2H, D), second (2H, D + H), output (1, D + 2H), each with its bias."""

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor
    output: Tensor
    output_bias: Tensor


def leaky_layers(inputs: Tensor, layers: LeakyLayers) -> Tensor:
    """Inputs (B, T, K, D), K sequences side by side with the same weights -> outputs (B, T, K).

    Compiled for single precision on a CPU, the same as `leaky_layers_reference` elsewhere.
    """
    if inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return leaky_layers_reference(inputs, layers)
    size, hidden_size = inputs.shape[-1], len(layers.first) // 2
    halve = torch.cat([inputs.new_full((hidden_size,), 0.5), inputs.new_ones(hidden_size)])  # sigmoid(x) by tanh(x / 2)
    first = torch.cat([layers.first, layers.first_bias[:, None]], dim=1)
    second = torch.cat([layers.second[:, :size], layers.second_bias[:, None], layers.second[:, size:]], dim=1)
    output = torch.cat([layers.output[0, :size], layers.output_bias, layers.output[0, size:]])
    outputs: Tensor = _Compiled.apply(inputs, first.T * halve, second.T * halve, output)  # type: ignore[no-untyped-call]
    return outputs


def leaky_layers_reference(inputs: Tensor, layers: LeakyLayers) -> Tensor:
    """The definition of `leaky_layers`, for every device and precision."""
    inputs = inputs.transpose(1, 2)  # (B, K, T, D)
    first = leaky_average(linear(inputs, layers.first, layers.first_bias))
    joined = torch.cat([inputs, first], dim=-1)
    second = leaky_average(linear(joined, layers.second, layers.second_bias))
    outputs = linear(torch.cat([joined, second], dim=-1), layers.output, layers.output_bias)
    return outputs[..., 0].transpose(1, 2)


class _Compiled(torch.autograd.Function):
    """Inputs (B, T, K, D) and the weights of dvae.models.networks.leaky_compiled -> outputs (B, T, K)."""

    @staticmethod
    def forward(ctx: Any, *operands: Tensor) -> Tensor:
        operands = tuple(operand.contiguous() for operand in operands)
        ctx.save_for_backward(*operands)
        inputs, *weights = (operand.numpy() for operand in operands)
        outputs = operands[0].new_empty(inputs.shape[:-1])
        leaky_compiled.forward(inputs, leaky_compiled.Weights(*weights), outputs.numpy())
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        operands = ctx.saved_tensors
        gradients = torch.empty_like(operands[0]), *(torch.zeros_like(weight) for weight in operands[1:])
        inputs, *weights = (operand.numpy() for operand in operands)
        to_inputs, *to_weights = (part.numpy() for part in gradients)
        leaky_compiled.backward(
            inputs,
            leaky_compiled.Weights(*weights),
            gradient.contiguous().numpy(),
            to_inputs,
            leaky_compiled.Weights(*to_weights),
        )
        return gradients
