"""What others than the detector say enters E-S; the two halves of an update."""

from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, run, still_model, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.steps import Others
from dvae.tracking.tracks import Tracks, TrackState

NO_BOXES = np.zeros((0, 4))


def silent(num_tracks: int) -> Others:
    return Others(np.zeros((num_tracks, 4)), np.zeros((num_tracks, 4)), np.zeros(num_tracks, dtype=bool))


def same(one: Tracks, other: Tracks) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def scene(rng: np.random.Generator, every: int = 1) -> list[np.ndarray]:
    """Three people, one hidden for a while, one who comes later; the detector looks at every so many frames."""
    truth = walkers(60, [[100, 300], [400, 320], [700, 300]], [[3, 0], [0, 0], [-2, 1]])
    seen = np.ones((60, 3), dtype=bool)
    seen[20:35, 0] = seen[:10, 2] = False
    seen[np.arange(60) % every > 0] = False
    return [boxes[s] + rng.normal(0, 2, boxes[s].shape) for boxes, s in zip(truth, seen, strict=True)]


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("camera_motion", [True, False])
def test_others_who_say_nothing_change_no_bit(
    shipped: TrajectorySRNN, rng: np.random.Generator, every: int, camera_motion: bool
) -> None:
    frames, config = scene(rng, every), TrackerConfig(camera_motion=camera_motion)
    plain = run(OnlineTracker(shipped, config, SIZE), frames)
    assert sum(len(tracks.track_id) for tracks in plain) > 100
    tracker = OnlineTracker(shipped, config, SIZE)
    for t, (boxes, expected) in enumerate(zip(frames, plain, strict=True)):
        tracker.associate(boxes, t / 30)  # changes nothing
        step = tracker.associate(boxes, t / 30)
        assert same(tracker.correct(step, silent(len(step.before.people.track_id))), expected)


def test_what_others_say_is_fused_by_bayes_rule_and_remembered() -> None:
    tracker = OnlineTracker(still_model("relative", np.log(0.01)), TrackerConfig(confirm_hits=1, camera_motion=False))
    tracker.update([[100.0, 100, 200, 300]], 0.0)
    tracker.update([[100.0, 100, 200, 300]], 0.1)
    step = tracker.associate(NO_BOXES, 0.2)
    prior, precision = step.given_boxes(), np.array([[0.04, 0.0, 0.01, 0.0]])
    tracks = tracker.correct(step, Others(precision, precision * [130.0, 0, 230, 0], np.array([False])))
    variance = 1.0 / (1.0 / prior.variance + precision)
    mean = variance * (prior.mean / prior.variance + precision * [130.0, 0, 230, 0])
    np.testing.assert_allclose(tracks.boxes, mean)  # the agility of somebody who was detected twice is 1
    np.testing.assert_allclose(tracks.variance, variance)
    assert (tracks.boxes[:, 1::2] == prior.mean[:, 1::2]).all()
    assert tracks.state.tolist() == [TrackState.OCCLUDED]
    assert tracks.time_since_detection.tolist() == pytest.approx([0.1])
    after = tracker.associate(NO_BOXES, 0.3)
    np.testing.assert_allclose(after.view.predicted.mean, mean)  # who stands still
    # unseen is unseen, whatever others say: standard deviations add (dvae.tracking.motion.rollout)
    alone = OnlineTracker(still_model("relative", np.log(0.01)), TrackerConfig(confirm_hits=1, camera_motion=False))
    for t in (0.0, 0.1, 0.2):
        alone.update([[100.0, 100, 200, 300]] if t < 0.2 else NO_BOXES, t)
    expected = alone.associate(NO_BOXES, 0.3).view.predicted.variance
    np.testing.assert_allclose(after.view.predicted.variance[:, 1::2], expected[:, 1::2])
    assert (after.view.predicted.variance[:, ::2] < expected[:, ::2]).all()


@pytest.mark.parametrize("looked", [True, False])
def test_who_is_known_to_be_there_does_not_die_of_missed_boxes(shipped: TrajectorySRNN, looked: bool) -> None:
    truth = walkers(30, [[300, 300], [600, 300]], [[0, 0], [0, 0]])
    tracker = OnlineTracker(shipped, TrackerConfig(max_missed_seconds=0.5), SIZE)
    run(tracker, list(truth))
    for t in range(30, 60):
        step = tracker.associate(NO_BOXES, t / 30, looked=looked)
        count = len(step.before.people.track_id)
        tracks = tracker.correct(step, silent(count)._replace(present=np.array([False, True])[-count:]))
        assert tracks.track_id.tolist() == ([1, 2] if t <= 29 + 15 else [2])
        assert set(tracks.state.tolist()) == {TrackState.OCCLUDED}
        np.testing.assert_allclose(tracks.time_since_detection, (t - 29) / 30)
        assert (step.before.people.missed == (t - 30 if looked else 0)).all()
    assert tracker.update(NO_BOXES, 60 / 30).track_id.tolist() == []  # and no longer


def test_somebody_born_in_the_frame_is_not_who_others_speak_of(shipped: TrajectorySRNN) -> None:
    tracker = OnlineTracker(shipped, TrackerConfig(max_missed_seconds=0.1), SIZE)
    run(tracker, list(walkers(5, [[300, 300]], [[0, 0]])))
    step = tracker.associate([[700.0, 300, 760, 460]], 1.0)
    tracks = tracker.correct(step, silent(1)._replace(present=np.array([True])))
    assert tracks.track_id.tolist() == [1, 2]
    assert tracks.state.tolist() == [TrackState.OCCLUDED, TrackState.TENTATIVE]


def test_where_there_is_no_image_tracks_only_move_on(shipped: TrajectorySRNN) -> None:
    truth = walkers(30, [[300, 300]], [[4, 0]])
    tracker = OnlineTracker(shipped, image_size=SIZE)
    run(tracker, list(truth[:2]))  # a tracklet, which would die at its first miss
    tracks = tracker.correct(tracker.associate(NO_BOXES, 2.2 / 30, looked=False))
    assert tracks.state.tolist() == [TrackState.TENTATIVE]
    assert tracker.account.frames == 1
    with pytest.raises(ValueError, match="expected no boxes where there is no image, got 1"):
        tracker.associate(truth[3], 3 / 30, looked=False)
    assert run(tracker, list(truth[3:4]), first=3)[0].state.tolist() == [TrackState.CONFIRMED]


def test_without_an_image_what_others_say_moves_the_tracks() -> None:
    tracker = OnlineTracker(still_model("relative", np.log(0.01)), TrackerConfig(confirm_hits=1, camera_motion=False))
    tracker.update([[100.0, 100, 200, 300]], 0.0)
    tracker.update([[100.0, 100, 200, 300]], 0.1)
    step = tracker.associate(NO_BOXES, 0.2, looked=False)
    tracker.correct(step)  # nothing is said: the state stays that of 0.1 s
    assert tracker.associate(NO_BOXES, 0.3, looked=False).frame.rate == pytest.approx(2 * step.frame.rate)
    step = tracker.associate(NO_BOXES, 0.3, looked=False)
    precision = np.array([[0.04, 0.0, 0.04, 0.0]])
    tracks = tracker.correct(step, Others(precision, precision * [150.0, 0, 250, 0], np.array([True])))
    assert 100 < tracks.boxes[0, 0] < 150
    later = tracker.associate(NO_BOXES, 0.4, looked=False)
    np.testing.assert_allclose(later.view.predicted.mean, tracks.boxes)
    assert later.before.people.missed.tolist() == [0]
