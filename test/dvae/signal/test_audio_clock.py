"""The time of each sample: counted, and held to stamps that jitter, drift and come in bursts."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.audio_clock import NANOSECONDS, AudioClock

MS = NANOSECONDS // 1000


def test_exact_stamps_are_told_exactly() -> None:
    clock = AudioClock(48000, 16000)
    for i in range(3):
        clock.add(5 * NANOSECONDS + i * 10 * MS, 480)
    assert clock.next_stamp == 5 * NANOSECONDS + 30 * MS
    assert [clock.stamp_of(index) for index in (0, 80, 160, 320)] == [
        5 * NANOSECONDS + ms * MS for ms in (0, 5, 10, 20)
    ]


def test_a_question_changes_nothing() -> None:
    clock = AudioClock(16000, 16000)
    for i in range(5):
        clock.add(i * 100 * MS, 1600)
    before = [clock.stamp_of(index) for index in (8000, 0, 1700)]
    assert [clock.stamp_of(index) for index in (8000, 0, 1700)] == before == [500 * MS, 0, 106_250_000]


def test_what_went_out_is_forgotten_and_the_rest_keeps_its_time() -> None:
    clock = AudioClock(16000, 16000)
    for i in range(1000):
        clock.add(i * 10 * MS, 160)
        clock.forget_before(160 * i - 320)
        assert clock.stamp_of(160 * i - 320 if i > 2 else 0) == max(0, i - 2 if i > 2 else 0) * 10 * MS
        assert len(clock._anchors) <= 3


@pytest.mark.parametrize("ppm", [300, -300, 100, -1000])
def test_drift_is_followed_for_hours(ppm: float) -> None:
    """A sound card's clock against that of the stamps: after three hours samples still have the time of the stamps."""
    clock, chunk, number = AudioClock(16000, 16000), 0.1 * (1 + ppm * 1e-6), 108_000
    worst = 0.0
    for i in range(number):
        stamp = round(i * chunk * NANOSECONDS)
        worst = max(worst, abs(clock.late_seconds(stamp)))
        clock.add(stamp, 1600)
        clock.forget_before(i * 1600)
    assert worst < 0.003
    assert clock.stamp_of(1600 * (number - 1)) / MS == pytest.approx(chunk * 1000 * (number - 1), abs=3)


def test_chunks_that_come_late_do_not_move_the_time(rng: np.random.Generator) -> None:
    """Up to 60 ms late, but every twentieth in time: the time that is told is that of the samples."""
    clock, told = AudioClock(16000, 16000), []
    for i in range(2000):
        late = 0 if i % 20 == 0 else int(rng.uniform(0, 60 * MS))
        clock.add(i * 32 * MS + late, 512, is_arrival=True)
        told.append(clock.stamp_of(512 * i) - i * 32 * MS)
        clock.forget_before(512 * i)
    assert max(told[20:]) < 2 * MS
    assert min(told) >= 0


def test_a_start_in_a_burst_is_corrected_and_time_never_goes_back() -> None:
    """The first chunk waited for a second: its samples cannot be later than those of the chunks that came with it."""
    clock, told = AudioClock(16000, 16000), []
    for i in range(200):
        clock.add(max(i * 10 * MS, 1000 * MS), 160, is_arrival=True)
        told += [clock.stamp_of(index) for index in range(160 * i, 160 * i + 160, 16)]
        clock.forget_before(160 * i)
    assert (np.diff(told) > 0).all()
    assert told[0] == 1000 * MS
    assert told[-1] == pytest.approx(199 * 10 * MS + 9 * MS, abs=0.1 * MS)


def test_one_stamp_that_is_too_early_is_not_believed_but_two_are() -> None:
    clock = AudioClock(16000, 16000)
    for stamp in (0, 32, 64, 66, 128):
        clock.add(stamp * MS, 512)
    assert clock.next_stamp == 160 * MS
    for stamp in (130, 162):
        clock.add(stamp * MS, 512)
    assert clock.next_stamp == 194 * MS


def test_what_is_put_in_the_place_of_lost_samples_takes_its_time() -> None:
    clock = AudioClock(16000, 16000)
    clock.add(0, 512)
    clock.skip(512)
    clock.add(64 * MS, 512)
    np.testing.assert_array_equal([clock.stamp_of(i) for i in (0, 512, 1024)], [0, 32 * MS, 64 * MS])


def test_a_chunk_without_stamp_follows_and_another_clock_is_taken_over() -> None:
    clock = AudioClock(16000, 16000)
    clock.add(7 * NANOSECONDS, 1600)
    clock.add(None, 1600)
    assert clock.next_stamp == 7 * NANOSECONDS + 200 * MS
    assert clock.last_stamp == 7 * NANOSECONDS
    clock.set_to(3 * NANOSECONDS)
    clock.add(3 * NANOSECONDS, 1600)
    assert [clock.stamp_of(i) for i in (1600, 3200)] == [7 * NANOSECONDS + 100 * MS, 3 * NANOSECONDS]
