"""A channel that is unlike the others: a dead microphone, or what is no microphone at all, as the playback that some
arrays send along.

Microphones of one array hear the same low frequencies at nearly the same time and as loudly. Compared are the levels,
and the correlation below LOW_HZ, over some seconds of sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_file import Audio

SECONDS = 4.0  # of sound that are compared
LOW_HZ = 500.0
LEVEL_DB = 30.0  # further from the level of the others than this is unlike them
ALIKE, UNLIKE = 0.7, 0.3  # correlation of those that hear the same, and of one that does not
SILENCE = 1e-8  # mean power: below it nothing can be compared


class UnlikeChannel(NamedTuple):
    """Its number from 0 on, its level relative to the others in dB, its correlation with them, and theirs with each
    other (NaN where there are too few)."""

    channel: int
    level_db: float
    correlation: float
    others_correlation: float


@dataclass
class Heard:
    """Sums over what was heard: products of low-passed channels (C, C), those channels (C,), powers (C,)."""

    products: NDArray[np.float64]
    sums: NDArray[np.float64]
    power: NDArray[np.float64]
    num_blocks: int = 0
    num_samples: int = 0


class ChannelWatch:
    """`add` chunks of channels at `rate` Hz; it says after every SECONDS which channel is unlike the others."""

    def __init__(self, rate: int, num_channels: int) -> None:
        self._block = max(1, round(rate / (2 * LOW_HZ)))
        self._average: Audio = np.full(self._block, 1.0 / self._block, dtype=np.float32)
        self._num_channels, self._enough = num_channels, round(SECONDS * rate)
        self._heard = self._nothing_heard()

    def _nothing_heard(self) -> Heard:
        count = self._num_channels
        return Heard(np.zeros((count, count)), np.zeros(count), np.zeros(count))

    def add(self, samples: Audio) -> UnlikeChannel | None:
        """Channels (C, S) -> the one that is most unlike the others, when enough was heard and there is one."""
        heard = self._heard
        whole = samples.shape[1] // self._block * self._block
        samples = np.ascontiguousarray(samples)
        low = (samples[:, :whole].reshape(-1, self._block) @ self._average).astype(np.float64)
        low = low.reshape(self._num_channels, -1)
        heard.products += low @ low.T
        heard.sums += low.sum(axis=1)
        heard.num_blocks += low.shape[1]
        heard.power += np.einsum("cs,cs->c", samples, samples)
        heard.num_samples += samples.shape[1]
        if heard.num_samples < self._enough or not heard.num_blocks:
            return None
        self._heard = self._nothing_heard()
        return self._compare(heard)

    def _compare(self, heard: Heard) -> UnlikeChannel | None:
        mean = heard.sums / heard.num_blocks
        cov = heard.products / heard.num_blocks - np.outer(mean, mean)
        power = heard.power / heard.num_samples - mean**2
        if power.max() < SILENCE:
            return None
        deviation = np.sqrt(np.maximum(np.diag(cov), 1e-20))
        correlation = cov / np.outer(deviation, deviation)
        found = [self._unlike(index, power, correlation) for index in range(self._num_channels)]
        unlike = [channel for channel in found if channel is not None]
        return max(unlike, key=lambda channel: abs(channel.level_db)) if unlike else None

    def _unlike(self, index: int, power: NDArray[np.float64], correlation: NDArray[np.float64]) -> UnlikeChannel | None:
        others = np.delete(np.arange(self._num_channels), index)
        level = 10.0 * np.log10(max(power[index], 1e-20) / max(float(np.median(power[others])), 1e-20))
        with_others, among = float(np.median(correlation[index, others])), np.nan
        if others.size >= 2:
            pairs = correlation[np.ix_(others, others)][np.triu_indices(others.size, 1)]
            among = float(np.median(pairs))
        stands_apart = abs(level) > LEVEL_DB and (others.size >= 2 or level < 0)
        if stands_apart or (among > ALIKE and with_others < UNLIKE):
            return UnlikeChannel(index, float(level), with_others, among)
        return None
