"""Streaming speech enhancement: `feed` what arrives, get what is ready, at a constant latency.

Frames, look-ahead and overlap-add are those of dvae.signal.stft and dvae.enhancement.model; with a gain of 1 the
output is the input, and the output does not depend on how the input is cut into chunks.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig, ActivityDetector, FrameActivity
from dvae.enhancement.model import Enhancer
from dvae.signal.audio_file import Audio
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT


@dataclass(frozen=True)
class EnhancerSettings:
    """Settings of the streaming enhancer."""

    min_gain: float = setting(
        0.05, "smallest gain: what noise is left with, so that it stays natural", minimum=0.0, maximum=1.0, live=True
    )


class StreamingEnhancer:
    """Enhances one channel at 16 kHz. `model` is shared and read-only; all state is here.

    latency_seconds: delay of the output behind the input at hop boundaries, window - hop + look-ahead * hop.
    """

    def __init__(
        self, model: Enhancer, settings: EnhancerSettings | None = None, activity: ActivityConfig | None = None
    ) -> None:
        self.model, self.stft = model, STFT()
        self.settings = settings or EnhancerSettings()
        self.activity = ActivityDetector(activity or ActivityConfig(), self.stft.num_bins, self.stft.sample_rate)
        self.lookahead = model.config.lookahead_frames
        self.latency_samples = self.stft.overlap + self.lookahead * self.stft.hop_length
        self.latency_seconds = self.latency_samples / self.stft.sample_rate
        self._level = LevelTracker()
        self.reset()

    def reset(self) -> None:
        """Forget the signal; nothing that was fed and not returned can be had any more (flush first)."""
        like = next(self.model.parameters())
        self._device = like.device
        self._state = self.model.initial_state(1, like)
        self._level.reset()
        self.activity.reset()
        self._pending: Audio = np.zeros(0, dtype=np.float32)  # samples that do not fill a hop yet
        self._window = torch.zeros(self.stft.n_fft)  # the last n_fft samples
        self._spectra: deque[Tensor] = deque()  # frames that wait for their look-ahead
        self._sum = torch.zeros(self.stft.n_fft)  # overlap-add
        self._frame_activity: list[FrameActivity] = []
        self.num_fed = self.num_returned = 0
        self.processing_seconds = 0.0  # time spent on what was fed, for the real-time factor
        self._num_frames = 0

    @property
    def real_time_factor(self) -> float:
        """Processing time per second of audio fed since the last reset; 0 before there is any."""
        return self.processing_seconds / (self.num_fed / self.stft.sample_rate) if self.num_fed else 0.0

    def feed(self, samples: Audio) -> Audio:
        """Samples (S,) in [-1, 1], any S -> those that are ready. ValueError for another shape or values not finite."""
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 1:
            raise ValueError(f"expected one channel of shape (S,), got shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise ValueError(f"expected finite samples, got {int((~np.isfinite(samples)).sum())} NaN or infinite ones")
        self.num_fed += samples.size
        return self._process(samples)

    def flush(self) -> Audio:
        """The samples still inside, as if silence followed; then reset. Output is then as long as the input."""
        remaining = self.num_fed - self.num_returned
        ready = self._process(np.zeros(self.latency_samples + self.stft.hop_length, dtype=np.float32))[:remaining]
        activity = self._frame_activity
        self.reset()
        self._frame_activity = activity  # can still be had
        return ready

    def pop_activity(self) -> list[FrameActivity]:
        """Speech activity of the frames filtered since the last call, oldest first."""
        activity, self._frame_activity = self._frame_activity, []
        return activity

    @torch.inference_mode()
    def _process(self, samples: Audio) -> Audio:
        began = time.perf_counter()
        hop = self.stft.hop_length
        pending = np.concatenate([self._pending, samples])
        num_hops = pending.size // hop
        self._pending = pending[num_hops * hop :]
        ready = [self._hop(torch.from_numpy(pending[i * hop : (i + 1) * hop])) for i in range(num_hops)]
        waveform = torch.cat(ready).numpy() if ready else np.zeros(0, dtype=np.float32)
        self.num_returned += waveform.size
        self.processing_seconds += time.perf_counter() - began
        return waveform

    def _hop(self, new: Tensor) -> Tensor:
        """Advance by one hop of samples -> the samples that became final (none at the very start)."""
        hop = self.stft.hop_length
        self._window = torch.cat([self._window[hop:], new])
        spectrum = self.stft.frames_to_spectrum(self._window)
        self._spectra.append(spectrum)
        power = spectrum.abs().square()
        level = float(self._level.step(float(power.mean())))
        features = (power / level)[None].to(self._device)
        self._num_frames += 1
        if self._num_frames <= self.lookahead:
            self._state = self.model.look_ahead(features, self._state)
            return new[:0]
        variances, self._state = self.model.step(features, self._state)
        return self._filter(self._spectra.popleft(), variances.wiener_gain[0].cpu())

    def _filter(self, spectrum: Tensor, gain: Tensor) -> Tensor:
        """Wiener filter (eq. 6.12) and overlap-add of the oldest frame -> `hop` samples, fewer in the first frames."""
        hop = self.stft.hop_length
        self._frame_activity.append(self.activity.step(spectrum.abs().square().double().numpy(), gain.double().numpy()))
        gain = gain.clamp_min(self.settings.min_gain)
        self._sum = self._sum + self.stft.spectrum_to_frames(spectrum * gain)
        final, self._sum = self._sum[:hop], torch.cat([self._sum[hop:], torch.zeros(hop)])
        frame = self._num_frames - self.lookahead - 1
        return final[self.stft.overlap :] if frame * hop < self.stft.overlap else final
