"""Several microphones become one: a beam towards who speaks, and where that is.

Each frame of the direction finder is weighted by the enhancer's own estimate of where speech is in the spectrum, and
the noise that the MVDR beam suppresses is what the enhancer calls noise. Both use the frames of the enhancer, so that
they add no delay; gains come with its look-ahead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.beamformers import (
    Spectra,
    beam,
    delay_and_sum,
    first_channel,
    mean_of_channels,
    mvdr,
    steering_vectors,
)
from dvae.arrays.direction import DirectionFinder
from dvae.arrays.positions import Positions, parse_positions
from dvae.configuration import setting

FRAMES_PER_BEAM = 4  # a beam is computed anew so often


@dataclass(frozen=True)
class MicrophoneConfig:
    """How several channels become one."""

    channel_mode: str = setting(
        "mean",
        "what is made of several channels: their mean, the first, or a beam (needs microphone_positions)",
        choices=("mean", "first", "delay_and_sum", "mvdr"),
    )
    microphone_positions: str = setting(
        "",
        'x y z of each microphone in the frame of the audio, in channel order, such as "0.03 0 0; -0.03 0 0"',
        unit="m",
    )
    direction_seconds: float = setting(0.6, "over how much speech a direction is averaged", unit="s", minimum=0.01)
    noise_seconds: float = setting(1.0, "over how much noise its covariance is averaged", unit="s", minimum=0.05)
    channels: str = setting("all", "which channels of the audio are used, before all else, such as 1-4 or 1,3")

    @property
    def uses_array(self) -> bool:
        """Whether the channels are kept apart until the beam."""
        return bool(self.microphone_positions.strip())

    def positions(self) -> Positions:
        """(C, 3) in m; ValueError when the text is something else, or a beam has no positions."""
        return parse_positions(self.microphone_positions)


class ArrayState(NamedTuple):
    """What is known after a frame."""

    weights: Spectra  # (F, C), of the beam
    noise_cov: Spectra  # (F, C, C)
    num_frames: int
    azimuth: float  # rad, of who speaks; NaN before any speech


class Microphones(Protocol):
    """What the enhancer asks of several microphones, frame by frame: one spectrum of theirs, then what it learned."""

    num_channels: int

    def combine(self, spectra: Spectra) -> Spectra:
        """Channels (C, F) -> one spectrum (F,)."""

    def observe(self, spectra: Spectra, gain: NDArray[np.float32], is_speech: bool) -> float:
        """A frame (C, F), some frames later, with its Wiener gain (F,) -> azimuth of who speaks in rad, or NaN."""

    def reset(self) -> None:
        """Forget what was heard."""


class MicrophoneArray:
    """State of the beam and of the direction of one source. `combine` each frame, then `observe` it with its gain."""

    def __init__(self, config: MicrophoneConfig, num_bins: int, hop_seconds: float, sample_rate: int) -> None:
        self.config, self.positions = config, config.positions()
        self.num_channels = len(self.positions)
        self._frequencies = np.linspace(0.0, sample_rate / 2, num_bins)
        self.directions = DirectionFinder(self.positions, self._frequencies, hop_seconds, config.direction_seconds)
        self._forget_noise = math.exp(-hop_seconds / config.noise_seconds)
        self._state = self._initial_state()

    def _initial_state(self) -> ArrayState:
        bins, channels = self._frequencies.size, self.num_channels
        start = first_channel if self.config.channel_mode == "first" else mean_of_channels
        return ArrayState(start(bins, channels), np.zeros((bins, channels, channels), np.complex64), 0, math.nan)

    def reset(self) -> None:
        """Forget direction and noise; a beam starts as the mean of the channels."""
        self.directions.reset()
        self._state = self._initial_state()

    @property
    def azimuth(self) -> float:
        """Of who spoke last, in rad; NaN before any speech."""
        return self._state.azimuth

    def combine(self, spectra: Spectra) -> Spectra:
        """Channels (C, F) -> the beam (F,)."""
        return beam(self._state.weights, spectra)

    def observe(self, spectra: Spectra, gain: NDArray[np.float32], is_speech: bool) -> float:
        """Learn from a frame (C, F) whose Wiener gain (F,) is known now -> azimuth in rad, NaN before any speech."""
        weights, noise_cov, num_frames, azimuth = self._state
        noise = spectra * (1.0 - gain)
        moment = noise.T[:, :, None] * noise.T.conj()[:, None, :]
        noise_cov = self._forget_noise * noise_cov + (1.0 - self._forget_noise) * moment
        if is_speech:
            azimuth = self.directions.best(self.directions.update(spectra, np.square(gain)))
        if (num_frames + 1) % FRAMES_PER_BEAM == 0 and math.isfinite(azimuth):
            weights = self._beam_towards(azimuth, weights, noise_cov)
        self._state = ArrayState(weights, noise_cov, num_frames + 1, azimuth)
        return azimuth

    def _beam_towards(self, azimuth: float, weights: Spectra, noise_cov: Spectra) -> Spectra:
        """Weights (F, C) of the mode; those that there are where it has no beam."""
        mode = self.config.channel_mode
        if mode not in ("delay_and_sum", "mvdr"):
            return weights
        steering = steering_vectors(self.positions, azimuth, self._frequencies)
        return delay_and_sum(steering) if mode == "delay_and_sum" else mvdr(steering, noise_cov)
