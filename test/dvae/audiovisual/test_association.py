from __future__ import annotations

import numpy as np
import pytest
from bearings import heard
from scipy.stats import norm

from dvae.arrays.angles import wrap
from dvae.audiovisual.association import assign_directions, gather, log_density, next_to
from dvae.audiovisual.scene import Heard

OWN = np.radians(5.0) ** 2


def test_responsibilities_follow_bayes_rule() -> None:
    direction, azimuth, variance = np.radians([10.0, 14.0, -100.0]), np.radians([8.0, 20.0]), np.array([0.01, 0.02])
    found = assign_directions(direction, azimuth, variance, 0.2)
    for k, g in enumerate(direction):
        joint = [0.4 * norm.pdf(g, a, np.sqrt(v)) for a, v in zip(azimuth, variance, strict=True)]
        total = sum(joint) + 0.2 / (2.0 * np.pi)
        np.testing.assert_allclose(found.responsibilities[k], np.array(joint) / total)
        assert found.clutter[k] == pytest.approx(0.2 / (2.0 * np.pi) / total)


def test_the_density_is_the_average_over_where_the_source_may_be() -> None:
    error, deviation = np.random.default_rng(0).normal(0.0, 0.2, 200_000), np.radians(5.0)
    expected = norm.pdf(0.3, 0.1 + error, deviation).mean()
    found = log_density(np.array([0.3]), np.array([0.1]), np.array([0.2**2 + OWN]))
    assert np.exp(found[0, 0]) == pytest.approx(expected, rel=0.01)


def test_angles_wrap() -> None:
    np.testing.assert_allclose(wrap(np.array([np.pi, 3.5 * np.pi, -np.pi])), [-np.pi, -0.5 * np.pi, -np.pi])
    found = assign_directions(np.radians([179.0]), np.radians([-179.0, 170.0]), np.array([OWN, OWN]), 0.2)
    near = norm.pdf(2.0, 0, 5) / norm.pdf(9.0, 0, 5)
    assert found.responsibilities[0, 0] / found.responsibilities[0, 1] == pytest.approx(near)


def test_who_cannot_be_heard_from_anywhere_gets_nothing() -> None:
    found = assign_directions(np.array([0.0, 3.0]), np.array([0.0, 0.0]), np.array([np.inf, OWN]), 0.2)
    assert found.responsibilities[:, 0].tolist() == [0.0, 0.0]
    assert assign_directions(np.array([1.0]), np.zeros(0), np.zeros(0), 0.2).clutter.tolist() == [1.0]
    assert assign_directions(np.zeros(0), np.array([1.0]), np.array([OWN]), 0.2).responsibilities.shape == (0, 1)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6])
def test_the_rate_of_clutter_is_recovered(rng: np.random.Generator, rate: float) -> None:
    azimuth, count = np.radians([-40.0, 30.0, 175.0]), 20_000
    direction = wrap(azimuth[rng.integers(0, 3, count)] + rng.normal(0, np.sqrt(OWN), count))
    is_clutter = rng.random(count) < rate
    direction[is_clutter] = rng.uniform(-np.pi, np.pi, is_clutter.sum())
    found = assign_directions(direction, azimuth, np.full(3, OWN), rate).clutter
    assert found.mean() == pytest.approx(rate, abs=0.01)
    assert found[is_clutter].mean() > found[~is_clutter].mean() + 0.3
    guess = 0.5
    for _ in range(50):  # EM
        guess = assign_directions(direction, azimuth, np.full(3, OWN), guess).clutter.mean()
    assert guess == pytest.approx(rate, abs=0.02)


def test_what_is_left_to_clutter_is_shared_by_others() -> None:
    direction = np.radians([0.0, 50.0, -120.0])
    first = assign_directions(direction, np.radians([0.0]), np.array([OWN]), 0.2)
    rest = assign_directions(direction, np.radians([50.0]), np.array([OWN]), 0.2)
    both = next_to(first, rest)
    np.testing.assert_allclose(both.responsibilities.sum(axis=1) + both.clutter, 1.0)
    np.testing.assert_array_equal(both.responsibilities[:, :1], first.responsibilities)
    assert (both.responsibilities.argmax(axis=1)[:2] == [0, 1]).all()
    assert both.clutter[2] > 0.95


def test_frames_that_overlap_count_less() -> None:
    frames = [heard(1.0, 10.0, 20.0), heard(1.02), heard(1.05, 30.0, weight=0.9, speech=0.5), heard(9.0, 40.0)]
    found = gather(frames, -np.inf, 5.0)
    np.testing.assert_allclose(np.degrees(found.azimuth), [10, 20, 30, 40])
    assert found.frame.tolist() == [0, 0, 2, 3]
    np.testing.assert_allclose(found.share, [1.0, 0.1, 0.15, 1.0])
    assert found.weight.tolist() == [1.0, 1.0, 0.5, 1.0]  # nobody is heard more probably than anybody speaks
    np.testing.assert_allclose(gather(frames[:1], 0.9, 5.0).share, [0.5])
    np.testing.assert_allclose(found.in_frames(found.azimuth), [found.azimuth[:2].sum(), 0, *found.azimuth[2:]])
    nothing = gather([], 3.0, 5.0)
    assert (len(nothing.time), len(nothing.azimuth), nothing.in_frames(np.zeros((0, 2))).shape) == (0, 0, (0, 2))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (heard(np.nan, 1.0), "expected what is heard after 0.5 s, got nan s"),
        (heard(0.5, 1.0), "expected what is heard after 0.5 s, got 0.5 s"),
        (heard(1.0, np.nan), r"expected finite directions in rad, got \[nan\]"),
        (heard(1.0, 0.0, np.inf), r"expected finite directions in rad, got \[ 0. inf\]"),
        (heard(1.0, 0.0, weight=1.5), r"expected weights and speech in \[0, 1\], got \[1.5 1. \]"),
        (heard(1.0, 0.0, speech=np.nan), r"expected weights and speech in \[0, 1\], got \[ 1. nan\]"),
        (Heard(1.0, np.zeros(2), np.ones(1), 1.0), r"expected a weight for each direction, got \(1,\) for \(2,\)"),
    ],
)
def test_what_cannot_be_heard_is_refused(wrong: Heard, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gather([wrong], 0.5, 5.0)
