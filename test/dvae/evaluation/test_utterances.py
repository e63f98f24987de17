from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sounds import voice

from dvae.evaluation.utterances import draw_utterances, read_utterances
from dvae.signal.audio_file import write_audio


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    silence = np.zeros(8000, dtype=np.float32)
    for name, pitch, seconds in (("a", 100.0, 1.5), ("b", 200.0, 0.5)):
        write_audio(tmp_path / f"{name}.wav", np.concatenate([silence, voice(pitch, seconds, rng), silence]), 16000)
    write_audio(tmp_path / "c.wav", silence, 16000)
    return tmp_path


def test_utterances_are_cut_to_what_is_heard_at_peak_one(folder: Path) -> None:
    first, second = read_utterances(folder)  # nothing is heard in the third
    assert 1.3 * 16000 < first.size <= 1.5 * 16000
    assert 0.3 * 16000 < second.size <= 0.5 * 16000
    for waveform in (first, second):
        assert np.abs(waveform).max() == pytest.approx(1.0)
    shorter, same = read_utterances(folder, seconds=1.0)
    np.testing.assert_allclose(shorter * np.abs(first[:16000]).max(), first[:16000], rtol=1e-5)
    assert same.size == second.size


def test_crops_follow_from_the_seed(folder: Path) -> None:
    crops, again, others = (draw_utterances(folder, 3, 4000, seed) for seed in (1, 1, 2))
    assert crops.shape == (3, 4000)
    np.testing.assert_array_equal(crops, again)
    assert not np.array_equal(crops, others)
    assert (np.abs(crops).max(axis=1) > 0.01).all()
