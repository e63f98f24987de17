"""Late chunks: what waited is handed on as it is, what was lost is found with its length and place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from dvae.signal.audio_clock import NANOSECONDS, AudioClock
from dvae.signal.audio_gaps import MAX_HELD_SECONDS, HeldAudio, StampedChunk

RATE = 16000
Arrivals = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Heard(NamedTuple):
    """Numbers of the chunks in their order, -n where n samples are missing, 0 where a stretch begins."""

    order: list[int]
    delays: list[int]  # how many chunks were held when each came


def listen(
    times: Sequence[float] | np.ndarray,
    sizes: Sequence[int],
    is_arrival: bool,
    max_gap: float = 0.2,
    is_end: bool = True,
) -> Heard:
    """Chunks number 1, 2, ... with these stamps in s."""
    clock = AudioClock(RATE, RATE)
    held, order, waiting = HeldAudio(clock, max_gap), list[int](), list[int]()

    def take(is_end: bool = False) -> None:
        nonlocal clock
        while (release := held.take(is_end)) is not None:
            if release.begins_anew:
                clock = AudioClock(RATE, RATE)
                held.continue_with(clock)
                order.append(0)
            if release.num_lost:
                order.append(-release.num_lost)
                clock.skip(release.num_lost)
            for i, chunk in enumerate(release.chunks):
                trusted = release.is_trusted or i > 0
                clock.add(chunk.stamp if trusted else None, chunk.num_samples, chunk.is_arrival)
                clock.forget_before(2**60)
                order.append(int(chunk.frame_id))

    for number, (time, size) in enumerate(zip(times, sizes, strict=True), 1):
        held.put(StampedChunk(b"", size, round((1000 + time) * NANOSECONDS), is_arrival, str(number)))
        take()
        waiting.append(len(held))
    take(is_end)
    return Heard(order, waiting)


def begins(sizes: Sequence[int]) -> np.ndarray:
    return (np.cumsum(sizes) - np.array(sizes)) / RATE


def in_turn(late: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Arrivals:
    """Chunks come by so many seconds later than they begin, but never before the one before."""
    return lambda times, rng: np.maximum.accumulate(times + late(times, rng))


def blocked(seconds: float, free: float, since: float) -> Arrivals:
    """Nothing is taken for `seconds`, then all that waits, then it is free, and so on."""

    def arrive(times: np.ndarray, _: Any) -> np.ndarray:
        phase = (times + since) % (seconds + free)
        return np.maximum.accumulate(np.where(phase < seconds, times + seconds - phase, times) + 1e-6 * times)

    return arrive


def in_bursts(seconds: float, since: float) -> Arrivals:
    return lambda times, _: (np.floor((times + since) / seconds) + 1) * seconds - since


WAITING: dict[str, Arrivals] = {
    "exact": lambda times, _: times,
    "up to 60 ms late": in_turn(lambda times, rng: rng.uniform(0, 0.06, times.size)),
    "every tenth 30 ms late": in_turn(lambda times, _: np.where(np.arange(times.size) % 10 == 9, 0.03, 0.0)),
    "blocked half of the time": blocked(0.2, 0.2, 0.0),
    "blocked nine tenths": blocked(0.9, 0.1, 0.35),
    "bursts of a second": in_bursts(1.0, 0.4),
    "bursts of two seconds": in_bursts(2.0, 0.7),
    "a stall of three seconds": lambda times, _: np.where((times > 1) & (times < 4), 4 + 1e-6 * times, times),
    "a stall that is caught up slowly": lambda times, _: np.maximum(
        times, np.where(times > 2, 2.4 + 0.9 * (times - 2), 0)
    ),
    "a slow clock": lambda times, _: times * 1.0003,
    "a fast clock": lambda times, _: times * 0.9997,
}


@pytest.mark.parametrize("is_arrival", [False, True])
@pytest.mark.parametrize("size", [160, 512, 1024, 2048, 0])
@pytest.mark.parametrize("name", list(WAITING))
def test_what_only_waited_is_never_a_loss(name: str, size: int, is_arrival: bool) -> None:
    for seed in range(3 if "up to" in name else 1):
        rng = np.random.default_rng(seed)
        sizes = [size] * (8 * RATE // size) if size else rng.integers(16, 1500, 150).tolist()
        heard = listen(WAITING[name](begins(sizes), rng), sizes, is_arrival)
        assert heard.order == list(range(1, len(sizes) + 1))


@pytest.mark.parametrize("is_arrival", [False, True])
@pytest.mark.parametrize("size", [160, 512, 2048])
@pytest.mark.parametrize("lost", [1, 5, 50])
@pytest.mark.parametrize("jitter", [0.0, 0.002])
def test_what_is_lost_is_found_in_its_place(lost: int, size: int, is_arrival: bool, jitter: float) -> None:
    sizes = [size] * (6 * RATE // size + 50)
    place = round(2.0 * RATE / size)
    rng = np.random.default_rng(1)
    times = begins(sizes) + rng.uniform(-jitter, jitter, len(sizes))
    kept = [i for i in range(len(sizes)) if not place <= i < place + lost]
    heard = listen(times[kept], [size] * len(kept), is_arrival)
    gap = -lost * size if lost * size <= 0.2 * RATE else 0
    assert heard.order == [*range(1, place + 1), gap, *range(place + 1, len(kept) + 1)]


@pytest.mark.parametrize("is_arrival", [False, True])
def test_a_loss_among_chunks_that_come_late(is_arrival: bool) -> None:
    """Of 32 ms chunks up to 30 ms late, five are lost: found whole, though the stamps cannot tell it exactly."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        times = np.maximum.accumulate(begins([512] * 200) + rng.uniform(0, 0.03, 200))
        kept = [i for i in range(200) if not 70 <= i < 75]
        heard = listen(times[kept], [512] * len(kept), is_arrival)
        assert heard.order == [*range(1, 71), -2560, *range(71, 196)]


