"""Random crops of audio files, reproducible from (seed, batch index) alone, so that a resumed run
sees the same data as one that was never stopped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from dvae.files import printable
from dvae.signal.audio_file import Audio, audio_info, read_audio, read_each, read_mono, resample

logger = logging.getLogger(__name__)
MEMORY_SECONDS = 20 * 3600.0  # of audio that are held in memory: 4.6 GB at 16 kHz


class OnDisk(NamedTuple):
    """A recording of which only what is drawn is read."""

    path: Path
    size: int  # samples at the rate of the crops
    file_rate: int


class AudioCrops:
    """The recordings in `paths`, in memory up to `memory_seconds`, else read as they are drawn; they are drawn in
    proportion to their length. A file that cannot be decoded is left out with a message.

    trim_db: edges quieter than this below the peak are cut off (None keeps them; not of what is read as it is drawn).
    speeds: resampling factors that multiply the data (1.1 is 10 % faster and higher). Raises ValueError when nothing
    can be heard in any of the files.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sample_rate: int,
        trim_db: float | None = None,
        speeds: tuple[float, ...] = (1.0,),
        memory_seconds: float = MEMORY_SECONDS,
    ) -> None:
        self.sample_rate, self.speeds = sample_rate, speeds
        on_disk = read_each(self._on_disk, paths)
        self.recordings: list[Audio | OnDisk] = list(on_disk)
        if sum(recording.size for recording in on_disk) <= memory_seconds * sample_rate:
            recordings = (recording.path for recording in tqdm(on_disk, desc="read audio", leave=False, disable=None))
            copies = read_each(partial(self._in_memory, trim_db=trim_db), recordings)
            self.recordings = [copy for each in copies for copy in each]
        lengths = np.array([recording.size for recording in self.recordings], dtype=np.float64)
        if not lengths.sum():
            raise ValueError(f"expected audio that can be heard in {len(paths)} files like {paths[0]}, got none")
        until = np.cumsum(lengths)
        self._share = until / until[-1]  # of the audio up to the end of each recording

    def _on_disk(self, path: Path) -> OnDisk:
        info = audio_info(path)
        return OnDisk(path, int(info.seconds * self.sample_rate), info.sample_rate)

    def _in_memory(self, path: Path, trim_db: float | None) -> list[Audio]:
        """The recording at each speed; ValueError when the header was fine, but what follows is not."""
        waveform = read_mono(path, self.sample_rate)
        if trim_db is not None:
            waveform = trim_silence(waveform, trim_db)
        speeds = self.speeds if waveform.size else ()
        return [
            waveform if speed == 1.0 else resample(waveform, self.sample_rate * speed, self.sample_rate)
            for speed in speeds
        ]

    def draw(self, num_samples: int, rng: np.random.Generator) -> Audio:
        """A crop (num_samples,), repeating a recording that is shorter; silence where a file cannot be read."""
        recording = self.recordings[int(np.searchsorted(self._share, rng.random(), side="right"))]
        if isinstance(recording, OnDisk):
            recording = self._read(recording, num_samples, rng)
        return crop(recording, num_samples, rng)

    def _read(self, recording: OnDisk, num_samples: int, rng: np.random.Generator) -> Audio:
        """At least `num_samples` from a random place of a file, or all of a shorter one, at a random speed."""
        speed = float(rng.choice(self.speeds))
        rate = recording.file_rate / self.sample_rate
        wanted = int(np.ceil((num_samples + 64) * rate * speed))  # and what the resampler's edges cost
        start = int(rng.integers(max(1, int(recording.size * rate) - wanted + 1)))
        try:
            samples, _ = read_audio(recording.path, start, wanted)
        except ValueError as error:
            logger.warning("%s", printable(error))
            return np.zeros(num_samples, dtype=np.float32)
        return resample(samples.mean(axis=0), recording.file_rate * speed, self.sample_rate)

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
