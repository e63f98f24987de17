from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.direction import DirectionFinder, arrival_delays
from dvae.arrays.positions import parse_positions

SQUARE = parse_positions("0.05 0 0.02; 0 0.05 0; -0.05 0 0; 0 -0.05 0.01")  # heights do not matter
LINE = parse_positions("0.1 0 0; 0 0 0; -0.1 0 0")
ACROSS = parse_positions("0 0.1 0; 0 -0.1 0")
FREQUENCIES = np.linspace(0.0, 8000.0, 513)
ONES = np.ones(513, dtype=np.float32)


def plane_wave(positions: np.ndarray, azimuth: float, rng: np.random.Generator) -> np.ndarray:
    """Spectra (C, F) of a source so far away that its wave is flat: what is nearer to it hears it earlier."""
    source = rng.normal(size=513) + 1j * rng.normal(size=513)
    earlier = positions @ [np.cos(azimuth), np.sin(azimuth), 0.0] / 343.0
    return (source * np.exp(2j * np.pi * FREQUENCIES * earlier[:, None])).astype(np.complex64)


def test_delays_of_waves_from_the_front_and_from_the_left() -> None:
    delays = arrival_delays(SQUARE, np.array([0.0, np.pi / 2]))
    late = 0.05 / 343.0
    np.testing.assert_allclose(delays, [[-late, 0.0, late, 0.0], [0.0, -late, 0.0, late]], atol=1e-12)


@pytest.mark.parametrize("azimuth", [-3.0, -1.7, -0.2, 0.1, 0.5, 1.9, 3.12])
def test_one_frame_of_one_wave(azimuth: float, rng: np.random.Generator) -> None:
    finder = DirectionFinder(SQUARE, FREQUENCIES, 0.016, 0.016)
    scores = finder.update(plane_wave(SQUARE, azimuth, rng), ONES)
    found = finder.best(scores)
    assert abs(np.angle(np.exp(1j * (found - azimuth)))) < np.radians(0.5)  # the grid alone has steps of 3 degrees
    assert -np.pi <= found <= np.pi
    assert finder.peaks(scores, 1)[0] == (found, scores.max())


def test_scores_are_the_steered_power_of_whitened_spectra(rng: np.random.Generator) -> None:
    """Every direction by itself: steer all channels to it and add up, bin by bin, without the channels' own power."""
    finder = DirectionFinder(SQUARE, FREQUENCIES, 0.016, 0.016)
    spectra = (rng.normal(size=(4, 513)) + 1j * rng.normal(size=(4, 513))).astype(np.complex64)
    weight = rng.uniform(size=513).astype(np.float32)
    scores = finder.update(spectra, weight) / (1.0 - np.exp(-1.0))  # the average after one frame
    band = np.flatnonzero((FREQUENCIES >= 200.0) & (FREQUENCIES <= 4000.0))[::2]
    white = spectra[:, band] / np.abs(spectra[:, band])
    for azimuth, score in zip(finder.azimuths[::17], scores[::17], strict=True):
        earlier = SQUARE @ [np.cos(azimuth), np.sin(azimuth), 0.0] / 343.0
        steered = (white * np.exp(-2j * np.pi * FREQUENCIES[band] * earlier[:, None])).sum(0)
        pairs = (np.square(np.abs(steered)) - 4) / 2  # each pair once, without the channels themselves
        assert score == pytest.approx((weight[band] * pairs).sum(), rel=1e-3, abs=1e-2)


def test_the_average_forgets_with_its_time_constant(rng: np.random.Generator) -> None:
    finder = DirectionFinder(SQUARE, FREQUENCIES, 0.016, 0.16)
    first, second = plane_wave(SQUARE, 1.0, rng), plane_wave(SQUARE, -2.0, rng)
    alone = [DirectionFinder(SQUARE, FREQUENCIES, 0.016, 0.16).update(x, ONES) for x in (first, second)]
    finder.update(first, ONES)
    np.testing.assert_allclose(finder.update(second, ONES), np.exp(-0.1) * alone[0] + alone[1], rtol=1e-3, atol=0.05)
    finder.reset()
    np.testing.assert_array_equal(finder.update(first, ONES), alone[0])


