from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.directions import DirectionMethod, Directions
from dvae.arrays.noise_field import Field, NoiseField
from dvae.arrays.onsets import DELAY_SECONDS, LEAST, Onsets
from dvae.arrays.positions import parse_positions
from dvae.arrays.steered_power import SteeredPowerDirections
from dvae.arrays.subband_directions import SubbandDirections

SQUARE = parse_positions("0.045 0 0; 0 0.045 0; -0.045 0 0; 0 -0.045 0")
FREQUENCIES = np.linspace(0.0, 8000.0, 513)
METHODS = [SubbandDirections, SteeredPowerDirections]
NOTHING = np.zeros((2, 513), dtype=np.float32)


def waves(
    positions: np.ndarray, azimuths: list[float], rng: np.random.Generator, frames: int = 2, noise: float = 0.02
) -> np.ndarray:
    """Spectra (L, C, F) of plane waves by their exact delays; each bin band belongs to one of them, as voices do."""
    earlier = np.array([positions @ [np.cos(a), np.sin(a), 0.0] / 343.0 for a in azimuths])
    whose = rng.integers(len(azimuths), size=(frames, 129)).repeat(4, axis=1)[:, :513]
    source = rng.normal(size=(frames, 513)) + 1j * rng.normal(size=(frames, 513))
    spectra = source[:, None] * np.exp(2j * np.pi * FREQUENCIES * earlier[whose].transpose(0, 2, 1))
    return (spectra + noise * (rng.normal(size=spectra.shape) + 1j * rng.normal(size=spectra.shape))).astype(
        np.complex64
    )


def heard(method: DirectionMethod, moments: list[np.ndarray], count: int = 4) -> Directions:
    ones = np.ones((2, 513), dtype=np.float32)
    return method.find([method.look(spectra, ones, NOTHING) for spectra in moments], count)


def off(found: float, true: float) -> float:
    return float(np.degrees(np.abs(np.angle(np.exp(1j * (found - true))))))


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("azimuth", [-3.0, -1.7, 0.1, 0.5, np.pi, -np.pi])
def test_one_wave(kind: type, azimuth: float, rng: np.random.Generator) -> None:
    found = heard(kind(SQUARE, FREQUENCIES, 0.016), [waves(SQUARE, [azimuth], rng) for _ in range(9)])
    assert off(found.azimuth[0], azimuth) < 1.0
    assert found.share[0] > 0.8
    assert (found.share[1:] < 0.35 * found.share[0]).all()


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("pair", [(0.5, -1.6), (3.0, -2.4), (0.2, 1.0)])
def test_two_waves_at_once(kind: type, pair: tuple[float, float], rng: np.random.Generator) -> None:
    found = heard(kind(SQUARE, FREQUENCIES, 0.016), [waves(SQUARE, list(pair), rng) for _ in range(9)])
    for azimuth in pair:
        assert min(off(each, azimuth) for each in found.azimuth[:2]) < 5.0
    assert found.share[1] > 0.5 * found.share[0]


@pytest.mark.parametrize("kind", METHODS)
def test_microphones_that_hear_their_own_noise_hear_no_direction(kind: type, rng: np.random.Generator) -> None:
    moments = [
        (rng.normal(size=(2, 4, 513)) + 1j * rng.normal(size=(2, 4, 513))).astype(np.complex64) for _ in range(9)
    ]
    assert (heard(kind(SQUARE, FREQUENCIES, 0.016), moments).share < 0.3).all()


@pytest.mark.parametrize("kind", METHODS)
def test_silence_has_no_direction(kind: type) -> None:
    found = heard(kind(SQUARE, FREQUENCIES, 0.016), [np.zeros((2, 4, 513), dtype=np.complex64)] * 3)
    assert found.azimuth.size == found.share.size == 0


