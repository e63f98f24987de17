"""Whether samples last as long as their stamps say."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.stamp_pace import StampPace

RATE, SIZE, SECOND = 16000, 512, 1e9
TIMES = 40.0 + np.arange(1000) * SIZE / RATE  # of chunks


def told(times: np.ndarray, size: int = SIZE, lost: tuple[int, ...] = ()) -> list[float]:
    pace = StampPace(RATE)
    found = [pace.add(round(time * SECOND), size) for i, time in enumerate(times) if i not in lost]
    return [ratio for ratio in found if ratio is not None]


@pytest.mark.parametrize("ratio", [48 / 44.1, 2.0, 3.0, 6.0])
def test_samples_that_last_too_long_are_told(ratio: float, rng: np.random.Generator) -> None:
    found = told(TIMES, round(SIZE * ratio))
    assert len(found) > 3
    assert found == pytest.approx([ratio] * len(found), rel=1e-3)
    assert told(TIMES + rng.uniform(0, 0.02, TIMES.size), round(SIZE * ratio))


@pytest.mark.parametrize("slower", [1.0, 1.03, 0.97])
def test_what_drifts_is_not(slower: float) -> None:
    assert told(TIMES * slower) == []


@pytest.mark.parametrize("slower", [1.1, 2.0])
def test_what_is_played_slowly_lasts_less_long(slower: float) -> None:
    found = told(TIMES * slower)
    assert len(found) > 3
    assert found == pytest.approx([1 / slower] * len(found), rel=1e-3)


@pytest.mark.parametrize("seconds", [0.06, 0.3, 1.0, 3.0, 5.0, 8.0])
def test_chunks_that_wait_are_not(seconds: float, rng: np.random.Generator) -> None:
    bursts = np.floor(TIMES / seconds + 1) * seconds
    stall = np.where((TIMES > 44.0) & (44.0 + seconds > TIMES), 44.0 + seconds, TIMES)
    jitter = TIMES + rng.uniform(0, seconds, TIMES.size)
    queue = np.maximum.accumulate(TIMES + rng.exponential(seconds / 3, TIMES.size))
    for times in (bursts, stall, stall + 1e-4 * np.arange(TIMES.size), np.sort(jitter), queue):
        assert told(times) == []


def test_a_loss_is_not_but_losses_all_the_time_are(rng: np.random.Generator) -> None:
    assert told(TIMES, lost=tuple(range(100, 400))) == []
    assert told(TIMES, lost=tuple(range(10, 1000, 7))) == pytest.approx([6 / 7] * 6, rel=0.01)
    assert told(TIMES, lost=tuple(np.flatnonzero(rng.random(1000) < 0.3)))


def test_stamps_that_go_back_or_stand_still_are_not() -> None:
    assert told(np.concatenate([TIMES[:100], TIMES[:100], TIMES[:100]])) == []
    assert told(np.full(30000, 40.0)) == []
