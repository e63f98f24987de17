"""Several directions by steered response power: the maxima of SRP-PHAT, one after another.

The map of `dvae.arrays.direction` over a moment of sound; the largest maximum is a direction, and the map that a plane
wave from there would give is taken out before the next one is looked for, so that side lobes are no second talkers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.direction import Peak, SteeredResponse
from dvae.arrays.directions import Directions, Look
from dvae.arrays.positions import Positions

LOWEST, HIGHEST = 500.0, 5500.0  # Hz
LITTLE = 0.005  # weight of a frame that is added, so that what is hardly there has no direction


class SteeredPowerDirections:
    """The method `srp`; the protocol is dvae.arrays.directions.DirectionMethod."""

    def __init__(self, positions: Positions, frequencies: NDArray[np.float64], hop_seconds: float) -> None:
        self._response = SteeredResponse(positions, frequencies, LOWEST, HIGHEST)
        self.azimuths = self._response.azimuths
        self._waves = self._response.plane_waves()  # (A, A): the map of a plane wave from each azimuth

    def reset(self) -> None:
        """There is nothing to forget: every look is by itself."""

    def look(self, spectra: NDArray[np.complex64], weight: NDArray[np.float32], noise: NDArray[np.float32]) -> Look:
        """The map of frames (L, C, F) whose bins count by `weight` (L, F), as one row."""
        cross = sum(self._response.whitened(*each) for each in zip(spectra, weight, strict=True))
        counted = self._response.largest(weight.sum(axis=0))
        mass = counted / self._response.largest(np.full_like(weight[0], len(weight)))
        scores = self._response.scores(np.asarray(cross)) / max(counted, 1e-9)
        return Look(scores[None].astype(np.float32), np.array([mass], dtype=np.float32))

    def find(self, looks: Sequence[Look], count: int) -> Directions:
        """Score of each maximum that is left, relative to a plane wave alone."""
        maps, weights = np.concatenate([look.rows for look in looks]), np.concatenate([look.weight for look in looks])
        left = weights @ maps / (weights.sum() + LITTLE * len(weights))
        peaks: list[Peak] = []
        while len(peaks) < count and left.max() > 0.0:
            index = int(np.argmax(left))
            peaks += [Peak(self._response.between_grid_points(left, index), float(left[index]))]
            left = left - left[index] * self._waves[index]
        found = np.array(peaks, dtype=np.float64).reshape(-1, 2)
        return Directions(found[:, 0], found[:, 1], float(weights.mean()))
