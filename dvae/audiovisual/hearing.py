"""What the microphones hear, frame by frame: whether somebody speaks, and from which directions.

The streaming enhancer says how much of each bin is speech, and whether anybody speaks; the directions of those bins
count by it, so that fans and motors are no talkers. The directions of a frame are those of a moment around it, which
is why they come later.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.direction import Spectra
from dvae.arrays.directions import DirectionMethod, Directions, Look, NoDirections
from dvae.arrays.positions import Positions
from dvae.arrays.steered_power import SteeredPowerDirections
from dvae.arrays.subband_directions import SubbandDirections
from dvae.audiovisual.heard_probability import heard_probability
from dvae.audiovisual.scene import Heard
from dvae.configuration import setting
from dvae.enhancement.step import load_enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.signal.audio_file import Audio
from dvae.signal.stft import STFT

FRAMES_PER_LOOK = 2
LEAST_SPEECH = 0.03  # probability of speech below which directions are not looked for
PAUSE = 0.2  # probability of speech below which what is heard is the noise of the place
METHODS: dict[str, type[SubbandDirections] | type[SteeredPowerDirections]] = {
    "subband": SubbandDirections,
    "srp": SteeredPowerDirections,
}


@dataclass(frozen=True)
class HearingConfig:
    """How directions are heard."""

    hearing_model: str = setting(
        "quality", "the enhancer that says what is speech: a preset, a shipped model, a folder"
    )
    direction_method: str = setting(
        "subband",
        "how directions are found: regions of time and frequency with a direct path, or maxima of the steered power",
        choices=("subband", "srp"),
    )
    hearing_seconds: float = setting(
        0.3, "length of the moment that directions are found in", unit="s", minimum=0.1, maximum=2.0
    )
    max_directions: int = setting(4, "so many directions at once, at most", minimum=1, maximum=16)
    min_weight: float = setting(0.05, "directions of a smaller probability are left out", minimum=0.0, maximum=1.0)


@dataclass
class _Stretch:
    """From a reset to the next."""

    looks: deque[tuple[Look, float]]  # of the moment, each with the probability of speech
    frames: list[tuple[Spectra, NDArray[np.float32], float]] = field(default_factory=list)  # that wait for more
    num_looks: int = 0
    num_fed: int = 0


class _Ears:
    """Takes each frame, and the gain of its bins, from the enhancer; remembers nothing from one to the next."""

    def __init__(self, num_channels: int) -> None:
        self.num_channels = num_channels
        self._frames: list[tuple[Spectra, NDArray[np.float32]]] = []

    def combine(self, spectra: Spectra) -> Spectra:
        """Channels (C, F) -> their mean (F,)."""
        return np.asarray(spectra.mean(axis=0))

    def observe(self, spectra: Spectra, gain: NDArray[np.float32], is_speech: bool) -> float:
        """Keep a frame (C, F) with its gain (F,)."""
        self._frames.append((spectra, gain))
        return math.nan

    def reset(self) -> None:
        """There is nothing to forget."""

    def pop_frames(self) -> list[tuple[Spectra, NDArray[np.float32]]]:
        """Those since the last call."""
        frames, self._frames = self._frames, []
        return frames


class Hearing:
    """Microphones at positions (C, 3) in m; of one it is known whether somebody speaks, and no direction. `feed` what
    arrives, get the frames that are ready, one every 32 ms.

    latency_seconds: how much later than the time of a frame the sample is that completes it.
    robot_speaks: set while the robot itself speaks: nobody else is heard then.
    """

    def __init__(self, positions: Positions, config: HearingConfig | None = None) -> None:
        self.config = config or HearingConfig()
        self.num_channels = len(positions)
        model = load_enhancer(self.config.hearing_model)
        self._ears = _Ears(self.num_channels)
        self._enhancer = StreamingEnhancer(model, microphones=self._ears)
        stft = self._enhancer.stft
        frequencies = np.linspace(0.0, stft.sample_rate / 2, stft.num_bins)
        method, hop_seconds = METHODS[self.config.direction_method], stft.hop_length / stft.sample_rate
        is_array = self.num_channels > 1
        self._method: DirectionMethod = method(positions, frequencies, hop_seconds) if is_array else NoDirections()
        self._nothing = Look(np.zeros((0, len(self._method.azimuths)), np.float32), np.zeros(0, np.float32))
        self._look_samples = FRAMES_PER_LOOK * stft.hop_length
        self._rate = stft.sample_rate
        self._first_middle = middle_of_frame(stft) + 0.5 * (FRAMES_PER_LOOK - 1) * stft.hop_length
        looks = self.config.hearing_seconds * self._rate / self._look_samples
        self._half = max(1, round(0.5 * (looks - 1)))  # looks of the moment on either side of its middle
        later = (self._half + 1) * self._look_samples + self._enhancer.lookahead * stft.hop_length
        self.latency_seconds = (later - self._first_middle) / self._rate
        self._now = self._begin()

    def _begin(self) -> _Stretch:
        return _Stretch(deque(maxlen=2 * self._half + 1))

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
        self._ears.pop_frames()
        self._method.reset()
        self._now = self._begin()

    def check(self, samples: Audio) -> None:
        """ValueError where `feed` raises it."""
        self._enhancer.check(samples)

    def feed(self, samples: Audio) -> list[Heard]:
        """Samples (C, S) at 16 kHz in [-1, 1], any S -> the frames that are ready. ValueError for another shape,
        integers, or values that are not finite; nothing of such samples is used."""
        self._enhancer.feed(samples)
        self._now.num_fed += samples.shape[-1]
        return self._new_looks()

    def flush(self) -> list[Heard]:
        """The frames still inside, as if silence followed; then reset."""
        self._enhancer.flush()
        found = self._new_looks()
        found += [heard for _ in range(self._half) for heard in self._add(self._nothing, 0.0)]
        seconds = self._now.num_fed / self._rate
        self.reset()
        return [heard for heard in found if heard.time < seconds]

    def _new_looks(self) -> list[Heard]:
        """What the enhancer has gone through since the last call."""
        waiting, activity = self._now.frames, self._enhancer.pop_activity()
        waiting += [(*frame, now.probability) for frame, now in zip(self._ears.pop_frames(), activity, strict=True)]
        heard: list[Heard] = []
        while len(waiting) >= FRAMES_PER_LOOK:
            frames = [waiting.pop(0) for _ in range(FRAMES_PER_LOOK)]
            heard += self._add(*self._look(frames))
        return heard

    def _look(self, frames: list[tuple[Spectra, NDArray[np.float32], float]]) -> tuple[Look, float]:
        """Some frames as one look, and the probability of speech in them. Where nobody can be heard, in silence or
        behind the robot's own voice, nothing counts."""
        spectra, gain, probability = (np.array(each) for each in zip(*frames, strict=True))
        heard = (probability > 0.0)[:, None]
        pause = heard * np.maximum(1.0 - probability / PAUSE, 0.0)[:, None]
        weight, noise = heard * np.sqrt(gain), pause * np.square(1.0 - gain)
        look = self._method.look(spectra, weight.astype(np.float32), noise.astype(np.float32))
        return look, float(probability.mean())

    def _add(self, look: Look, probability: float) -> list[Heard]:
        """One look more -> the frame in the middle of the moment that ends with it, if there is one."""
        now = self._now
        now.looks.append((look, probability))
        now.num_looks += 1
        index = now.num_looks - 1 - self._half
        time = (self._first_middle + index * self._look_samples) / self._rate
        return [self._heard(time)] if time >= 0 else []

    def _heard(self, time: float) -> Heard:
        looks, probabilities = zip(*self._now.looks, strict=True)
        speech, around = probabilities[len(looks) - 1 - self._half], float(np.mean(probabilities))
        if max(speech, around) < LEAST_SPEECH:
            return Heard(time, np.zeros(0), np.zeros(0), speech)
        found = self._method.find(looks, self.config.max_directions)
        weight = self.weigh(found, speech, around) * (speech > 0.0)
        kept = weight >= self.config.min_weight
        return Heard(time, found.azimuth[kept], weight[kept], speech)

    def weigh(self, found: Directions, speech: float, around: float) -> NDArray[np.float64]:
        """The probability (K,) that somebody is heard from each direction; speech, around: the probability of speech
        at that time, and its mean over the moment."""
        return heard_probability(self.config.direction_method, found, speech, around)


def middle_of_frame(stft: STFT) -> float:
    """Of the first one, in samples from the first of the signal: where its window has its power."""
    power = np.square(stft.window)
    return float(np.arange(stft.n_fft) @ power / power.sum()) + 0.5 - stft.overlap
