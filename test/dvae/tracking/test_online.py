from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from dvae.models.networks.layers import num_parameters
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig
from dvae.tracking.boxes import as_boxes, iou, valid_boxes
from dvae.tracking.camera import CameraMotion, Pairs, warp_affine
from dvae.tracking.config import TrackerConfig
from dvae.tracking.detector_noise import DetectorNoise
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.kalman import KalmanMotion, LinearGaussian
from dvae.tracking.motion.rollout import (
    Birth,
    EncoderInput,
    Evidence,
    Noise,
    as_tensors,
    fresh_state,
    roll_out_torch,
    zero_noise,
)
from dvae.tracking.motion.trajectories import draw_trajectories
from dvae.tracking.online import OnlineTracker
from dvae.tracking.sequence.fine_tuning import FineTunedMotion
from dvae.tracking.sequence.mixdvae import PAPER, SequenceConfig, SequenceProblem, track_sequence
from dvae.tracking.smoothing import LagSmoother, smooth_first
from dvae.tracking.tracks import Tracks, TrackState

Array = np.ndarray


@pytest.fixture(scope="module")
def shipped() -> TrajectorySRNN:
    return load_as(TrajectorySRNN, "motion_srnn")


def random_model(coordinates: str) -> TrajectorySRNN:
    torch.manual_seed(0)
    return TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates, hidden_size=5)).double()


def still_model(coordinates: str, log_var: float, mean: float = 0.0) -> TrajectorySRNN:
    """All weights zero: the emission is N(s_{t-1}, ...) (relative) or N(mean, exp(log_var)) (absolute) for ever."""
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.emission.mean.bias.fill_(mean)
        model.emission.log_var.bias.fill_(log_var)
    return model


# ---------------------------------------------------------------------- the roll-out


@pytest.mark.parametrize("coordinates", ["absolute", "relative"])
@pytest.mark.parametrize("propagate", [False, True])
def test_compiled_roll_out_equals_the_reference(coordinates: str, propagate: bool, rng: np.random.Generator) -> None:
    model, num_frames, num_tracks = random_model(coordinates), 9, 4
    config = model.config
    boxes = draw_trajectories(num_tracks, num_frames, rng)
    first = boxes[:, 0].copy()
    precision = rng.uniform(1e3, 1e4, size=boxes.shape) * (rng.random((num_tracks, num_frames, 1)) < 0.7)
    birth = Birth(np.array([-1, 0, 3, 8]), first, rng.uniform(0.01, 0.1, size=(num_tracks, 4)))
    state = fresh_state(num_tracks, config.hidden_size, 4, 4)
    state = state._replace(
        source=first, hidden=rng.normal(size=state.hidden.shape), variance=np.full((num_tracks, 4), 0.01)
    )
    evidence = Evidence(precision, precision * boxes)
    encoder = EncoderInput(boxes, rng.random((num_tracks, num_frames)) < 0.6)
    noise = Noise(rng.normal(size=(num_tracks, num_frames, 4)), 0.1 * rng.normal(size=boxes.shape))
    rate = rng.uniform(0.5, 3.0, size=num_frames) if coordinates == "relative" else np.ones(num_frames)
    found = CompiledMotion(model).roll_out(state, birth, evidence, encoder, noise, rate, propagate)
    like = next(model.parameters())
    with torch.no_grad():
        bundles = (as_tensors(part, like) for part in (state, birth, evidence, encoder, noise))
        expected = roll_out_torch(model, *bundles, rate, propagate)
    exists = np.arange(num_frames) >= birth.frame[:, None]
    for name in ("mean", "variance", "predicted_mean", "predicted_variance", "kl"):
        ours, reference = getattr(found, name), getattr(expected, name).numpy()
        np.testing.assert_allclose(ours[exists], reference[exists], rtol=1e-9, atol=1e-12, err_msg=name)
    for name in found.states._fields:
        ours, reference = getattr(found.states, name), getattr(expected.states, name).numpy()
        np.testing.assert_allclose(ours[exists], reference[exists], rtol=1e-9, atol=1e-12, err_msg=name)


