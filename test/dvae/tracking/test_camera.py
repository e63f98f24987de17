from __future__ import annotations

import numpy as np
from people import shaking, walkers

from dvae.tracking.camera import CameraMotion, Pairs


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
