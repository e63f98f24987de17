from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.beamformers import beam, delay_and_sum, first_channel, mean_of_channels, mvdr, steering_vectors
from dvae.arrays.positions import parse_positions

SQUARE = parse_positions("0.05 0 0.02; 0 0.05 0; -0.05 0 0.01; 0 -0.05 0")  # heights do not matter
FREQUENCIES = np.linspace(0.0, 8000.0, 65)


def wave(azimuth: float) -> np.ndarray:
    """What the microphones (C, F) hear of a flat wave of spectrum 1 that passes the first one at time zero."""
    late = (SQUARE[0] - SQUARE) @ [np.cos(azimuth), np.sin(azimuth), 0.0] / 343.0
    return np.exp(-2j * np.pi * FREQUENCIES * late[:, None])


def noise_of(azimuth: float, floor: float) -> np.ndarray:
    """Covariance (F, C, C) of a wave of power 1 and of noise of the microphones."""
    heard = wave(azimuth).T
    cov = heard[:, :, None] * heard[:, None].conj() + floor * np.eye(4)
    return cov.astype(np.complex64)


@pytest.mark.parametrize("azimuth", [0.7, -2.0])
def test_beams_pass_their_direction_as_the_first_microphone_hears_it(azimuth: float) -> None:
    steering = steering_vectors(SQUARE, azimuth, FREQUENCIES)
    np.testing.assert_allclose(steering, wave(azimuth).T, atol=1e-5)
    for weights in (delay_and_sum(steering), mvdr(steering, noise_of(1.9, 0.01))):
        np.testing.assert_allclose(beam(weights, wave(azimuth)), np.ones(65), atol=1e-4)


def test_mvdr_is_the_closed_form_with_a_tenth_of_the_noise_on_the_diagonal(rng: np.random.Generator) -> None:
    part = rng.normal(size=(65, 4, 2)) + 1j * rng.normal(size=(65, 4, 2))
    cov = part @ part.transpose(0, 2, 1).conj()  # of rank two: without loading it has no inverse
    steering = steering_vectors(SQUARE, 0.3, FREQUENCIES)
    found = mvdr(steering, cov.astype(np.complex64))
    for f in range(65):
        inverse = np.linalg.inv(cov[f] + 0.1 * np.trace(cov[f]).real / 4 * np.eye(4))
        expected = inverse @ steering[f] / (steering[f].conj() @ inverse @ steering[f])
        np.testing.assert_allclose(found[f], expected, rtol=1e-3, atol=1e-4)


def test_mvdr_suppresses_noise_from_elsewhere_more_than_the_sum_does() -> None:
    steering = steering_vectors(SQUARE, 0.3, FREQUENCIES)
    left = [
        np.square(np.abs(beam(weights, wave(2.0))))[20:].mean()
        for weights in (delay_and_sum(steering), mvdr(steering, noise_of(2.0, 1e-3)))
    ]
    assert left[1] < 0.2 * left[0]


def test_without_any_noise_mvdr_is_the_sum() -> None:
    steering = steering_vectors(SQUARE, 0.3, FREQUENCIES)
    silence = np.zeros((65, 4, 4), dtype=np.complex64)
    np.testing.assert_allclose(mvdr(steering, silence), delay_and_sum(steering), atol=1e-5)


def test_mean_and_first_channel(rng: np.random.Generator) -> None:
    spectra = (rng.normal(size=(3, 65)) + 1j * rng.normal(size=(3, 65))).astype(np.complex64)
    np.testing.assert_allclose(beam(mean_of_channels(65, 3), spectra), spectra.mean(0), rtol=1e-5)
    np.testing.assert_array_equal(beam(first_channel(65, 3), spectra), spectra[0])


def test_the_output_is_that_of_conjugate_weights(rng: np.random.Generator) -> None:
    weights, spectra = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for shape in ((65, 3), (3, 65)))
    expected = [np.vdot(weights[f], spectra[:, f]) for f in range(65)]
    np.testing.assert_allclose(beam(weights, spectra), expected)
