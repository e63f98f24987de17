"""Clocks that are apart are found by stamps and arrivals, with their sign; what is only slow is not."""

from __future__ import annotations

import numpy as np
import pytest

from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.stream_clocks import StreamClocks

SECOND = 10**9


def watch(behind: float, detector: float, rng: np.random.Generator) -> tuple[StreamClocks, list[str]]:
    """10 s of chunks of 32 ms whose stamps are `behind` s too early, and of tracks that come `detector` s late."""
    said: list[str] = []
    clocks = StreamClocks(Reporter(said.append))
    events = []
    for t in np.arange(0.0, 10.0, 0.032):
        arrival = t + 0.032 + 0.01 + rng.exponential(0.01)
        events.append((arrival, clocks.hear, t - behind))
    for t in np.arange(0.0, 10.0, 0.05):
        events.append((t + detector + rng.exponential(0.02), clocks.see, t))
    for arrival, tell, stamp in sorted(events, key=lambda each: each[0]):
        tell(round((100.0 + stamp) * SECOND), round((100.0 + arrival) * SECOND))
    return clocks, said


@pytest.mark.parametrize("behind", [0.5, -0.5])
def test_half_a_second_is_found_and_said_once_with_what_mends_it(behind: float, rng: np.random.Generator) -> None:
    clocks, said = watch(behind, 0.02, rng)
    assert clocks.apart_seconds == pytest.approx(behind, abs=0.03)
    assert len(said) == 1
    assert f"s too {'early' if behind > 0 else 'late'}, or those of the tracks the other way" in said[0]
    offset = float(said[0].split("audio_offset_seconds:=")[1].split()[0])
    assert offset == pytest.approx(behind, abs=0.05)
    mended, silence = watch(behind - offset, 0.02, rng)
    assert abs(mended.apart_seconds) < 0.06
    assert not silence


def test_a_slow_detector_is_no_clock(rng: np.random.Generator) -> None:
    clocks, said = watch(0.0, 0.3, rng)
    assert clocks.apart_seconds == pytest.approx(-0.3, abs=0.05)
    assert not said


def test_one_stream_alone_says_nothing() -> None:
    said: list[str] = []
    clocks = StreamClocks(Reporter(said.append))
    for t in range(1000):
        clocks.see(t * SECOND, t * SECOND)
    assert np.isnan(clocks.apart_seconds)
    clocks.reset()
    assert not said
