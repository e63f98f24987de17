from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sounds import voice

from dvae.evaluation.generation import generate_speech, score_generation
from dvae.models.vae import VAE, VAEConfig
from dvae.signal.audio_file import write_audio
from dvae.signal.stft import STFT


def test_generated_speech_is_reproducible() -> None:
    torch.manual_seed(1)
    model = VAE(VAEConfig(hidden_size=8)).eval()
    first, again, other = (generate_speech(model, 2, 20, STFT(), seed) for seed in (1, 1, 2))
    assert first.shape == (2, 20 * 256 - 768)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_distance_of_real_speech_is_below_that_of_an_untrained_model(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    for i, pitch in enumerate((90.0, 100.0, 200.0, 220.0)):
        write_audio(tmp_path / f"{i}.wav", voice(pitch, 1.5, rng), 16000)
    torch.manual_seed(1)
    found = list(score_generation({"vae": VAE(VAEConfig(hidden_size=8)).eval()}, tmp_path, tmp_path, 90, 30, 2))
    assert [row.name for row, _ in found] == ["other speech, exact phase", "other speech, Griffin-Lim", "vae"]
    assert found[0][0].distance < found[2][0].distance
    assert all(utterances.shape == (90, 30 * 256 - 768) for _, utterances in found)
    assert all(row.deviation > 0 for row, _ in found)
