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


def test_the_level_follows_in_two_seconds_of_frames() -> None:
    """125 frames of 16 ms, from one loudness to another, in closed form."""
    found = LevelTracker().track(np.r_[np.full(2000, 4.0), np.full(125, 1.0)])
    assert found[1999] == pytest.approx(4.0)
    assert found[-1] == pytest.approx(1.0 + 3.0 * np.exp(-1.0), rel=1e-4)


def test_the_first_frame_is_its_own_level_and_axes_go_side_by_side() -> None:
    tracker, power = LevelTracker(), np.array([[0.5, 2.0], [3.0, 1.0]])
    np.testing.assert_allclose(tracker.step(power[:, 0]), power[:, 0])
    both = tracker.track(power)
    np.testing.assert_array_equal(both, [LevelTracker().track(row) for row in power])  # track starts anew
    assert both.shape == (2, 2)


def test_a_reset_forgets() -> None:
    tracker = LevelTracker(floor=0.25)
    tracker.step(100.0)
    tracker.reset()
    assert tracker.step(0.5) == pytest.approx(0.5)
    tracker.reset()
    assert tracker.step(0.1) == 0.25


def test_active_frames_follow_range_and_hangover() -> None:
    power = np.full(60, 1e-3)
    power[10:40], power[20], power[25:28] = 1.0, 0.011, 0.009
    assert np.flatnonzero(~active_frames(power, hangover=0)[10:40]).tolist() == [15, 16, 17]  # 20 dB below the loud
    assert np.flatnonzero(~active_frames(power)[9:41]).tolist() == [17]
    assert active_frames(power, range_db=30.1, hangover=0).all()
    assert np.flatnonzero(active_frames(power, range_db=19.0, hangover=2)[:10]).tolist() == [8, 9]
    assert active_frames(np.stack([power, 1e-6 * power])).tolist() == [active_frames(power).tolist()] * 2
    assert not active_frames(np.full(10, 9e-13)).any()  # next to digital silence nothing is speech
    assert active_frames(np.full(10, 1.1e-12)).all()
