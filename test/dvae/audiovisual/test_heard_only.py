from __future__ import annotations

import numpy as np
import pytest
from bearings import heard
from scipy.stats import norm

from dvae.audiovisual.association import gather
from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.heard_only import (
    MOST_CANDIDATES,
    Candidates,
    HeardOnly,
    apart,
    believed,
    best,
    chained_odds,
    corrected,
    drifted,
    fed,
    no_candidates,
    promising,
    started,
)
from dvae.tracking.motion.rollout import Evidence

OWN = np.radians(5.0) ** 2


def candidate(degrees: float, odds: float = 0.0, begun: float = 0.0, last: float = 0.0) -> Candidates:
    return Candidates(*np.array([[np.radians(degrees)], [OWN], [begun], [last], [odds]]))


def test_a_direction_drifts_and_is_corrected_as_by_kalman() -> None:
    variance = drifted(np.array([0.01]), 4.0, 10.0)
    assert variance[0] == pytest.approx(0.01 + 4.0 * np.radians(10.0) ** 2)
    azimuth, after = corrected(
        np.radians([179.0]), np.array([0.02]), Evidence(np.array([25.0]), np.array([25.0 * 0.1]))
    )
    gain = 0.02 / (0.02 + 1 / 25.0)
    assert azimuth[0] == pytest.approx(np.radians(179.0) + gain * 0.1 - 2.0 * np.pi)
    assert after[0] == pytest.approx((1.0 - gain) * 0.02)


def test_the_odds_are_those_of_a_chain_of_frames() -> None:
    frames = [heard(0.0, 40.0, weight=0.9), heard(0.1), heard(0.3, 35.0, 200.0, weight=0.8, speech=0.9)]
    directions = gather(frames, -0.1, 5.0)
    found = chained_odds(directions, directions.weight, np.radians([38.0]), np.array([2.0 * OWN]))
    density = norm.pdf(np.radians([2.0, 3.0]), scale=np.sqrt(2.0 * OWN)) * 2.0 * np.pi
    expected = (
        0.5 * np.log(0.5 + 0.5 * 0.8 * density[0]) + 0.5 * np.log(0.5) + 0.9 * np.log(0.5 + 0.5 * 0.6 * density[1])
    )
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_echoes_and_silence_feed_no_candidate() -> None:
    echo = gather([heard(0.1 * t, 40.0, weight=0.4) for t in range(5)], -0.1, 5.0)
    after = fed(candidate(40.0), echo, echo.weight, np.ones((5, 1)), OWN)
    assert after.odds[0] == pytest.approx(5 * 0.5 * np.log(0.5))
    assert not promising(after, 0.4).any()
    silence = gather([heard(0.1 * t, speech=0.0) for t in range(5)], -0.1, 5.0)
    after = fed(candidate(40.0), silence, silence.weight, np.zeros((0, 1)), OWN)
    assert after.odds.tolist() == [0.0]
    assert promising(after, 0.4).tolist() == [True]
    assert promising(after, 0.6).tolist() == [False]


def test_a_candidate_is_believed_by_time_and_odds() -> None:
    config = AudioVisualConfig(unseen_birth_seconds=0.3, unseen_birth_nats=2.0)
    voice = gather([heard(0.1 * t, 40.0) for t in range(1, 5)], 0.0, 5.0)
    after = fed(candidate(41.0), voice, voice.weight, np.ones((4, 1)), OWN)
    assert after.fed.tolist() == [pytest.approx(0.4)]
    assert 40.0 < np.degrees(after.azimuth[0]) < 40.5
    assert believed(after, config).tolist() == [True]
    assert believed(candidate(0.0, odds=1.9, last=0.4), config).tolist() == [False]
    assert believed(candidate(0.0, odds=2.1, last=0.2), config).tolist() == [False]


def test_candidates_start_apart_from_each_other_and_are_not_too_many() -> None:
    directions = gather([heard(1.0, 10.0, 15.0, 60.0, -100.0)], -np.inf, 5.0)
    found = started(directions, np.array([0.6, 0.9, 0.7, 0.4]), OWN)
    np.testing.assert_allclose(np.degrees(found.azimuth), [15.0, 60.0])
    many = Candidates(*np.arange(5 * 20.0).reshape(5, 20))
    assert best(many).odds.tolist() == many.odds[-MOST_CANDIDATES:].tolist()
    assert len(best(no_candidates()).odds) == 0


def test_who_drifted_far_is_not_whoever_comes_near() -> None:
    sure, lost = (HeardOnly(np.array([1]), np.radians([0.0]), np.radians([each]) ** 2) for each in (1.0, 60.0))
    other = HeardOnly(np.array([2, 3]), np.radians([3.0, -20.0]), np.radians([1.0, 2.0]) ** 2)
    np.testing.assert_allclose(apart(sure, other), [[3.0 / np.sqrt(2.0), 20.0 / np.sqrt(5.0)]])
    np.testing.assert_allclose(apart(lost, other), [[3.0 / np.sqrt(26.0), 20.0 / np.sqrt(29.0)]])
