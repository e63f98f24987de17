"""q(z_t | z_{1:t-1}, c_t): the latent recursion shared by the posteriors that read a context sequence c.

RVAE (Leglaive et al., ICASSP 2020) feeds it an LSTM over the clean power; the enhancer an LSTM over the noisy one.
Only this recursion is sequential; everything that does not depend on z is computed for all frames at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from dvae.models.dvae import Latents
from dvae.models.layers import LSTM, Gaussian, LSTMState


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
        weight_context, weight_hidden = weight[:, : self.context_size], weight[:, self.context_size :]
        from_context = linear(context, weight_context, bias).unbind(1)
        state = self.z_lstm.zero_state(context.shape[0], context)
        latents, parameters = [], []
        for t, part in enumerate(from_context):
            parameters.append(part + linear(state[0], weight_hidden))
            mean, log_var = parameters[-1].chunk(2, dim=-1)
            latents.append(mean if noise is None else mean + torch.exp(0.5 * log_var) * noise[:, t])
            state = self.z_lstm.step(latents[-1], state)
        mean, log_var = torch.stack(parameters, 1).chunk(2, dim=-1)
        return Latents(torch.stack(latents, 1), Gaussian(mean, log_var))

    def step(self, context: Tensor, state: LSTMState) -> tuple[Gaussian, LSTMState]:
        """One frame (B, C), z_t taken as the posterior mean -> posterior of z_t and the state after it."""
        features = torch.cat([context, state[0]], dim=-1)
        posterior = Gaussian(self.mean(features), self.log_var(features))
        return posterior, self.z_lstm.step(posterior.mean, state)
