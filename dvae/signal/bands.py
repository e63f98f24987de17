"""Frequency bands as narrow as the bins where voices have their harmonics, and wider above, as hearing has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPLITS_HZ = ((1000.0, 1), (2000.0, 2), (4000.0, 4), (8000.0, 8))  # up to this frequency, so many bins of 15.6 Hz each


@dataclass(frozen=True)
class Bands:
    """Groups of neighbouring bins of a spectrum with `num_bins` bins up to `sample_rate` / 2."""

    num_bins: int = 513
    sample_rate: int = 16000

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """First bin of each band, (K,)."""
        edges = [0]
        for limit, width in SPLITS_HZ:
            last = round(limit / (self.sample_rate / 2) * (self.num_bins - 1))
            while edges[-1] + width <= last:
                edges.append(edges[-1] + width)
        return np.array(edges[:-1])  # the last band takes what is left

    @property
    def num_bands(self) -> int:
        """Bands K."""
        return self.starts.size

    @cached_property
    def widths(self) -> NDArray[np.intp]:
        """Bins in each band, (K,)."""
        return np.diff(self.starts, append=self.num_bins)

    @cached_property
    def _weights(self) -> dict[str, NDArray[Any]]:
        return {kind: (1.0 / self.widths).astype(kind) for kind in ("float32", "float64")}

    @cached_property
    def band_of_bin(self) -> NDArray[np.intp]:
        """Band of each bin, (F,)."""
        return np.repeat(np.arange(self.num_bands), self.widths)

    @cached_property
    def averaging(self) -> NDArray[np.float32]:
        """Matrix (F, K): power @ averaging is the mean power of each band."""
        matrix = np.zeros((self.num_bins, self.num_bands), dtype=np.float32)
        matrix[np.arange(self.num_bins), self.band_of_bin] = 1.0 / self.widths[self.band_of_bin]
        return matrix

    def mean(self, power: NDArray[Any]) -> NDArray[Any]:
        """Mean power of each band: (..., F) -> (..., K)."""
        return np.asarray(np.add.reduceat(power, self.starts, axis=-1) * self._weights[power.dtype.name])
