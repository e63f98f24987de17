"""Real speech for the protocols: the files of a folder, or crops of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dvae.data.crops import AudioCrops, trim_silence
from dvae.signal.audio_file import Audio, read_each, read_mono
from dvae.signal.audio_folder import list_audio

SAMPLE_RATE = 16000
TRIM_DB = 30.0  # edges quieter than this below the peak are cut off


def read_utterances(folder: Path, seconds: float = 0.0) -> list[Audio]:
    """Every file below `folder` (S,), or so many seconds from its beginning, edges of silence cut, at peak 1."""
    found = []
    paths = tqdm(list_audio(folder), desc="read audio", leave=False, disable=None)
    for recording in read_each(partial(read_mono, sample_rate=SAMPLE_RATE), paths):
        waveform = trim_silence(recording, TRIM_DB)
        waveform = waveform[: int(seconds * SAMPLE_RATE)] if seconds else waveform
        if waveform.size:
            found.append(waveform / np.abs(waveform).max())
    return found


def draw_utterances(folder: Path, number: int, num_samples: int, seed: int) -> Audio:
    """Crops (number, num_samples) of the files below `folder`."""
    crops, rng = AudioCrops(list_audio(folder), SAMPLE_RATE, trim_db=TRIM_DB), np.random.default_rng(seed)
    return np.stack([crops.draw_active(num_samples, rng) for _ in range(number)])
