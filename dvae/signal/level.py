"""The running level of a signal, so that models see the same loudness whatever the microphone's gain."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d


class Past(NamedTuple):
    """Weighted sum of the frame powers so far, and of the weights."""

    total: NDArray[np.float64] | float
    weight: float


NOTHING = Past(0.0, 0.0)


class LevelTracker:
    """Bias-corrected exponential mean of the frame power: causal, and equal for any chunking.

    time_constant_frames: frames after which a frame's weight has fallen to 1/e. floor: smallest level returned,
    -80 dB below full scale by default, so that digital silence is not amplified without bound.
    """

    def __init__(self, time_constant_frames: float = 125.0, floor: float = 1e-8) -> None:
        self.decay = float(np.exp(-1.0 / time_constant_frames))
        self.floor = floor
        self._past = NOTHING

    def reset(self) -> None:
        """Forget the past."""
        self._past = NOTHING

    def step(self, frame_power: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Mean power of one frame, any shape -> the level after it, same shape."""
        power = np.asarray(frame_power, dtype=np.float64)
        self._past = Past(
            self.decay * self._past.total + (1.0 - self.decay) * power,
            self.decay * self._past.weight + (1.0 - self.decay),
        )
        return np.maximum(self._past.total / self._past.weight, self.floor)

    def track(self, frame_power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Frame powers (..., T) from the start of a signal -> levels (..., T)."""
        self.reset()
        return np.stack([self.step(frame_power[..., t]) for t in range(frame_power.shape[-1])], axis=-1)


def active_frames(frame_power: NDArray[Any], range_db: float = 20.0, hangover: int = 1) -> NDArray[np.bool_]:
    """Which frames of clean speech, powers (..., T), hold speech: those within `range_db` of its loud frames (their
    95th percentile), and `hangover` frames on either side, since pauses within words are speech. (..., T).
    """
    loud = np.percentile(frame_power, 95.0, axis=-1, keepdims=True)
    active = frame_power > np.maximum(loud * 10 ** (-range_db / 10), 1e-12)
    return np.asarray(maximum_filter1d(active, 2 * hangover + 1, axis=-1, mode="constant"), dtype=bool)