def test_many_losses_one_after_the_other_keep_their_places(rng: np.random.Generator) -> None:
    kept = np.flatnonzero(rng.random(300) > 0.2)
    heard = listen(begins([512] * 300)[kept], [512] * kept.size, is_arrival=False)
    expected, before = list[int](), -1
    for number, index in enumerate(kept.tolist(), 1):
        if index - before > 1 and before >= 0:
            expected.append(-512 * (index - before - 1))
        expected.append(number)
        before = index
    assert heard.order == expected


def test_a_loss_soon_after_a_long_gap_keeps_its_place() -> None:
    """Both are held together before either is known."""
    times = begins([512] * 80)
    times[30:] += 5.0
    kept = [i for i in range(80) if i not in (33, 34, 36)]
    heard = listen(times[kept], [512] * 77, is_arrival=False)
    assert heard.order == [*range(1, 31), 0, *range(31, 34), -1024, 34, -512, *range(35, 78)]


def test_nothing_waits_on_clean_input_and_exact_stamps_are_soon_believed() -> None:
    assert max(listen(begins([512] * 200), [512] * 200, is_arrival=False).delays) == 0
    times = np.delete(begins([512] * 200), [100])
    assert max(listen(times, [512] * 199, is_arrival=False).delays) * 0.032 < 0.3
    assert max(listen(times, [512] * 199, is_arrival=True).delays) * 0.032 < 1.1


def test_the_end_decides() -> None:
    """The last chunk is late: by its stamp that is a loss; one that came late may have waited."""
    times = begins([512] * 20)
    times[-1] += 0.064
    assert listen(times, [512] * 20, is_arrival=False).order == [*range(1, 20), -1024, 20]
    assert listen(times, [512] * 20, is_arrival=True).order == list(range(1, 21))


def test_time_that_goes_back_begins_anew_but_one_wrong_stamp_does_not() -> None:
    times = begins([512] * 60)
    jumped = np.where(np.arange(60) < 30, times, times - 500)
    assert listen(jumped, [512] * 60, is_arrival=False).order == [*range(1, 31), 0, *range(31, 61)]
    for wrong in (-500.0, -0.5, 0.5, 500.0, -0.05):
        once = times.copy()
        once[30] += wrong
        assert listen(once, [512] * 60, is_arrival=False).order == list(range(1, 61))
    little = np.where(np.arange(60) < 30, times, times - 0.15)
    assert listen(little, [512] * 60, is_arrival=False).order == list(range(1, 61))


def test_a_day_of_chunks_leaves_nothing_behind(rng: np.random.Generator) -> None:
    """What is held is bounded by time and by samples, whatever the stamps say."""
    clock = AudioClock(RATE, RATE)
    held, most, stamp = HeldAudio(clock, 0.2), 0, 0
    for _ in range(5000):
        stamp += round(rng.choice([0, 0.01, 0.1, 0.1, 0.3, 5.0, -3.0]) * NANOSECONDS)
        held.put(StampedChunk(b"", 1600, stamp, bool(rng.random() < 0.5)))
        while (release := held.take()) is not None:
            if release.begins_anew:
                clock = AudioClock(RATE, RATE)
                held.continue_with(clock)
            clock.skip(release.num_lost) if release.num_lost else None
            for chunk in release.chunks:
                clock.add(chunk.stamp, 1600)
        clock.forget_before(2**60)
        most = max(most, len(held))
    assert most <= MAX_HELD_SECONDS * 10 + 1
    assert len(clock._anchors) <= 1


def test_a_stamp_far_ahead_where_audio_is_missing_holds_nothing_for_long() -> None:
    """The first chunk after a gap has a wrong stamp, and stamps jitter; its stretch begins where the next ones say."""
    held = HeldAudio(clock := AudioClock(RATE, RATE), 0.2)
    clock.add(1000 * NANOSECONDS, 320)
    for number in range(100):
        stamp = 2**31 if number == 0 else 1001 + number * 0.02 + 0.008 * (number % 2)
        held.put(StampedChunk(b"", 320, round(stamp * NANOSECONDS)))
    release = held.take()
    assert release is not None
    assert release.begins_anew
    assert abs(release.chunks[0].stamp - 1001 * NANOSECONDS) < 1e6


def test_a_long_gap_after_late_chunks_is_no_slow_playing() -> None:
    """Chunks that are late, by arrival, then nothing for half a minute while they are held."""
    sizes = [320] * 200
    times = begins(sizes) + 0.02
    times[100:120] += 0.5
    times[120:] += 30.0
    order, _ = listen(times, sizes, is_arrival=True)
    assert order == [*range(1, 101), 0, *range(101, 121), 0, *range(121, 201)]
