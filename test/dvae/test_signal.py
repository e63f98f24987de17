from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dvae.signal.audio_file import list_audio, read_audio, read_mono, resample, write_audio
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT


@pytest.mark.parametrize("num_samples", [1, 255, 256, 1024, 5000])
def test_stft_round_trip(num_samples: int, generator: torch.Generator) -> None:
    stft = STFT()
    waveform = torch.randn(2, num_samples, generator=generator, dtype=torch.float64)
    spectrogram = stft.analyse(waveform)
    assert spectrogram.shape == (2, 513, stft.num_frames(num_samples))
    torch.testing.assert_close(stft.synthesise(spectrogram, num_samples), waveform)


def test_stft_frame_is_the_windowed_fourier_transform(generator: torch.Generator) -> None:
    stft = STFT(n_fft=16, hop_length=4)
    waveform = torch.randn(64, generator=generator, dtype=torch.float64).numpy()
    frame = 7  # covers samples 4 * 7 - 12 to 4 * 7 + 4
    window = np.sin(np.pi * (np.arange(16) + 0.5) / 16)
    expected = np.fft.rfft(waveform[16:32] * window) * np.sqrt(2 / 16)
    np.testing.assert_allclose(stft.analyse(torch.from_numpy(waveform))[:, frame].numpy(), expected)


def test_white_noise_has_power_one(generator: torch.Generator) -> None:
    power = STFT().analyse(torch.randn(160000, generator=generator)).abs().square()
    assert float(power[:, 4:-4].mean()) == pytest.approx(1.0, abs=0.01)


def test_stft_refuses_a_hop_that_does_not_divide_the_window() -> None:
    with pytest.raises(ValueError, match="expected n_fft a multiple"):
        STFT(n_fft=1000, hop_length=256)


def test_level_is_the_weighted_mean_of_the_past() -> None:
    power = np.random.default_rng(1).uniform(0.1, 2.0, size=50)
    tracker = LevelTracker(time_constant_frames=10.0)
    weights = np.exp(-np.arange(50)[::-1] / 10.0)
    assert tracker.track(power)[-1] == pytest.approx((weights * power).sum() / weights.sum())


def test_level_of_silence_is_the_floor() -> None:
    assert LevelTracker().track(np.zeros(5)).tolist() == [1e-8] * 5


def test_audio_round_trip_and_resampling(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    tone = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), np.zeros_like(time)]).astype(np.float32)
    write_audio(tmp_path / "tone.flac", tone, 44100)
    samples, rate = read_audio(tmp_path / "tone.flac")
    assert (samples.shape, rate) == ((2, 44100), 44100)
    mono = read_mono(tmp_path / "tone.flac", 16000)
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(mono[500:-500], expected[500:-500], atol=1e-3)
    assert resample(mono, 16000, 16000) is mono


def test_files_that_are_no_audio_are_named(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"this is no audio")
    with pytest.raises(ValueError, match=r"expected an audio file that can be decoded, got .*noise\.wav"):
        read_audio(tmp_path / "noise.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected .wav or .flac files below .*empty, got none"):
        list_audio(tmp_path / "empty")
    assert soundfile.available_formats()["FLAC"]
