"""q(z_t | z_{1:t-1}, c_t): the latent recursion shared by the posteriors that read a context sequence c.

RVAE (Leglaive et al., ICASSP 2020) feeds it an LSTM over the clean power; the enhancer an LSTM over the noisy one.
Only this recursion is sequential; everything that does not depend on z is computed for all frames at once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from dvae.distributions.gaussian import Gaussian
from dvae.models.dvae import Latents
from dvae.models.networks.emission import full_precision
from dvae.models.networks.latent_recurrence import latent_recurrence
from dvae.models.networks.layers import LSTM, LSTMState


class RecurrentPosterior(nn.Module):
    """q(z_t | z_{1:t-1}, c_t) = N(mean, var) from [c_t, h_t], h an LSTM over z_{1:t-1}. c: (B, T, C), z: (B, T, L)."""

    def __init__(self, context_size: int, latent_size: int, hidden_size: int) -> None:
        super().__init__()
        self.context_size, self.latent_size = context_size, latent_size
        self.z_lstm = LSTM(latent_size, hidden_size)
        self.mean = nn.Linear(context_size + hidden_size, latent_size)
        self.log_var = nn.Linear(context_size + hidden_size, latent_size)

    def forward(self, context: Tensor, noise: Tensor | None) -> Latents:
        """Run over all frames; z = mean + std * noise, or the mean when `noise` (B, T, L) is None."""
        weight = torch.cat([self.mean.weight, self.log_var.weight])
        bias = torch.cat([self.mean.bias, self.log_var.bias])
        drive = linear(context, weight[:, : self.context_size], bias)
        lstm: Any = self.z_lstm
        joined = torch.cat([lstm.weight_ih_l0, lstm.weight_hh_l0], dim=1)
        z_bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0)[None, None]
        draws = context.new_zeros(*context.shape[:2], self.latent_size) if noise is None else noise
        with torch.autocast(context.device.type, enabled=False):  # a recursion adds up what each step rounds
            parts = (
                drive[None],
                weight[None, :, self.context_size :].transpose(1, 2),
                joined.T[None],
                z_bias,
                draws[None],
            )
            z, parameters = latent_recurrence(*(full_precision(part) for part in parts))
        mean, log_var = parameters[0].chunk(2, dim=-1)
        return Latents(z[0], Gaussian(mean, log_var))

    def step(self, context: Tensor, state: LSTMState) -> tuple[Gaussian, LSTMState]:
        """One frame (B, C), z_t taken as the posterior mean -> posterior of z_t and the state after it."""
        features = torch.cat([context, state[0]], dim=-1)
        posterior = Gaussian(self.mean(features), self.log_var(features))
        return posterior, self.z_lstm.step(posterior.mean, state)
