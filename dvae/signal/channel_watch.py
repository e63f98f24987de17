"""A channel that is unlike the others: a dead microphone, or what is no microphone at all, as the playback that some
arrays send along.

Microphones of one array hear the same low frequencies at nearly the same time and as loudly. Compared are the levels,
and the correlation below LOW_HZ, over some seconds of sound. One that is wired the wrong way hears the opposite, and
makes the mean of all silent. Of two channels that hear different things nobody knows which is the microphone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_file import Audio
from dvae.signal.channel_choice import channels_text

SECONDS = 4.0  # of sound that are compared
LOW_HZ = 500.0
LEVEL_DB = 30.0  # further from the level of the others than this is unlike them
ALIKE, UNLIKE = 0.7, 0.3  # correlation of those that hear the same, and of one that does not
MAX_DELAY_BLOCKS = 10  # of 1 / (2 LOW_HZ) s, by which two microphones may hear the same one after the other
LOUD = 1e-6  # mean power below LOW_HZ that the noise of two microphones has not, which differs where nobody speaks
SILENCE = 1e-8  # mean power: below it nothing can be compared
NOTHING = 1e-11  # mean power that no microphone is below: less than the smallest step of 16 bits


class UnlikeChannel(NamedTuple):
    """Its number from 0 on, its level relative to the others in dB, its correlation with them, and theirs with each
    other (NaN where there are too few)."""

    channel: int
    level_db: float
    correlation: float
    others_correlation: float

    def text(self, used: Sequence[int]) -> str:
        """What to say; used: the numbers of the channels in the input, from 0 on."""
        return (
            f"expected channels that hear the same, got channel {used[self.channel] + 1} unlike the others "
            f"({self.level_db:+.0f} dB, correlation {self.correlation:.2f} with them): if it is no microphone, leave "
            f'it out by channels: "{_others(used, (self.channel,))}"'
        )


class InvertedChannels(NamedTuple):
    """Channels, from 0 on, that hear the opposite of most others, and their median correlation with those."""

    channels: tuple[int, ...]
    correlation: float

    def text(self, used: Sequence[int]) -> str:
        """What to say; used: the numbers of the channels in the input, from 0 on."""
        numbers = channels_text(sorted(used[index] for index in self.channels))
        return (
            f"expected channels that hear the same, got channel {numbers} unlike the others: inverted (correlation "
            f"{self.correlation:.2f} with them), so that the sum of all is near silence: wired the wrong way? Leave it "
            f'out by channels: "{_others(used, self.channels)}"'
        )


class DeadChannels(NamedTuple):
    """Several channels, from 0 on, that carry nothing while others do."""

    channels: tuple[int, ...]

    def text(self, used: Sequence[int]) -> str:
        """What to say; used: the numbers of the channels in the input, from 0 on."""
        numbers = channels_text(sorted(used[index] for index in self.channels))
        return (
            f"expected channels that hear the same, got nothing on channels {numbers}: dead or not connected? Leave "
            f'them out by channels: "{_others(used, self.channels)}"'
        )


class DifferentChannels(NamedTuple):
    """The two channels there are hear different things."""

    correlation: float

    def text(self, used: Sequence[int]) -> str:
        """What to say; used: the numbers of the channels in the input, from 0 on."""
        first, second = used[0] + 1, used[1] + 1
        return (
            f"channels {first} and {second} hear different things (correlation {self.correlation:.2f}): choose one by "
            f'channels: "{first}" or "{second}"'
        )


Finding = UnlikeChannel | InvertedChannels | DeadChannels | DifferentChannels


def _others(used: Sequence[int], without: Sequence[int]) -> str:
    return channels_text(sorted(number for index, number in enumerate(used) if index not in without))


@dataclass
class Heard:
    """What was heard: channels below LOW_HZ in parts (C, B), powers (C,)."""

    power: NDArray[np.float64]
    low: list[NDArray[np.float64]] = field(default_factory=list)
    num_samples: int = 0


class ChannelWatch:
    """`add` chunks of channels at `rate` Hz; it says after every SECONDS which channel is unlike the others."""

    def __init__(self, rate: int, num_channels: int) -> None:
        self._block = max(1, round(rate / (2 * LOW_HZ)))
        self._average: Audio = np.full(self._block, 1.0 / self._block, dtype=np.float32)
        self._num_channels, self._enough = num_channels, round(SECONDS * rate)
        self._heard = Heard(np.zeros(num_channels))

    def add(self, samples: Audio) -> Finding | None:
        """Channels (C, S) -> what is most unlike the others, when enough was heard and there is something."""
        heard = self._heard
        whole = samples.shape[1] // self._block * self._block
        samples = np.ascontiguousarray(samples)
        low = (samples[:, :whole].reshape(-1, self._block) @ self._average).astype(np.float64)
        heard.low.append(low.reshape(self._num_channels, -1))
        heard.power += np.einsum("cs,cs->c", samples, samples)
        heard.num_samples += samples.shape[1]
        if heard.num_samples < self._enough:
            return None
        self._heard = Heard(np.zeros(self._num_channels))
        return self._compare(np.concatenate(heard.low, axis=1), heard.power / heard.num_samples)

    def _compare(self, low: NDArray[np.float64], power: NDArray[np.float64]) -> Finding | None:
        if not low.shape[1]:
            return None
        mean = low.mean(axis=1)
        low, power = low - mean[:, None], power - mean**2
        if power.max() < SILENCE:
            return None
        dead = np.flatnonzero(power < NOTHING)
        if len(dead) > 1:
            return DeadChannels(tuple(dead.tolist()))
        correlation = _correlation(low, low)
        found = [self._unlike(index, power, correlation) for index in range(self._num_channels)]
        unlike = [channel for channel in found if channel is not None]
        most = max(unlike, key=lambda channel: abs(channel.level_db)) if unlike else None
        return _inverted(correlation) or most or _different(low)

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


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of rows without mean (C, B) with rows (D, B) -> (C, D); 0 where one is silent."""
    deviation = [np.sqrt(np.maximum(np.mean(rows**2, axis=1), 1e-20)) for rows in (first, second)]
    return np.asarray(first @ second.T / first.shape[1] / np.outer(*deviation))


def _inverted(correlation: NDArray[np.float64]) -> InvertedChannels | None:
    """The fewer of two groups of channels that hear the opposite of each other; of equal groups, the second."""
    reference = int((np.abs(correlation) > ALIKE).sum(axis=1).argmax())
    same, opposite = (np.flatnonzero(sign * correlation[reference] > ALIKE) for sign in (1, -1))
    if not opposite.size:
        return None
    fewer, more = (same, opposite) if same.size < opposite.size else (opposite, same)
    return InvertedChannels(tuple(fewer.tolist()), float(np.median(correlation[np.ix_(fewer, more)])))


def _different(low: NDArray[np.float64]) -> DifferentChannels | None:
    """Of two channels that are loud enough: that they are not alike, whichever hears it first."""
    count, lags = low.shape[1], MAX_DELAY_BLOCKS
    if len(low) != 2 or count <= 4 * lags or np.mean(low**2, axis=1).min() < LOUD:
        return None
    middle = low[:1, lags : count - lags]
    shifted = np.concatenate([low[1:, lag : count - 2 * lags + lag] for lag in range(2 * lags + 1)])
    alike = _correlation(middle, shifted)[0]
    return DifferentChannels(float(alike[lags])) if np.abs(alike).max() < UNLIKE else None
