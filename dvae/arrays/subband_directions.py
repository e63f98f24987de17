"""Several directions by sub-bands: a mixture of azimuths in which every small region of time and frequency has one.

Voices seldom meet in a region of some 60 Hz and 30 ms. In each, the steered response of its own local covariance tells
the azimuth; where the direct path dominates, one plane wave explains all pairs of microphones, and the largest
response is near 1: regions count by that (the direct-path dominance of O. Nadiri and B. Rafaely, "Localization of
multiple speakers under high reverberation using a spherical microphone array and the direct-path dominance test",
2014), and by how much in them has just begun (dvae.arrays.onsets), after the steady noise of the place was taken out
(dvae.arrays.noise_field). The share of each azimuth is then the weight of a
component of a mixture, found by expectation maximisation (M. Mandel, R. Weiss, D. Ellis, "Model-based
expectation-maximization source separation and localization", 2010), with a component for what has no direction.

Departures: the likelihood is exp(KAPPA (response - largest response of the region)) instead of a density of phases;
components lie on a grid and do not move, so that side lobes lose their share to the direction that explains more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.arrays.direction import arrival_delays, searched_azimuths
from dvae.arrays.directions import Directions, Look
from dvae.arrays.noise_field import Field, NoiseField
from dvae.arrays.onsets import Onsets
from dvae.arrays.positions import Positions

NUM_DIRECTIONS = 72  # on the whole circle
LOWEST, HIGHEST = 400.0, 6000.0  # Hz
BAND_HZ = 62.5  # of a region
KAPPA = 20.0  # concentration of the likelihood
NO_WAVE = 0.5  # largest response at or below which a region has no direct path
DIFFUSE = math.exp(-KAPPA * 0.3)  # likelihood of what has no direction
NUM_ITERATIONS = 5
WIDTH = math.radians(12.5)  # how far from a maximum its share reaches
LITTLE = 0.004  # weight of a region that is added, so that what is hardly there has no direction
DEAD = 1e-3  # power of a microphone, relative to the loudest, at or below which it is dead
LEAST_WEIGHT, LEAST_SHARE = 0.02, 1e-3  # regions and directions below it are left out

Weights = NDArray[np.float32]


class SubbandDirections:
    """The method `subband`; the protocol is dvae.arrays.directions.DirectionMethod."""

    def __init__(self, positions: Positions, frequencies: NDArray[np.float64], hop_seconds: float) -> None:
        centred = positions - positions.mean(axis=0)
        self.azimuths = searched_azimuths(centred, NUM_DIRECTIONS)
        self._first, self._second = np.triu_indices(len(positions), 1)
        width = max(1, round(BAND_HZ / (frequencies[1] - frequencies[0])))
        begin, end = np.searchsorted(frequencies, [LOWEST, HIGHEST])
        self._bins = slice(int(begin), int(begin + (end - begin) // width * width))
        self._shape = (int(end - begin) // width, width)  # bands B and bins in each
        delays = arrival_delays(centred, self.azimuths)
        pair_delay = delays[:, self._first] - delays[:, self._second]  # (A, P)
        middle = frequencies[self._bins].reshape(self._shape).mean(axis=1)
        table = np.exp(2j * math.pi * middle[:, None, None] * pair_delay.T) / self._first.size  # (B, P, A)
        self._table = np.concatenate([table.real, -table.imag], axis=1).astype(np.float32)
        apart = wrap(self.azimuths - self.azimuths[:, None])
        self._near = (np.abs(apart) <= WIDTH).astype(np.float32)  # (A, A)
        self._onsets = Onsets(self._shape[0], hop_seconds)

        pairs, bands = self._first.size, self._shape[0]
        self._noise = NoiseField(pairs, len(positions), bands, self._shape[1], hop_seconds)

    def reset(self) -> None:
        """Forget what was there before."""
        self._onsets.reset()
        self._noise.reset()

    def look(self, spectra: NDArray[np.complex64], weight: Weights, noise: Weights) -> Look:
        """The likelihood (B, A) of the regions of frames (L, C, F) whose bins count by `weight`, and are noise alone as
        sure as `noise` says, both (L, F)."""
        part = spectra[:, :, self._bins]
        power = np.square(part.real) + np.square(part.imag)
        cross = part[:, self._first] * part[:, self._second].conj()
        begun = [self._onsets.step(each.mean(axis=0).reshape(self._shape).mean(axis=1)) for each in power]
        heard = self._summed(cross, power, weight[:, self._bins] * np.repeat(begun, self._shape[1], axis=1))
        coherence, left = self._noise.without(heard)
        coherence *= self._live_pairs(heard.power.sum(axis=1))[:, None]
        self._noise.learn(self._summed(cross, power, noise[:, self._bins]))
        both = np.concatenate([coherence.real, coherence.imag]).T[:, None]  # (B, 1, 2 P)
        response = np.matmul(both, self._table)[:, 0]
        largest = response.max(axis=1)
        mean_weight = heard.amount / (len(spectra) * self._shape[1]) * left
        direct = np.clip((largest - NO_WAVE) / (1.0 - NO_WAVE), 0.0, 1.0)
        rows = np.exp(np.float32(KAPPA) * (response - largest[:, None]))
        return Look(rows, np.asarray(mean_weight * direct, dtype=np.float32))

    def _live_pairs(self, power: Weights) -> Weights:
        """By how much each pair counts (P,), 1 in the mean: not at all with a dead microphone of powers (C,)."""
        live = power > DEAD * power.max()
        pairs = (live[self._first] & live[self._second]).astype(np.float32)
        return np.asarray(pairs * (pairs.size / max(1.0, float(pairs.sum()))), dtype=np.float32)

    def _summed(self, cross: NDArray[np.complex64], power: Weights, weight: Weights) -> Field:
        """Cross-spectra (L, P, K) and powers (L, C, K) of K bins that count by `weight` (L, K), summed in regions."""
        bands, counted = (len(weight), -1, *self._shape), weight[:, None]
        sums = [np.asarray((values * counted).reshape(bands).sum(axis=(0, 3))) for values in (cross, power)]
        return Field(sums[0], sums[1], np.asarray(weight.reshape(bands).sum(axis=(0, 1, 3))))

    def find(self, looks: Sequence[Look], count: int) -> Directions:
        """The components of the mixture, each with the share of those near it."""
        weight = np.concatenate([look.weight for look in looks])
        kept = weight > LEAST_WEIGHT
        rows = np.concatenate([look.rows for look in looks])[kept]
        shares = self._shares(rows, weight[kept], float(weight.sum()) + LITTLE * weight.size)
        azimuths: list[float] = []
        found: list[float] = []
        while len(found) < count:
            near = self._near @ shares
            index = int(np.argmax(near))
            if near[index] < LEAST_SHARE:
                break
            part = shares * self._near[index]
            azimuths.append(float(np.angle(part @ np.exp(1j * self.azimuths))))
            found.append(float(near[index]))
            shares = shares - part
        return Directions(np.array(azimuths), np.array(found), float(weight.mean()))

    def _shares(self, rows: NDArray[np.float32], weight: NDArray[np.float32], total: float) -> NDArray[np.float32]:
        """The weights of the components (A,) after some steps of expectation maximisation from equal ones."""
        num = rows.shape[1]
        shares: NDArray[np.float32] = np.full(num, 1.0 / num, dtype=np.float32)
        for _ in range(NUM_ITERATIONS):
            responsibility = weight / (rows @ shares + np.float32(DIFFUSE / num))
            shares *= (responsibility @ rows) / np.float32(total)
        return shares
