from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.stft import STFT, power_of

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


def test_stft_refuses_a_hop_that_does_not_divide_the_window() -> None:
    with pytest.raises(ValueError, match="expected n_fft a multiple"):
        STFT(n_fft=1000, hop_length=256)
    with pytest.raises(ValueError, match=r"expected synthesis_length a multiple .*, got 2048, 256 and 1024"):
        STFT(synthesis_length=2048)


def test_power_is_the_squared_magnitude(rng: np.random.Generator) -> None:
    spectrum = rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4))
    np.testing.assert_allclose(power_of(spectrum), np.abs(spectrum) ** 2)
