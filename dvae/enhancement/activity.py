"""Speech activity from the enhancer's variances: the ratio of speech to noise power where speech is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting

MIN_DB = -120.0


@dataclass(frozen=True)
class ActivityConfig:
    """How a speech-to-noise ratio becomes a probability and a decision.

    The first two are a logistic regression on mixtures of validation speakers and noises at 0 to 10 dB, speech and
    pauses weighing the same.
    """

    activity_snr_db: float = setting(
        4.0, "speech-to-noise ratio at which speech is as likely as not", unit="dB", live=True
    )
    activity_slope_db: float = setting(
        10.0, "change of the ratio that multiplies the odds by e", unit="dB", minimum=0.1, live=True
    )
    silence_db: float = setting(-65.0, "speech below this level does not count", unit="dB re full scale", live=True)
    attack_frames: float = setting(
        2.0, "smoothing of the probability when it rises", unit="frames", minimum=0.0, live=True
    )
    release_frames: float = setting(
        15.0, "smoothing of the probability when it falls", unit="frames", minimum=0.0, live=True
    )


class FrameActivity(NamedTuple):
    """One frame: probability of speech in [0, 1], the smoothed decision, level of speech and ratio in dB."""

    probability: float
    speaking: bool
    level_db: float
    snr_db: float


def to_db(power: float) -> float:
    """10 log10, not below MIN_DB."""
    return max(MIN_DB, 10.0 * math.log10(max(power, 1e-30)))


class ActivityDetector:
    """Call `step` once a frame; causal."""

    def __init__(self, config: ActivityConfig, num_bins: int, sample_rate: int) -> None:
        self.config = config
        frequency = np.linspace(0.0, sample_rate / 2, num_bins)
        self._band = (frequency >= 100.0) & (frequency <= 4000.0)
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._smoothed = 0.0

    def step(self, power: NDArray[np.float64], gain: NDArray[np.float64]) -> FrameActivity:
        """Mixture power and Wiener gain of one frame, both (F,), gain in [0, 1]."""
        config = self.config
        speech, noise = gain**2 * power, (1.0 - gain) ** 2 * power
        snr_db = to_db(float(speech[self._band].sum())) - to_db(float(noise[self._band].sum()))
        level_db = to_db(float(speech.mean()))
        probability = 0.0
        if level_db > config.silence_db:
            odds = np.clip((snr_db - config.activity_snr_db) / config.activity_slope_db, -50.0, 50.0)
            probability = float(1.0 / (1.0 + np.exp(-odds)))
        frames = config.attack_frames if probability > self._smoothed else config.release_frames
        keep = math.exp(-1.0 / frames) if frames > 0 else 0.0
        self._smoothed = keep * self._smoothed + (1.0 - keep) * probability
        return FrameActivity(probability, self._smoothed > 0.5, level_db, snr_db)
