from __future__ import annotations

import numpy as np
from people import SIZE, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.recording import NumberedFrame, Recording
from dvae.tracking.smoothing import LagSmoother

CONFIG = TrackerConfig(max_missed_seconds=0.4)


def frames_with_gaps(rng: np.random.Generator) -> dict[int, np.ndarray]:
    """By number: two people; nobody for a long time; one of them; a short gap."""
    truth = walkers(400, [[100, 300], [600, 300]], [[2, 0], [-1, 0]]) + rng.normal(0, 1, (400, 2, 4))
    return {n: truth[n, : 1 + (n < 50)] for n in (*range(5, 40), *range(300, 330), *range(335, 340), 390)}


def test_gaps_cost_nothing_and_change_nothing(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    frames, calls = frames_with_gaps(rng), 0
    for lag in (0, 7):
        every = OnlineTracker(shipped, CONFIG, SIZE)
        smoother = LagSmoother(lag) if lag else None
        expected = []
        for n in range(391):
            tracks = every.update(frames.get(n, []), n / 30)
            late = smoother.update(n / 30, tracks) if smoother else None
            expected += [late.tracks] if late else [] if smoother else [tracks]
        expected += [late.tracks for late in smoother.flush()] if smoother else []
        recording = Recording(OnlineTracker(shipped, CONFIG, SIZE), LagSmoother(lag) if lag else None, 30.0, first=0)
        given = [NumberedFrame(n, boxes, np.ones(len(boxes))) for n, boxes in frames.items()]
        found = dict(recording.track(given))
        for n, tracks in enumerate(expected):
            if n in found:
                assert all(np.array_equal(a, b) for a, b in zip(found[n], tracks, strict=True))
            else:
                assert not len(tracks.track_id)
        assert recording.num_frames == 391
        calls = len(found)
    assert calls < 150


def test_far_frames_come_at_once(shipped: TrajectorySRNN) -> None:
    boxes = walkers(1, [[100, 300]], [[0, 0]])[0]
    frames = [NumberedFrame(n, boxes, np.ones(1)) for n in (1, 2, 3, 9_999_998, 9_999_999, 10_000_000)]
    recording = Recording(OnlineTracker(shipped, CONFIG, SIZE), None, 30.0)
    found = dict(recording.track(frames))
    assert len(found) < 30
    assert [found[n].track_id.tolist() for n in (3, 10_000_000)] == [[1], [2]]


def test_the_camera_moves_with_its_frames(shipped: TrajectorySRNN) -> None:
    pan = np.array([[1.0, 0, 40], [0, 1.0, 0]])
    boxes = walkers(20, [[100, 300]], [[0, 0]])
    boxes[12:, :, [0, 2]] += 40
    for first in (0, 1):
        frames = [NumberedFrame(n + first, b, np.ones(1)) for n, b in enumerate(boxes) if n not in (10, 11, 12)]
        recording = Recording(OnlineTracker(shipped, CONFIG, SIZE), None, 30.0, first, {12: pan})
        found = dict(recording.track(frames))
        np.testing.assert_allclose(found[12 + first].boxes, boxes[12], atol=4)
        assert recording.account.used == 17
