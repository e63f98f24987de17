"""Noise variance from the noisy observation and the speech latent variables, small recursions shared by all bands.

X. Lin (2024), section 6.2.2 ("NOLV"): v_n,t(x_{1:t-1}, z_{1:t}), an LSTM and a perceptron over the whole spectrum; that
form is in dvae.enhancement.adaptive.noise_networks. Departures:

- The same leaky averages run in every band, each band seeing its own past, its neighbours, what the prior expects of
  speech there, and a little of the whole spectrum. Whether the power of a band moves like noise or like speech is the
  same question everywhere, so that hours of noise teach what a model of the whole spectrum needs hundreds for (the
  idea of the sub-band model of X. Hao et al., "FullSubNet", ICASSP 2021). It tracks the noise of this room while it
  runs.
- The observation is read up to t + look-ahead instead of t - 1: v_n is an inference network for the noise rather than a
  prior of it, which is what a filter needs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dvae.enhancement.config import NEIGHBOURS
from dvae.models.networks.leaky import LeakyLayers, leaky_layers


class NoiseModel(nn.Module):
    """Features e (B, T + L, K), context c (B, T, C), log v_s of the bands (B, T, K) -> log v_n of the bands (B, T,
    K).
    """

    def __init__(self, context_size: int, num_bands: int, hidden_size: int, hints: int, lookahead: int) -> None:
        super().__init__()
        self.lookahead, self.hints = lookahead, hints
        self.from_context = nn.Linear(context_size, num_bands * hints)
        num_inputs = 2 * NEIGHBOURS + 2 + lookahead + hints
        self.first = nn.Linear(num_inputs, 2 * hidden_size)
        self.second_inputs = nn.Linear(num_inputs, 2 * hidden_size)
        self.second_first = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.log_var_inputs = nn.Linear(num_inputs, 1)
        self.log_var_first = nn.Linear(hidden_size, 1, bias=False)
        self.log_var_second = nn.Linear(hidden_size, 1, bias=False)
        for layer in (self.first, self.second_inputs):  # time constants of 1 frame to 2 s to start with
            nn.init.uniform_(layer.bias[:hidden_size], -5.0, 0.0)

    def forward(self, features: Tensor, context: Tensor, speech: Tensor) -> Tensor:
        batch, num_frames, num_bands = speech.shape
        now = nn.functional.pad(features[:, :num_frames], (NEIGHBOURS, NEIGHBOURS)).unfold(-1, 2 * NEIGHBOURS + 1, 1)
        later = features.unfold(1, self.lookahead + 1, 1)[..., 1:]
        hints = self.from_context(context).view(batch, num_frames, num_bands, self.hints)
        return leaky_layers(torch.cat([now, later, speech[..., None], hints], dim=-1), self.layers())

    def layers(self) -> LeakyLayers:
        """The weights as `leaky_layers` reads them."""
        return LeakyLayers(
            self.first.weight,
            self.first.bias,
            torch.cat([self.second_inputs.weight, self.second_first.weight], dim=1),
            self.second_inputs.bias,
            torch.cat([self.log_var_inputs.weight, self.log_var_first.weight, self.log_var_second.weight], dim=1),
            self.log_var_inputs.bias,
        )
