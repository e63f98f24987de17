"""The last seconds of a signal, by their time."""

from __future__ import annotations

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_history import AudioHistory


def test_samples_are_found_by_their_time_and_the_rest_is_silence() -> None:
    history, ramp = AudioHistory(1000, 2.0), np.arange(1.0, 101.0, dtype=np.float32)
    history.move_to(50 * NANOSECONDS)
    history.append(ramp[:60])
    history.append(ramp[60:])
    assert history.take(50 * NANOSECONDS, 100).tolist() == ramp.tolist()
    assert history.take(50 * NANOSECONDS + 90_000_000, 20).tolist() == [*ramp[90:], *[0.0] * 10]
    history.move_to(51 * NANOSECONDS)
    history.append(ramp)
    assert not history.take(50 * NANOSECONDS + 100_000_000, 900).any()
    assert history.take(51 * NANOSECONDS, 100).tolist() == ramp.tolist()


def test_going_back_voids_what_would_follow_and_memory_is_bounded() -> None:
    history, ones = AudioHistory(1000, 1.0), np.ones(400, dtype=np.float32)
    history.move_to(0)
    for _ in range(10):
        history.append(ones)
    assert history.take(0, 4000).sum() == 1000  # the newest second
    history.move_to(3 * NANOSECONDS + 500_000_000)
    history.append(2 * ones[:100])
    assert history.take(3 * NANOSECONDS, 1000).tolist() == [1.0] * 500 + [2.0] * 100 + [0.0] * 400
