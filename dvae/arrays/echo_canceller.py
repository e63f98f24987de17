"""Acoustic echo cancellation: what the robot's loudspeaker plays is taken out of its microphones.

The partitioned-block frequency-domain Kalman filter of F. Kuech, E. Mabande and G. Enzner, "State-space architecture of
the partitioned-block-based acoustic echo controller", ICASSP 2014: the path from loudspeaker to microphone is a random
walk, the near end is its observation noise, and the step size follows from both; there is no detector of double talk
to tune. What is left goes on to the enhancer. numpy alone, so that it runs wherever the enhancer does (the packaged
SpeexDSP canceller has no build for ARM; bench/enhancement/echo.py compares them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dvae.configuration import setting
from dvae.signal.audio_file import Audio
from dvae.signal.stft import power_of

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


class EchoState(NamedTuple):
    """What one block hands to the next; P parts of the path, F = block + 1 bins."""

    path: NDArray[np.complex64]  # (C, P, F)
    uncertainty: NDArray[np.float32]  # of the path, (C, P, F)
    reference: NDArray[np.complex64]  # spectra of the loudspeaker, newest first, (P, F)
    last: Audio  # the block of the loudspeaker before, (B,)
    near: NDArray[np.float32]  # power of what is no echo, (C, F)


class EchoCanceller:
    """Call `step` once a block, for all channels at once; no delay beside the block itself."""

    def __init__(self, config: EchoConfig, num_channels: int, block: int, sample_rate: int) -> None:
        self.config, self.num_channels, self.block = config, num_channels, block
        self.num_parts = max(1, round(config.echo_seconds * sample_rate / block))
        self._state = self._initial_state()

    def _initial_state(self) -> EchoState:
        bins = self.block + 1
        return EchoState(
            np.zeros((self.num_channels, self.num_parts, bins), dtype=np.complex64),
            np.ones((self.num_channels, self.num_parts, bins), dtype=np.float32),
            np.zeros((self.num_parts, bins), dtype=np.complex64),
            np.zeros(self.block, dtype=np.float32),
            np.full((self.num_channels, bins), 1e-3, dtype=np.float32),
        )

    def reset(self) -> None:
        """Forget the path."""
        self._state = self._initial_state()

    def step(self, microphones: Audio, reference: Audio) -> Audio:
        """One block of the microphones (C, B) and of the loudspeaker (B,) -> the microphones without echo (C, B)."""
        before = self._state
        spectrum = fft.rfft(np.concatenate([before.last, reference])).astype(np.complex64)
        spectra = np.concatenate([spectrum[None], before.reference[:-1]])
        self._state = before._replace(reference=spectra, last=reference)
        if not np.any(spectra):
            return microphones
        echo = fft.irfft((before.path * spectra).sum(1))[:, self.block :]
        clean = microphones - echo
        error = fft.rfft(np.concatenate([np.zeros_like(clean), clean], axis=1)).astype(np.complex64)
        self._state = self._learn(self._state, error)
        return np.asarray(clean, dtype=np.float32)

    def _learn(self, state: EchoState, error: NDArray[np.complex64]) -> EchoState:
        """The Kalman step: what is known after the error (C, F) of a block."""
        near = np.asarray(0.9 * state.near + 0.1 * power_of(error), dtype=np.float32)
        power = power_of(state.reference)  # (P, F)
        total = (power * state.uncertainty).sum(1, keepdims=True) + 2.0 * near[:, None] + TINY
        gain = state.uncertainty / total  # of conj(x) e
        change = fft.irfft(gain * state.reference.conj() * error[:, None])
        change[..., self.block :] = 0.0  # a filter of one block in each part
        keep = np.float32(self.config.echo_drift)
        path = keep * (state.path + fft.rfft(change).astype(np.complex64))
        walk = (1.0 - keep**2) * power_of(path)
        uncertainty = keep**2 * (1.0 - 0.5 * gain * power) * state.uncertainty + walk
        return state._replace(path=path, uncertainty=uncertainty, near=near)


def echo_reduction_db(before: NDArray[np.floating], after: NDArray[np.floating]) -> float:
    """Echo return loss enhancement: power of the echo before and of what is left of it, in dB."""
    return float(10 * np.log10((np.square(before).mean() + 1e-20) / (np.square(after).mean() + 1e-20)))
