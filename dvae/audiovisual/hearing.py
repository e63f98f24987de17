"""What the microphones hear, frame by frame: whether somebody speaks, and from which directions.

The streaming enhancer says how much of each bin is speech, and whether anybody speaks; the directions of those bins
count by it, so that fans and motors are no talkers.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.direction import DirectionFinder, Scores, Spectra
from dvae.arrays.positions import Positions
from dvae.audiovisual.scene import Heard
from dvae.configuration import setting
from dvae.enhancement.step import load_enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.signal.audio_file import Audio
from dvae.signal.stft import STFT

FRAMES_PER_HEARD = 2


@dataclass(frozen=True)
class HearingConfig:
    """How directions are heard."""

    hearing_model: str = setting(
        "quality", "the enhancer that says what is speech: a preset, a shipped model, a folder"
    )
    hearing_seconds: float = setting(0.2, "over how much sound directions are averaged", unit="s", minimum=0.03)
    max_directions: int = setting(4, "so many at once, at most", minimum=1, maximum=16)
    min_weight: float = setting(0.1, "directions of less weight are left out", minimum=0.0, maximum=1.0)


class _Evidence(NamedTuple):
    scores: Scores  # (A,)
    mass: float


@dataclass
class _Stretch:
    """From a reset to the next."""

    recent: deque[tuple[_Evidence, float]]  # with the probability of speech
    num_frames: int = 0
    num_fed: int = 0


class _Ears:
    """Gets each frame, with the share of speech in its bins, from the enhancer."""

    def __init__(self, positions: Positions, num_bins: int, hop_seconds: float, sample_rate: int) -> None:
        self.num_channels = len(positions)
        frequencies = np.linspace(0.0, sample_rate / 2, num_bins)
        self.finder = DirectionFinder(positions, frequencies, hop_seconds, 1e-3 * hop_seconds)
        self.evidence: list[_Evidence] = []

    def reset(self) -> None:
        """Forget what was heard."""
        self.finder.reset()

    def combine(self, spectra: Spectra) -> Spectra:
        """Channels (C, F) -> their mean (F,)."""
        return np.asarray(spectra.mean(axis=0))

    def observe(self, spectra: Spectra, gain: NDArray[np.float32], is_speech: bool) -> float:
        """Keep what a frame (C, F) with a gain of (F,) says of directions."""
        weight = np.square(gain)
        self.evidence.append(_Evidence(self.finder.update(spectra, weight), self.finder.largest(weight)))
        return math.nan


class Hearing:
    """Microphones at positions (C, 3) in m. `feed` what arrives, get the frames that are ready, every 32 ms.

    latency_seconds: how much later than the time of a frame the sample comes in that completes it, at most.
    robot_speaks: set while the robot itself speaks: nobody else is heard then.
    """

    def __init__(self, positions: Positions, config: HearingConfig | None = None) -> None:
        self.config = config or HearingConfig()
        model = load_enhancer(self.config.hearing_model)
        stft = STFT(synthesis_length=model.config.synthesis_length)
        self._hop, self._rate = stft.hop_length, stft.sample_rate
        self._ears = _Ears(positions, stft.num_bins, self._hop / self._rate, self._rate)
        self._enhancer = StreamingEnhancer(model, microphones=self._ears)
        self.num_channels = len(positions)
        power = np.square(stft.window)
        self._middle = float(np.arange(stft.n_fft) @ power / power.sum()) + 0.5 - stft.overlap  # of frame 0, samples
        self._half = max(1, round(0.5 * self.config.hearing_seconds * self._rate / self._hop))  # frames on either side
        later = (self._half + self._enhancer.lookahead + FRAMES_PER_HEARD) * self._hop
        self.latency_seconds = (stft.n_fft - self._middle - stft.overlap + later) / self._rate
        self._now = _Stretch(deque(maxlen=2 * self._half + 1))

    @property
    def robot_speaks(self) -> bool:
        """Whether the robot itself speaks now."""
        return self._enhancer.activity.robot_speaks

    @robot_speaks.setter
    def robot_speaks(self, value: bool) -> None:
        self._enhancer.activity.robot_speaks = value

    def reset(self) -> None:
        """Forget the signal; time begins at 0 again."""
        self._enhancer.reset()
        self._ears.evidence.clear()
        self._now = _Stretch(deque(maxlen=2 * self._half + 1))

    def feed(self, samples: Audio) -> list[Heard]:
        """Samples (C, S) at 16 kHz, any S -> the frames that are ready. ValueError for another shape, integers, or
        values that are not finite; nothing of such samples is used."""
        self._enhancer.feed(samples)
        self._now.num_fed += samples.shape[-1]
        return self._new_frames()

    def flush(self) -> list[Heard]:
        """The frames still inside, as if silence followed; then reset."""
        self._enhancer.flush()
        found = self._new_frames()
        nothing = _Evidence(np.zeros(len(self._ears.finder.azimuths), np.float32), 0.0)
        found += [heard for _ in range(self._half) for heard in self._frame(nothing, 0.0)]
        seconds = self._now.num_fed / self._rate
        self.reset()
        return [heard for heard in found if heard.time < seconds]

    def _new_frames(self) -> list[Heard]:
        evidence, activity = self._ears.evidence.copy(), self._enhancer.pop_activity()
        self._ears.evidence.clear()
        return [
            heard for each, now in zip(evidence, activity, strict=True) for heard in self._frame(each, now.probability)
        ]

    def _frame(self, evidence: _Evidence, probability: float) -> list[Heard]:
        """One frame more -> the one half a window before it, if it is that one's turn."""
        self._now.recent.append((evidence, probability))
        self._now.num_frames += 1
        index = self._now.num_frames - 1 - self._half  # of the frame in the middle
        time = (self._middle + index * self._hop) / self._rate
        if index % FRAMES_PER_HEARD or time < 0:
            return []
        return [self._heard(time)]

    def _heard(self, time: float) -> Heard:
        middle = len(self._now.recent) - 1 - self._half
        speech = self._now.recent[middle][1]
        mass = sum(each.mass * p for (each, p) in self._now.recent)
        scores = np.sum([each.scores * np.float32(p) for (each, p) in self._now.recent], axis=0) / max(mass, 1e-6)
        peaks = self._ears.finder.peaks(scores, self.config.max_directions)
        weights = np.array([speech / (1.0 + math.exp(-12.0 * (peak.score - 0.5))) for peak in peaks])
        azimuths = np.array([peak.azimuth for peak in peaks])
        kept = weights >= self.config.min_weight
        return Heard(time, azimuths[kept], weights[kept], speech)
