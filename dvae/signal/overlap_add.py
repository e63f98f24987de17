"""Both ends of a stream of frames: samples in chunks of any size become hops, spectra become samples again.

The frames are those of dvae.signal.stft, so that what is fed comes back exactly when nothing changes the spectra. Any
number of leading axes, such as channels, go through together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.stft import STFT

Array = NDArray[Any]


class HopCutter:
    """Cuts what arrives into hops of `hop_length` samples, however large the chunks. leading: axes before time."""

    def __init__(self, hop_length: int, *leading: int) -> None:
        self.hop_length = hop_length
        self._pending: Array = np.zeros((*leading, 0), dtype=np.float32)  # samples that do not fill a hop yet

    def feed(self, samples: Array) -> list[Array]:
        """Samples (..., S), any S -> the hops that are complete now, (..., hop_length) each, oldest first."""
        pending = np.concatenate([self._pending, samples], axis=-1)
        hop = self.hop_length
        num_hops = pending.shape[-1] // hop
        self._pending = pending[..., num_hops * hop :]
        return [pending[..., i * hop : (i + 1) * hop] for i in range(num_hops)]


class Overlap(NamedTuple):
    """What the frames so far leave for those that come."""

    sums: Array  # (..., num_synthesis): the oldest hop is complete with the next frame
    num_frames: int


class OverlapAdd:
    """The inverse of the STFT frame by frame: `add` each spectrum, and take the samples that no later frame changes.

    A sample comes out with the last frame that it lies in, stft.synthesis_overlap samples after it went into the
    analysis. leading: axes before the bins.
    """

    def __init__(self, stft: STFT, *leading: int) -> None:
        self.stft = stft
        self._past = Overlap(np.zeros((*leading, stft.num_synthesis), dtype=np.float32), 0)

    def add(self, spectrum: Array) -> Array:
        """The spectrum of the next frame (..., F) -> `hop_length` samples (..., R), or none at the very start, where
        those that are final lie before the first sample of the signal."""
        hop = self.stft.hop_length
        summed = self._past.sums + self.stft.spectrum_to_frames(spectrum)
        final, rest = summed[..., :hop], summed[..., hop:]
        num_frames = self._past.num_frames + 1
        self._past = Overlap(np.concatenate([rest, np.zeros_like(final)], axis=-1), num_frames)
        return final if num_frames * hop > self.stft.synthesis_overlap else final[..., :0]
