"""Stamps and samples: a hearing that says a frame for each 32 ms, two frames late."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.audiovisual.scene import Heard
from dvae.audiovisual.sound import HeardFrame, Sound
from dvae.signal.audio_file import Audio

HOP, RATE, LATE = 512, 16000, 2
CHUNK = np.zeros((1, HOP), np.float32)


class Clock:
    """Frame k is of the middle of hop k."""

    robot_speaks = False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._fed = self._said = 0

    def feed(self, samples: Audio) -> list[Heard]:
        self._fed += samples.shape[1] // HOP
        return self._say(self._fed - LATE)

    def flush(self) -> list[Heard]:
        found = self._say(self._fed)
        self.reset()
        return found

    def _say(self, until: int) -> list[Heard]:
        first, self._said = self._said, max(self._said, until)
        return [Heard((k + 0.5) * HOP / RATE, np.zeros(0), np.zeros(0), 0.0) for k in range(first, self._said)]


def sound(earlier: float = 0.0) -> Sound:
    return Sound(Clock(), 0.1, earlier)  # type: ignore[arg-type]


def add(to: Sound, first: float, count: int) -> list[HeardFrame]:
    """Chunks that follow each other from `first` s on."""
    return [frame for k in range(count) for frame in to.add(CHUNK, first + k * HOP / RATE)]


@pytest.mark.parametrize("late", [0.02, -0.02])
def test_a_clock_that_moves_away_is_followed_and_jitter_is_not(late: float) -> None:
    steady = sound()
    add(steady, 10.0, 5)
    for k in range(5, 1500):
        steady.add(CHUNK, 10.0 + k * HOP / RATE + (-1) ** k * 9e-4)
    assert steady.fed_until == pytest.approx(10.0 + 1500 * HOP / RATE, abs=1e-9)
    add(steady, 10.0 + 1500 * HOP / RATE + late, 1500)
    assert steady.is_before(10.0 + 3000 * HOP / RATE + late) == pytest.approx(0.0, abs=1.1e-3)
    assert steady.num_gaps == 0


def test_a_small_step_back_says_nothing_twice_and_a_gap_nothing_that_was_not() -> None:
    both = sound()
    frames = add(both, 0.0, 50) + add(both, 1.0, 50) + add(both, 4.0, 10) + both.flush()
    times = np.array([frame.heard.time for frame in frames])
    assert (np.diff(times) > 0.0).all()
    assert both.num_gaps == 2
    assert len(times) == pytest.approx(2.6 / 0.032 + 10, abs=1.5)
    assert not ((times > 2.6) & (times < 4.0)).any()
    seconds = np.array([frame.seconds for frame in frames])
    assert seconds.sum() == pytest.approx(2.6 + 0.32, abs=0.1)  # of sound, and none for the gap


def test_the_robot_speaks_when_it_did_and_not_when_what_is_heard_comes_out() -> None:
    both, frames = sound(earlier=0.28), []
    for k in range(100):
        both.robot_speaks(20 <= k < 40 or k >= 70)
        frames += both.add(CHUNK, k * HOP / RATE)
    frames += both.flush()
    assert [frame.robot for frame in frames] == [20 <= k < 40 or k >= 70 for k in range(100)]
    assert frames[30].heard.time == pytest.approx(30.5 * HOP / RATE - 0.28)
