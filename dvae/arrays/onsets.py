"""Where sound begins: the direct path comes before its reflections, so that what rises above what was there a moment
ago, and rings on in the room, comes from the talker (the precedence effect of hearing).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DELAY_SECONDS = 0.032  # the reverberation of a frame is what was there so long before
DECAY_SECONDS = 0.05  # of its power to 1/e
FACTOR = 1.0  # on what is left of the power from before
LEAST = 0.1  # what counts of sound that goes on: in still rooms it tells its direction too

Powers = NDArray[np.float32]


class Past(NamedTuple):
    """What the next frame needs: powers whose turn is to come, the oldest first, and what rings on."""

    waiting: tuple[Powers, ...]  # each (B,)
    ringing: Powers  # (B,)


class Onsets:
    """Call `step` with the powers of each frame; all state is here."""

    def __init__(self, num_bands: int, hop_seconds: float) -> None:
        self._decay = np.float32(math.exp(-hop_seconds / DECAY_SECONDS))
        self._nothing = np.zeros(num_bands, dtype=np.float32)
        self._num_waiting = max(1, round(DELAY_SECONDS / hop_seconds))
        self._past = self._silence()

    def _silence(self) -> Past:
        return Past((self._nothing,) * self._num_waiting, self._nothing)

    def reset(self) -> None:
        """As after silence."""
        self._past = self._silence()

    def step(self, power: Powers) -> Powers:
        """Powers (B,) of a frame -> how much of each is taken for direct sound, in [LEAST, 1], (B,)."""
        waiting, ringing = self._past
        ringing = np.maximum(self._decay * ringing, waiting[0])
        self._past = Past((*waiting[1:], power), ringing)
        direct = 1.0 - np.float32(FACTOR) * ringing / np.maximum(power, np.float32(1e-20))
        return np.asarray(np.maximum(direct, np.float32(LEAST)), dtype=np.float32)
