"""Random crops of audio files, reproducible from (seed, batch index) alone, so that a resumed run
sees the same data as one that was never stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from dvae.signal.audio_file import Audio, read_mono


class AudioCrops:
    """The recordings in `paths`, in memory; they are drawn in proportion to their length.

    trim_db: edges quieter than this below the peak are cut off (None keeps them). speeds: resampling factors that
    multiply the data (1.1 is 10 % faster and higher).
    """

    def __init__(
        self, paths: Sequence[Path], sample_rate: int, trim_db: float | None = None, speeds: tuple[float, ...] = (1.0,)
    ) -> None:
        self.recordings: list[Audio] = []
        for path in tqdm(paths, desc="read audio", leave=False):
            waveform = read_mono(path, sample_rate)
            if trim_db is not None:
                waveform = trim_silence(waveform, trim_db)
            for speed in speeds if waveform.size else ():
                changed = waveform if speed == 1.0 else soxr.resample(waveform, sample_rate * speed, sample_rate)
                self.recordings.append(np.asarray(changed, dtype=np.float32))
        lengths = np.array([recording.size for recording in self.recordings], dtype=np.float64)
        self._probability = lengths / lengths.sum()

    def draw(self, num_samples: int, rng: np.random.Generator) -> Audio:
        """A crop (num_samples,), repeating a recording that is shorter."""
        recording = self.recordings[rng.choice(len(self.recordings), p=self._probability)]
        return crop(recording, num_samples, rng)

    def draw_active(self, num_samples: int, rng: np.random.Generator, tries: int = 8) -> Audio:
        """A crop at least a third of which is within 40 dB of its peak (or the last of `tries`)."""
        for _ in range(tries):
            waveform = self.draw(num_samples, rng)
            if active_fraction(waveform) > 1 / 3:
                break
        return waveform


def crop(recording: Audio, num_samples: int, rng: np.random.Generator) -> Audio:
    """`num_samples` consecutive samples from a random place, the recording repeated where it is too short."""
    if recording.size < num_samples:
        recording = np.tile(recording, -(-num_samples // recording.size))
    start = int(rng.integers(recording.size - num_samples + 1))
    return recording[start : start + num_samples]


def active_fraction(waveform: Audio, block: int = 320, range_db: float = 40.0) -> float:
    """Fraction of 20 ms blocks (at 16 kHz) whose power is within `range_db` of the loudest; 0 for silence."""
    power = (waveform[: waveform.size // block * block].reshape(-1, block) ** 2).mean(axis=1)
    loudest = power.max(initial=0.0)
    return float((power > loudest * 10 ** (-range_db / 10)).mean()) if loudest > 0 else 0.0


def trim_silence(waveform: Audio, range_db: float) -> Audio:
    """Cut what lies before the first and after the last sample within `range_db` of the peak."""
    loud = np.flatnonzero(np.abs(waveform) > np.abs(waveform).max(initial=0.0) * 10 ** (-range_db / 20))
    return waveform[loud[0] : loud[-1] + 1] if loud.size else waveform[:0]