@pytest.mark.parametrize("kind", METHODS)
def test_the_order_of_microphones_does_not_matter(kind: type, rng: np.random.Generator) -> None:
    moments, order = [waves(SQUARE, [0.7, -2.0], rng) for _ in range(5)], [2, 0, 3, 1]
    one = heard(kind(SQUARE, FREQUENCIES, 0.016), moments, 2)
    other = heard(kind(SQUARE[order], FREQUENCIES, 0.016), [spectra[:, order] for spectra in moments], 2)
    np.testing.assert_allclose(other.azimuth, one.azimuth, atol=1e-3)
    np.testing.assert_allclose(other.share, one.share, atol=1e-3)


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize(("line", "azimuth"), [("0 0.05 0; 0 -0.05 0", 0.4), ("0.1 0 0; 0 0 0; -0.1 0 0", 1.0)])
def test_a_line_hears_one_side(kind: type, line: str, azimuth: float, rng: np.random.Generator) -> None:
    positions = parse_positions(line)
    found = heard(kind(positions, FREQUENCIES, 0.016), [waves(positions, [azimuth], rng) for _ in range(9)])
    assert off(found.azimuth[0], azimuth) < 5.0


def test_a_dead_microphone_leaves_the_direction(rng: np.random.Generator) -> None:
    moments = [waves(SQUARE, [2.0], rng) for _ in range(9)]
    for spectra in moments:
        spectra[:, 3] = 0.0
    assert off(heard(SubbandDirections(SQUARE, FREQUENCIES, 0.016), moments).azimuth[0], 2.0) < 5.0


def test_a_fan_that_was_there_before_is_no_direction(rng: np.random.Generator) -> None:
    """The fan from the left is as loud as the voice from the right, in the same bins."""
    method, ones = SubbandDirections(SQUARE, FREQUENCIES, 0.016), np.ones((2, 513), dtype=np.float32)
    fan = [waves(SQUARE, [1.5], rng) for _ in range(80)]
    unaware = heard(method, [waves(SQUARE, [-1.5], rng) + each for each in fan[:9]])
    method.reset()
    for each in fan:
        method.look(each, NOTHING, ones)
    aware = heard(method, [waves(SQUARE, [-1.5], rng) + waves(SQUARE, [1.5], rng) for _ in range(9)])

    def share(found: Directions, azimuth: float) -> float:
        return float(sum(s for a, s in zip(found.azimuth, found.share, strict=True) if off(a, azimuth) < 10))

    assert share(unaware, 1.5) > 0.6 * share(unaware, -1.5)
    assert share(aware, 1.5) < 0.5 * share(aware, -1.5)
    assert off(aware.azimuth[0], -1.5) < 5.0


def test_the_noise_that_was_learned_is_what_is_taken_out(rng: np.random.Generator) -> None:
    field = NoiseField(6, 4, 3, 4, 0.016)
    noise = Field(*(rng.uniform(0.1, 0.2, size=(n, 3)).astype(np.float32) for n in (6, 4)), np.full(3, 8.0, np.float32))
    for _ in range(300):
        field.learn(noise._replace(cross=noise.cross.astype(np.complex64)))
    cross = np.full((6, 3), 3.0 + 1.0j, dtype=np.complex64)
    heard_now = Field(cross + noise.cross, np.full((4, 3), 5.0, np.float32) + noise.power, noise.amount)
    coherence, left = field.without(heard_now)
    np.testing.assert_allclose(coherence, (3.0 + 1.0j) / 5.0, rtol=1e-2)
    np.testing.assert_allclose(left, 20.0 / heard_now.power.sum(axis=0), rtol=1e-2)
    field.reset()
    np.testing.assert_allclose(field.without(heard_now)[1], 1.0)


def test_what_begins_counts_and_what_rings_on_does_not() -> None:
    onsets, delay = Onsets(2, 0.016), round(DELAY_SECONDS / 0.016)
    powers = np.zeros((12, 2), dtype=np.float32)
    powers[4:, 0] = np.exp(-np.arange(8) * 0.016 / 0.1)  # band 0 begins at 4 and rings on; band 1 goes on for ever
    powers[:, 1] = 1.0
    direct = np.array([onsets.step(each) for each in powers])
    np.testing.assert_allclose(direct[4 : 4 + delay, 0], 1.0)
    np.testing.assert_allclose(direct[4 + delay :, 0], LEAST)
    np.testing.assert_allclose(direct[delay:, 1], LEAST)
    onsets.reset()
    np.testing.assert_allclose(onsets.step(powers[-1]), 1.0)
