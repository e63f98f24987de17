"""The fixed test set, and the same in simulated rooms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dvae.data.fixed_mixtures import SAMPLE_RATE, FixedMixture, fixed_mixtures
from dvae.signal.audio_file import list_audio

SNRS = (-5, 0, 5, 10)


def read_mixtures(
    data: Path, speech: str = "speech/test_other", noise: str = "noise/test", in_rooms: bool = False
) -> Iterator[FixedMixture]:
    """24 mixtures at each of four SNRs, of speakers and noises that nothing was trained on."""
    files = [list_audio(Path(data) / folder) for folder in (speech, noise)]
    return fixed_mixtures(files[0], files[1], 24, SNRS, place=in_a_room if in_rooms else None)


def in_a_room(clean: np.ndarray, noise: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Both from random places of a random room, reverberation time 0.2 to 0.5 s; the reverberant speech is the
    truth.
    """
    import pyroomacoustics

    rng = np.random.default_rng((7, index))
    size = rng.uniform([3, 3, 2.4], [8, 6, 3.2])
    absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(0.2, 0.5), size)
    microphone, parts = rng.uniform(0.3, 0.7, 3) * size, []
    for source in (clean, noise):
        material = pyroomacoustics.Material(absorption)
        room = pyroomacoustics.ShoeBox(size, fs=SAMPLE_RATE, materials=material, max_order=min(order, 12))
        room.add_source(rng.uniform(0.1, 0.9, 3) * size, signal=source)
        room.add_microphone(microphone)
        room.simulate()
        parts.append(room.mic_array.signals[0, : source.size])
    return parts[0], parts[1]
