"""Streaming speech enhancement: `feed` what arrives, get what is ready, at a constant latency.

Frames, look-ahead and overlap-add are those of dvae.signal.stft and dvae.enhancement.step; with a gain of 1 the
output is the input, and the output does not depend on how the input is cut into chunks.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.echo_canceller import EchoCanceller, EchoConfig
from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig, ActivityDetector, FrameActivity
from dvae.enhancement.microphones import MicrophoneArray, MicrophoneConfig
from dvae.enhancement.step import EnhancerStep
from dvae.signal.audio_file import Audio
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT


@dataclass(frozen=True)
class EnhancerSettings:
    """Settings of the streaming enhancer."""

    min_gain: float = setting(
        0.02, "smallest gain: what noise is left with, so that it stays natural", minimum=0.0, maximum=1.0, live=True
    )


class Frame(NamedTuple):
    """Spectra of the channels (C, F), of what is made of them, and its power, both (F,)."""

    channels: NDArray[np.complex64]
    spectrum: NDArray[np.complex64]
    power: NDArray[np.float32]


class StreamingEnhancer:
    """Enhances one channel at 16 kHz, or makes one of several. `model` is shared and read-only; all state is here.

    microphones: the array that the channels of (C, S) input come from, else input is (S,). echo: what the loudspeaker
    plays is given to `feed` as reference and taken out first.

    latency_seconds: the longest that a sample waits, length of the synthesis window + look-ahead. At hop boundaries the
    output is `latency_samples` behind the input, one hop less: what comes out plays while the next hop comes in.
    """

    def __init__(
        self,
        model: EnhancerStep,
        settings: EnhancerSettings | None = None,
        activity: ActivityConfig | None = None,
        microphones: MicrophoneConfig | None = None,
        echo: EchoConfig | None = None,
    ) -> None:
        self.model, self.stft = model, STFT(synthesis_length=model.config.synthesis_length)
        self.settings = settings or EnhancerSettings()
        self.activity = ActivityDetector(activity or ActivityConfig())
        self.lookahead = model.config.lookahead_frames
        self.latency_samples = self.stft.synthesis_overlap + self.lookahead * self.stft.hop_length
        self.latency_seconds = (self.latency_samples + self.stft.hop_length) / self.stft.sample_rate
        hop, rate = self.stft.hop_length, self.stft.sample_rate
        self.array = MicrophoneArray(microphones, self.stft.num_bins, hop / rate, rate) if microphones else None
        self.num_channels = self.array.num_channels if self.array else 1
        self.echo = EchoCanceller(echo, self.num_channels, hop, rate) if echo else None
        self._level = LevelTracker()
        self.reset()

    def reset(self) -> None:
        """Forget the signal; nothing that was fed and not returned can be had any more (flush first)."""
        self._state = self.model.initial_state()
        self._level.reset()
        self.activity.reset()
        if self.array:
            self.array.reset()
        if self.echo:
            self.echo.reset()
        rows = self.num_channels + 1  # the last one is the reference
        self._pending: Audio = np.zeros((rows, 0), dtype=np.float32)  # samples that do not fill a hop yet
        self._window: Audio = np.zeros((self.num_channels, self.stft.n_fft), dtype=np.float32)  # the last n_fft samples
        self._waiting: deque[Frame] = deque()  # frames that wait for their look-ahead
        self._sum: Audio = np.zeros(self.stft.num_synthesis, dtype=np.float32)  # overlap-add
        self._frame_activity: list[FrameActivity] = []
        self.num_fed = self.num_returned = 0
        self.processing_seconds = 0.0  # time spent on what was fed, for the real-time factor
        self._num_frames = 0

    @property
    def real_time_factor(self) -> float:
        """Processing time per second of audio fed since the last reset; 0 before there is any."""
        return self.processing_seconds / (self.num_fed / self.stft.sample_rate) if self.num_fed else 0.0

    def feed(self, samples: Audio, reference: Audio | None = None) -> Audio:
        """Samples (S,) in [-1, 1], any S -> those that are ready (R,). With an array, samples are (C, S).

        reference: what the loudspeaker played at the same time, (S,); None is silence. ValueError for another shape or
        values not finite.
        """
        samples = np.asarray(samples, dtype=np.float32)
        if self.array is None and samples.ndim != 1:
            raise ValueError(f"expected one channel of shape (S,), got shape {samples.shape}")
        if self.array is not None and (samples.ndim != 2 or len(samples) != self.num_channels):
            raise ValueError(f"expected {self.num_channels} channels of shape (C, S), got shape {samples.shape}")
        rows = np.zeros((self.num_channels + 1, samples.shape[-1]), dtype=np.float32)
        rows[:-1] = samples
        if reference is not None:
            if np.shape(reference) != (samples.shape[-1],):
                raise ValueError(f"expected a reference of {samples.shape[-1]} samples, got {np.shape(reference)}")
            rows[-1] = reference
        if not np.isfinite(rows).all():
            raise ValueError(f"expected finite samples, got {int((~np.isfinite(rows)).sum())} NaN or infinite ones")
        self.num_fed += samples.shape[-1]
        return self._process(rows)

    def flush(self) -> Audio:
        """The samples still inside, as if silence followed; then reset. Output is then as long as the input."""
        remaining = self.num_fed - self.num_returned
        silence = np.zeros((self.num_channels + 1, self.latency_samples + self.stft.hop_length), dtype=np.float32)
        ready = self._process(silence)[:remaining]
        activity = self._frame_activity
        self.reset()
        self._frame_activity = activity  # can still be had
        return ready

    def pop_activity(self) -> list[FrameActivity]:
        """Speech activity of the frames filtered since the last call, oldest first."""
        activity, self._frame_activity = self._frame_activity, []
        return activity

    def _process(self, rows: Audio) -> Audio:
        began = time.perf_counter()
        hop = self.stft.hop_length
        pending = np.concatenate([self._pending, rows], axis=1)
        num_hops = pending.shape[1] // hop
        self._pending = pending[:, num_hops * hop :]
        ready = [self._hop(pending[:, i * hop : (i + 1) * hop]) for i in range(num_hops)]
        waveform: Audio = np.concatenate(ready) if ready else np.zeros(0, dtype=np.float32)
        self.num_returned += waveform.size
        self.processing_seconds += time.perf_counter() - began
        return waveform

    def _hop(self, rows: Audio) -> Audio:
        """Advance by one hop of channels and reference -> the samples that became final (none at the very start)."""
        new = rows[:-1] if self.echo is None else self.echo.step(rows[:-1], rows[-1])
        self._window = np.concatenate([self._window[:, self.stft.hop_length :], new], axis=1)
        channels = self.stft.frames_to_spectrum(self._window)
        spectrum = self.array.combine(channels) if self.array else channels[0]
        power = np.asarray(np.square(spectrum.real) + np.square(spectrum.imag), dtype=np.float32)
        self._waiting.append(Frame(channels, spectrum, power))
        level = self._level.step(float(np.add.reduce(power)) / power.size)
        power = power / np.float32(level)
        self._num_frames += 1
        if self._num_frames <= self.lookahead:
            self._state = self.model.look_ahead(power, self._state)
            return rows[0, :0]
        result, self._state = self.model.step(power, self._state)
        channels, spectrum, power = self._waiting.popleft()
        gain = result.wiener_gain
        activity = self.activity.step(result.activity, power, gain)
        if self.array:
            azimuth = self.array.observe(channels, gain, activity.probability > 0.5)
            activity = activity._replace(azimuth=azimuth)
        self._frame_activity.append(activity)
        return self._overlap_add(spectrum * np.maximum(gain, np.float32(self.settings.min_gain)))

    def _overlap_add(self, spectrum: NDArray[np.complex64]) -> Audio:
        """Add the oldest frame -> `hop` samples, none while they lie before the first sample that was fed."""
        hop = self.stft.hop_length
        summed = self._sum + self.stft.spectrum_to_frames(spectrum)
        self._sum = np.concatenate([summed[hop:], np.zeros(hop, dtype=np.float32)])
        frame = self._num_frames - self.lookahead - 1
        return summed[:hop] if (frame + 1) * hop > self.stft.synthesis_overlap else summed[:0]
