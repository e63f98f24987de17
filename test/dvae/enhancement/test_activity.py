from __future__ import annotations

import numpy as np
import pytest

from dvae.enhancement.activity import ActivityConfig, ActivityDetector


def test_activity_decision_does_not_flicker() -> None:
    detector = ActivityDetector(ActivityConfig())
    power, gain = np.ones(513), np.full(513, 0.999)
    decisions = [detector.step(x, power, gain).speaking for x in [7.0] * 10 + [-7.0] + [7.0] * 5 + [-7.0] * 60]
    assert all(decisions[5:16])  # one frame of pause within a word
    assert not decisions[-1]


def test_silence_is_not_speech_and_the_ratio_is_that_of_the_gain() -> None:
    detector = ActivityDetector(ActivityConfig())
    loud, quiet = np.ones(513), np.full(513, 1e-10)
    assert detector.step(7.0, quiet, np.full(513, 0.9)).probability == 0.0
    frame = detector.step(ActivityConfig().prior_log_odds, loud, np.full(513, 0.9))
    assert frame.probability == pytest.approx(0.5)
    assert frame.snr_db == pytest.approx(20 * np.log10(0.9 / 0.1), abs=1e-6)
    assert frame.level_db == pytest.approx(20 * np.log10(0.9), abs=1e-6)


def test_the_robots_own_voice_is_no_speech() -> None:
    detector = ActivityDetector(ActivityConfig(robot_hold_frames=3))
    power, gain = np.ones(513), np.full(513, 0.999)
    detector.robot_speaks = True
    assert [detector.step(7.0, power, gain).probability for _ in range(3)] == [0.0] * 3
    detector.robot_speaks = False
    after = [detector.step(7.0, power, gain).probability > 0.9 for _ in range(6)]
    assert after == [False] * 3 + [True] * 3  # held while the room still rings
