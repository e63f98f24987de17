from __future__ import annotations

import numpy as np
import pytest

from dvae.tracking.motion.trajectories import draw_trajectories


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
