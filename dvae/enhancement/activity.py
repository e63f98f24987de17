"""Speech activity: the enhancer's log odds of speech, smoothed into a decision, with level and signal-to-noise
ratio.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting

MIN_DB = -120.0
BAND = slice(6, 257)  # bins of 100 Hz to 4 kHz, where speech has its power


@dataclass(frozen=True)
class ActivityConfig:
    """How the probability of speech becomes a decision."""

    prior_log_odds: float = setting(
        1.9,
        "log odds of speech in the recordings for training; without them a pause is as likely as speech (chosen on "
        "validation mixtures: as many pauses as speech frames on the wrong side)",
        live=True,
    )
    speaking_probability: float = setting(
        0.5, "smoothed probability above which somebody speaks", minimum=0.0, maximum=1.0, live=True
    )
    silence_db: float = setting(-65.0, "speech below this level does not count", unit="dB re full scale", live=True)
    attack_frames: float = setting(
        2.0, "smoothing of the probability when it rises", unit="frames", minimum=0.0, live=True
    )
    release_frames: float = setting(
        15.0, "smoothing of the probability when it falls", unit="frames", minimum=0.0, live=True
    )
    robot_hold_frames: int = setting(
        20, "how long after the robot spoke its own voice is still expected", unit="frames", minimum=0, live=True
    )


class FrameActivity(NamedTuple):
    """One frame: probability of speech in [0, 1], the smoothed decision, level of speech and ratio in dB, and the
    azimuth of who speaks in rad, NaN where it is not known.
    """

    probability: float
    speaking: bool
    level_db: float
    snr_db: float
    azimuth: float = math.nan


class Past(NamedTuple):
    """What the detector remembers: the smoothed probability, and how many frames the robot's own voice lasts."""

    smoothed: float
    held_frames: int


SILENCE = Past(0.0, 0)


def sigmoid(log_odds: float) -> float:
    """Log odds, limited to 50, -> probability."""
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -50.0), 50.0)))


def to_db(power: float) -> float:
    """10 log10, not below MIN_DB."""
    return max(MIN_DB, 10.0 * math.log10(max(power, 1e-30)))


class ActivityDetector:
    """Call `step` once a frame; causal.

    robot_speaks: set while the robot itself speaks or moves loudly and its sound is not cancelled: what is heard then
    counts as no speech.
    """

    def __init__(self, config: ActivityConfig) -> None:
        self.config, self.robot_speaks = config, False
        self._past = SILENCE

    def reset(self) -> None:
        """Forget the past."""
        self._past = SILENCE

    def step(self, log_odds: float, power: NDArray[Any], gain: NDArray[Any]) -> FrameActivity:
        """Log odds of speech, power and Wiener gain of one frame, both (F,), gain in [0, 1]."""
        config, rest = self.config, 1.0 - gain
        speech = gain * gain * power
        noise_power = float(np.dot(rest[BAND] * rest[BAND], power[BAND]))
        snr_db = to_db(float(np.add.reduce(speech[BAND]))) - to_db(noise_power)
        level_db = to_db(float(np.add.reduce(speech)) / speech.size)
        held_frames = config.robot_hold_frames + 1 if self.robot_speaks else max(0, self._past.held_frames - 1)
        heard = level_db > config.silence_db and not held_frames
        probability = sigmoid(log_odds - config.prior_log_odds) if heard else 0.0
        self._past = Past(self._smooth(probability), held_frames)
        return FrameActivity(probability, self._past.smoothed > config.speaking_probability, level_db, snr_db)

    def _smooth(self, probability: float) -> float:
        """The running probability after this frame: it rises fast and falls slowly."""
        config, before = self.config, self._past.smoothed
        frames = config.attack_frames if probability > before else config.release_frames
        keep = math.exp(-1.0 / frames) if frames > 0 else 0.0
        return keep * before + (1.0 - keep) * probability
