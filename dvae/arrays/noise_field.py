"""Cross-spectra of what sounds while nobody speaks: the fans and motors of a place are directions too, and are taken
out of what is heard. Forgotten only as fast as there is something new, so that a long talk does not wear it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SECONDS = 2.0  # of noise that are remembered
LEAST_POWER = 0.1  # of a region, that stays when noise is taken out of it

Values = NDArray[np.float32]
CrossSpectra = NDArray[np.complex64]


class Field(NamedTuple):
    """Sums over regions of time and frequency: cross-spectra (P, B), powers (C, B), and how much there was (B,)."""

    cross: CrossSpectra
    power: Values
    amount: Values


class NoiseField:
    """`learn` from what holds noise, `without` what was learned. num_bins: bins of a band."""

    def __init__(self, num_pairs: int, num_channels: int, num_bands: int, num_bins: int, hop_seconds: float) -> None:
        self._shape, self._num_bins, self._hop_seconds = (num_pairs, num_channels, num_bands), num_bins, hop_seconds
        self._field = self._nothing()

    def _nothing(self) -> Field:
        pairs, channels, bands = self._shape
        return Field(
            np.zeros((pairs, bands), np.complex64),
            np.zeros((channels, bands), np.float32),
            np.full(bands, 1e-3, np.float32),
        )

    def reset(self) -> None:
        """Forget the noise."""
        self._field = self._nothing()

    def learn(self, noise: Field) -> None:
        """Sums of the newest frames, in which each bin counted by how sure it is noise alone."""
        keep = np.exp(-np.minimum(2.0 * noise.amount / self._num_bins, 2.0) * np.float32(self._hop_seconds / SECONDS))
        self._field = Field(*(keep * old + new for old, new in zip(self._field, noise, strict=True)))

    def without(self, heard: Field) -> tuple[CrossSpectra, Values]:
        """Coherences (P, B) of what is left of the sums, at most 1 in magnitude, and its share of their power (B,)."""
        share = heard.amount / self._field.amount
        cross = heard.cross - share * self._field.cross
        power = np.maximum(heard.power - share * self._field.power, np.float32(LEAST_POWER) * heard.power)
        first, second = np.triu_indices(len(power), 1)
        largest = np.maximum(np.abs(cross), np.sqrt(power[first] * power[second])) + np.float32(1e-20)
        left = power.sum(axis=0) / np.maximum(heard.power.sum(axis=0), np.float32(1e-20))
        return np.asarray(cross / largest, dtype=np.complex64), np.asarray(left, dtype=np.float32)
