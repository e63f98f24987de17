"""The Transformer of Vaswani et al. (2017) for sequences of frames, with a decoder that can also go frame by frame.

Layer normalisation after each residual sum and sinusoidal positions, as in the original. `DecoderLayer.step` keeps the
keys and values of earlier frames, so that a frame costs its own projections and one reading of what is kept.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def positions(first: int, num_frames: int, size: int, like: Tensor) -> Tensor:
    """Sinusoidal encodings (num_frames, size) of frames first, first + 1, ...; section 3.5 of the paper."""
    frame = torch.arange(first, first + num_frames, device=like.device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, size, 2, device=like.device, dtype=torch.float32) * (-math.log(1e4) / size))
    angle = frame * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :size].to(like.dtype)


class Kept(NamedTuple):
    """Keys and values of the frames so far, each (B, heads, t, size / heads)."""

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    """Multi-head attention from one sequence (B, T, D) to another (B, T', D)."""

    def __init__(self, size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key, self.value, self.out = (nn.Linear(size, size) for _ in range(4))

    def _split(self, sequence: Tensor) -> Tensor:
        batch, num_frames, _ = sequence.shape
        return sequence.view(batch, num_frames, self.num_heads, -1).transpose(1, 2)  # (B, heads, T, size / heads)

    def keep(self, sequence: Tensor, kept: Kept | None = None) -> Kept:
        """Keys and values of `sequence`, after those that are kept."""
        keys, values = self._split(self.key(sequence)), self._split(self.value(sequence))
        if kept is not None:
            keys, values = torch.cat([kept.keys, keys], dim=2), torch.cat([kept.values, values], dim=2)
        return Kept(keys, values)

    def read(self, sequence: Tensor, kept: Kept, causal: bool = False) -> Tensor:
        """What each frame of `sequence` (B, T, D) finds; causal: frame t among the kept frames up to t."""
        found = scaled_dot_product_attention(self._split(self.query(sequence)), *kept, is_causal=causal)
        result: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return result

    def forward(self, sequence: Tensor, source: Tensor, causal: bool = False) -> Tensor:
        return self.read(sequence, self.keep(source), causal)


def feed_forward(size: int, hidden_size: int) -> nn.Sequential:
    """The position-wise network."""
    return nn.Sequential(nn.Linear(size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, size))


class EncoderLayer(nn.Module):
    """Self-attention without mask, then the feed-forward network. (B, T, D) -> (B, T, D)."""

    def __init__(self, size: int, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.attention = Attention(size, num_heads)
        self.feed_forward = feed_forward(size, hidden_size)
        self.norm_1, self.norm_2 = nn.LayerNorm(size), nn.LayerNorm(size)

    def forward(self, sequence: Tensor) -> Tensor:
        sequence = self.norm_1(sequence + self.attention(sequence, sequence))
        result: Tensor = self.norm_2(sequence + self.feed_forward(sequence))
        return result


class LayerState(NamedTuple):
    """What a decoder layer keeps of earlier frames."""

    own: Kept | None
    source: Kept | None


class DecoderLayer(nn.Module):
    """Causal self-attention, causal attention to a source aligned with the sequence, and the feed-forward network.

    residual: whether the two attentions add to their queries; without, only the source passes (the NRC ablation).
    """

    def __init__(self, size: int, hidden_size: int, num_heads: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.own, self.source = Attention(size, num_heads), Attention(size, num_heads)
        self.feed_forward = feed_forward(size, hidden_size)
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(size) for _ in range(3))

    def forward(self, sequence: Tensor, source: Tensor) -> Tensor:
        """(B, T, D) and its source (B, T, D) -> (B, T, D), frame t from frames up to t of both."""
        return self._run(sequence, self.own.keep(sequence), source, None, causal=True)[0]

    def step(self, frame: Tensor, source: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """One frame (B, 1, D) of each, and what is kept of those before."""
        own = self.own.keep(frame, state.own)
        result, kept = self._run(frame, own, source, state.source, causal=False)
        return result, LayerState(own, kept)

    def _run(
        self, sequence: Tensor, own: Kept, source: Tensor, before: Kept | None, causal: bool
    ) -> tuple[Tensor, Kept]:
        found = self.own.read(sequence, own, causal)
        sequence = self.norm_1(sequence + found if self.residual else found)
        kept = self.source.keep(source, before)
        found = self.source.read(sequence, kept, causal)
        sequence = self.norm_2(sequence + found if self.residual else found)
        return self.norm_3(sequence + self.feed_forward(sequence)), kept


class Decoder(nn.Module):
    """A stack of decoder layers with positions added to both inputs."""

    def __init__(self, num_layers: int, size: int, hidden_size: int, num_heads: int, residual: bool = True) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.ModuleList(DecoderLayer(size, hidden_size, num_heads, residual) for _ in range(num_layers))

    def forward(self, sequence: Tensor, source: Tensor) -> Tensor:
        """(B, T, D) and its source (B, T, D) -> (B, T, D)."""
        place = positions(0, sequence.shape[1], self.size, sequence)
        sequence, source = sequence + place, source + place
        for layer in self.layers:
            sequence = layer(sequence, source)
        return sequence

    def initial_state(self) -> tuple[LayerState, ...]:
        """Nothing is kept before the first frame."""
        return tuple(LayerState(None, None) for _ in self.layers)

    def step(
        self, frame: Tensor, source: Tensor, index: int, state: tuple[LayerState, ...]
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Frame `index` (B, D) of each, and what is kept of those before -> the output (B, D) and what is kept."""
        place = positions(index, 1, self.size, frame)
        frame, source = frame[:, None] + place, source[:, None] + place
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            assert isinstance(layer, DecoderLayer)
            frame, kept = layer.step(frame, source, before)
            after.append(kept)
        return frame[:, 0], tuple(after)
