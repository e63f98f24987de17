"""Directions are given to the people whose heads are there."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from dvae.audiovisual.cluster_association import Kind, auditory_mass, unrolled


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("turn", [0.0, 170.0])
def test_the_one_who_is_where_the_voice_comes_from_has_its_mass(kind: Kind, turn: float) -> None:
    """Also where the people are to both sides of 180 degrees."""
    rng = np.random.default_rng(0)
    person = np.repeat([0, 1, 2], 10)
    seen = np.array([-25.0, 20.0, 70.0])[person] + rng.normal(size=30)
    heard = np.concatenate([20.0 + 3.0 * rng.normal(size=16), 70.0 + 3.0 * rng.normal(size=8)])
    mass = auditory_mass(*(np.radians(seen + turn), person), np.radians(heard + turn), kind)
    np.testing.assert_allclose(mass, [0.0, 16.0, 8.0], atol=1.0)


def test_people_at_one_place_share_and_clutter_is_nobodys() -> None:
    rng = np.random.default_rng(1)
    person = np.repeat([0, 1], 10)
    seen = np.radians(np.zeros(20) + rng.normal(size=20))
    mass = auditory_mass(seen, person, np.radians(2.0 * rng.normal(size=10)), "GMM")
    assert abs(mass[0] - mass[1]) < 3.0
    np.testing.assert_allclose(mass.sum(), 10.0, atol=1e-6)
    away = auditory_mass(seen, person, np.radians(rng.uniform(60.0, 300.0, 10)), "GMM+uniform")
    assert away.sum() < 2.0


def test_nobody_seen_or_nothing_heard() -> None:
    none = np.zeros(0)
    assert len(auditory_mass(none, none.astype(np.int64), np.ones(3))) == 0
    np.testing.assert_array_equal(auditory_mass(np.ones(2), np.array([0, 1]), none), [0.0, 0.0])


def test_circle_is_cut_where_nobody_is() -> None:
    azimuth = np.radians([170.0, -175.0, 178.0, -160.0])
    np.testing.assert_allclose(np.sort(np.degrees(unrolled(azimuth) - unrolled(azimuth)[0])), [0.0, 8.0, 15.0, 30.0])