def test_roll_out_is_a_kalman_filter_for_a_random_walk(rng: np.random.Generator) -> None:
    log_var, unit = 0.4, 0.05
    model = still_model("relative", log_var)
    num_frames = 30
    # boxes of size 1 that jitter so little that their size, the unit of the walk, stays 1
    boxes = np.array([0.0, 0.0, 1.0, 1.0]) + 1e-4 * rng.normal(size=(1, num_frames, 4))
    phi = 0.02
    evidence = Evidence(np.full(boxes.shape, 1 / phi), boxes / phi)
    birth = Birth(np.zeros(1, dtype=np.int64), boxes[:, 0].copy(), np.full((1, 4), 1e6))
    roll = CompiledMotion(model).roll_out(
        fresh_state(1, 8, 4, 4), birth, evidence, EncoderInput(boxes, np.zeros((1, num_frames), dtype=bool)),
        zero_noise(1, num_frames, 4, 4), np.ones(num_frames), propagate=True,
    )  # fmt: skip
    mean, variance, walk = boxes[0, 0, 0], 1 / (1 / phi + 1e-6), unit**2 * np.exp(log_var)
    for t in range(1, num_frames):
        predicted = variance + walk
        gain = predicted / (predicted + phi)
        mean, variance = mean + gain * (boxes[0, t, 0] - mean), (1 - gain) * predicted
        assert roll.mean[0, t, 0] == pytest.approx(mean, abs=1e-6)
        assert roll.variance[0, t, 0] == pytest.approx(variance, rel=1e-3)


# ---------------------------------------------------------------------- the sequence algorithm


def crossing(num_frames: int = 60) -> Array:
    """Two people who walk past each other, (T, 2, 4) in fractions of the image."""
    t = np.linspace(0.0, 1.0, num_frames)[:, None]
    corner = np.stack([np.hstack([0.3 + 0.25 * t, 0.30 + 0 * t]), np.hstack([0.62 - 0.25 * t, 0.36 + 0 * t])], axis=1)
    return np.concatenate([corner, corner + [0.05, 0.25]], axis=-1)


def test_elbo_never_falls_when_the_updates_are_exact(rng: np.random.Generator) -> None:
    # an emission that does not depend on the past makes E-S, like E-W, the exact maximiser of the bound
    model = still_model("absolute", log_var=np.log(0.02), mean=0.5)
    observations = [rng.uniform(0.3, 0.7, size=(rng.integers(1, 4), 4)) + [0, 0, 0.5, 0.5] for _ in range(20)]
    start = observations[0][:1].repeat(2, axis=0) + [[0.0], [0.05]]
    config = SequenceConfig(iterations=15, block_iterations=0, tempering=1.0, sample_z=False, observation_ratio=0.3)
    history = track_sequence(model, observations, start, config).history
    assert len(history) == 15
    assert (np.diff(history) >= -1e-9).all()
    assert history[-1] > history[0]


def test_elbo_of_the_variational_kalman_filter_never_falls(rng: np.random.Generator) -> None:
    frames = [boxes + 0.01 * rng.normal(size=boxes.shape) for boxes in crossing(30)]
    frames[10:14] = [boxes[:1] for boxes in frames[10:14]]
    config = SequenceConfig(iterations=20, block_iterations=0)
    history = track_sequence(LinearGaussian(), frames, frames[0], config).history
    assert (np.diff(history) >= -1e-9 * np.abs(history[-1])).all()
    assert history[-1] > history[0]


