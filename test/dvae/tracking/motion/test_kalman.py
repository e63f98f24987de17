from __future__ import annotations

import numpy as np
import pytest

from dvae.tracking.motion.kalman import KalmanMotion, LinearGaussian
from dvae.tracking.motion.rollout import (
    Birth,
    EncoderInput,
    Evidence,
    fresh_state,
    zero_noise,
)


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
