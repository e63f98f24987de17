"""A batch of utterances of any lengths, and what the adaptive methods find for it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Utterances(NamedTuple):
    """Mixture power (B, T, F) of mean about 1 each, padded with zeros to the longest, and lengths (B,) in frames."""

    power: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """1 in frames, 0 in padding, (B, T, 1)."""
        return (torch.arange(self.power.shape[1]) < self.lengths[:, None])[..., None].to(self.power)

    def select(self, kept: Tensor) -> Utterances:
        """The utterances `kept` (indices)."""
        return Utterances(self.power[kept], self.lengths[kept])


class Adapted(NamedTuple):
    """Wiener gains (B, T, F), 0 in padding; iterations that each utterance took (B,); bounds (iterations, B), NaN after
    an utterance was done."""

    gain: Tensor
    iterations: Tensor
    bounds: Tensor


def pad(powers: list[Tensor]) -> Utterances:
    """Powers (T_b, F) -> one batch."""
    lengths = torch.tensor([len(power) for power in powers])
    return Utterances(torch.nn.utils.rnn.pad_sequence(powers, batch_first=True), lengths)
