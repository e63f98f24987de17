"""Which body a voice belongs to: the posterior against the sum over all hypotheses, sharing, hysteresis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from dvae.audiovisual.binding import BindingConfig, Bodies, Offsets, arrange, confidence, learn, match, unsure
from dvae.audiovisual.voices import NOBODY, Assigned, Voices

CONFIG = BindingConfig()
ALONE = BindingConfig(resolution_degrees=0.1)  # nobody shares


def bodies(*degrees: float, nats: float = np.nan) -> Bodies:
    n = len(degrees)
    return Bodies(np.arange(1, n + 1), np.radians(degrees), np.full(n, np.radians(2.0) ** 2), np.full(n, nats))


def heard(people: Bodies, degrees: float, seconds: float = 2.0, config: BindingConfig = CONFIG) -> Offsets:
    """One voice from there for so long."""
    evidence = arrange(Offsets.none(), np.array([1]), people.source_id)
    for _ in range(round(seconds / 0.05)):
        one = Assigned(np.ones(1), np.ones(1), np.radians([degrees]))
        evidence = learn(evidence, one, people, 0.05, config)
    return evidence


def voices(*body: int) -> Voices:
    n = len(body)
    ids = np.arange(1, n + 1)
    return Voices(ids, ids, np.zeros(n), np.ones(n), np.zeros(n), np.array(body), np.ones(n))


def test_the_confidence_is_the_posterior_of_bodies_and_nobody() -> None:
    people = bodies(-10.0, 0.0, 25.0)
    evidence = heard(people, 4.0, config=ALONE)
    frames = evidence.seconds / 0.1
    stddev = np.sqrt(np.radians(4.0) ** 2 + np.radians(5.0) ** 2 / frames[0] + np.radians(2.0) ** 2)
    joint = 0.8 / 3 * norm.pdf(np.radians([14.0, 4.0, -21.0]), scale=stddev)
    expected = joint / (joint.sum() + 0.2 / (2 * np.pi))
    np.testing.assert_allclose(confidence(evidence, people, ALONE)[0], expected, rtol=1e-6)


def test_lips_multiply_the_odds() -> None:
    without, speaking = bodies(0.0, 30.0), bodies(0.0, 30.0)._replace(nats=np.array([-2.0, np.nan]))
    before = confidence(heard(without, 0.0), without, CONFIG)[0]
    after = confidence(heard(speaking, 0.0, 20.0), speaking, CONFIG)[0]
    odds = (after[0] / (1 - after.sum())) / (before[0] / (1 - before.sum()))
    assert odds == pytest.approx(np.exp(-2.0), rel=0.02)


@pytest.mark.parametrize("degrees", [-5.0, 0.0, 5.0, 10.0, 15.0])
def test_ten_degrees_apart_none_is_sure_and_thirty_apart_one_is(degrees: float) -> None:
    near, far = bodies(0.0, 10.0), bodies(0.0, 30.0)
    assert confidence(heard(near, degrees), near, CONFIG).max() < 0.6
    assert confidence(heard(far, degrees), far, CONFIG)[0, 0] > (0.8 if degrees < 12 else 0.0)


def test_evidence_is_forgotten_in_half_a_second_of_speech_and_follows_ids() -> None:
    people = bodies(0.0, 40.0)
    evidence = heard(people, 0.0)
    for _ in range(20):
        one = Assigned(np.ones(1), np.ones(1), np.radians([40.0]))
        evidence = learn(evidence, one, people, 0.05, CONFIG)
    assert np.degrees(evidence.offset[0]) == pytest.approx([40 * (1 - np.exp(-2)), -40 * np.exp(-2)], abs=0.5)
    silence = Assigned(np.zeros(1), np.zeros(1), np.zeros(1))
    quiet = learn(evidence, silence, people, 100.0, CONFIG)
    np.testing.assert_allclose(quiet.offset, evidence.offset)
    turned = arrange(evidence, np.array([8, 1]), np.array([2, 5, 1]))
    np.testing.assert_allclose(turned.offset[1], [evidence.offset[0, 1], 0.0, evidence.offset[0, 0]])
    assert not turned.seconds[0].any()


def test_offsets_wrap() -> None:
    people = bodies(179.0)
    evidence = heard(people, -179.0)
    assert np.degrees(evidence.offset[0, 0]) == pytest.approx(2.0, abs=1e-6)


def test_pairs_hold_between_the_limits_and_are_one_to_one() -> None:
    ids = np.array([1, 2])
    assert match(voices(NOBODY), np.array([[0.59, 0.1]]), ids, 0.5, CONFIG).body.tolist() == [NOBODY]
    assert match(voices(NOBODY), np.array([[0.61, 0.1]]), ids, 0.5, CONFIG).body.tolist() == [1]
    assert match(voices(1), np.array([[0.41, 0.55]]), ids, 0.5, CONFIG).body.tolist() == [1]
    assert match(voices(1), np.array([[0.39, 0.55]]), ids, 0.5, CONFIG).body.tolist() == [NOBODY]
    assert match(voices(1), np.array([[0.2, 0.7]]), ids, 0.5, CONFIG).body.tolist() == [2]
    assert match(voices(9), np.array([[0.2, 0.5]]), ids, 0.5, CONFIG).body.tolist() == [NOBODY]  # the body is gone
    both = match(voices(NOBODY, NOBODY), np.array([[0.7, 0.1], [0.8, 0.1]]), ids, 0.5, CONFIG)
    assert both.body.tolist() == [NOBODY, 1]
    assert match(voices(NOBODY), np.array([[0.9, 0.0]]), ids, 5.0, CONFIG).body.tolist() == [NOBODY]  # silent


def test_a_voice_that_speaks_takes_a_body_from_one_that_was_silent() -> None:
    pair = voices(1, NOBODY)._replace(last_heard=np.array([0.0, 5.0]))
    assert match(pair, np.array([[0.9, 0.0], [0.8, 0.0]]), np.array([1, 2]), 5.0, CONFIG).body.tolist() == [NOBODY, 1]
    pair = voices(1, NOBODY)._replace(last_heard=np.array([4.9, 5.0]))
    assert match(pair, np.array([[0.9, 0.0], [0.8, 0.0]]), np.array([1, 2]), 5.0, CONFIG).body.tolist() == [1, NOBODY]


def test_doubt_is_between_bodies() -> None:
    assert unsure(voices(NOBODY), np.array([[0.5, 0.45, 0.0]]), 0.5, CONFIG).tolist() == [True, True, False]
    assert not unsure(voices(NOBODY), np.array([[0.4, 0.0, 0.0]]), 0.5, CONFIG).any()  # or nobody's
    assert not unsure(voices(NOBODY), np.array([[0.7, 0.2, 0.0]]), 0.5, CONFIG).any()
    assert not unsure(voices(1), np.array([[0.5, 0.45, 0.0]]), 0.5, CONFIG).any()
    assert not unsure(voices(NOBODY), np.zeros((1, 0)), 0.5, CONFIG).any()