def test_kalman_motion_is_the_posterior_of_the_joint_gaussian(rng: np.random.Generator) -> None:
    boxes = rng.normal(size=(1, 6, 4)) + [0, 0, 5, 5]
    precision = rng.uniform(0.5, 2.0, size=boxes.shape) * (rng.random((1, 6, 1)) < 0.7)
    birth = Birth(np.zeros(1, dtype=np.int64), boxes[:, 0], np.full((1, 4), 0.6))
    motion = KalmanMotion(LinearGaussian())
    motion.step_variance = np.full((1, 4), 0.3)
    nothing = np.zeros((1, 6), dtype=bool)
    roll = motion.roll_out(
        fresh_state(1, 0, 0, 4), birth, Evidence(precision, precision * boxes), EncoderInput(boxes, nothing),
        zero_noise(1, 6, 0, 4), np.ones(6), propagate=False,
    )  # fmt: skip
    walk = np.diff(np.eye(6), axis=0)
    joint = walk.T @ walk / 0.3 + np.diag(precision[0, :, 0]) + np.diag([1 / 0.6, 0, 0, 0, 0, 0])
    covariance = np.linalg.inv(joint)
    information = precision[0, :, 0] * boxes[0, :, 0] + np.array([boxes[0, 0, 0] / 0.6, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(roll.mean[0, :, 0], covariance @ information)
    np.testing.assert_allclose(roll.variance[0, :, 0], np.diag(covariance))
    steps = walk @ roll.mean[0, :, 0]
    expected = steps**2 + np.diag(walk @ covariance @ walk.T)  # the M step of the walk's variance
    assert motion.step_variance[0, 0] == pytest.approx(expected.mean())


def test_deep_ar_has_no_latent_variable_and_runs_compiled(rng: np.random.Generator) -> None:
    model = load_as(TrajectorySRNN, "motion_deep_ar_absolute")
    assert num_parameters(model) == num_parameters(model.recurrence) + num_parameters(model.emission)
    truth = crossing()[:20]  # before they meet
    result = track_sequence(model, list(truth), truth[0], SequenceConfig(iterations=5))
    assert np.abs(result.mean.swapaxes(0, 1) - truth).max() < 0.03


def test_sequence_keeps_two_people_who_cross_apart(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = crossing()
    frames = []
    for t, boxes in enumerate(truth):
        seen = [n for n in range(2) if not (n == 1 and 35 <= t < 41)]  # the far one is hidden at the crossing
        frames.append(boxes[rng.permutation(seen)] + 0.001 * rng.normal(size=(len(seen), 4)))
    for config in (SequenceConfig(), PAPER):
        result = track_sequence(shipped, frames, truth[0], config)
        assert result.mean.shape == (2, 60, 4)
        assert np.abs(result.mean[:, -1] - truth[-1]).max() < 0.03
        present = np.array([len(boxes) for boxes in frames])
        np.testing.assert_allclose(result.responsibilities.sum((1, 2)), present, rtol=1e-6)


def test_sequence_same_seed_same_result(shipped: TrajectorySRNN) -> None:
    frames = list(crossing(20))
    results = [track_sequence(shipped, frames, frames[0], SequenceConfig(iterations=3), seed=5) for _ in range(2)]
    assert np.array_equal(results[0].mean, results[1].mean)


def test_e_s_step_is_equation_3_18_and_3_19(rng: np.random.Generator) -> None:
    model = still_model("absolute", log_var=np.log(0.02), mean=0.5)
    boxes = rng.uniform(0.3, 0.4, size=(4, 2, 4)) + [0, 0, 0.3, 0.3]
    config = SequenceConfig(tempering=1.0, sample_z=False)
    problem = SequenceProblem(CompiledMotion(model), list(boxes), boxes[0], config, rng)
    problem.e_w()
    problem.e_z_and_e_s()
    eta, t, n = problem.assignment.responsibilities, 2, 1
    weights = eta[t, :, n, None] / problem.phi[t]
    variance = 1.0 / (weights.sum(0) + 1.0 / 0.02)
    np.testing.assert_allclose(problem.variance[n, t], variance)
    np.testing.assert_allclose(problem.mean[n, t], variance * ((weights * boxes[t]).sum(0) + 0.5 / 0.02))


def test_fine_tuning_raises_its_objective_and_leaves_the_model_alone(shipped: TrajectorySRNN) -> None:
    before = {name: value.clone() for name, value in shipped.state_dict().items()}
    frames = list(crossing(20))
    plain = SequenceConfig(iterations=12, sample_z=False)
    histories = [
        track_sequence(shipped, frames, frames[0], config).history
        for config in (plain, replace(plain, fine_tune_rate=1e-3))
    ]
    assert histories[0][0] != histories[1][0]  # the blocks of the initialisation were fine-tuned already
    assert histories[1][-1] > histories[0][-1]
    assert all(torch.equal(value, before[name]) for name, value in shipped.state_dict().items())


def test_a_fine_tuning_step_without_rate_is_the_compiled_roll_out(rng: np.random.Generator) -> None:
    model = random_model("relative")
    boxes = draw_trajectories(2, 6, rng)
    birth = Birth(np.zeros(2, dtype=np.int64), boxes[:, 0].copy(), np.full((2, 4), 1e-5))
    arguments = (
        fresh_state(2, 5, 4, 4),
        birth,
        Evidence(np.full(boxes.shape, 1e4), 1e4 * boxes),
        EncoderInput(boxes, np.ones((2, 6), dtype=bool)),
        zero_noise(2, 6, 4, 4),
        np.ones(6),
        False,
    )
    found, expected = FineTunedMotion(model, 1e-3).roll_out(*arguments), CompiledMotion(model).roll_out(*arguments)
    np.testing.assert_allclose(found.mean, expected.mean)


def test_m_step_is_equation_3_26(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    frames = list(crossing(8))
    problem = SequenceProblem(CompiledMotion(shipped), frames, frames[0], SequenceConfig(estimate_phi=True), rng)
    problem.e_w()
    problem.e_z_and_e_s()
    problem.m_step()
    eta, t, k = problem.assignment.responsibilities, 5, 1
    difference = frames[t][k] - problem.mean[:, t]
    expected = (eta[t, k, :, None] * (difference**2 + problem.variance[:, t])).sum(0)
    np.testing.assert_allclose(problem.phi[t, k], expected, atol=2e-8)


def test_sequence_refuses_nothing(shipped: TrajectorySRNN) -> None:
    with pytest.raises(ValueError, match="expected at least one frame and one source, got 0 and 1"):
        track_sequence(shipped, [], np.zeros((1, 4)))


# ---------------------------------------------------------------------- the online tracker

SIZE = (1000, 800)


def walkers(num_frames: int, starts: list[list[float]], velocities: list[list[float]]) -> Array:
    """People of 60 x 160 pixels, (T, N, 4)."""
    corner = np.array(starts) + np.array(velocities) * np.arange(num_frames)[:, None, None]
    return np.concatenate([corner, corner + [60.0, 160.0]], axis=-1)


def run(tracker: OnlineTracker, frames: list[Array], fps: float = 30.0, first: int = 0) -> list[Tracks]:
    return [tracker.update(boxes, (first + t) / fps) for t, boxes in enumerate(frames)]


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


# ---------------------------------------------------------------------- camera, classes, detector noise


def shaking(num_frames: int, rng: np.random.Generator) -> tuple[Array, list[Array]]:
    """Five people who stand in a moving image, (T, 5, 4), and the camera's affine map for each frame."""
    still = walkers(1, [[x, 250 + 20 * (x % 3)] for x in range(100, 900, 160)], [[0, 0]] * 5)[0]
    maps, boxes = [np.eye(2, 3)], [still]
    for _ in range(num_frames - 1):
        zoom, shift = 1.0 + rng.normal(0, 0.005), rng.normal(0, 12, size=2)
        maps.append(np.hstack([zoom * np.eye(2), shift[:, None]]))
        boxes.append(warp_affine(boxes[-1], maps[-1]))
    return np.array(boxes), maps


def test_warp_is_that_of_the_corners_where_the_camera_does_not_roll(rng: np.random.Generator) -> None:
    boxes, maps = shaking(2, rng)
    points = np.concatenate([boxes[0][:, :2], boxes[0][:, 2:]])
    expected = points @ maps[1][:, :2].T + maps[1][:, 2]
    np.testing.assert_allclose(boxes[1], np.concatenate([expected[:5], expected[5:]], axis=1))


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


def test_the_camera_posterior_is_that_of_a_linear_gaussian_model(rng: np.random.Generator) -> None:
    camera = CameraMotion.start((1000.0, 800.0))
    boxes = walkers(1, rng.uniform(0, 600, size=(6, 2)).tolist(), [[0, 0]] * 6)[0]
    variance, weight = rng.uniform(50, 90, size=(6, 4)), rng.uniform(0.3, 1.0, size=6)
    innovation = rng.normal(0, 5, size=(6, 4))
    mean, spread = camera.infer(Pairs(innovation, variance, weight, boxes), np.zeros(3), np.zeros(3))
    design = np.zeros((24, 3))
    design[:, 0] = np.tile([1, 0, 1, 0], 6)
    design[:, 1] = np.tile([0, 1, 0, 1], 6)
    design[:, 2] = (boxes - [500, 400, 500, 400]).ravel()
    precision = (weight[:, None] / variance).ravel()
    covariance = np.linalg.inv(design.T @ (precision[:, None] * design) + np.diag(camera.deviation**-2.0))
    np.testing.assert_allclose(mean, covariance @ design.T @ (precision * innovation.ravel()))
    np.testing.assert_allclose(spread, np.diag(covariance))


def test_a_still_camera_is_soon_known_to_be_still(rng: np.random.Generator) -> None:
    for moving in (False, True):
        camera = CameraMotion.start((1000.0, 800.0))
        start = camera.deviation.copy()
        boxes = walkers(1, rng.uniform(0, 600, size=(6, 2)).tolist(), [[0, 0]] * 6)[0]
        for _ in range(200):
            true = rng.normal(0, 10, size=2) * moving
            innovation = true[[0, 1, 0, 1]] + rng.normal(0, 1, size=(6, 4))
            pairs = Pairs(innovation, np.ones((6, 4)), np.ones(6), boxes)
            camera = camera.after(*camera.infer(pairs, np.array([*true, 0.0]), np.zeros(3)))
        assert (camera.deviation[:2] > 2 * start[:2]).all() if moving else (camera.deviation < 0.5 * start).all()


@pytest.mark.parametrize("affine", [np.eye(3), [[1, 0, np.nan], [0, 1, 0]]])
def test_a_camera_map_that_is_none_is_refused_and_changes_nothing(shipped: TrajectorySRNN, affine: object) -> None:
    tracker = OnlineTracker(shipped, image_size=SIZE)
    with pytest.raises(ValueError, match=r"expected a finite affine map of shape \(2, 3\)"):
        tracker.update([[0, 0, 10, 20]], 1.0, camera=affine)
    assert tracker.update([[0, 0, 10, 20]], 1.0).track_id.tolist() == [1]


def test_tracks_keep_to_detections_of_their_class(shipped: TrajectorySRNN) -> None:
    truth = walkers(20, [[100, 300], [100, 300]], [[3, 0], [3, 0]])  # a person and a chair in one place
    tracker = OnlineTracker(shipped, image_size=SIZE)
    for t, boxes in enumerate(truth):
        order = [0, 1] if t % 2 else [1, 0]
        tracks = tracker.update(boxes, t / 30, labels=np.array([7, 9])[order])
    assert sorted(zip(tracks.track_id.tolist(), tracks.label.tolist(), strict=True)) == [(1, 9), (2, 7)]


@pytest.mark.parametrize("ratio", [0.01, 0.04])
def test_detector_noise_is_found_without_truth(rng: np.random.Generator, ratio: float) -> None:
    noise = DetectorNoise()
    truth = walkers(3000, [[100, 300]], [[3, 1]])[:, 0]
    seen = truth + ratio * rng.normal(size=truth.shape) * [60, 160, 60, 160]
    for t in range(4, len(seen)):
        noise = noise.after(seen[None, t - 4 : t])
    np.testing.assert_allclose(np.sqrt(noise.ratio_variance), ratio, rtol=0.25)


def test_published_boxes_smooth_a_rough_detector_and_trust_an_exact_one(shipped: TrajectorySRNN) -> None:
    for deviation, largest in ((8.0, 7.2), (0.3, 0.8)):
        rng = np.random.default_rng(2)
        truth = walkers(400, [[100 + 150 * n, 300] for n in range(5)], [[0.3, 0]] * 5)
        frames = [b + rng.normal(0, deviation, b.shape) for b in truth]
        results = run(OnlineTracker(shipped, image_size=SIZE), frames)
        kept = [
            (r.boxes[r.track_id <= 5], r.track_id[r.track_id <= 5] - 1, t) for t, r in enumerate(results) if t > 200
        ]
        ours = np.concatenate([(boxes - truth[t][who]).ravel() for boxes, who, t in kept])
        assert np.sqrt(np.mean(ours**2)) < largest


# ---------------------------------------------------------------------- some frames late


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


# ---------------------------------------------------------------------- bad input


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


def test_valid_boxes_without_image_size() -> None:
    assert valid_boxes(np.array([[5000.0, 0, 5010, 10], [0, 0, 0, 1]]), None).tolist() == [True, False]


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


def test_empty_frames_and_nan_scores(shipped: TrajectorySRNN) -> None:
    tracker = OnlineTracker(shipped)
    assert len(tracker.update([], 0.0).track_id) == 0
    assert len(tracker.update([[0, 0, 10, 20]], 0.1, [float("nan")]).track_id) == 0


def test_five_hundred_boxes_in_a_frame(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    corner = rng.uniform(0, [1800, 900], size=(500, 2))
    boxes = np.concatenate([corner, corner + [40.0, 100.0]], axis=1)
    tracker = OnlineTracker(shipped, TrackerConfig(birth_iou=1.0), (1920, 1080))
    began = time.perf_counter()
    for t in range(5):
        tracks = tracker.update(boxes, t / 30, rng.random(500))
    assert 0 < len(tracks.track_id) <= 5 * 300
    assert time.perf_counter() - began < 20


def test_absolute_models_are_refused_online() -> None:
    with pytest.raises(ValueError, match="expected a motion model in relative coordinates"):
        OnlineTracker(TrajectorySRNN(TrajectorySRNNConfig(coordinates="absolute")))


# ---------------------------------------------------------------------- synthetic data


def test_trajectories_are_boxes_that_move_smoothly(rng: np.random.Generator) -> None:
    boxes = draw_trajectories(500, 60, rng)
    assert boxes.shape == (500, 60, 4)
    assert (boxes[..., 2:] > boxes[..., :2]).all()
    ratio = (boxes[..., 3] - boxes[..., 1]) / (boxes[..., 2] - boxes[..., 0])
    np.testing.assert_allclose(ratio.max(1), ratio.min(1))  # constant for each person
    assert np.mean(ratio) == pytest.approx(5.26, abs=0.15)
    assert np.abs(np.diff(boxes, axis=1)).max() < 0.05
    again = draw_trajectories(500, 60, np.random.default_rng(0))
    assert np.array_equal(boxes, again)
