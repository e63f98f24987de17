"""Acoustic echo cancellation: what the robot's loudspeaker plays is taken out of its microphones.

The partitioned-block frequency-domain Kalman filter of F. Kuech, E. Mabande and G. Enzner, "State-space architecture of
the partitioned-block-based acoustic echo controller", ICASSP 2014: the path from loudspeaker to microphone is a random
walk, the near end is its observation noise, and the step size follows from both; there is no detector of double talk
to tune. What is left goes on to the enhancer. numpy alone, so that it runs wherever the enhancer does (the packaged
SpeexDSP canceller has no build for ARM; bench/enhancement/echo.py compares them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dvae.configuration import setting
from dvae.signal.audio_file import Audio

TINY = 1e-10


@dataclass(frozen=True)
class EchoConfig:
    """The echo path."""

    echo_seconds: float = setting(
        0.256, "longest delay of the echo that is cancelled", unit="s", minimum=0.016, maximum=2.0
    )
    echo_drift: float = setting(
        0.9997, "how much of the path stays from one block of 16 ms to the next", minimum=0.9, maximum=1.0
    )


class EchoCanceller:
    """Call `step` once a block, for all channels at once; no delay beside the block itself."""

    def __init__(self, config: EchoConfig, num_channels: int, block: int, sample_rate: int) -> None:
        self.config, self.num_channels, self.block = config, num_channels, block
        self.num_parts = max(1, round(config.echo_seconds * sample_rate / block))
        self.reset()

    def reset(self) -> None:
        """Forget the path."""
        bins = self.block + 1
        self._path = np.zeros((self.num_channels, self.num_parts, bins), dtype=np.complex64)
        self._uncertainty = np.ones((self.num_channels, self.num_parts, bins), dtype=np.float32)
        self._reference = np.zeros((self.num_parts, bins), dtype=np.complex64)  # spectra, newest first
        self._last = np.zeros(self.block, dtype=np.float32)
        self._near = np.full((self.num_channels, bins), 1e-3, dtype=np.float32)  # power of what is no echo

    def step(self, microphones: Audio, reference: Audio) -> Audio:
        """One block of the microphones (C, B) and of the loudspeaker (B,) -> the microphones without echo (C, B)."""
        size = self.block
        spectrum = fft.rfft(np.concatenate([self._last, reference])).astype(np.complex64)
        self._reference = np.concatenate([spectrum[None], self._reference[:-1]])
        self._last = reference
        if not np.any(self._reference):
            return microphones
        power = np.square(self._reference.real) + np.square(self._reference.imag)  # (P, F)
        echo = fft.irfft((self._path * self._reference).sum(1))[:, size:]
        clean = microphones - echo
        error = fft.rfft(np.concatenate([np.zeros_like(clean), clean], axis=1)).astype(np.complex64)
        now = np.square(error.real) + np.square(error.imag)
        self._near = np.asarray(0.9 * self._near + 0.1 * now, dtype=np.float32)
        total = (power * self._uncertainty).sum(1, keepdims=True) + 2.0 * self._near[:, None] + TINY
        gain = self._uncertainty / total  # of conj(x) e
        change = fft.irfft(gain * self._reference.conj() * error[:, None])
        change[..., size:] = 0.0  # a filter of one block in each part
        keep = np.float32(self.config.echo_drift)
        self._path = keep * (self._path + fft.rfft(change).astype(np.complex64))
        walk = (1.0 - keep**2) * (np.square(self._path.real) + np.square(self._path.imag))
        self._uncertainty = keep**2 * (1.0 - 0.5 * gain * power) * self._uncertainty + walk
        return np.asarray(clean, dtype=np.float32)


def echo_reduction_db(before: NDArray[np.floating], after: NDArray[np.floating]) -> float:
    """Echo return loss enhancement: power of the echo before and of what is left of it, in dB."""
    return float(10 * np.log10((np.square(before).mean() + 1e-20) / (np.square(after).mean() + 1e-20)))
