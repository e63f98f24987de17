from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import SIZE, run, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig
from dvae.tracking.boxes import as_boxes, iou
from dvae.tracking.camera_following import infer_camera
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackState


def test_two_people_keep_their_ids_and_become_confirmed(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = walkers(40, [[100, 300], [700, 300]], [[3, 0], [-3, 0]])
    results = run(OnlineTracker(shipped, image_size=SIZE), [b + rng.normal(0, 2, b.shape) for b in truth])
    assert results[0].state.tolist() == [TrackState.TENTATIVE] * 2
    assert results[2].state.tolist() == [TrackState.CONFIRMED] * 2
    for t in range(3, 40):
        assert results[t].track_id.tolist() == [1, 2]
        assert iou(results[t].boxes, truth[t]).diagonal().min() > 0.8
    last = results[-1]
    assert last.velocity[0, 0] == pytest.approx(90, abs=30)  # pixels a second
    assert last.age.tolist() == pytest.approx([39 / 30] * 2)
    assert sorted(last.detection_index.tolist()) == [0, 1]


@pytest.mark.parametrize(
    "settings", [{}, {"camera_motion": False}, {"exclusive_assignment": False}, {"agility_rate": 0.0}]
)
def test_a_person_keeps_the_id_through_an_occlusion(shipped: TrajectorySRNN, settings: dict[str, object]) -> None:
    truth = walkers(70, [[100, 300]], [[4, 0]])
    frames = [boxes if not 30 <= t < 45 else boxes[:0] for t, boxes in enumerate(truth)]
    results = run(OnlineTracker(shipped, replace(TrackerConfig(), **settings), SIZE), frames)
    hidden = results[30:45]
    assert all(r.state.tolist() == [TrackState.OCCLUDED] for r in hidden)
    assert [round(float(r.time_since_detection[0]) * 30) for r in hidden] == list(range(1, 16))
    assert (np.diff([float(r.variance[0, 0]) for r in hidden]) > 0).all()  # no pretended certainty
    assert all(r.detection_index.tolist() == [-1] for r in hidden)
    assert iou(hidden[-1].boxes, truth[44])[0, 0] > 0.5  # predicted, not left behind
    assert results[-1].track_id.tolist() == [1]
    assert results[-1].state.tolist() == [TrackState.CONFIRMED]


def test_a_confident_track_stays_visible_for_a_short_miss_only(shipped: TrajectorySRNN) -> None:
    truth = walkers(40, [[100, 300]], [[3, 0]])
    frames = [boxes if t not in (20, 21, 22, 30) else boxes[:0] for t, boxes in enumerate(truth)]
    results = run(OnlineTracker(shipped, TrackerConfig(coast_frames=2, coast_confidence=0.5), SIZE), frames)
    visible = [bool(r.visible[0]) for r in results]
    assert visible == [False, False, *([True] * 20), False, *([True] * 17)]
    sure = run(OnlineTracker(shipped, TrackerConfig(coast_confidence=1.0), SIZE), frames)
    assert not sure[20].visible[0]


def test_a_poorly_scored_track_is_not_visible(shipped: TrajectorySRNN) -> None:
    truth = walkers(60, [[100, 300], [600, 300]], [[3, 0], [0, 0]])
    tracker = OnlineTracker(shipped, TrackerConfig(visible_score=0.55), SIZE)
    for t, boxes in enumerate(truth):
        tracks = tracker.update(boxes, t / 30, [0.9, 0.7 if t < 10 else 0.4])
        if t == 9:
            assert tracks.visible.tolist() == [True, True]
    assert tracks.visible.tolist() == [True, False]
    assert tracks.state.tolist() == [TrackState.CONFIRMED] * 2


def test_crossing_people_keep_their_ids(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = walkers(60, [[200, 300], [500, 330]], [[5, 0], [-5, 0]])
    results = run(OnlineTracker(shipped, image_size=SIZE), [b[rng.permutation(2)] for b in truth])
    order = np.argsort(results[-1].track_id)
    assert results[-1].track_id[order].tolist() == [1, 2]
    assert iou(results[-1].boxes[order], truth[-1]).diagonal().min() > 0.7


@pytest.mark.parametrize("seed", range(4))
def test_a_hidden_track_does_not_take_the_detections_of_a_neighbour(shipped: TrajectorySRNN, seed: int) -> None:
    rng = np.random.default_rng(seed)
    both = walkers(60, [[100, 300], [112, 300]], [[5, 0], [5, 0]])  # side by side; the second is hidden from frame 15
    frames = [boxes[: 2 if t < 15 else 1] for t, boxes in enumerate(both)]
    results = run(OnlineTracker(shipped, image_size=SIZE), [b + rng.normal(0, 3, b.shape) for b in frames])
    for tracks in results[22:]:  # a quarter of a second to make sure
        assert tracks.track_id[tracks.state == TrackState.CONFIRMED].tolist() == [1]


def test_clutter_starts_no_confirmed_track(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = walkers(60, [[100, 300]], [[3, 0]])
    frames = []
    for boxes in truth:
        corner = rng.uniform(0, [900, 600], size=(2, 2))
        frames.append(np.concatenate([boxes, np.concatenate([corner, corner + [60, 160]], axis=1)]))
    results = run(OnlineTracker(shipped, image_size=SIZE), frames)
    confirmed = {int(i) for r in results for i in r.track_id[r.state != TrackState.TENTATIVE]}
    assert confirmed == {1}


def test_a_track_dies_after_its_time_and_its_id_is_not_used_again(shipped: TrajectorySRNN) -> None:
    tracker = OnlineTracker(shipped, TrackerConfig(max_missed_seconds=0.5), SIZE)
    truth = walkers(10, [[100, 300]], [[0, 0]])
    results = run(tracker, [*truth, *[np.zeros((0, 4))] * 20, *truth])
    assert len(results[9 + 15].track_id) == 1
    assert len(results[9 + 16].track_id) == 0
    assert results[-1].track_id.tolist() == [2]
    tracker.reset()
    assert tracker.update(truth[0], 0.0).track_id.tolist() == [3]
    assert OnlineTracker(shipped).update(truth[0], 0.0).track_id.tolist() == [1]  # a counter for each tracker


def test_people_who_leave_the_image_are_dropped(shipped: TrajectorySRNN) -> None:
    truth = walkers(40, [[850, 300]], [[8, 0]])
    frames = [boxes if t < 15 else boxes[:0] for t, boxes in enumerate(truth)]
    results = run(OnlineTracker(shipped, TrackerConfig(max_missed_seconds=10.0), SIZE), frames)
    assert len(results[-1].track_id) == 0


def test_low_scores_continue_tracks_but_start_none(shipped: TrajectorySRNN) -> None:
    truth = walkers(20, [[100, 300], [600, 300]], [[3, 0], [0, 0]])
    tracker = OnlineTracker(shipped, TrackerConfig(min_score=0.1, birth_score=0.5), SIZE)
    for t in range(20):
        tracks = tracker.update(truth[t], t / 30, [0.9 if t < 5 else 0.2, 0.2])
    assert tracks.track_id.tolist() == [1]
    assert tracks.state.tolist() == [TrackState.CONFIRMED]


def test_rate_does_not_matter_to_a_steady_walk(shipped: TrajectorySRNN) -> None:
    for fps in (30.0, 10.0):
        truth = walkers(30, [[100, 300]], [[90 / fps, 0]])
        frames = [boxes if t < 20 else boxes[:0] for t, boxes in enumerate(truth)]
        tracks = run(OnlineTracker(shipped, image_size=SIZE), frames, fps)[-1]
        assert iou(tracks.boxes, truth[-1])[0, 0] > 0.5


def test_a_camera_map_of_another_shape_is_refused_and_changes_nothing(shipped: TrajectorySRNN) -> None:
    tracker = OnlineTracker(shipped, image_size=SIZE)
    with pytest.raises(ValueError, match=r"expected an affine map of shape \(2, 3\)"):
        tracker.update([[0, 0, 10, 20]], 1.0, camera=np.eye(3))
    assert tracker.update([[0, 0, 10, 20]], 1.0).track_id.tolist() == [1]


def test_tracks_keep_to_detections_of_their_class(shipped: TrajectorySRNN) -> None:
    truth = walkers(20, [[100, 300], [100, 300]], [[3, 0], [3, 0]])  # a person and a chair in one place
    tracker = OnlineTracker(shipped, image_size=SIZE)
    for t, boxes in enumerate(truth):
        order = [0, 1] if t % 2 else [1, 0]
        tracks = tracker.update(boxes, t / 30, labels=np.array([7, 9])[order])
    assert sorted(zip(tracks.track_id.tolist(), tracks.label.tolist(), strict=True)) == [(1, 9), (2, 7)]


def test_wrong_boxes_are_left_out_and_indices_stay_those_of_the_input(shipped: TrajectorySRNN) -> None:
    good = [100.0, 300.0, 160.0, 460.0]
    bad = [
        [np.nan, 1, 2, 3], [1, 1, np.inf, 3], [5, 5, 5, 9], [9, 5, 5, 9], [2000, 1, 2010, 9], [-50, -90, -10, -5],
    ]  # fmt: skip
    tracker = OnlineTracker(shipped, image_size=SIZE)
    for t in range(4):
        tracks = tracker.update([*bad, good], t / 30)
    assert tracks.track_id.tolist() == [1]
    assert tracks.detection_index.tolist() == [6]
    assert np.isfinite(tracks.boxes).all()


@pytest.mark.parametrize("time", [1.0, 0.5, float("nan")])
def test_a_time_that_is_not_later_is_refused_and_changes_nothing(shipped: TrajectorySRNN, time: float) -> None:
    tracker = OnlineTracker(shipped, image_size=SIZE)
    boxes = walkers(1, [[100, 300]], [[0, 0]])[0]
    tracker.update(boxes, 1.0)
    with pytest.raises(ValueError, match=r"expected a time after 1\.0 s, got"):
        tracker.update(boxes, time)
    assert tracker.update(boxes, 1.1).track_id.tolist() == [1]


def test_wrong_shapes_are_named(shipped: TrajectorySRNN) -> None:
    with pytest.raises(ValueError, match=r"expected boxes of shape \(K, 4\).*got shape \(1, 5\)"):
        as_boxes(np.zeros((1, 5)))
    with pytest.raises(ValueError, match="expected one score per box, got 2 scores for 1 boxes"):
        OnlineTracker(shipped).update([[0, 0, 1, 1]], 0.0, [0.5, 0.5])


@pytest.mark.parametrize("label", [np.nan, np.inf, 1.5, 1e300])
def test_labels_that_are_no_whole_numbers_are_refused(shipped: TrajectorySRNN, label: float) -> None:
    tracker = OnlineTracker(shipped)
    with pytest.raises(ValueError, match="expected whole numbers as labels, got"):
        tracker.update([[0, 0, 10, 20]], 0.0, labels=[label])
    assert tracker.update([[0, 0, 10, 20]], 0.0, labels=[3.0]).label.tolist() == [3]


def test_empty_frames_and_nan_scores(shipped: TrajectorySRNN) -> None:
    tracker = OnlineTracker(shipped)
    assert len(tracker.update([], 0.0).track_id) == 0
    assert len(tracker.update([[0, 0, 10, 20]], 0.1, [float("nan")]).track_id) == 0


def test_five_hundred_boxes_in_a_frame(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    corner = rng.uniform(0, [1800, 900], size=(500, 2))
    boxes = np.concatenate([corner, corner + [40.0, 100.0]], axis=1)
    tracker = OnlineTracker(shipped, TrackerConfig(birth_iou=1.0), (1920, 1080))
    for t in range(5):
        tracks = tracker.update(boxes, t / 30, rng.random(500))
    assert 0 < len(tracks.track_id) <= 5 * 300


@pytest.mark.parametrize("size", [(0, 0), (-1, 5), (float("nan"), 1), (10**9, 10**9), (1920,), ("1920", "1080")])
def test_an_image_size_that_is_none_is_refused(shipped: TrajectorySRNN, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"expected an image size \(width, height\) in pixels up to 100000, got"):
        OnlineTracker(shipped, image_size=size)


def test_absolute_models_are_refused_online() -> None:
    with pytest.raises(ValueError, match="expected a motion model in relative coordinates"):
        OnlineTracker(TrajectorySRNN(TrajectorySRNNConfig(coordinates="absolute")))


def jumpy(num_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Somebody who hops to and fro as no motion model expects, (T, 1, 4)."""
    boxes = walkers(num_frames, [[400, 300]], [[0, 0]])
    return boxes + rng.normal(0, 14, size=(num_frames, 1, 1))


def test_agility_widens_the_gate_of_who_surprises_and_of_nobody_else(shipped: TrajectorySRNN) -> None:
    frames, still = list(jumpy(40, np.random.default_rng(1))), list(walkers(40, [[400, 300]], [[0, 0]]))
    far = walkers(1, [[470, 300]], [[0, 0]])[0]
    kept, variance = {}, {}
    for name, rate, history in (("agile", 0.15, frames), ("never", 0.0, frames), ("calm", 0.15, still)):
        found = []
        for last in (far, far[:0]):  # somebody at some distance, or nobody
            tracker = OnlineTracker(shipped, TrackerConfig(agility_rate=rate, camera_motion=False), SIZE)
            found.append(run(tracker, [*history, last])[-1])
        kept[name], variance[name] = found[0].detection_index[0] == 0, found[1].variance[0, 0]
    assert kept == {"agile": True, "never": False, "calm": False}
    assert variance["agile"] > 1.5 * variance["never"]


@pytest.mark.parametrize("fps", [30.0, 15.0, 5.0])
def test_velocity_is_that_of_the_walk_at_any_frame_rate(shipped: TrajectorySRNN, fps: float) -> None:
    truth = walkers(40, [[100, 300]], [[60 / fps, -30 / fps]])
    tracks = run(OnlineTracker(shipped, image_size=SIZE), list(truth), fps)[-1]
    np.testing.assert_allclose(tracks.velocity[0], [60, -30, 60, -30], atol=10)


def test_velocity_is_the_step_of_the_prediction_by_the_seconds(shipped: TrajectorySRNN) -> None:
    truth = walkers(22, [[100, 300]], [[4, 0]])
    tracker = OnlineTracker(shipped, TrackerConfig(camera_motion=False), SIZE)
    run(tracker, list(truth[:20]), 30.0)
    hidden = [tracker.update([], 19 / 30 + 0.1 * t) for t in (1, 2)]  # the boxes are the predictions
    expected = (hidden[1].boxes[0] - hidden[0].boxes[0]) / 0.1
    np.testing.assert_allclose(hidden[1].velocity[0], expected, rtol=1e-9)


def test_who_is_born_over_a_track_of_another_label(shipped: TrajectorySRNN) -> None:
    boxes = walkers(1, [[100, 300]], [[0, 0]])[0]
    for label, number in ((9, 2), (7, 1)):
        tracker = OnlineTracker(shipped, image_size=SIZE)
        for t in range(5):
            tracker.update(boxes, t / 30, labels=[7])
        apart = boxes + [0, 0, 0, 60]  # so much larger that the track does not explain it, but over it
        tracks = tracker.update(np.concatenate([boxes, apart]), 5 / 30, labels=[7, label])
        assert len(tracks.track_id) == number


def test_an_error_in_the_middle_leaves_the_tracker_as_it_was(
    shipped: TrajectorySRNN, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = walkers(30, [[100, 300], [600, 300]], [[3, 0], [-2, 0]])
    smooth, broken = (OnlineTracker(shipped, image_size=SIZE) for _ in range(2))
    run(smooth, list(truth[:20]))
    run(broken, list(truth[:20]))

    def fail(*_: object) -> None:
        raise FloatingPointError

    for step in ("assign", "remember", "improved", "alive"):
        with monkeypatch.context() as patch:
            patch.setattr(f"dvae.tracking.online.{step}", fail)
            with pytest.raises(FloatingPointError):
                broken.update(truth[25], 20 / 30)
    expected, found = (run(tracker, list(truth[20:]), first=20) for tracker in (smooth, broken))
    for one, other in zip(expected, found, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_restart_begins_anew_and_reset_goes_on_counting(shipped: TrajectorySRNN) -> None:
    boxes = walkers(1, [[100, 300]], [[0, 0]])[0]
    tracker = OnlineTracker.load("motion_srnn", image_size=SIZE)
    tracker.update(boxes, 5.0)
    tracker.reset()
    assert tracker.update(boxes, 0.0).track_id.tolist() == [2]
    tracker.restart(TrackerConfig(confirm_hits=1))
    tracks = tracker.update(boxes, 0.0)
    assert tracks.track_id.tolist() == [1]
    assert tracks.state.tolist() == [TrackState.CONFIRMED]
    with pytest.raises(ValueError, match="expected a model folder or one of"):
        OnlineTracker.load("motion_none")


def test_the_camera_is_inferred_from_who_is_confirmed_and_was_seen_in_the_last_frame(
    shipped: TrajectorySRNN, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = walkers(8, [[100, 300], [400, 300], [700, 300]], [[0, 0]] * 3)
    tracker, asked = OnlineTracker(shipped, image_size=SIZE), []
    run(tracker, [*truth[:5, :2], truth[5, :1]])
    tracker.update(truth[6, [0, 2]], 6 / 30)  # the third is new

    def infer(*given: object) -> object:
        asked.append(np.asarray(given[-1]).tolist())
        return infer_camera(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("dvae.tracking.online.infer_camera", infer)
    tracker.update(truth[7], 7 / 30)
    assert asked == [[True, False, False]]


@pytest.mark.parametrize(("gap", "limit"), [(1 / 3000, 1 / 300), (5.0, 1.0)])
def test_a_step_spans_a_tenth_to_thirty_frames_of_the_training_data(
    shipped: TrajectorySRNN, gap: float, limit: float
) -> None:
    config, found = TrackerConfig(max_missed_seconds=10.0, camera_motion=False), {}
    for step in (gap, limit, 0.9 * limit, 1.1 * limit):
        tracker = OnlineTracker(shipped, config)
        run(tracker, list(walkers(20, [[100, 300]], [[4, 0]])))
        found[step] = tracker.update([], 19 / 30 + step).boxes
    np.testing.assert_allclose(found[gap], found[limit], rtol=1e-9)
    within = 0.9 * limit if gap > limit else 1.1 * limit
    assert np.abs(found[within] - found[limit]).max() > 1e-4


SIDES = [2e5, 1e154, 1e155, 1e160, 1e308, -1e155, 1e-155, 1e-160, 1e-163, 5e-324, 0.0, -3.0, np.nan, np.inf]
ODD_BOXES = [[300.0, 300, 300 + side, 300 + side] for side in SIDES]
ODD_BOXES += [[0, 0, side, side] for side in SIDES] + [[1e200, 1e200, 1e201, 1e201], [-1e9, 0, 500, 800]]


def same(one: object, other: object) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))  # type: ignore[call-overload]


@pytest.mark.parametrize("size", [SIZE, None])
def test_what_no_image_can_hold_changes_nothing(shipped: TrajectorySRNN, size: tuple[int, int] | None) -> None:
    truth = walkers(12, [[100, 300], [400, 320], [700, 300]], [[3, 0], [0, 0], [-2, 1]])
    plain = run(OnlineTracker(shipped, image_size=size), list(truth))
    tracker = OnlineTracker(shipped, image_size=size)
    for odd in ODD_BOXES:
        tracker.restart(TrackerConfig())
        with_odd = [np.vstack([boxes, odd]) if t in (0, 6) else boxes for t, boxes in enumerate(truth)]
        assert all(same(a, b) for a, b in zip(plain, run(tracker, with_odd), strict=True)), odd


@pytest.mark.parametrize("odd", [np.full((2, 3), np.nan), np.eye(2, 3) * 1e200, np.zeros((2, 3)), -np.eye(2, 3)])
def test_a_map_that_no_camera_makes_is_as_none(shipped: TrajectorySRNN, odd: np.ndarray) -> None:
    truth = walkers(12, [[100, 300], [400, 320], [700, 300]], [[3, 0], [0, 0], [-2, 1]])
    for size in (SIZE, None):
        plain = run(OnlineTracker(shipped, image_size=size), list(truth))
        tracker = OnlineTracker(shipped, image_size=size)
        for t, boxes in enumerate(truth):
            tracks = tracker.update(boxes, t / 30, camera=odd if t == 6 else None)
            assert same(tracks, plain[t])
            assert tracker.account.maps == (t == 6)


def test_a_pan_is_followed_where_the_size_of_the_image_is_not_known(shipped: TrajectorySRNN) -> None:
    pan = np.array([[1.0, 0, 300], [0, 1.0, 0]])
    truth = walkers(12, [[20, 30]], [[0, 0]])  # all that is known of the image
    truth[6:, :, [0, 2]] += 300
    tracker = OnlineTracker(shipped)
    for t, boxes in enumerate(truth):
        tracks = tracker.update(boxes, t / 30, camera=pan if t == 6 else np.eye(2, 3))
        assert tracker.account.maps == 0
    assert tracks.track_id.tolist() == [1]
    tracker.reset()
    tracker.update([], 20.0, camera=pan)
    assert tracker.account.maps == 0


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, 1e300])
def test_a_score_that_is_none_misses_a_person_once(shipped: TrajectorySRNN, score: float) -> None:
    truth = walkers(20, [[100, 300], [600, 300]], [[3, 0], [-3, 0]])
    tracker = OnlineTracker(shipped, image_size=SIZE)
    for t, boxes in enumerate(truth):
        tracks = tracker.update(boxes, t / 30, [0.9, score if t == 10 else 0.9])
        assert np.isfinite(tracks.confidence).all()
    assert tracks.track_id.tolist() == [1, 2]


@pytest.mark.parametrize(("times", "error"), [(2, 0.0), (3, 0.0), (10, 0.0), (2, 1.0), (3, 2.0)])
def test_people_who_are_boxed_several_times_are_one_each(
    shipped: TrajectorySRNN, rng: np.random.Generator, times: int, error: float
) -> None:
    truth = np.repeat(walkers(30, [[100, 300], [600, 300]], [[3, 0], [-3, 0]]), times, axis=1)
    results = run(OnlineTracker(shipped, image_size=SIZE), [b + rng.normal(0, error, b.shape) for b in truth])
    assert {int(i) for tracks in results for i in tracks.track_id[tracks.visible]} == {1, 2}
    assert [len(tracks.track_id) for tracks in results[3:]] == [2] * 27


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_slow_detector_gives_what_it_gives_without_the_frames_between(shipped: TrajectorySRNN, step: int) -> None:
    starts, speeds = [[100, 300], [400, 320], [700, 300]], [[2, 0], [0, 0], [-1, 0.5]]
    truth = walkers(14 * step, starts, speeds)
    frames = [boxes if t % step == 0 else boxes[:0] for t, boxes in enumerate(truth)]
    results = run(OnlineTracker(shipped, image_size=SIZE), frames)
    first = 3 * step  # the rhythm is known
    alone = OnlineTracker(shipped, image_size=SIZE)
    for t in range(first, len(truth), step):
        expected = alone.update(truth[t], t / 30)
        np.testing.assert_array_equal(results[t].boxes, expected.boxes)
        assert results[t].visible.tolist() == expected.visible.tolist()
        assert (results[t].track_id - results[t].track_id[0]).tolist() == [0, 1, 2]
    between = results[first + 2 * step + 1]  # confirmed, and predicted where the detector did not look
    assert between.state.tolist() == [TrackState.OCCLUDED] * 3
    assert iou(between.boxes, truth[first + 2 * step + 1]).diagonal().min() > 0.75


def test_one_person_of_a_slow_detector_who_leaves(shipped: TrajectorySRNN) -> None:
    truth = walkers(40, [[100, 300]], [[2, 0]])
    frames = [boxes if t % 3 == 0 else boxes[:0] for t, boxes in enumerate(truth)]
    tracker = OnlineTracker(shipped, TrackerConfig(max_missed_seconds=0.5), SIZE)
    results = run(tracker, [*frames, *[truth[0, :0]] * 40])
    ids = [tracks.track_id.tolist() for tracks in results]
    assert all(len(found) == 1 for found in ids[9:40])
    assert ids[39] == ids[9]
    assert ids[39 + 15] == ids[39]
    assert ids[39 + 16] == []  # half a second after the last detection
    before = run(OnlineTracker(shipped, image_size=SIZE), [*frames[:13], *[truth[0, :0]] * 6])
    assert len(before[14].track_id) == 1  # a tracklet, between two outputs
    assert len(before[15].track_id) == 0  # the next output came, and it was not in it


def test_camera_maps_between_the_outputs_of_a_slow_detector_are_followed(shipped: TrajectorySRNN) -> None:
    pan = np.array([[1.0, 0, 6], [0, 1.0, 2]])
    truth = walkers(45, [[100, 300], [400, 320]], [[6, 2], [6, 2]])  # who stand still in the scene
    tracker = OnlineTracker(shipped, TrackerConfig(camera_motion=False), SIZE)
    for t, boxes in enumerate(truth):
        tracks = tracker.update(boxes if t % 3 == 0 else boxes[:0], t / 30, camera=pan if t else None)
    assert len(tracks.track_id) == 2
    assert iou(tracks.boxes, truth[-1]).diagonal().min() > 0.9
    assert np.abs(tracks.velocity).max() < 15  # the camera's motion is not theirs: 180 pixels per second
