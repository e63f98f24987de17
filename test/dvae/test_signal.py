from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dvae.signal.audio_file import list_audio, read_audio, read_mono, resample, write_audio
from dvae.signal.bands import Bands
from dvae.signal.level import LevelTracker, active_frames
from dvae.signal.stft import STFT

FRONT_ENDS = [{}, {"synthesis_length": 512}, {"n_fft": 512, "hop_length": 128, "synthesis_length": 256}]


@pytest.mark.parametrize("num_samples", [1, 255, 256, 1024, 5000])
@pytest.mark.parametrize("lengths", FRONT_ENDS)
def test_stft_round_trip(num_samples: int, lengths: dict[str, int], rng: np.random.Generator) -> None:
    stft = STFT(**lengths)
    waveform = rng.normal(size=(2, num_samples))
    spectrogram = stft.analyse(waveform)
    assert spectrogram.shape == (2, stft.num_frames(num_samples), stft.num_bins)
    np.testing.assert_allclose(stft.synthesise(spectrogram, num_samples), waveform, atol=1e-12)


def test_stft_frame_is_the_windowed_fourier_transform(rng: np.random.Generator) -> None:
    stft = STFT(n_fft=16, hop_length=4)
    waveform = rng.normal(size=64)
    frame = 7  # covers samples 4 * 7 - 12 to 4 * 7 + 4
    window = np.sin(np.pi * (np.arange(16) + 0.5) / 16)
    expected = np.fft.rfft(waveform[16:32] * window) * np.sqrt(2 / 16)
    np.testing.assert_allclose(stft.analyse(waveform)[frame], expected)


@pytest.mark.parametrize("lengths", FRONT_ENDS)
def test_white_noise_has_power_one(lengths: dict[str, int], rng: np.random.Generator) -> None:
    power = np.square(np.abs(STFT(**lengths).analyse(rng.normal(size=160000).astype(np.float32))))
    assert float(power[4:-4].mean()) == pytest.approx(1.0, abs=0.01)


def test_a_short_synthesis_window_leaves_the_past_alone(rng: np.random.Generator) -> None:
    """What a frame changes lies in its last synthesis_length samples: that is what makes the delay short."""
    stft = STFT(synthesis_length=512)
    spectrogram = stft.analyse(rng.normal(size=8000))
    changed = spectrogram.copy()
    changed[20] = 0.0  # the frame that ends with sample 21 * 256
    difference = stft.synthesise(changed, 8000) - stft.synthesise(spectrogram, 8000)
    touched = np.flatnonzero(np.abs(difference) > 1e-9)
    assert 21 * 256 - 512 <= touched[0] < touched[-1] < 21 * 256


def test_bands_are_means_of_all_bins(rng: np.random.Generator) -> None:
    bands, power = Bands(), rng.uniform(size=(3, 513)).astype(np.float32)
    assert bands.widths.sum() == 513
    np.testing.assert_allclose(bands.mean(power), power @ bands.averaging, rtol=1e-5)
    assert bands.mean(power)[1, 0] == power[1, 0]
    assert bands.mean(power)[2, -1] == pytest.approx(power[2, bands.starts[-1] :].mean())
    np.testing.assert_array_equal(np.bincount(bands.band_of_bin), bands.widths)


def test_active_frames_are_the_loud_ones_and_their_neighbours() -> None:
    power = np.full(40, 1e-6)
    power[10:20] = 1.0
    assert np.flatnonzero(active_frames(power)).tolist() == list(range(9, 21))
    assert not active_frames(np.zeros(10)).any()


def test_stft_refuses_a_hop_that_does_not_divide_the_window() -> None:
    with pytest.raises(ValueError, match="expected n_fft a multiple"):
        STFT(n_fft=1000, hop_length=256)
    with pytest.raises(ValueError, match=r"expected synthesis_length a multiple .*, got 2048, 256 and 1024"):
        STFT(synthesis_length=2048)


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
