"""Whether somebody's mouth moves as the sound does: a cue for who speaks, with one microphone the only one.

The opening of a mouth, in widths of the mouth, and the logarithm of the sound's level are resampled to `RATE`. Their
changes between 2 and 8 Hz, where syllables are, are compared over the last second:

- r, the correlation of both, at the best lag up to 0.12 s (lips lead the sound): while the person speaks Fisher's
  z = artanh(r) is normal with mean `speaking_z`, else with mean `silent_z`, both with the standard deviation of a
  correlation of so few independent values;
- a mouth that moves by less than `still_opening` (standard deviation) speaks as likely as `still_nats` says.

What comes out is the log-likelihood ratio, speaking to silent, of that second.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import butter, sosfiltfilt

from dvae.audiovisual.scene import Array
from dvae.audiovisual.sound import SAMPLE_RATE
from dvae.configuration import setting
from dvae.signal.audio_file import Audio

RATE = 25.0  # Hz
BAND = (2.0, 8.0)  # Hz
WINDOW_SECONDS = 1.0
MARGIN_SECONDS = 0.5  # more that is kept, for the filter to settle
MAX_LAG = 3  # of RATE: so much lips may lead
MEDIAPIPE = ((13, 14), (61, 291))  # inner upper and lower lip; corners
POINTS_68 = ((62, 66), (48, 54))  # the same in the 68-point order (iBUG 300-W), counted from 0
BLOCK = 160  # samples of sound
MOST_NATS = 30.0  # that lips say for speaking
FLOOR = 1e-4  # of full scale: sound below is silence
NUM = round(WINDOW_SECONDS * RATE) + MAX_LAG  # values that are compared
LENGTH = NUM + round(MARGIN_SECONDS * RATE)  # values that are filtered
# of values (LENGTH,), without their mean, forwards and backwards -> (NUM,)
BANDPASS = sosfiltfilt(
    butter(2, BAND, "bandpass", fs=RATE, output="sos"), np.eye(LENGTH) - 1.0 / LENGTH, axis=1
)[:, -NUM:]  # fmt: skip


@dataclass(frozen=True)
class LipConfig:
    """What moving lips say."""

    speaking_z: float = setting(
        0.75, "mean of artanh(correlation) of lips and sound while their person speaks", minimum=0.0, maximum=5.0
    )
    silent_z: float = setting(
        0.3, "the same while another one does: more than 0, as the best of some lags counts", minimum=0.0, maximum=5.0
    )
    z_stddev: float = setting(0.3, "standard deviation of both", minimum=0.01, maximum=5.0)
    still_opening: float = setting(
        0.01, "mouths that open and close less are still", unit="width of the mouth", minimum=0.0, maximum=1.0
    )
    still_nats: float = setting(-3.0, "what a still mouth says for speaking", unit="nat", maximum=0.0)


def mouth_opening(landmarks: ArrayLike) -> float:
    """Landmarks of a face (68 or at least 468, 2 or more) in one unit -> distance of the inner lips in widths of the
    mouth. NaN where points are missing (not finite) or the mouth has no width; ValueError for another number."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] < 2 or not (len(points) == 68 or len(points) >= 468):
        raise ValueError(f"expected landmarks (68, 2) or (468 or more, 2), got {points.shape}")
    lips, corners = POINTS_68 if len(points) == 68 else MEDIAPIPE
    height, width = (math.dist(points[a, :2], points[b, :2]) for a, b in (lips, corners))
    return height / width if math.isfinite(height) and width > 0 else math.nan


class Signal:
    """Values with times, of the last seconds."""

    def __init__(self) -> None:
        self._values: deque[tuple[float, float]] = deque()

    def add(self, time: float, value: float) -> None:
        """A value at `time` in s; those that are not finite or not after the last one are left out."""
        if not math.isfinite(value) or (self._values and time <= self._values[-1][0]):
            return
        self._values.append((time, value))
        while self._values[0][0] < time - 2.0 * (WINDOW_SECONDS + 2.0 * MARGIN_SECONDS):
            self._values.popleft()

    @property
    def newest(self) -> float:
        """Time of the last value, s; -inf before the first one."""
        return self._values[-1][0] if self._values else -math.inf

    def at(self, times: Array) -> Array | None:
        """Values at times (T,) in s, linear between those known; None where these do not cover them."""
        if not self._values:
            return None
        known, values = np.array(self._values).T
        inside = (known >= times[0] - 0.2) & (known <= times[-1] + 0.2)
        known, values = known[inside], values[inside]
        gaps = np.diff(known, prepend=times[0], append=times[-1])
        return np.interp(times, known, values) if len(known) and gaps.max() <= 2.0 / BAND[1] else None


class Loudness(Signal):
    """Of sound: the logarithm of its level in each 10 ms."""

    def __init__(self) -> None:
        super().__init__()
        self._rest: Array = np.zeros(0)

    def hear(self, samples: Audio, time: float) -> None:
        """Samples (C, S) at 16 kHz that follow those before, the first one at `time` in s."""
        mono = np.concatenate([self._rest, samples.mean(axis=0)])
        begin = time - len(self._rest) / SAMPLE_RATE  # after a gap some blocks are wrong by less than their length
        num_blocks = len(mono) // BLOCK
        blocks, self._rest = mono[: num_blocks * BLOCK].reshape(-1, BLOCK), mono[num_blocks * BLOCK :]
        levels = np.log10(np.sqrt(np.square(blocks).mean(axis=1)) + FLOOR)
        for k, level in enumerate(levels.tolist()):
            self.add(begin + (k + 0.5) * BLOCK / SAMPLE_RATE, level)


def syllables(values: Array) -> Array:
    """Of values (..., LENGTH) at RATE what changes with 2 to 8 Hz, in the last second (..., NUM)."""
    return np.asarray(values @ BANDPASS)


def lip_nats(openings: Sequence[Signal], loudness: Signal, time: float, config: LipConfig) -> Array:
    """Log-likelihood ratios (N,) that each mouth's owner is who is heard in the second before `time` in s; NaN where
    the mouth is not known, all of them where the sound is not."""
    grid = time + np.arange(1 - LENGTH, 1) / RATE
    found = np.full(len(openings), math.nan)
    sound = loudness.at(grid)
    if sound is None:
        return found
    voice = syllables(sound)
    for n, opening in enumerate(openings):
        mouth = opening.at(grid)
        if mouth is not None:
            found[n] = _nats(syllables(mouth), voice, config)
    return found


def _nats(mouth: Array, voice: Array, config: LipConfig) -> float:
    if mouth.std() < config.still_opening:
        return config.still_nats
    z = math.atanh(min(max(_best_correlation(mouth, voice), -0.99), 0.99))
    silent, speaking = (((z - mean) / config.z_stddev) ** 2 for mean in (config.silent_z, config.speaking_z))
    return min(0.5 * (silent - speaking), MOST_NATS)


def _best_correlation(mouth: Array, voice: Array) -> float:
    """Of a mouth (NUM,) and a voice (NUM,) that comes up to MAX_LAG later; 0 where the sound does not change."""
    late = voice[MAX_LAG:]
    if late.std() < 1e-6:
        return 0.0
    shifted = [mouth[MAX_LAG - lag : len(mouth) - lag] for lag in range(MAX_LAG + 1)]
    return max(float(np.corrcoef(each, late)[0, 1]) for each in shifted)
