"""Speaking status: the forward filter against the matrix exponential and against a chain of small steps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from dvae.audiovisual.speaking import Observed, Speaking, SpeakingConfig, follow, forward, hush, listen, wait

CONFIG = SpeakingConfig()


def of(*ids: int, time: float = 0.0) -> Speaking:
    return follow(Speaking.nobody(), np.array(ids, dtype=np.int64), time, CONFIG)


def heard(weight: NDArray[np.float64]) -> Observed:
    return Observed(weight, 0.05, 0.9 if weight.any() else 0.0)


@pytest.mark.parametrize("nats", [-60.0, -1.0, 0.0, 3.0, 40.0])
@pytest.mark.parametrize("seconds", [0.01, 0.4, 3.0])
def test_forward_is_the_matrix_exponential(nats: float, seconds: float) -> None:
    onset, end = 1.0 / CONFIG.pause_seconds, 1.0 / CONFIG.speech_seconds
    generator = np.array([[-onset, end], [onset, nats - end]])
    for before in (0.001, 0.4, 0.97):
        after = expm(generator * seconds) @ [1.0 - before, before]
        found = forward(np.array([before]), np.array([nats]), seconds, CONFIG)
        assert found == pytest.approx(after[1] / after.sum(), abs=1e-6)


def test_small_steps_are_the_discrete_filter_of_the_textbook() -> None:
    step, nats = 1e-3, 5.0
    stay_silent, stay_speaking = np.exp(-step / CONFIG.pause_seconds), np.exp(-step / CONFIG.speech_seconds)
    transition = np.array([[stay_silent, 1 - stay_speaking], [1 - stay_silent, stay_speaking]])
    belief = np.array([0.8, 0.2])
    for _ in range(700):
        belief = np.array([1.0, np.exp(nats * step)]) * (transition @ belief)
        belief /= belief.sum()
    assert forward(np.array([0.2]), np.array([nats]), 0.7, CONFIG) == pytest.approx(belief[1], abs=2e-3)


@pytest.mark.parametrize("step", [0.01, 0.032, 0.1, 1.0])
def test_any_time_step_is_as_many_small_ones(step: float) -> None:
    fine = coarse = of(4, 9)
    mass = np.array([0.55, 0.1])
    for _ in range(1000):
        fine = listen(fine, heard(mass), 1e-3, 1.0, CONFIG)
    for _ in range(round(1.0 / step)):
        coarse = listen(coarse, heard(mass), step, 1.0, CONFIG)
    rest = 1.0 - round(1.0 / step) * step
    coarse = listen(coarse, heard(mass), rest, 1.0, CONFIG) if rest > 1e-9 else coarse
    assert coarse.probability == pytest.approx(fine.probability, abs=2e-3)
    assert coarse.weight == pytest.approx(fine.weight, abs=1e-9)


def test_several_speak_at_once_and_nobody_when_silent() -> None:
    state = of(1, 2, 3)
    for frame in range(20):
        state = listen(state, heard(np.array([0.9, 0.8, 0.0])), 0.05, 0.05 * frame, CONFIG)
    assert state.speaking.tolist() == [True, True, False]
    begun = state.since.copy()
    assert 0 < begun[0] < 0.5
    for frame in range(20, 40):
        state = listen(state, heard(np.zeros(3)), 0.05, 0.05 * frame, CONFIG)
    assert not state.speaking.any()
    assert 1.0 < state.since[0] < 1.8
    assert state.since[2] == 0.0


def test_decision_stays_between_the_limits() -> None:
    state = of(1)._replace(probability=np.array([0.5]))
    assert not wait(state, 1e-6, 1.0, CONFIG).speaking[0]
    assert wait(state._replace(speaking=np.array([True])), 1e-6, 1.0, CONFIG).speaking[0]


def test_state_belongs_to_ids_in_any_order() -> None:
    state = listen(of(5, 7), heard(np.array([1.0, 0.0])), 0.5, 0.5, CONFIG)
    turned = follow(state, np.array([7, 6, 5]), 1.0, CONFIG)
    assert turned.probability[[2, 0]].tolist() == state.probability.tolist()
    assert turned.since.tolist() == [0.0, 1.0, 0.5]
    assert turned.speaking.tolist() == [False, False, True]
    assert len(follow(turned, np.zeros(0, np.int64), 2.0, CONFIG).weight) == 0


def test_robot_is_nobody() -> None:
    state = listen(of(1, 2), heard(np.array([1.0, 0.0])), 1.0, 1.0, CONFIG)
    quiet = hush(state, 1.5)
    assert not quiet.speaking.any()
    assert quiet.probability.max() < 0.01
    assert quiet.since.tolist() == [1.5, 0.0]


def test_without_sound_it_is_forgotten_who_spoke() -> None:
    state = listen(of(1), heard(np.array([1.0])), 1.0, 1.0, CONFIG)
    prior = CONFIG.speech_seconds / (CONFIG.speech_seconds + CONFIG.pause_seconds)
    assert wait(state, 60.0, 61.0, CONFIG).probability == pytest.approx(prior, abs=1e-3)
