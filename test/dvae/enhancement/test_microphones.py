from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.beamformers import beam, delay_and_sum, mean_of_channels, mvdr, steering_vectors
from dvae.arrays.direction import DirectionFinder
from dvae.enhancement.microphones import MicrophoneArray, MicrophoneConfig
from dvae.signal.stft import STFT

SQUARE = "0.05 0 0; 0 0.05 0; -0.05 0 0; 0 -0.05 0"


@pytest.mark.parametrize(
    ("positions", "azimuth"),
    [(SQUARE, 0.3), (SQUARE, -2.4), (SQUARE, 3.1), ("0.1 0 0; 0 0 0; -0.1 0 0", 1.0), ("0 0.1 0; 0 -0.1 0", -0.4)],
)
def test_direction_of_a_plane_wave(positions: str, azimuth: float, rng: np.random.Generator) -> None:
    """Delayed copies of one noise, with the delays of a far source, and noise of their own at 10 dB."""
    array = MicrophoneArray(MicrophoneConfig("mvdr", positions), 513, 0.016, 16000)
    stft, num = STFT(synthesis_length=512), 16000
    spectrum = np.fft.rfft(rng.normal(size=num))
    delay = -array.positions @ [np.cos(azimuth), np.sin(azimuth), 0.0] / 343.0
    frequency = np.fft.rfftfreq(num, 1 / 16000)
    channels = np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequency * delay[:, None]), num)
    channels += 10 ** (-10 / 20) * rng.normal(size=channels.shape)
    frames = stft.analyse(channels.astype(np.float32))
    gain = np.full(513, 0.9, dtype=np.float32)
    for t in range(10, 50):
        array.combine(frames[:, t])
        found = array.observe(frames[:, t], gain, is_speech=True)
    assert abs(np.angle(np.exp(1j * (found - azimuth)))) < np.radians(3)
    # the beam towards it passes the source as the first microphone hears it, and less of the rest
    beam = np.stack([array.combine(frames[:, t]) for t in range(50, 60)])
    clean = stft.analyse(np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequency * delay[0]), num))[50:60]
    noise_before = np.square(np.abs(frames[0, 50:60] - clean)).mean()
    assert np.square(np.abs(beam - clean)).mean() < 0.7 * noise_before


@pytest.mark.parametrize("mode", ["mean", "first"])
def test_an_array_can_tell_directions_without_a_beam(mode: str, rng: np.random.Generator) -> None:
    array = MicrophoneArray(MicrophoneConfig(mode, SQUARE), 513, 0.016, 16000)
    spectra = (rng.normal(size=(4, 513)) + 1j * rng.normal(size=(4, 513))).astype(np.complex64)
    for _ in range(8):
        found = array.combine(spectra)
        array.observe(spectra, np.full(513, 0.5, dtype=np.float32), is_speech=True)
    np.testing.assert_allclose(found, spectra.mean(axis=0) if mode == "mean" else spectra[0], rtol=1e-5)
    assert np.isfinite(array.azimuth)


@pytest.mark.parametrize("mode", ["delay_and_sum", "mvdr"])
def test_every_fourth_frame_the_beam_turns_to_who_spoke_and_from_the_noise(mode: str, rng: np.random.Generator) -> None:
    array = MicrophoneArray(MicrophoneConfig(mode, SQUARE, 0.3, 0.1), 513, 0.016, 16000)
    finder = DirectionFinder(array.positions, np.linspace(0.0, 8000.0, 513), 0.016, 0.3)
    keep, noise_cov = np.exp(-0.016 / 0.1), np.zeros((513, 4, 4), dtype=np.complex64)
    weights, azimuth = mean_of_channels(513, 4), np.nan
    for t in range(12):
        spectra = (rng.normal(size=(4, 513)) + 1j * rng.normal(size=(4, 513))).astype(np.complex64)
        gain = rng.uniform(size=513).astype(np.float32)
        np.testing.assert_allclose(array.combine(spectra), beam(weights, spectra), rtol=1e-3, atol=1e-4)
        is_speech = t > 5 and t != 9  # nobody speaks before: the beam stays the mean
        found = array.observe(spectra, gain, is_speech)
        noise = (1.0 - gain) * spectra
        noise_cov = keep * noise_cov + (1.0 - keep) * np.einsum("cf,df->fcd", noise, noise.conj())
        if is_speech:
            azimuth = finder.best(finder.update(spectra, gain**2))
        np.testing.assert_equal(found, azimuth)
        np.testing.assert_equal(array.azimuth, azimuth)
        if t in (7, 11):
            steering = steering_vectors(array.positions, azimuth, np.linspace(0.0, 8000.0, 513))
            weights = mvdr(steering, noise_cov) if mode == "mvdr" else delay_and_sum(steering)
    array.reset()
    assert np.isnan(array.azimuth)
    np.testing.assert_allclose(array.combine(spectra), spectra.mean(0), rtol=1e-4, atol=1e-5)


def test_settings_of_the_microphones() -> None:
    assert MicrophoneConfig() == MicrophoneConfig("mean", "", 0.6, 1.0)
    assert not MicrophoneConfig("first", " ").uses_array
    assert MicrophoneConfig("first", SQUARE).uses_array
    with pytest.raises(ValueError, match="microphone_positions: expected at least two different places"):
        MicrophoneConfig("mvdr", "").positions()
