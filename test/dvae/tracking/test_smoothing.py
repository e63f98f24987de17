from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.online import OnlineTracker
from dvae.tracking.smoothing import LagSmoother, smooth_first
from dvae.tracking.tracks import Tracks, TrackState

Array = np.ndarray


def dense_first(boxes: Array, variance: Array, seen: Array, steps: Array, power: float, start: Array) -> Array:
    """Mean and variance (2,) of the first of T positions: all positions and velocities at once, as a precision matrix;
    start: variance of position and velocity, mean of velocity."""
    size = 2 * len(boxes)
    precision, information = np.zeros((size, size)), np.zeros(size)
    precision[:2, :2] = np.diag([1 / start[0], 1 / start[1]])
    information[:2] = boxes[0] / start[0], start[2] / start[1]
    for t, h in enumerate(steps):
        move = np.array([[-1, -h, 1, 0], [0, -1, 0, 1]])
        noise = np.linalg.inv(power * np.array([[h**3 / 3, h**2 / 2], [h**2 / 2, h]]))
        precision[2 * t : 2 * t + 4, 2 * t : 2 * t + 4] += move.T @ noise @ move
    for t in np.flatnonzero(seen[1:]) + 1:
        precision[2 * t, 2 * t] += 1 / variance[t]
        information[2 * t] += boxes[t] / variance[t]
    covariance = np.linalg.inv(precision)
    return np.array([(covariance @ information)[0], covariance[0, 0]])


def test_smoother_is_the_posterior_of_the_joint_gaussian(rng: np.random.Generator) -> None:
    num_frames, steps = 7, rng.uniform(0.05, 0.4, size=6)
    boxes, variance = rng.normal(size=(3, num_frames, 4)), rng.uniform(0.5, 2.0, size=(3, num_frames, 4))
    seen = np.array([[1, 0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 0]], dtype=bool)
    power, start = rng.uniform(1.0, 9.0, size=(3, 4)), rng.uniform(0.3, 3.0, size=(3, 3, 4))
    found = smooth_first(boxes, variance, seen, steps, power, start)
    for n, d in np.ndindex(3, 4):
        expected = dense_first(boxes[n, :, d], variance[n, :, d], seen[n], steps, power[n, d], start[:, n, d])
        np.testing.assert_allclose([found[0][n, d], found[1][n, d]], expected, err_msg=f"{n}, {d}")


def shown(rng: np.random.Generator, ids: list[int], **facts: object) -> Tracks:
    """Tracks as the tracker publishes them, all seen, confirmed and visible but for the `facts`."""
    count, corner = len(ids), rng.uniform(0, 500, size=(len(ids), 2))
    boxes = np.concatenate([corner, corner + rng.uniform(30, 90, size=(count, 2))], axis=1)
    velocity, variance = rng.normal(0, 50, size=(count, 4)), rng.uniform(4, 40, size=(count, 4))
    whole, ones, yes = np.zeros(count, dtype=np.int64), np.ones(count), np.ones(count, dtype=bool)
    state = np.full(count, TrackState.CONFIRMED)
    tracks = Tracks(np.array(ids), state, yes, whole, boxes, velocity, variance, ones, ones, 0.0 * ones, whole)
    return tracks._replace(**{name: np.array(value) for name, value in facts.items()})


def test_late_boxes_are_the_posterior_given_the_detections_of_the_same_id(rng: np.random.Generator) -> None:
    times = [0.0, 0.2, 0.5, 0.6]
    frames = [
        shown(rng, [7, 9]), shown(rng, [9, 11, 7], time_since_detection=[0.0, 0.0, 0.2]), shown(rng, [11]),
        shown(rng, [7, 11, 9], time_since_detection=[0.0, 0.0, 0.1]),
    ]  # fmt: skip
    smoother = LagSmoother(3)
    late = [smoother.update(time, tracks) for time, tracks in zip(times, frames, strict=True)]
    assert late[:3] == [None] * 3
    assert late[3] is not None
    first = late[3].tracks
    for n, where in enumerate(([0, 2, None, 0], [1, 0, None, 2])):
        seen = np.array([[True, False, False, True], [True, True, False, False]][n])
        size = (frames[0].boxes[n, 2:] - frames[0].boxes[n, :2])[[0, 1, 0, 1]]
        for d in range(4):
            boxes, variance = (
                np.array([1.0 if row is None else part[row, d] for part, row in zip(parts, where, strict=True)])
                for parts in ([f.boxes for f in frames], [f.variance for f in frames])
            )
            start = np.array([variance[0], size[d] ** 2, frames[0].velocity[n, d]])
            expected = dense_first(boxes, variance, seen, np.diff(times), 16.0 * size[d] ** 2, start)
            np.testing.assert_allclose([first.boxes[n, d], first.variance[n, d]], expected)
    assert late[3].time == 0.0
    assert first.track_id.tolist() == [7, 9]


def test_who_is_visible_and_bridged_is_known_from_all_frames_held(rng: np.random.Generator) -> None:
    tentative, missed, hidden = TrackState.TENTATIVE, [0.0, 0.1, 0.1, 0.0, 0.1], [False, False, False, False, True]
    frames = [
        shown(rng, [1, 2, 3, 4, 5], time_since_detection=missed, visible=hidden, state=[tentative] * 5),
        shown(rng, [2, 1, 3, 4], time_since_detection=[0.0, 0.0, 0.2, 0.0], visible=[True, True, True, False],
              state=[1, 1, 2, tentative]),
    ]  # fmt: skip
    smoother = LagSmoother(1)
    smoother.update(0.0, frames[0])
    first = smoother.update(0.1, frames[1])
    assert first is not None
    assert first.bridged.tolist() == [False, True, False, False, False]
    assert first.tracks.visible.tolist() == [True, True, False, False, True]  # 3 is not seen later, 4 never visible
    confirmed, occluded = TrackState.CONFIRMED, TrackState.OCCLUDED
    assert first.tracks.state.tolist() == [confirmed, occluded, occluded, tentative, tentative]


def test_a_reset_smoother_holds_nothing_and_flush_gives_what_is_held(rng: np.random.Generator) -> None:
    smoother, tracks = LagSmoother(1), shown(rng, [3])
    smoother.update(0.0, tracks)
    smoother.reset()
    assert smoother.update(1.0, tracks) is None
    rest = smoother.flush()
    assert [late.time for late in rest] == [1.0]
    np.testing.assert_array_equal(rest[0].tracks.boxes, tracks.boxes)  # nothing follows
    assert smoother.flush() == []


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
