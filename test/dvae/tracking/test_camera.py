from __future__ import annotations

import numpy as np
import pytest
from people import shaking, walkers

from dvae.tracking.camera import CameraMotion, Pairs, find_jump


def test_warp_is_that_of_the_corners_where_the_camera_does_not_roll(rng: np.random.Generator) -> None:
    boxes, maps = shaking(2, rng)
    points = np.concatenate([boxes[0][:, :2], boxes[0][:, 2:]])
    expected = points @ maps[1][:, :2].T + maps[1][:, 2]
    np.testing.assert_allclose(boxes[1], np.concatenate([expected[:5], expected[5:]], axis=1))


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


def test_far_innovations_count_linearly(rng: np.random.Generator) -> None:
    camera = CameraMotion.start((1000.0, 800.0))
    boxes = walkers(1, [[470, 320]], [[0, 0]])[0]  # about the middle: no zoom
    for innovation in (1.0, 40.0):
        pairs = Pairs(np.full((1, 4), innovation), np.full((1, 4), 4.0), np.ones(1), boxes)
        mean, _ = camera.infer(pairs, np.zeros(3), np.zeros(3))
        weight = 2 / 4.0 / max(1.0, innovation / 2.0 / 1.5)  # two coordinates an axis
        assert mean[0] == pytest.approx(weight * innovation / (weight + 1 / 9.0))  # 0.003 of the width


def test_the_prior_follows_what_was_found_within_limits() -> None:
    camera = CameraMotion.start((1000.0, 800.0))
    np.testing.assert_allclose(camera.deviation, [3.0, 3.0, 0.001])
    np.testing.assert_allclose(camera.shift_variance(), [9.0] * 4)
    after = camera.after(np.array([6.0, 1000.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    expected = [9 + 0.05 * (36 + 1 - 9), 9 + 0.05 * (25 * 9 - 9), 0.95 * 1e-6]
    np.testing.assert_allclose(after.deviation**2, expected)
    for _ in range(300):
        after = after.after(np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(after.deviation, [0.3, 0.3, 1e-4])


def test_a_jump_is_what_most_people_of_one_size_agree_on() -> None:
    tracks = walkers(1, [[100, 100], [300, 150], [500, 120], [700, 90]], [[0, 0]] * 4)[0]
    shift = np.array([50.0, -30.0])
    boxes = np.concatenate([tracks[:3] + [*shift, *shift], tracks[3:] + 20.0])
    np.testing.assert_allclose(find_jump(tracks, boxes, (1000.0, 800.0)), shift)
    centre, half = 0.5 * (boxes[:, :2] + boxes[:, 2:]), boxes[:, 2:] - boxes[:, :2]
    larger = np.concatenate([centre - half, centre + half], axis=1)
    np.testing.assert_allclose(find_jump(tracks, larger, (1000.0, 800.0)), 0.0)  # nobody of that size
    np.testing.assert_allclose(find_jump(tracks, boxes, (300.0, 240.0)), [20.0, 20.0])  # 50 of 300 is too far


def test_a_shift_and_a_zoom_about_the_middle_of_the_image() -> None:
    camera = CameraMotion.start((1000.0, 800.0))
    boxes = np.array([[400.0, 500.0, 700.0, 600.0]])
    expected = [[400 + 3 - 10, 500 - 5 + 10, 700 + 3 + 20, 600 - 5 + 20]]
    np.testing.assert_allclose(camera.warp(boxes, np.array([3.0, -5.0, 0.1])), expected)


def test_what_the_estimate_so_far_explains_is_not_far() -> None:
    camera = CameraMotion.start((1000.0, 800.0))
    boxes = walkers(1, [[470, 320]], [[0, 0]])[0]
    pairs = Pairs(np.full((1, 4), 40.0), np.full((1, 4), 4.0), np.ones(1), boxes)
    mean, _ = camera.infer(pairs, np.array([40.0, 40.0, 0.0]), np.zeros(3))
    assert mean[0] == pytest.approx(0.5 * 40.0 / (0.5 + 1 / 9.0))  # with all its weight


def test_a_jump_is_short_and_people_of_other_sizes_do_not_vote_for_one() -> None:
    tracks = walkers(1, [[100, 100], [300, 150], [500, 120], [700, 90]], [[0, 0]] * 4)[0]
    jumped = tracks + [50.0, -30.0, 50.0, -30.0]
    assert find_jump(tracks, jumped, (620.0, 500.0)).tolist() == [0.0, 0.0]  # more than 0.08 of the width
    assert find_jump(tracks, jumped, (630.0, 500.0)).tolist() == [50.0, -30.0]
    wider = np.array([-12.0, -32.0, 12.0, 32.0])  # 1.4 times the size
    elsewhere = tracks[[0, 2, 3]] - [40.0, 0.0, 40.0, 0.0] + np.array([[0], [1], [1]]) * wider
    boxes = np.concatenate([elsewhere, jumped[:2]])
    np.testing.assert_allclose(find_jump(tracks, boxes, (1000.0, 800.0)), [50.0, -30.0])


def test_a_shift_differs_by_less_than_a_share_of_the_size_where_it_agrees() -> None:
    tracks = walkers(1, [[100, 100], [300, 150], [500, 120], [700, 90], [100, 400]], [[0, 0]] * 5)[0]  # 60 x 160
    alike = np.array([[50.0, -30], [54, -20], [46, -40], [-20, 0], [-20, 0]])
    np.testing.assert_allclose(find_jump(tracks, tracks + np.tile(alike, 2), (1000.0, 800.0)), [50.0, -30.0])
    apart = np.array([[50.0, -30], [60, -30], [50, -55], [-20, 0], [-20, 0]])  # 10 of 60 and 25 of 160 are too much
    np.testing.assert_allclose(find_jump(tracks, tracks + np.tile(apart, 2), (1000.0, 800.0)), [-20.0, 0.0])


def test_the_shift_adds_the_variance_of_its_own_axis() -> None:
    camera = CameraMotion((1000.0, 800.0), np.array([2.0, 3.0, 0.1]))
    assert camera.shift_variance().tolist() == [4.0, 9.0, 4.0, 9.0]
