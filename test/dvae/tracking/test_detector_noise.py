from __future__ import annotations

import numpy as np
import pytest
from people import SIZE, run, walkers

from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.detector_noise import DetectorNoise
from dvae.tracking.online import OnlineTracker


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


def test_one_frame_moves_the_estimate_by_the_products_of_second_differences() -> None:
    boxes = np.array([[[0.0, 0, 10, 40], [1, 0, 10, 40], [0, 0, 12, 40], [1, 4, 21, 44]]])  # 20 x 40 in the end
    second = np.array([[-2, 0, 2, 0], [2, 4, 7, 4]]) / [20, 40, 20, 40]
    product = np.clip(second[0] * second[1], -0.02, 0.02)
    before = np.array([1e-3, 2e-3, 3e-3, 4e-3])
    for count in (1, 3):
        gain = 1e-3 * count / (1 + 1e-3 * count)
        after = DetectorNoise(before).after(boxes.repeat(count, axis=0))
        np.testing.assert_allclose(after.ratio_variance, before + gain * (-product / 4 - before))
    assert DetectorNoise(before).after(boxes[:0]).ratio_variance is before


def test_the_variance_scales_with_the_box_and_has_a_least() -> None:
    noise = DetectorNoise(np.array([1e-3, 2e-3, 1e-6, -1.0]))
    found = noise.variance(np.array([[5.0, 0, 25, 40]]), 3.0)
    np.testing.assert_allclose(found, [[3e-3 * 400, 6e-3 * 1600, 0.005**2 * 400, 0.005**2 * 1600]])
