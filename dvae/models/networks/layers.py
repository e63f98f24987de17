"""Small layers shared by the models: parameters of Gaussians, perceptrons, an LSTM with an explicit one-step form."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from dvae.distributions.gaussian import Gaussian

LSTMState = tuple[Tensor, Tensor]  # hidden and cell state, each (B, H)


class LSTM(nn.LSTM):
    """One-layer LSTM on (B, T, D) whose `step` costs one frame, with the same weights as the whole-sequence form."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)

    def zero_state(self, batch: int, like: Tensor) -> LSTMState:
        """The state before the first frame: zeros (batch, H)."""
        zeros = like.new_zeros(batch, self.hidden_size)
        return zeros, zeros

    def step(self, frame: Tensor, state: LSTMState) -> LSTMState:
        """One frame (B, D) and the state before it -> the state after it."""
        weights: Any = (self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0)
        hidden, cell = torch.lstm_cell(frame, state, *weights)
        return hidden, cell


def both_ways(input_size: int, hidden_size: int) -> nn.LSTM:
    """An LSTM on (B, T, D) that reads the sequence in both directions -> (B, T, 2 * hidden_size)."""
    return nn.LSTM(input_size, hidden_size, batch_first=True, bidirectional=True)


class GaussianHead(nn.Module):
    """Features (..., H) -> Gaussian of dimension L, through tanh layers of the sizes in `hidden`."""

    def __init__(self, input_size: int, hidden: tuple[int, ...], output_size: int) -> None:
        super().__init__()
        self.trunk = tanh_layers(input_size, hidden)
        width = hidden[-1] if hidden else input_size
        self.mean = linear(width, output_size)
        self.log_var = linear(width, output_size)

    def forward(self, features: Tensor) -> Gaussian:
        features = self.trunk(features)
        return Gaussian(self.mean(features), self.log_var(features))


def linear(input_size: int, output_size: int) -> nn.Linear:
    """nn.Linear, also without outputs (a model without latent variable)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        return nn.Linear(input_size, output_size)


def tanh_layers(input_size: int, hidden: tuple[int, ...]) -> nn.Sequential:
    """Dense layers with tanh after each; the identity when `hidden` is empty."""
    sizes = (input_size, *hidden)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers)


def num_parameters(module: nn.Module) -> int:
    """Trainable scalars in `module`."""
    return sum(parameter.numel() for parameter in module.parameters())
