from __future__ import annotations

import numpy as np
import pytest

from dvae.enhancement.activity import ActivityConfig, ActivityDetector, to_db


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


LOUD, CLEAR = np.ones(513), np.full(513, 0.999)


def probabilities(config: ActivityConfig, log_odds: list[float]) -> list[float]:
    """What the detector says of loud frames with these log odds."""
    detector = ActivityDetector(config)
    return [detector.step(x, LOUD, CLEAR).probability for x in log_odds]


def test_log_odds_become_a_probability_relative_to_their_prior() -> None:
    found = probabilities(ActivityConfig(prior_log_odds=0.7), [-2.0, 0.7, 3.0, 1e4, -1e4, -51.0])
    assert found[:3] == pytest.approx([1 / (1 + np.exp(2.7)), 0.5, 1 / (1 + np.exp(-2.3))])
    assert found[3] == pytest.approx(1.0)
    assert found[4] == pytest.approx(np.exp(-50.0))  # limited, not an overflow


@pytest.mark.parametrize(("attack", "release"), [(2.0, 15.0), (4.0, 1.0), (0.0, 3.0), (3.0, 0.0), (0.7, 0.9)])
def test_the_decision_rises_and_falls_with_its_time_constants(attack: float, release: float) -> None:
    """The frame at which it changes, from the exponentials in closed form."""
    config = ActivityConfig(attack_frames=attack, release_frames=release, speaking_probability=0.8)
    detector = ActivityDetector(config)
    speaking = [detector.step(x, LOUD, CLEAR).speaking for x in [50.0] * 60 + [-50.0] * 60]
    # 1 - exp(-n / attack) > 0.8, and then exp(-n / release) <= 0.8
    rise = int(np.floor(attack * np.log(5.0))) + 1 if attack else 1
    fall = int(np.ceil(release * np.log(1.25))) if release else 1
    assert speaking == [False] * (rise - 1) + [True] * (60 - rise + fall) + [False] * (61 - fall)


def test_the_defaults_are_those_that_were_chosen_on_validation_mixtures() -> None:
    assert ActivityConfig() == ActivityConfig(1.9, 0.5, -65.0, 2.0, 15.0, 20)


def test_speech_must_be_louder_than_silence() -> None:
    detector = ActivityDetector(ActivityConfig(silence_db=-40.0))
    found = {db: detector.step(7.0, np.full(513, 10 ** (db / 10)), CLEAR) for db in (-39.9, -40.1)}
    assert found[-39.9].probability > 0.9
    assert found[-40.1].probability == 0.0
    assert found[-39.9].level_db == pytest.approx(-39.9 + 20 * np.log10(0.999))
    assert not ActivityDetector(ActivityConfig()).step(7.0, np.full(513, 10**-6.6), CLEAR).probability
    assert ActivityDetector(ActivityConfig()).step(7.0, np.full(513, 10**-6.4), CLEAR).probability


def test_level_is_of_all_bins_and_the_ratio_of_those_where_speech_is() -> None:
    """Powers and gains that differ from bin to bin, against sums written out."""
    rng = np.random.default_rng(3)
    power, gain = rng.uniform(size=513), rng.uniform(size=513)
    frame = ActivityDetector(ActivityConfig()).step(7.0, power, gain)
    band = slice(6, 257)  # 94 Hz to 4 kHz in steps of 15.6 Hz
    speech, noise = np.square(gain) * power, np.square(1.0 - gain) * power
    assert frame.level_db == pytest.approx(10 * np.log10(speech.mean()))
    assert frame.snr_db == pytest.approx(10 * np.log10(speech[band].sum() / noise[band].sum()))


def test_levels_have_a_lowest_value() -> None:
    frame = ActivityDetector(ActivityConfig()).step(7.0, np.zeros(513), CLEAR)
    assert (frame.level_db, frame.snr_db, frame.probability) == (-120.0, 0.0, 0.0)
    assert np.isnan(frame.azimuth)
    assert to_db(2e-12) == pytest.approx(-116.99, abs=0.01)
    assert to_db(1e-13) == -120.0


def test_a_reset_forgets_the_past_but_not_who_speaks() -> None:
    detector = ActivityDetector(ActivityConfig(robot_hold_frames=5))
    for _ in range(20):
        detector.step(7.0, LOUD, CLEAR)
    detector.reset()
    assert not detector.step(7.0, LOUD, CLEAR).speaking
    detector.robot_speaks = True
    detector.step(7.0, LOUD, CLEAR)
    detector.reset()
    assert detector.robot_speaks
    detector.robot_speaks = False
    assert detector.step(7.0, LOUD, CLEAR).probability > 0.9
