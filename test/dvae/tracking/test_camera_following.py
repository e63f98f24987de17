from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, run, shaking, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.camera import CameraMotion, Pairs
from dvae.tracking.camera_following import Explain, infer_camera, start_camera
from dvae.tracking.config import TrackerConfig
from dvae.tracking.frame import Frame
from dvae.tracking.online import OnlineTracker

EXTENT = (1000.0, 800.0)
EVERYBODY = np.ones(6, dtype=bool)


def still_people(motion: np.ndarray, noise: float = 0.0) -> tuple[CameraMotion, Frame, BoxEstimate]:
    """Six people who stand, predicted exactly, and their detections after the camera's `motion` (dx, dy, zoom)."""
    camera, rng = CameraMotion.start(EXTENT), np.random.default_rng(1)
    corners = [[60, 80], [300, 500], [480, 300], [640, 70], [820, 560], [130, 420]]
    people = walkers(1, corners, [[0, 0]] * 6)[0]
    boxes = camera.warp(people, motion) + noise * rng.normal(size=(6, 4))
    frame = Frame.empty()._replace(boxes=boxes, variance=np.full((6, 4), 0.01))
    return camera, frame, BoxEstimate(people, np.full((6, 4), 0.01))


def nearest(frame: Frame, within: float = 30.0) -> Explain:
    """Every detection is explained by each track that is expected within so many pixels."""
    return lambda guess: (np.abs(frame.boxes[:, None] - guess.mean).max(axis=-1) < within).astype(float)


def test_a_known_shift_and_zoom_are_found() -> None:
    motion = np.array([4.0, -3.0, 0.002])
    camera, frame, predicted = still_people(motion)
    found = infer_camera(camera, frame, predicted, nearest(frame), EVERYBODY)
    np.testing.assert_allclose(found.motion, motion, rtol=0.02)  # the prior is for none
    assert found.variance is not None
    assert (found.variance < 0.02 * camera.deviation**2).all()
    assert found.support.tolist() == [1.0] * 6


def test_assignment_is_repeated_where_the_camera_then_shows_the_tracks_and_only_first_with_its_doubt() -> None:
    motion, guesses = np.array([6.0, 2.0, 0.0]), []
    camera, frame, predicted = still_people(motion)

    def explain(guess: BoxEstimate) -> np.ndarray:
        guesses.append(guess)
        return nearest(frame)(guess)

    infer_camera(camera, frame, predicted, explain, EVERYBODY)
    assert len(guesses) == 2
    np.testing.assert_array_equal(guesses[0].mean, predicted.mean)
    np.testing.assert_allclose(guesses[0].variance, 0.01 + camera.deviation[[0, 1, 0, 1]] ** 2 + np.zeros((6, 4)))
    np.testing.assert_allclose(guesses[1].mean, frame.boxes, atol=0.1)
    np.testing.assert_array_equal(guesses[1].variance, predicted.variance)


def test_pairs_count_by_their_responsibility_and_the_improbable_not_at_all() -> None:
    camera, frame, predicted = still_people(np.zeros(3), noise=2.0)
    eta = np.diag([0.9, 0.31, 0.5, 1.0, 0.3, 0.0])
    found = infer_camera(camera, frame, predicted, lambda guess: eta, EVERYBODY)
    pairs = Pairs(
        (frame.boxes - predicted.mean)[:4], np.full((4, 4), 0.02), np.array([0.9, 0.31, 0.5, 1.0]), predicted.mean[:4]
    )
    before, _ = camera.infer(pairs, np.zeros(3), np.zeros(3))
    mean, variance = camera.infer(pairs, before, np.zeros(3))
    np.testing.assert_allclose(found.motion, mean)
    assert found.variance is not None
    np.testing.assert_allclose(found.variance, variance)


@pytest.mark.parametrize(("number", "told"), [(2, False), (3, True)])
def test_three_people_tell_of_the_camera_and_two_do_not(number: int, told: bool) -> None:
    camera, frame, predicted = still_people(np.array([4.0, -3.0, 0.0]))
    eta = np.diag((np.arange(6) < number).astype(float))
    found = infer_camera(camera, frame, predicted, lambda guess: eta, np.zeros(6, dtype=bool))
    assert (found.variance is not None) == told
    assert (found.motion != 0.0).any() == told
    assert found.support.sum() == number


def sure_of(number: int) -> np.ndarray:
    return np.arange(6) < number


@pytest.mark.parametrize(
    ("sure", "stayed", "jumped"),
    [
        (sure_of(6), 0, True),
        (sure_of(3), 0, True),
        (sure_of(2), 0, False),  # too few to tell
        (sure_of(6), 3, True),
        (sure_of(6), 4, False),  # two more are not more than two
        (sure_of(4), 4, False),  # found without it
    ],
)
def test_a_jump_is_taken_where_it_finds_many_more_of_the_sure(
    sure: np.ndarray, stayed: int, jumped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump = np.array([60.0, -40.0])
    camera, frame, predicted = still_people(np.append(jump, 0.0))
    frame.boxes[:stayed] = predicted.mean[:stayed]
    monkeypatch.setattr("dvae.tracking.camera_following.find_jump", lambda tracks, boxes, extent: jump)

    guesses = []

    def explain(guess: BoxEstimate) -> np.ndarray:
        guesses.append(guess.mean - predicted.mean)
        return np.eye(6) if guess.mean[0, 0] - predicted.mean[0, 0] > 30.0 else np.diag(np.arange(6) < stayed) * 1.0

    found = infer_camera(camera, frame, predicted, explain, sure)
    assert (found.motion[0] > 30.0) == jumped
    assert found.support.sum() == (6 if jumped else stayed)
    assert not jumped or any(np.allclose(moved, jump[[0, 1, 0, 1]]) for moved in guesses)  # no zoom at first


def test_a_camera_starts_with_the_size_of_the_image_or_as_wide_as_the_boxes_reach() -> None:
    frame = still_people(np.zeros(3))[1]
    sized, guessed = start_camera(frame, EXTENT), start_camera(frame, None)
    assert sized is not None
    assert guessed is not None
    assert sized.extent == EXTENT
    assert guessed.extent == (880.0, 720.0)
    assert start_camera(Frame.empty(), None) is None


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
