"""Whether what microphones hear can come from where they are said to be: wrong order, wrong unit, a mix of channels.

In each loud window every pair of microphones has a delay of its own, by the generalised cross-correlation with phase
transform (C. Knapp, G. Carter, "The generalized correlation method for estimation of time delay", 1976). A plane wave
gives all pairs the delays of one direction; what is left of them after the best direction, as a part of what the
distances allow, is the disagreement. Positions that are turned or mirrored as a whole agree with themselves: they are
not found, nor are two that are exchanged while all sound reaches both at the same time.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.positions import SPEED_OF_SOUND, Positions
from dvae.signal.audio_file import Audio
from dvae.signal.channel_watch import LEVEL_DB

WINDOW = 4096  # samples
BLOCK = 256  # samples: where all are zero, the stream had a hole
FINER = 4  # values of a correlation between two samples
LOWEST, HIGHEST = 300.0, 4000.0  # Hz
LOUD = 4.0  # times the level of the quietest window lately: somebody speaks
KEPT, NEEDED = 40, 12  # loud windows
TOO_MUCH = 0.5  # disagreement
ELEVATIONS = (-30.0, 0.0, 30.0)  # degrees


class PositionCheck:
    """Microphones at positions (C, 3) in m. `feed` what they hear at `rate` Hz; `disagreement` is below 0.2 where both
    fit (below 0.45 in noise of 10 dB), and above `TOO_MUCH` where not; NaN until enough was heard, and for two
    microphones, which fit nearly anything, or one."""

    def __init__(self, positions: Positions, rate: int) -> None:
        self._first, self._second = np.triu_indices(len(positions), 1)
        apart = positions[self._first] - positions[self._second]
        azimuth, elevation = np.meshgrid(np.radians(np.arange(0.0, 360.0, 5.0)), np.radians(ELEVATIONS))
        flat = np.cos(elevation)
        towards = np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1).reshape(-1, 3)
        self._delays = -towards @ apart.T / SPEED_OF_SOUND  # (G, P), s: how much later the first one hears it
        self._usual = math.sqrt(float(np.square(apart).sum()) / max(len(apart), 1)) / SPEED_OF_SOUND  # s
        self._rate, self._window = rate, np.hanning(WINDOW).astype(np.float32)
        frequencies = np.fft.rfftfreq(WINDOW, 1.0 / rate)
        self._band = (frequencies >= LOWEST) & (frequencies <= HIGHEST)
        longest = float(np.linalg.norm(apart, axis=1).max(initial=0.0)) / SPEED_OF_SOUND
        self._reach = min(WINDOW // 4, math.ceil(1.5 * longest * rate) + 2) * FINER  # values of lag on either side
        self._waiting = np.zeros((len(positions), 0), dtype=np.float32)
        self._levels, self._found = deque[float](maxlen=KEPT), deque[float](maxlen=KEPT)

    @property
    def disagreement(self) -> float:
        """That of the best quarter of the last loud windows: noise fits nothing, wherever the microphones are."""
        enough = len(self._found) >= NEEDED and len(self._first) > 1
        return float(np.quantile(self._found, 0.25)) if enough else math.nan

    def feed(self, samples: Audio) -> None:
        """Samples (C, S), any S."""
        if not len(self._first):
            return
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        while self._waiting.shape[1] >= WINDOW:
            window, self._waiting = self._waiting[:, :WINDOW], self._waiting[:, WINDOW:]
            if not window.reshape(-1, WINDOW // BLOCK, BLOCK).any(axis=(0, 2)).all():
                continue  # no microphone is as quiet as that: what comes after it is not loud for it
            powers = np.square(window).mean(axis=1)
            level = float(np.sqrt(powers.mean()))
            self._levels.append(level)
            all_hear = powers.min() > powers.max() * 10.0 ** (-LEVEL_DB / 10.0)  # a dead microphone is no wrong place
            if level > LOUD * min(self._levels) and all_hear:
                self._found.append(self._misfit(self._pair_delays(window)))

    def _pair_delays(self, window: Audio) -> NDArray[np.float64]:
        """Of each pair (P,), in s."""
        spectra = np.fft.rfft(window * self._window)
        cross = spectra[self._first] * spectra[self._second].conj()
        cross = np.where(self._band, cross / np.maximum(np.abs(cross), 1e-12), 0.0)
        correlation = np.fft.irfft(cross, FINER * WINDOW)
        near = np.concatenate([correlation[:, -self._reach :], correlation[:, : self._reach + 1]], axis=1)
        return np.asarray((near.argmax(axis=1) - self._reach) / (FINER * self._rate))

    def _misfit(self, delays: NDArray[np.float64]) -> float:
        """The root mean square of what the best direction leaves, as a part of the usual delay."""
        left = np.sqrt(np.square(self._delays - delays).mean(axis=1))
        return float(left.min()) / self._usual
