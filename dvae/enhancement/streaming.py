"""Streaming speech enhancement: `feed` what arrives, get what is ready, at a constant latency.

Each hop goes through the same steps: take the echo out, make a spectrum, make one channel of several, let the model
look at it; then the frame that has its look-ahead is filtered and added to the output. With a gain of 1 the output is
the input, and the output does not depend on how the input is cut into chunks.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.echo_canceller import EchoCanceller, EchoConfig
from dvae.configuration import setting
from dvae.enhancement.activity import ActivityConfig, ActivityDetector, FrameActivity
from dvae.enhancement.microphones import MicrophoneArray, MicrophoneConfig, Microphones
from dvae.enhancement.step import EnhancerStep, StepResult, StepState, load_enhancer
from dvae.signal.audio_file import Audio
from dvae.signal.level import LevelTracker
from dvae.signal.overlap_add import HopCutter, OverlapAdd
from dvae.signal.sample_formats import only_floats
from dvae.signal.sample_scale import SampleScale
from dvae.signal.stft import STFT, power_of


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


@dataclass
class Stretch:
    """All that belongs to one stretch of signal, from a reset to the next."""

    hops: HopCutter  # of the channels, and of the reference as the last row
    window: Audio  # the last n_fft samples, (C, n_fft)
    level: LevelTracker
    model: StepState
    output: OverlapAdd
    scales: tuple[SampleScale, SampleScale]  # of the channels and of the reference
    waiting: deque[Frame] = field(default_factory=deque)  # frames that wait for their look-ahead
    forget_at: deque[int] = field(default_factory=deque)  # samples from which on what was learned before is wrong
    num_analysed: int = 0
    num_fed: int = 0
    num_returned: int = 0
    num_loud: int = 0
    processing_seconds: float = 0.0


class StreamingEnhancer:
    """Enhances one channel at 16 kHz, or makes one of several. `model` is shared and read-only; all state is here.

    microphones: the array that the channels of (C, S) input come from, or who does its work; else input is (S,). echo:
    what the loudspeaker plays is given to `feed` as reference and taken out first.

    latency_seconds: the longest that a sample waits, length of the synthesis window + look-ahead. At hop boundaries the
    output is `latency_samples` behind the input, one hop less: what comes out plays while the next hop comes in.
    """

    def __init__(
        self,
        model: EnhancerStep,
        settings: EnhancerSettings | None = None,
        activity: ActivityConfig | None = None,
        microphones: MicrophoneConfig | Microphones | None = None,
        echo: EchoConfig | None = None,
    ) -> None:
        self.model, self.stft = model, STFT(synthesis_length=model.config.synthesis_length)
        self.settings = settings or EnhancerSettings()
        self.activity = ActivityDetector(activity or ActivityConfig())
        self.lookahead = model.config.lookahead_frames
        hop, rate = self.stft.hop_length, self.stft.sample_rate
        self.latency_samples = self.stft.synthesis_overlap + self.lookahead * hop
        self.latency_seconds = (self.latency_samples + hop) / rate
        if isinstance(microphones, MicrophoneConfig):
            microphones = MicrophoneArray(microphones, self.stft.num_bins, hop / rate, rate)
        self.array: Microphones | None = microphones
        self.num_channels = self.array.num_channels if self.array else 1
        self.echo = EchoCanceller(echo, self.num_channels, hop, rate) if echo else None
        self._frame_activity: list[FrameActivity] = []
        self._now = self._begin()

    @classmethod
    def load(
        cls,
        name: str | Path = "quality",
        settings: EnhancerSettings | None = None,
        activity: ActivityConfig | None = None,
        microphones: MicrophoneConfig | None = None,
        echo: EchoConfig | None = None,
    ) -> StreamingEnhancer:
        """An enhancer with a stored model: a preset ("quality", "low_latency"), the name of a shipped model, or a
        folder. ValueError as `load_enhancer`."""
        return cls(load_enhancer(name), settings, activity, microphones, echo)

    def _begin(self) -> Stretch:
        return Stretch(
            HopCutter(self.stft.hop_length, self.num_channels + 1),
            np.zeros((self.num_channels, self.stft.n_fft), dtype=np.float32),
            LevelTracker(),
            self.model.initial_state(),
            OverlapAdd(self.stft),
            (SampleScale(self.stft.sample_rate), SampleScale(self.stft.sample_rate)),
        )

    def reset(self) -> None:
        """Forget the signal; nothing that was fed and not returned can be had any more (flush first)."""
        self.activity.reset()
        if self.array:
            self.array.reset()
        if self.echo:
            self.echo.reset()
        self._frame_activity = []
        self._now = self._begin()

    @property
    def num_fed(self) -> int:
        """Samples fed since the last reset."""
        return self._now.num_fed

    @property
    def num_returned(self) -> int:
        """Samples returned since the last reset."""
        return self._now.num_returned

    @property
    def num_loud(self) -> int:
        """Samples fed since the last reset that were far above the others, and were taken as silence."""
        return self._now.num_loud

    @property
    def processing_seconds(self) -> float:
        """Time spent on what was fed since the last reset."""
        return self._now.processing_seconds

    @property
    def real_time_factor(self) -> float:
        """Processing time per second of audio fed since the last reset; 0 before there is any."""
        return self.processing_seconds / (self.num_fed / self.stft.sample_rate) if self.num_fed else 0.0

    def feed(self, samples: Audio, reference: Audio | None = None) -> Audio:
        """Samples (S,) in [-1, 1], any S -> those that are ready (R,). With an array, samples are (C, S).

        reference: what the loudspeaker played at the same time, (S,); None is silence. A few samples far above the
        others are taken as silence (`num_loud` counts them). ValueError for another shape, integers, or values not
        finite.
        """
        rows = self._admitted(self._checked(only_floats(samples), reference))
        self._now.num_fed += rows.shape[1]
        return self._process(rows)

    def check(self, samples: Audio, reference: Audio | None = None) -> None:
        """ValueError where `feed` raises it."""
        self._checked(only_floats(samples), reference)

    def _checked(self, samples: Audio, reference: Audio | None) -> Audio:
        """Channels, and the reference as the last row, (C + 1, S)."""
        if self.array is None and samples.ndim != 1:
            raise ValueError(f"expected one channel of shape (S,), got shape {samples.shape}")
        if self.array is not None and (samples.ndim != 2 or len(samples) != self.num_channels):
            raise ValueError(f"expected {self.num_channels} channels of shape (C, S), got shape {samples.shape}")
        rows = np.zeros((self.num_channels + 1, samples.shape[-1]), dtype=np.float32)
        rows[:-1] = samples
        if reference is not None:
            if np.shape(reference) != (samples.shape[-1],):
                raise ValueError(f"expected a reference of {samples.shape[-1]} samples, got {np.shape(reference)}")
            rows[-1] = only_floats(reference)
        if not np.isfinite(rows).all():
            raise ValueError(f"expected finite samples, got {int((~np.isfinite(rows)).sum())} NaN or infinite ones")
        return rows

    def _admitted(self, rows: Audio) -> Audio:
        """Without single samples that would be the level of all that follows."""
        parts = [scale.admit(part) for scale, part in zip(self._now.scales, (rows[:-1], rows[-1:]), strict=True)]
        num_loud = sum(part.num_wrong for part in parts)
        self._now.num_loud += num_loud
        self._now.forget_at.extend(self._now.num_fed + place for place in parts[0].returns)
        return np.concatenate([part.samples for part in parts]) if num_loud else rows

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
        began, now = time.perf_counter(), self._now
        ready = [self._hop(hop) for hop in now.hops.feed(rows)]
        waveform: Audio = np.concatenate(ready) if ready else np.zeros(0, dtype=np.float32)
        now.num_returned += waveform.size
        now.processing_seconds += time.perf_counter() - began
        return waveform

    def _hop(self, rows: Audio) -> Audio:
        """Advance by one hop of channels and reference -> the samples that became final (none at the very start)."""
        if self._now.forget_at and self._now.num_analysed >= self._now.forget_at[0]:
            self._forget_rubbish()
        self._now.num_analysed += rows.shape[1]
        near = rows[:-1] if self.echo is None else self.echo.step(rows[:-1], rows[-1])
        frame = self._analyse(near)
        result = self._look_at(frame)
        if result is None:
            return rows[0, :0]
        oldest = self._now.waiting.popleft()
        self._frame_activity.append(self._observe(oldest, result))
        gain = np.maximum(result.wiener_gain, np.float32(self.settings.min_gain))
        return self._now.output.add(oldest.spectrum * gain)

    def _forget_rubbish(self) -> None:
        """What was far too loud for long is known to be wrong: levels, filters and beams are learned anew."""
        self._now.forget_at.popleft()
        self._now.level.reset()
        if self.array:
            self.array.reset()
        if self.echo:
            self.echo.reset()

    def _analyse(self, hop: Audio) -> Frame:
        """One hop (C, hop) -> the frame that ends with it."""
        now = self._now
        now.window = np.concatenate([now.window[:, self.stft.hop_length :], hop], axis=1)
        channels = self.stft.frames_to_spectrum(now.window)
        spectrum = self.array.combine(channels) if self.array else channels[0]
        power = np.asarray(power_of(spectrum), dtype=np.float32)
        return Frame(channels, spectrum, power)

    def _look_at(self, frame: Frame) -> StepResult | None:
        """Let the model read the newest frame -> what it says of the oldest that waits, None during the look-ahead."""
        now = self._now
        now.waiting.append(frame)
        level = now.level.step(float(np.add.reduce(frame.power)) / frame.power.size)
        power = frame.power / np.float32(level)
        if len(now.waiting) <= self.lookahead:
            now.model = self.model.look_ahead(power, now.model)
            return None
        result, now.model = self.model.step(power, now.model)
        return result

    def _observe(self, frame: Frame, result: StepResult) -> FrameActivity:
        """Whether somebody speaks in a filtered frame, and from where; the array learns from it."""
        activity = self.activity.step(result.activity, frame.power, result.wiener_gain)
        if self.array is None:
            return activity
        azimuth = self.array.observe(frame.channels, result.wiener_gain, activity.probability > 0.5)
        return activity._replace(azimuth=azimuth)
