"""Whether somebody speaks, from what the enhancer takes for speech and for noise.

Two layers of leaky averages over the loudness of both in a few wide bands, relative to the running level: speech has
its rhythm, and its loudness stands against what was there before. The log odds of the observation network help.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dvae.enhancement.config import NUM_WIDE_BANDS, WIDE_FLOOR, wide_band_starts
from dvae.models.networks.leaky import LeakyLayers, leaky_layers


class SpeechDetector(nn.Module):
    """Power |x|^2 and Wiener gain (B, T, F), log odds of the observation (B, T) -> log odds of speech (B, T)."""

    def __init__(self, num_bins: int, hidden_size: int) -> None:
        super().__init__()
        starts = wide_band_starts(num_bins)
        averaging = torch.zeros(num_bins, NUM_WIDE_BANDS)
        for band, (first, last) in enumerate(zip(starts, [*starts[1:], num_bins], strict=True)):
            averaging[first:last, band] = 1.0 / (last - first)
        self.register_buffer("averaging", averaging, persistent=False)
        size = 2 * NUM_WIDE_BANDS + 1
        self.first = nn.Linear(size, 2 * hidden_size)
        self.second = nn.Linear(size + hidden_size, 2 * hidden_size)
        self.log_odds = nn.Linear(size + 2 * hidden_size, 1)
        for layer in (self.first, self.second):  # time constants of 1 frame to 2 s to start with
            nn.init.uniform_(layer.bias[:hidden_size], -5.0, 0.0)

    def forward(self, power: Tensor, gain: Tensor, odds: Tensor) -> Tensor:
        averaging = self.averaging
        assert isinstance(averaging, Tensor)
        parts = [torch.log(part.square() * power @ averaging + WIDE_FLOOR) / 3.0 for part in (gain, 1.0 - gain)]
        inputs = torch.cat([*parts, odds[..., None]], dim=-1)[:, :, None]  # (B, T, 1, D)
        layers = (self.first, self.second, self.log_odds)
        weights = LeakyLayers(*(value for layer in layers for value in (layer.weight, layer.bias)))
        return leaky_layers(inputs, weights)[..., 0]
