"""Resynthesis, generation, and the numbers that are reported about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dvae.cli import evaluate
from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import Gaussian
from dvae.evaluation.generation import generate_speech
from dvae.evaluation.griffin_lim import griffin_lim
from dvae.evaluation.metrics.frechet import frechet_distance, mel_statistics
from dvae.evaluation.resynthesis import resynthesise
from dvae.models.dvae import Densities, Latents
from dvae.models.hit_dvae import HiTDVAE, HiTDVAEConfig
from dvae.models.srnn import SRNN, SRNNConfig
from dvae.models.store.checkpoint import save_model
from dvae.models.vae import VAE, VAEConfig
from dvae.signal.audio_file import write_audio
from dvae.signal.stft import STFT
from dvae.signal.voice_features import median_pitch


def voice(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A buzz of falling harmonics with a syllable's rhythm."""
    time = np.arange(int(16000 * seconds)) / 16000
    phase = 2 * np.pi * pitch * time + rng.uniform(0, 6)
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    return np.asarray(0.2 * tone * (0.2 + np.sin(2 * np.pi * 2 * time) ** 2), dtype=np.float32)


class Perfect(VAE):
    """z is the power itself, so that everything else must hand it through."""

    def encode(self, data: Tensor, noise: Tensor | None = None) -> Latents:
        return Latents(data, Gaussian(data, data))

    def densities(self, z: Tensor, shown: Tensor, w: Tensor | None = None) -> Densities:
        return Densities(Gaussian(z, z), ComplexGaussian(z))


@pytest.mark.parametrize("piece_frames", [0, 7, 100])
def test_a_perfect_model_gives_the_waveform_back(piece_frames: int, rng: np.random.Generator) -> None:
    waveforms = [voice(120.0, 1.0, rng), 3.0 * voice(200.0, 0.37, rng), rng.normal(0, 1e-3, 900).astype(np.float32)]
    results = resynthesise(Perfect(VAEConfig()), waveforms, STFT(), piece_frames=piece_frames)
    for waveform, result in zip(waveforms, results, strict=True):
        assert result.shape == waveform.shape
        np.testing.assert_allclose(result, waveform, atol=2e-4 * np.abs(waveform).max())


def test_the_two_modes_show_different_pasts(rng: np.random.Generator) -> None:
    torch.manual_seed(1)
    model = SRNN(SRNNConfig(hidden_size=8, features_size=8)).eval()
    waveform = voice(150.0, 1.0, rng)
    own, shown = (resynthesise(model, [waveform], STFT(), teacher, 20)[0] for teacher in (False, True))
    assert own.shape == shown.shape == waveform.shape
    assert not np.allclose(own, shown)


def test_griffin_lim_finds_phases_and_more_iterations_find_better_ones(rng: np.random.Generator) -> None:
    stft = STFT()
    waveform = voice(140.0, 1.2, rng)[: 70 * 256 - stft.overlap]
    magnitude = np.abs(stft.analyse(waveform))
    assert magnitude.shape[0] == 70

    def inconsistency(iterations: int) -> float:
        found = griffin_lim(magnitude, stft, np.random.default_rng(1), iterations)
        assert found.shape == waveform.shape
        return float(np.linalg.norm(np.abs(stft.analyse(found)) - magnitude) / np.linalg.norm(magnitude))

    errors = [inconsistency(iterations) for iterations in (0, 5, 60)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1
    batch = griffin_lim(np.stack([magnitude, 2 * magnitude]), stft, np.random.default_rng(1), 2)
    assert batch.shape == (2, waveform.size)
    with pytest.raises(ValueError, match="expected more than 3 frames, got 3"):
        griffin_lim(magnitude[:3], stft, rng)


def test_frechet_distance_against_the_closed_form(rng: np.random.Generator) -> None:
    first = rng.normal(0.0, 1.0, (200_000, 3)) * [1.0, 2.0, 0.5]
    second = rng.normal(0.0, 1.0, (200_000, 3)) * [2.0, 2.0, 1.5] + [1.0, 0.0, -2.0]
    # diagonal covariances: |m1 - m2|^2 + sum of (s1 - s2)^2
    assert frechet_distance(first, second) == pytest.approx(5.0 + 1.0 + 0.0 + 1.0, rel=0.02)
    # turned by the same rotation, which keeps it
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert frechet_distance(first @ rotation, second @ rotation) == pytest.approx(frechet_distance(first, second))
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ValueError, match="expected more than 3 utterances, got 3"):
        frechet_distance(first[:3], second)


