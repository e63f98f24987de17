from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, run, shaking, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker


@pytest.mark.parametrize(("known", "inferred"), [(True, False), (False, True), (True, True)])
def test_tracks_follow_a_shaking_camera(shipped: TrajectorySRNN, known: bool, inferred: bool) -> None:
    errors = {}
    for compensate in (False, True):
        rng = np.random.default_rng(3)
        truth, maps = shaking(60, rng)
        tracker = OnlineTracker(shipped, TrackerConfig(camera_motion=inferred and compensate), SIZE)
        found = []
        for t, boxes in enumerate(truth):
            hidden = 2 if t % 10 == 9 else -1  # where a track goes without detection shows what the camera did to it
            seen = boxes[np.arange(5) != hidden] + rng.normal(0, 1, (5 - (hidden >= 0), 4))
            tracks = tracker.update(seen, t / 30, camera=maps[t] if known and compensate else None)
            if hidden >= 0 and t > 20:
                row = np.flatnonzero(tracks.track_id == 3)[0]
                found.append(np.abs(tracks.boxes[row] - boxes[2]).max())
        errors[compensate] = np.mean(found)
    assert errors[True] < 0.4 * errors[False]


def test_a_jump_of_the_image_changes_no_id(shipped: TrajectorySRNN) -> None:
    rng = np.random.default_rng(5)
    truth = walkers(40, [[x, 250 + 40 * (x % 3)] for x in range(100, 900, 160)], [[1, 0], [-1, 0]] * 2 + [[2, 0]])
    truth[20:, :, [0, 2]] += 55.0  # nearly a person's width in one frame
    truth[20:, :, [1, 3]] -= 30.0
    frames = [b[rng.permutation(5)] + rng.normal(0, 1, b.shape) for b in truth]
    ids = [r.track_id[r.visible].tolist() for r in run(OnlineTracker(shipped, image_size=SIZE), frames)]
    assert ids[19] == ids[20] == ids[-1] == [1, 2, 3, 4, 5]
    without = run(OnlineTracker(shipped, TrackerConfig(camera_motion=False), SIZE), frames)
    assert without[25].track_id[without[25].visible].tolist() != [1, 2, 3, 4, 5]
