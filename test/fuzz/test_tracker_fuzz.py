"""A little of bench/reliability/storm_tracker.py: odd detections, then four people who keep their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outcome import Effort
from storm_tracker import SETTINGS, SIZE, ArrayStorm, PipelineStorm, check_tracks, detection, frame_of, odd, walkers

from dvae.tracking.config import TrackerConfig

pytestmark = pytest.mark.filterwarnings("ignore")  # numpy on numbers that are none


@pytest.fixture
def effort(tmp_path: Path) -> Effort:
    return Effort(11, True, tmp_path)


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_odd_messages(number: int, effort: Effort) -> None:
    storm = PipelineStorm(effort, SETTINGS[number], f"{number}")
    storm.storm(np.random.default_rng([effort.seed, number]), 150)
    storm.recover()
    assert not effort.failures


@pytest.mark.parametrize("size", [None, SIZE])
def test_odd_arrays(size: Any, effort: Effort) -> None:
    storm = ArrayStorm(effort, TrackerConfig(), size)
    storm.storm(np.random.default_rng(effort.seed), 200)
    storm.recover()
    assert storm.refused > 10
    assert not effort.failures


def test_a_broken_tracker_is_seen(effort: Effort) -> None:
    """The check of ids fails where there is nobody to follow, the check of tracks for what is not finite."""
    storm = PipelineStorm(effort, SETTINGS[0], "nobody")
    storm.pipeline.on_detections = lambda message, _: []  # type: ignore[method-assign]
    storm.recover()
    assert "expected four stable ids" in effort.failures[0]
    assert list(effort.folder.rglob("messages.json"))
    track = detection([np.nan] * 4)
    track.id, track.box, track.velocity, track.variance = 1, [np.nan] * 4, [0.0], [0.0]
    track.confidence = track.age = track.time_since_detection = 0.0
    with pytest.raises(AssertionError, match="finite"):
        check_tracks(type("Message", (), {"tracks": [track]}))
    assert frame_of(odd.stamp_of(5), walkers(0)).header.stamp.nanosec == 5
