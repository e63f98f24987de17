"""Reading and writing audio files (soundfile) at any rate (soxr)."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

# what libsndfile decodes and tells by its header; raw samples have none
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"),
    *(".caf", ".rf64", ".w64", ".sph"),
)
Audio = NDArray[np.float32]


def is_audio(path: Path) -> bool:
    """Whether the name says that soundfile decodes it."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def list_audio(folder: Path) -> list[Path]:
    """All audio files below `folder`, sorted, hidden ones left out; what else lies there is named in the log.

    ValueError when the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise ValueError(f"expected a folder of audio files, got {folder}, which is not a folder")
    present = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    files = [path for path in present if is_audio(path)]
    others = Counter(path.suffix.lower() or path.name for path in present if not is_audio(path))
    if not files:
        got = f"only {', '.join(sorted(others))}" if others else "none"
        raise ValueError(f"expected audio files ({' '.join(AUDIO_SUFFIXES)}) below {folder}, got {got}")
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        logger.warning("%s: left out %d files that are no audio: %s", folder, others.total(), kinds)
    return files


class AudioInfo(NamedTuple):
    """What the header says."""

    seconds: float
    sample_rate: int


def audio_info(path: Path) -> AudioInfo:
    """Length and rate without decoding; ValueError as `read_audio`."""
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(f"expected an audio file that can be decoded, got {path}: {error}") from error
    return AudioInfo(info.frames / info.samplerate, int(info.samplerate))


def read_audio(path: Path, start: int = 0, num_samples: int = -1) -> tuple[Audio, int]:
    """Samples (C, S) in [-1, 1] from `start` on, at most `num_samples` (-1: all), and the sample rate in Hz; ValueError
    when the file cannot be decoded."""
    try:
        samples, sample_rate = soundfile.read(path, num_samples, start, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise ValueError(f"expected an audio file that can be decoded, got {path}: {error}") from error
    return np.ascontiguousarray(samples.T), int(sample_rate)


def read_mono(path: Path, sample_rate: int) -> Audio:
    """The mean of the channels, resampled to `sample_rate`, shape (S,)."""
    samples, file_rate = read_audio(path)
    return resample(samples.mean(axis=0), file_rate, sample_rate)


def resample(waveform: Audio, rate_in: float, rate_out: float) -> Audio:
    """Waveform (S,) at `rate_in` Hz -> at `rate_out` Hz."""
    if rate_in == rate_out:
        return waveform
    return np.asarray(soxr.resample(waveform, rate_in, rate_out), dtype=np.float32)


def write_audio(path: Path, waveform: Audio, sample_rate: int, subtype: str = "PCM_16") -> None:
    """Write (S,) or (C, S) in [-1, 1]; the suffix decides the format."""
    soundfile.write(path, waveform.T if waveform.ndim == 2 else waveform, sample_rate, subtype=subtype)
