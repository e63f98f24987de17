"""Noise variance from the noisy observation and the speech latent variables ("NOLV").

X. Lin (2024), section 6.2.2: v_n,t(x_{1:t-1}, z_{1:t}), an LSTM and a perceptron that give the log-variance.

Departure: the observation is read up to t + look-ahead instead of t - 1, through the context of the posterior. v_n
is then an inference network for the noise rather than a prior of it, which is what a filter needs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dvae.models.layers import LSTM, LSTMState


class NoiseModel(nn.Module):
    """log v_n,t from [c_t, z_t] and their past. c: (B, T, C), z: (B, T, L), log v_n: (B, T, F)."""

    def __init__(self, context_size: int, latent_size: int, hidden_size: int, num_bins: int) -> None:
        super().__init__()
        self.lstm = LSTM(context_size + latent_size, hidden_size)
        self.log_var = nn.Linear(hidden_size, num_bins)

    def forward(self, context: Tensor, z: Tensor) -> Tensor:
        hidden, _ = self.lstm(torch.cat([context, z], dim=-1))
        log_var: Tensor = self.log_var(hidden)
        return log_var

    def step(self, context: Tensor, z: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One frame c (B, C) and z (B, L) -> log v_n (B, F) and the state after it."""
        state = self.lstm.step(torch.cat([context, z], dim=-1), state)
        return self.log_var(state[0]), state