def test_two_sources_are_two_peaks(rng: np.random.Generator) -> None:
    """Each has its own bins, as voices mostly do."""
    wide = parse_positions("0.1 0 0; 0 0.1 0; -0.1 0 0; 0 -0.1 0")
    finder = DirectionFinder(wide, FREQUENCIES, 0.016, 0.2)
    for _ in range(30):
        share = (rng.uniform(size=513) < 0.6).astype(np.float32)
        spectra = share * plane_wave(wide, 0.5, rng) + (1 - share) * plane_wave(wide, -1.6, rng)
        scores = finder.update(spectra.astype(np.complex64), ONES)
    found = finder.peaks(scores, 2)
    assert [peak.azimuth for peak in found] == pytest.approx([0.5, -1.6], abs=np.radians(3))
    assert found[0].score > found[1].score > 0.4 * found[0].score
    assert len(finder.peaks(scores, 100)) > 2
    assert finder.peaks(scores, 0) == []


def test_a_peak_at_the_seam_of_the_circle_is_one(rng: np.random.Generator) -> None:
    finder = DirectionFinder(SQUARE, FREQUENCIES, 0.016, 0.016)
    found = finder.peaks(finder.update(plane_wave(SQUARE, np.pi, rng), ONES), 2)
    assert abs(abs(found[0].azimuth) - np.pi) < np.radians(1)
    assert abs(found[1].azimuth) < 3.0


@pytest.mark.parametrize(
    ("positions", "azimuth", "expected"),
    [
        (LINE, 1.0, 1.0),
        (LINE, -1.0, 1.0),  # mirrored: a line that points forward knows the left side only
        (ACROSS, 0.4, 0.4),
        (ACROSS, np.pi - 0.4, 0.4),  # a line across knows the front only
        (ACROSS[::-1], -0.4, -0.4),
        (LINE, 0.0, 0.0),  # at the end of what is searched
        (LINE, np.pi, -np.pi),
        (LINE + [0.5, 0.3, 1.0], -1.0, 1.0),  # wherever the array is mounted
    ],
)
def test_on_a_line_the_side_that_faces_forward_is_searched(
    positions: np.ndarray, azimuth: float, expected: float, rng: np.random.Generator
) -> None:
    finder = DirectionFinder(positions, FREQUENCIES, 0.016, 0.016)
    assert len(finder.azimuths) in (60, 61)
    scores = finder.update(plane_wave(positions, azimuth, rng), ONES)
    assert finder.best(scores) == pytest.approx(expected, abs=np.radians(2))
    assert finder.peaks(scores, 1)[0].azimuth == finder.best(scores)


@pytest.mark.parametrize(("line", "facing"), [("0.1 0.1 0; -0.1 -0.1 0", -0.25), ("0.1 -0.1 0; -0.1 0.1 0", 0.25)])
def test_a_line_across_the_corner_is_searched_in_front(line: str, facing: float) -> None:
    found = DirectionFinder(parse_positions(line), FREQUENCIES, 0.016, 0.016).azimuths
    assert [found[0], found[-1]] == pytest.approx([(facing - 0.5) * np.pi, (facing + 0.5) * np.pi], abs=1e-9)


@pytest.mark.parametrize(("out_of_line", "count"), [(1e-4, 61), (1e-3, 120)])
def test_microphones_are_on_a_line_or_not(out_of_line: float, count: int) -> None:
    """As far out of it as half a thousandth of its length, or five."""
    positions = parse_positions(f"0 0.1 0; {out_of_line} 0 0; 0 -0.1 0")
    assert len(DirectionFinder(positions, FREQUENCIES, 0.016, 0.016).azimuths) == count


def test_silence_has_no_peaks() -> None:
    finder = DirectionFinder(SQUARE, FREQUENCIES, 0.016, 0.016)
    scores = finder.update(np.zeros((4, 513), dtype=np.complex64), ONES)
    assert np.array_equal(scores, np.zeros(120))
    assert finder.peaks(scores, 3) == []
    assert finder.best(scores) == -np.pi  # the first of equals


@pytest.mark.parametrize("azimuth", [-np.pi / 2, np.pi / 2])
def test_at_an_end_of_the_half_circle_there_is_no_parabola(azimuth: float, rng: np.random.Generator) -> None:
    finder = DirectionFinder(ACROSS, FREQUENCIES, 0.016, 0.016)
    scores = finder.update(plane_wave(ACROSS, azimuth, rng), ONES)
    assert finder.best(scores) == finder.peaks(scores, 1)[0].azimuth == pytest.approx(azimuth, abs=1e-12)
