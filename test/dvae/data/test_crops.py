"""Random crops: reproducible, pieces of the files, from memory and from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dvae.data.crops import AudioCrops, OnDisk, trim_silence
from dvae.signal.audio_file import write_audio
from dvae.signal.audio_folder import list_audio


def test_crops_are_reproducible_and_short_files_repeat(audio_folders: Path) -> None:
    crops = AudioCrops(list_audio(audio_folders / "speech" / "train"), 16000)
    first, second = (crops.draw(50000, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (50000,)
    assert np.array_equal(first, second)
    assert trim_silence(np.array([0, 0, 0.001, 1.0, -0.5, 0], dtype=np.float32), 30.0).tolist() == [1.0, -0.5]


def write_speech(path: Path, seed: int = 0, rate: int = 16000, seconds: float = 1.0) -> None:
    """A gliding buzz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_axis = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (120 + 40 * seed) * time_axis * (1 + 0.2 * time_axis))
    write_audio(path, (0.3 * np.sign(tone) * np.sin(2 * np.pi * 2 * time_axis)).astype(np.float32), rate)


def test_crops_from_disk_are_pieces_of_the_files(tmp_path: Path) -> None:
    for i, rate in enumerate((16000, 48000)):
        write_speech(tmp_path / f"{i}.wav", i, rate, seconds=3.0)
    write_speech(tmp_path / "short.wav", 3, seconds=0.1)
    paths = sorted(tmp_path.glob("*.wav"))
    crops = AudioCrops(paths, 16000, memory_seconds=1.0)
    assert all(isinstance(recording, OnDisk) for recording in crops.recordings)
    held = AudioCrops(paths, 16000)
    rng = np.random.default_rng(2)
    matched = 0
    for _ in range(20):
        piece = crops.draw(4000, rng)
        assert piece.shape == (4000,)
        for recording in held.recordings[:2]:
            assert isinstance(recording, np.ndarray)
            similarity = np.correlate(recording, piece, "valid") / (np.linalg.norm(piece) ** 2 + 1e-9)
            matched += bool(np.abs(similarity - 1).min() < 0.02)
    assert matched >= 17  # but for crops of the short file
    paths[0].unlink()
    assert crops.draw(4000, np.random.default_rng(0)).shape == (4000,)  # a file that went away is silence, with a word