def test_mel_statistics_do_not_hear_loudness_but_hear_dynamics(rng: np.random.Generator) -> None:
    stft = STFT()
    waveforms = np.stack([voice(pitch, 1.0, rng) for pitch in (110.0, 150.0)])
    features = mel_statistics(waveforms, stft)
    assert features.shape == (2, 78)
    np.testing.assert_allclose(mel_statistics(10 * waveforms, stft), features, atol=1e-4)
    steady = np.stack([np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)] * 2)
    assert (mel_statistics(steady, stft)[:, 26:52].mean(1) < features[:, 26:52].mean(1)).all()


@pytest.mark.parametrize("pitch", [95.0, 130.0, 240.0])
def test_median_pitch(pitch: float, rng: np.random.Generator) -> None:
    waveform = voice(pitch, 1.0, rng) + rng.normal(0, 0.005, 16000).astype(np.float32)
    assert median_pitch(waveform, 16000) == pytest.approx(pitch, rel=0.03)
    assert np.isnan(median_pitch(rng.normal(0, 1, 16000).astype(np.float32), 16000))
    assert np.isnan(median_pitch(np.zeros(10, dtype=np.float32), 16000))


def test_generated_speech_is_reproducible() -> None:
    torch.manual_seed(1)
    model = VAE(VAEConfig(hidden_size=8)).eval()
    first, again, other = (generate_speech(model, 2, 20, STFT(), seed) for seed in (1, 1, 2))
    assert first.shape == (2, 20 * 256 - 768)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.fixture
def speech_and_models(tmp_path: Path, rng: np.random.Generator) -> Path:
    for i, pitch in enumerate((90.0, 100.0, 200.0, 220.0)):
        (tmp_path / "speech").mkdir(exist_ok=True)
        write_audio(tmp_path / "speech" / f"{i}.wav", voice(pitch, 1.5, rng), 16000)
    torch.manual_seed(1)
    hit = HiTDVAEConfig(features_size=8, global_hidden_size=8, model_size=8, feed_forward_size=8, num_layers=1)
    for name, model in {"vae": VAE(VAEConfig(hidden_size=8)), "hit": HiTDVAE(hit)}.items():
        save_model(model, tmp_path / name)
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["dvae-evaluate", *options, "--speech", str(folder / "speech")])
    return evaluate.main()


@pytest.mark.filterwarnings("ignore")  # pesq and pystoi on buzzes
def test_resynthesis_table(
    speech_and_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, plot = speech_and_models, speech_and_models / "plots" / "r.png"
    models = [str(folder / name) for name in ("vae", "hit")]
    assert run(folder, monkeypatch, "resynthesis", *models, "--plot", str(plot)) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:2] == ["4", "files,"]
    assert [row[:3:2] for row in rows[2:]] == [["vae", "-"], ["hit", "GEN"], ["hit", "GT"]]
    assert all(np.isfinite([float(value) for value in row[3:]]).all() for row in rows[2:])
    assert plot.stat().st_size > 10_000


def test_generation_table(
    speech_and_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = speech_and_models
    few = ["--number", "90", "--frames", "30", "--repeats", "2", "--reference", str(folder / "speech")]
    assert run(folder, monkeypatch, "generation", str(folder / "vae"), *few, "--wav", str(folder / "wav")) == 0
    rows = {line[:32].strip(): float(line[32:41]) for line in capsys.readouterr().out.splitlines()[1:]}
    assert list(rows) == ["other speech, exact phase", "other speech, Griffin-Lim", "vae"]
    assert rows["other speech, exact phase"] < rows["vae"]  # an untrained model is further away than real speech
    assert len(list((folder / "wav").glob("vae_*.wav"))) == 4
    few[few.index("90")] = "70"
    assert run(folder, monkeypatch, "generation", str(folder / "vae"), *few) == 2
    assert "expected more than 78 utterances, got 70" in capsys.readouterr().err


def test_latents_table(
    speech_and_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, plot = speech_and_models, speech_and_models / "w.png"
    options = ["--frames", "60", "--plot", str(plot), "--wav", str(folder / "wav")]
    assert run(folder, monkeypatch, "latents", str(folder / "hit"), *options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hit: median pitch in Hz of 2 low and 2 high voices")
    low, high = lines[2].split(), lines[3].split()
    assert float(low[2]) == pytest.approx(95.0, abs=5)
    assert float(high[2]) == pytest.approx(210.0, abs=10)
    assert (folder / "w_hit.png").is_file()
    assert len(list((folder / "wav").glob("hit_*.wav"))) == 6
    assert run(folder, monkeypatch, "latents", str(folder / "vae"), "--frames", "60") == 2
    assert "expected models with a w for the whole sequence" in capsys.readouterr().err
    assert run(folder, monkeypatch, "latents", str(folder / "hit"), "--frames", "600") == 2
    assert "expected two voices of 600 frames or more, got 0" in capsys.readouterr().err
