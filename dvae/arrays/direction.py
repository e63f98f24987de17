"""Direction of arrival: the steered response power with phase transform (SRP-PHAT).

J. DiBiase, "A high-accuracy, low-latency technique for talker localization in reverberant environments using microphone
arrays" (2000). Departures: each bin is weighted by how much of it is of interest, and the cross-spectra are averaged
over time before the search.

Far field: a source is a plane wave from an azimuth in the plane of x (forward) and y (left). Microphones on a line
cannot tell one side from the other: the side that faces forward is searched (left, if the line points forward).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.positions import SPEED_OF_SOUND, Positions

NUM_DIRECTIONS = 120  # on the whole circle
LOWEST, HIGHEST = 200.0, 4000.0  # Hz: where speech tells its direction

Spectra = NDArray[np.complex64]
Scores = NDArray[np.float32]


class Peak(NamedTuple):
    """A direction that stands out: its azimuth in rad, in [-pi, pi], and its score."""

    azimuth: float
    score: float


class SteeredResponse:
    """The steered power of all azimuths at once. positions: (C, 3) in m. frequencies: (F,) in Hz, of which those
    between `lowest` and `highest` are used, every second one.

    azimuths: (A,) in rad, those that are searched: the whole circle, or half of it for microphones on a line.
    """

    def __init__(
        self,
        positions: Positions,
        frequencies: NDArray[np.float64],
        lowest: float = LOWEST,
        highest: float = HIGHEST,
    ) -> None:
        centred = positions - positions.mean(axis=0)
        self.azimuths = searched_azimuths(centred)
        self._first, self._second = np.triu_indices(len(positions), 1)
        self._band = np.flatnonzero((frequencies >= lowest) & (frequencies <= highest))[::2]
        delays = arrival_delays(centred, self.azimuths)
        pair_delay = delays[:, self._first] - delays[:, self._second]  # (A, P)
        phase = 2.0 * math.pi * pair_delay[:, :, None] * frequencies[self._band]
        table = np.exp(1j * phase).reshape(len(self.azimuths), -1)
        # the steered power of all directions as one product: pairs x bins
        self._table = np.concatenate([table.real, -table.imag], axis=1).astype(np.float32)

    @property
    def size(self) -> int:
        """Values of the whitened cross-spectra: pairs x bins."""
        return self._first.size * self._band.size

    def whitened(self, spectra: Spectra, weight: NDArray[np.float32]) -> Spectra:
        """Cross-spectra (size,) of a frame (C, F), each with the weight (F,) of its bin as magnitude."""
        part = spectra[:, self._band]
        cross = part[self._first] * part[self._second].conj()
        cross *= weight[self._band] / np.maximum(np.abs(cross), 1e-12)
        return cross.reshape(-1)

    def scores(self, cross: Spectra) -> Scores:
        """Cross-spectra (size,) -> the steered power of every azimuth (A,)."""
        return np.asarray(self._table @ np.concatenate([cross.real, cross.imag]))

    def largest(self, weight: NDArray[np.float32]) -> float:
        """The score that a plane wave has where it comes from, if bins count by `weight` (F,)."""
        return float(weight[self._band].sum()) * self._first.size

    def plane_waves(self) -> Scores:
        """The scores (A, A) of a plane wave from each azimuth, 1 where it comes from."""
        return np.asarray(self._table @ self._table.T, dtype=np.float32) / np.float32(self.size)

    def between_grid_points(self, scores: Scores, index: int) -> float:
        """The azimuth of a maximum at `index`, by a parabola through it and its neighbours."""
        if not is_circle(self.azimuths) and index in (0, len(scores) - 1):
            return float(self.azimuths[index])
        before, here, after = (float(scores[i % len(scores)]) for i in (index - 1, index, index + 1))
        bend = before - 2.0 * here + after
        shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
        azimuth = float(self.azimuths[index]) + shift * 2.0 * math.pi / NUM_DIRECTIONS
        return math.remainder(azimuth, 2.0 * math.pi)


class DirectionFinder:
    """Call `update` with each frame that counts.

    positions: (C, 3) in m. frequencies: (F,) in Hz. average_seconds: time constant of the average.
    azimuths: (A,) in rad, those that are searched.
    """

    def __init__(
        self, positions: Positions, frequencies: NDArray[np.float64], hop_seconds: float, average_seconds: float
    ) -> None:
        self._response = SteeredResponse(positions, frequencies)
        self.azimuths = self._response.azimuths
        self._forget = math.exp(-hop_seconds / average_seconds)
        self._cross = self._nothing_heard()  # average of the whitened cross-spectra, (P * bins,)

    def reset(self) -> None:
        """Forget what was heard."""
        self._cross = self._nothing_heard()

    def _nothing_heard(self) -> Spectra:
        return np.zeros(self._response.size, dtype=np.complex64)

    def update(self, spectra: Spectra, weight: NDArray[np.float32]) -> Scores:
        """A frame (C, F) whose bins count by `weight` (F,) -> the score of every azimuth (A,) after it."""
        cross = self._response.whitened(spectra, weight)
        self._cross = self._forget * self._cross + (1.0 - self._forget) * cross
        return self._response.scores(self._cross)

    def best(self, scores: Scores) -> float:
        """The azimuth with the largest score, in rad."""
        return self._response.between_grid_points(scores, int(np.argmax(scores)))

    def peaks(self, scores: Scores, count: int) -> list[Peak]:
        """At most `count` local maxima of the scores (A,), the largest first."""
        circle = is_circle(self.azimuths)
        around = np.pad(scores, 1, mode="wrap") if circle else np.pad(scores, 1, constant_values=-np.inf)
        found = np.flatnonzero((scores > around[:-2]) & (scores >= around[2:]))
        largest = found[np.argsort(-scores[found], kind="stable")[:count]]
        return [Peak(self._response.between_grid_points(scores, int(i)), float(scores[i])) for i in largest]


def arrival_delays(positions: Positions, azimuths: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much later than at the origin a plane wave from each azimuth (A,) is at each microphone (C, 3): (A, C), s."""
    towards = np.stack([np.cos(azimuths), np.sin(azimuths), np.zeros_like(azimuths)], axis=1)
    return np.asarray(-towards @ positions.T / SPEED_OF_SOUND)


def is_circle(azimuths: NDArray[np.float64]) -> bool:
    """Whether a grid of `searched_azimuths` goes around."""
    return len(azimuths) * float(np.median(np.diff(azimuths))) > 1.5 * math.pi


def searched_azimuths(centred: Positions, num_directions: int = NUM_DIRECTIONS) -> NDArray[np.float64]:
    """The grid of azimuths, the whole circle or, for microphones (C, 3) on a line, the side that faces forward.

    num_directions: on the whole circle.
    """
    azimuths = np.linspace(-math.pi, math.pi, num_directions, endpoint=False)
    _, spread, axes = np.linalg.svd(centred[:, :2])
    if spread[1] >= 1e-3 * spread[0]:
        return azimuths
    facing = np.array([-axes[0][1], axes[0][0]])
    if facing[0] < -1e-6 or (abs(facing[0]) <= 1e-6 and facing[1] < 0):
        facing = -facing
    return np.asarray(azimuths[np.cos(azimuths) * facing[0] + np.sin(azimuths) * facing[1] >= -1e-9])
