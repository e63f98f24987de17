"""The time of each sample, from stamps that jitter, drift and have gaps."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.audio_clock import NANOSECONDS, AudioClock

MS = NANOSECONDS // 1000


def test_samples_have_the_time_of_their_chunk() -> None:
    clock = AudioClock(48000, 16000)
    clock.add(5 * NANOSECONDS, 480)
    clock.add(5 * NANOSECONDS + 12 * MS, 480)  # 2 ms late
    assert clock.next_stamp == 5 * NANOSECONDS + 22 * MS
    assert clock.stamp_of(0) == 5 * NANOSECONDS
    assert clock.stamp_of(80) == 5 * NANOSECONDS + 5 * MS
    assert clock.stamp_of(160) == 5 * NANOSECONDS + 12 * MS  # the second chunk's own stamp
    assert clock.stamp_of(320) == 5 * NANOSECONDS + 22 * MS


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


def test_drift_is_followed() -> None:
    """A sound card that is 0.1 % slow: after ten minutes its samples still have the time of their stamps."""
    clock, true_rate = AudioClock(16000, 16000), 15984
    for i in range(6000):
        assert not clock.num_lost(round(i * 1600 / true_rate * NANOSECONDS), 1600)
        clock.add(round(i * 1600 / true_rate * NANOSECONDS), 1600)
    assert clock.stamp_of(5999 * 1600) == round(5999 * 1600 / true_rate * NANOSECONDS)


def test_samples_that_come_in_before_the_resampler_gave_them_are_placed_by_the_newest_chunk() -> None:
    clock = AudioClock(16000, 16000)
    clock.add(0, 1600)
    clock.add(105 * MS, 1600)
    assert clock.newest_stamp_of(1590) == 105 * MS - 10 * NANOSECONDS // 16000
    assert clock.stamp_of(1590) == 1590 * NANOSECONDS // 16000


@pytest.mark.parametrize(("late_ms", "expected"), [(0, 0), (-50, 0), (9, 0), (23, 0), (24, 384), (32, 512)])
def test_a_gap_counts_from_three_quarters_of_a_chunk(late_ms: int, expected: int) -> None:
    clock = AudioClock(16000, 16000)
    assert clock.num_lost(7 * NANOSECONDS, 512) == 0
    assert clock.late_seconds(7 * NANOSECONDS) == 0.0
    clock.add(0, 512)
    stamp = 32 * MS + late_ms * MS
    assert clock.num_lost(stamp, 512) == expected
    assert clock.late_seconds(stamp) == pytest.approx(late_ms / 1000)


def test_small_chunks_need_ten_milliseconds() -> None:
    clock = AudioClock(16000, 16000)
    clock.add(0, 32)
    assert clock.num_lost(2 * MS + 9 * MS, 32) == 0
    assert clock.num_lost(2 * MS + 10 * MS, 32) == 160


def test_what_is_put_in_the_place_of_lost_samples_takes_its_time() -> None:
    clock = AudioClock(16000, 16000)
    clock.add(0, 512)
    clock.skip(clock.num_lost(64 * MS, 512))
    clock.add(64 * MS, 512)
    np.testing.assert_array_equal([clock.stamp_of(i) for i in (0, 512, 1024)], [0, 32 * MS, 64 * MS])
