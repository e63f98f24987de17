"""Several microphones: one beam towards who speaks, and where that is.

The direction comes from the steered response power with phase transform (J. DiBiase, 2000), each frame weighted by the
enhancer's own estimate of where speech is in the spectrum. Towards it look either the delay-and-sum beam or the MVDR
beam, whose noise covariance is learned from what the enhancer calls noise (J. Heymann et al., ICASSP 2016, "mask-based
beamforming"). Both use the frames of the enhancer, so that they add no delay; gains come with its look-ahead.

Far field: a source is taken as a plane wave from an azimuth in the plane of x (forward) and y (left), as REP-103 has
them. Microphones on a line cannot tell one side from the other: the side that faces forward is taken (left, if the
line points forward).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dvae.configuration import setting

SPEED_OF_SOUND = 343.0
NUM_DIRECTIONS = 120
LOADING = 1e-1  # of the noise covariance, relative to its own power

Spectra = NDArray[np.complex64]


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

    @property
    def uses_array(self) -> bool:
        """Whether the channels are kept apart until the beam."""
        return bool(self.microphone_positions.strip())

    def positions(self) -> NDArray[np.float64]:
        """(C, 3) in m; ValueError when the text is something else, or a beam has no positions."""
        try:
            rows = [[float(x) for x in row.replace(",", " ").split()] for row in self.microphone_positions.split(";")]
            found = np.array([row for row in rows if row], dtype=np.float64).reshape(-1, 3)
        except ValueError:
            found = np.zeros((0, 3))
        if len(found) < 2 or len(np.unique(found, axis=0)) < len(found) or not np.isfinite(found).all():
            raise ValueError(
                "microphone_positions: expected at least two different places as 'x y z; x y z' in metres, "
                f"got {self.microphone_positions!r}"
            )
        return found


class MicrophoneArray:
    """State of the beam and of the direction of one source. `combine` each frame, then `observe` it with its gain."""

    def __init__(self, config: MicrophoneConfig, num_bins: int, hop_seconds: float, sample_rate: int) -> None:
        self.config, self.positions = config, config.positions()
        self.num_channels = len(self.positions)
        frequency = np.linspace(0.0, sample_rate / 2, num_bins)
        centred = self.positions - self.positions.mean(axis=0)
        azimuth = np.linspace(-math.pi, math.pi, NUM_DIRECTIONS, endpoint=False)
        spread = np.linalg.svd(centred[:, :2])[1]
        axis = np.linalg.svd(centred[:, :2])[2][0]
        if spread[1] < 1e-3 * spread[0]:  # on a line
            facing = np.array([-axis[1], axis[0]])
            if facing[0] < -1e-6 or (abs(facing[0]) <= 1e-6 and facing[1] < 0):
                facing = -facing
            azimuth = azimuth[np.cos(azimuth) * facing[0] + np.sin(azimuth) * facing[1] >= -1e-9]
        self.azimuths = azimuth
        arrival = -np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros_like(azimuth)], axis=1) @ centred.T
        self._delays = arrival / SPEED_OF_SOUND  # (D, C) s; microphones nearer to the source hear it earlier
        self._frequency = frequency
        # the steered power as one product: pairs x bins of the band where speech tells its direction
        self._first, self._second = np.triu_indices(self.num_channels, 1)
        self._band = np.flatnonzero((frequency >= 200.0) & (frequency <= 4000.0))[::2]
        pair_delay = self._delays[:, self._first] - self._delays[:, self._second]  # (D, P)
        phase = 2.0 * math.pi * pair_delay[:, :, None] * frequency[self._band]
        table = np.exp(1j * phase).reshape(len(azimuth), -1)
        self._steering_table = np.concatenate([table.real, -table.imag], axis=1).astype(np.float32)
        self._forget_direction = math.exp(-hop_seconds / config.direction_seconds)
        self._forget_noise = math.exp(-hop_seconds / config.noise_seconds)
        self.reset()

    def reset(self) -> None:
        """Forget direction and noise; a beam starts as the mean of the channels."""
        bins, channels = self._frequency.size, self.num_channels
        self._cross = np.zeros(self._first.size * self._band.size, dtype=np.complex64)
        self._weight = np.full((bins, channels), 1.0 / channels, dtype=np.complex64)
        if self.config.channel_mode == "first":
            self._weight = np.eye(1, channels, dtype=np.complex64).repeat(bins, axis=0)
        self._noise = np.zeros((bins, channels, channels), dtype=np.complex64)
        self._frames = 0
        self.azimuth = math.nan

    def combine(self, spectra: Spectra) -> Spectra:
        """Channels (C, F) -> the beam (F,)."""
        return np.asarray((self._weight.conj() * spectra.T).sum(axis=1))

    def observe(self, spectra: Spectra, gain: NDArray[np.float32], is_speech: bool) -> float:
        """Learn from a frame (C, F) whose Wiener gain (F,) is known now -> azimuth in rad, NaN before any speech."""
        weighted = spectra * (1.0 - gain)
        moment = weighted.T[:, :, None] * weighted.T.conj()[:, None, :]
        self._noise = self._forget_noise * self._noise + (1.0 - self._forget_noise) * moment
        if is_speech:
            part = spectra[:, self._band]
            cross = part[self._first] * part[self._second].conj()
            cross *= np.square(gain[self._band]) / np.maximum(np.abs(cross), 1e-12)
            self._cross = self._forget_direction * self._cross + (1.0 - self._forget_direction) * cross.reshape(-1)
            self.azimuth = self._peak(self._steering_table @ np.concatenate([self._cross.real, self._cross.imag]))
        self._frames += 1
        if (
            self._frames % 4 == 0
            and math.isfinite(self.azimuth)
            and self.config.channel_mode in ("delay_and_sum", "mvdr")
        ):
            self._weight = self._beam()
        return self.azimuth

    def _peak(self, power: NDArray[np.float32]) -> float:
        """Azimuth of the largest response, between grid points by a parabola."""
        best = int(np.argmax(power))
        last = len(power) - 1
        if len(power) < NUM_DIRECTIONS and best in (0, last):
            return float(self.azimuths[best])
        before, here, after = (float(power[i % len(power)]) for i in (best - 1, best, best + 1))
        bend = before - 2.0 * here + after
        shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
        azimuth = float(self.azimuths[best]) + shift * 2.0 * math.pi / NUM_DIRECTIONS
        return math.remainder(azimuth, 2.0 * math.pi)

    def _beam(self) -> Spectra:
        """Weights (F, C) towards the azimuth, distortionless."""
        # relative to the first microphone, so that the beam's output is in time with it
        towards = (self.positions[0] - self.positions) @ [math.cos(self.azimuth), math.sin(self.azimuth), 0.0]
        steering = np.exp(-2j * math.pi * self._frequency[:, None] * towards / SPEED_OF_SOUND).astype(np.complex64)
        if self.config.channel_mode == "delay_and_sum":
            return np.asarray(steering / self.num_channels)
        level = np.einsum("fcc->f", self._noise).real / self.num_channels
        loaded = self._noise + (LOADING * level + 1e-12)[:, None, None] * np.eye(self.num_channels, dtype=np.complex64)
        solved = np.linalg.solve(loaded, steering[:, :, None])[:, :, 0]
        return np.asarray(solved / (steering.conj() * solved).sum(axis=1, keepdims=True), dtype=np.complex64)
