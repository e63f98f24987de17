from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.level import LevelTracker, active_frames


def test_active_frames_are_the_loud_ones_and_their_neighbours() -> None:
    power = np.full(40, 1e-6)
    power[10:20] = 1.0
    assert np.flatnonzero(active_frames(power)).tolist() == list(range(9, 21))
    assert not active_frames(np.zeros(10)).any()


def test_level_is_the_weighted_mean_of_the_past() -> None:
    power = np.random.default_rng(1).uniform(0.1, 2.0, size=50)
    tracker = LevelTracker(time_constant_frames=10.0)
    weights = np.exp(-np.arange(50)[::-1] / 10.0)
    assert tracker.track(power)[-1] == pytest.approx((weights * power).sum() / weights.sum())


def test_level_of_silence_is_the_floor() -> None:
    assert LevelTracker().track(np.zeros(5)).tolist() == [1e-8] * 5
