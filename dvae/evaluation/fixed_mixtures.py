"""Noisy speech for evaluation: the same mixtures on every machine, from the files of two folders and a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_file import Audio, read_mono

SAMPLE_RATE = 16000
MAX_SECONDS = 8
Signal = NDArray[np.float64]
Place = Callable[[Signal, Signal, int], tuple[Signal, Signal]]


class FixedMixture(NamedTuple):
    """clean and noisy, both (S,), SNR in dB, and the number within the SNR."""

    clean: Audio
    noisy: Audio
    snr: int
    number: int


def fixed_mixtures(
    speech: Sequence[Path],
    noise: Sequence[Path],
    number: int,
    snrs: Sequence[int],
    seed: int = 7,
    place: Place | None = None,
) -> Iterator[FixedMixture]:
    """`number` mixtures at each SNR: the n-th noise file with a drawn speech file, at most 8 s, peak 0.9.

    Short speech is repeated to 5 s. place: (speech, noise, index) -> the same as they arrive at the microphone of a
    room.
    """
    rng = np.random.default_rng(seed)
    for index in range(number):
        clean = read_mono(speech[int(rng.integers(len(speech)))], SAMPLE_RATE).astype(np.float64)
        is_short = clean.size < 3 * SAMPLE_RATE
        clean = np.tile(clean, 3)[: 5 * SAMPLE_RATE] if is_short else clean[: MAX_SECONDS * SAMPLE_RATE]
        recording = read_mono(noise[index % len(noise)], SAMPLE_RATE).astype(np.float64)
        recording = np.tile(recording, -(-(clean.size + 1) // recording.size))
        first = int(rng.integers(recording.size - clean.size + 1))
        recording = recording[first : first + clean.size]
        if place is not None:
            clean, recording = place(clean, recording, index)
        for snr in snrs:
            gain = np.sqrt(np.square(clean).mean() / (np.square(recording).mean() + 1e-12) / 10 ** (snr / 10))
            noisy = clean + gain * recording
            scale = 0.9 / max(1e-9, float(np.abs(noisy).max()), float(np.abs(clean).max()))
            yield FixedMixture((scale * clean).astype(np.float32), (scale * noisy).astype(np.float32), snr, index)
