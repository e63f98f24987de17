from __future__ import annotations

import numpy as np
import pytest

from dvae.tracking.rhythm import Rhythm


def between(has_detections: list[bool], times: list[float] | None = None) -> list[bool]:
    """Of each frame whether the detector is taken not to have looked at it."""
    rhythm, found = Rhythm(), []
    for t, has in enumerate(has_detections):
        time = t / 30 if times is None else times[t]
        found.append(rhythm.is_between(time, has))
        rhythm = rhythm.after(time, has)
    return found


@pytest.mark.parametrize("step", [2, 3, 5, 10])
def test_every_nth_frame(step: int) -> None:
    frames = [t % step == 0 for t in range(8 * step)]
    known = 3 * step  # the third interval ends here
    assert between(frames) == [not has and t > known for t, has in enumerate(frames)]


def test_a_detector_that_looks_at_each_frame_has_no_rhythm(rng: np.random.Generator) -> None:
    assert not any(between([True] * 20 + [False] * 20 + [True] * 20))
    assert not any(between([t % 4 != 0 for t in range(60)]))  # misses now and then
    assert not any(between([True, False, True, True, False, True] * 10))


def test_intervals_of_two_to_four_frames(rng: np.random.Generator) -> None:
    outputs = np.cumsum([0, 2, 4, 3, *rng.integers(2, 5, size=200)])
    frames = [t in outputs for t in range(outputs[-1] + 1)]
    found, expected = np.array(between(frames)), ~np.array(frames)
    assert found[10:200].tolist() == expected[10:200].tolist()
    assert (found != expected)[10:].mean() < 0.01  # four in a row is forgotten where it does not come for long


def test_a_slower_rhythm_is_learnt() -> None:
    outputs = np.cumsum([0] + [3] * 20 + [4] * 20)
    frames = [t in outputs for t in range(outputs[-1] + 1)]
    found = between(frames)
    assert found[outputs[20] + 3] is False  # was due
    assert found[outputs[21] :] == [not has for has in frames[outputs[21] :]]


def test_where_an_output_was_due_nobody_was_found() -> None:
    frames = [t % 3 == 0 for t in range(19)] + [False] * 12
    assert between(frames)[19:] == [True, True, False] * 4  # the detector goes on, and finds nobody
    again = [*frames, True] + [False] * 5  # it comes back out of step, which is no interval
    assert between(again)[31:] == [False, True, True, False, True, True]
    everyone = [*frames[:19], *[True] * 3, False, False]  # the detector is fast from here on
    assert between(everyone)[-2:] == [False, False]


def test_stamps_that_tremble(rng: np.random.Generator) -> None:
    times = (np.arange(60) / 30 + rng.uniform(-0.004, 0.004, size=60)).tolist()
    frames = [t % 3 == 0 for t in range(60)]
    assert between(frames, times)[10:] == [not has for has in frames[10:]]
