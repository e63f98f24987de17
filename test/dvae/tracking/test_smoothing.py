from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.online import OnlineTracker
from dvae.tracking.smoothing import LagSmoother, smooth_first
from dvae.tracking.tracks import TrackState


def test_smoother_is_the_posterior_of_the_joint_gaussian(rng: np.random.Generator) -> None:
    num_frames, steps = 7, rng.uniform(0.02, 0.1, size=6)
    boxes, variance = rng.normal(size=(1, num_frames, 4)), rng.uniform(0.5, 2.0, size=(1, num_frames, 4))
    seen = np.array([[True, False, True, False, False, True, False]])
    power, start = np.full((1, 4), 3.0), np.array([[[0.7] * 4], [[2.0] * 4], [[0.3] * 4]])
    mean, spread = smooth_first(boxes, variance, seen, steps, power, start)
    # all positions and velocities at once, as a precision matrix
    precision, information = np.zeros((14, 14)), np.zeros(14)
    precision[:2, :2] = np.diag([1 / 0.7, 1 / 2.0])
    information[:2] = boxes[0, 0, 0] / 0.7, 0.3 / 2.0
    for t, h in enumerate(steps):
        move = np.array([[-1, -h, 1, 0], [0, -1, 0, 1]])
        noise = np.linalg.inv(3.0 * np.array([[h**3 / 3, h**2 / 2], [h**2 / 2, h]]))
        precision[2 * t : 2 * t + 4, 2 * t : 2 * t + 4] += move.T @ noise @ move
    for t in (2, 5):
        precision[2 * t, 2 * t] += 1 / variance[0, t, 0]
        information[2 * t] += boxes[0, t, 0] / variance[0, t, 0]
    covariance = np.linalg.inv(precision)
    assert mean[0, 0] == pytest.approx((covariance @ information)[0])
    assert spread[0, 0] == pytest.approx(covariance[0, 0])


def test_smoothing_closes_a_gap_better_than_prediction(shipped: TrajectorySRNN) -> None:
    truth = walkers(60, [[100, 300]], [[4, 0]])
    truth[30:, :, [0, 2]] -= 2.0 * np.arange(30)[:, None, None]  # slows down while hidden
    tracker, smoother, lag = OnlineTracker(shipped, image_size=SIZE), LagSmoother(15), 15
    online, late = [], []
    for t, boxes in enumerate(truth):
        tracks = tracker.update(boxes if not 28 <= t < 38 else boxes[:0], t / 30)
        online.append(tracks)
        smoothed = smoother.update(t / 30, tracks)
        assert (smoothed is None) == (t < lag)
        late += [smoothed] if smoothed else []
    late += smoother.flush()
    assert [round(s.time * 30) for s in late] == list(range(60))
    gap = range(28, 38)
    assert all(
        late[t].bridged.tolist() == [True] and late[t].tracks.state.tolist() == [TrackState.OCCLUDED] for t in gap
    )
    errors = [np.mean([np.abs(r[t] - truth[t]).max() for t in gap]) for r in (
        [r.boxes for r in online], [s.tracks.boxes for s in late])]  # fmt: skip
    assert errors[1] < 0.6 * errors[0]
    assert online[0].state.tolist() == [TrackState.TENTATIVE]
    assert late[0].tracks.state.tolist() == [TrackState.CONFIRMED]  # it was confirmed within the lag
    with pytest.raises(ValueError, match="expected a lag of at least one frame, got 0"):
        LagSmoother(0)
