from __future__ import annotations

import numpy as np
import pytest
from people import walkers

from dvae.tracking.gating import log_fit, perfect_fit


@pytest.mark.parametrize("margin", [4.0, 27.0])
def test_fit_is_the_density_of_centre_and_size_inside_the_gate_alone(margin: float, rng: np.random.Generator) -> None:
    mean = walkers(1, rng.uniform(0, 200, size=(7, 2)).tolist(), [[0, 0]] * 7)[0]
    boxes = mean[rng.integers(0, 7, size=40)] + rng.normal(0, 7, size=(40, 4))
    phi, spread = rng.uniform(20, 60, size=(40, 4)), np.array([1.0, 1.1, 1.2, 0.7])
    variance, label, track_label = rng.uniform(5, 40, size=(7, 4)), rng.integers(0, 2, 40), rng.integers(0, 2, 7)
    found = log_fit(
        boxes, phi, label, mean, variance, track_label, spread, perfect_fit(phi, spread), np.full(40, margin)
    )
    # centre x, centre y, width, height as a linear map of the corners
    change = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]])
    expected = np.full((40, 7), -np.inf)
    for k in range(40):
        for n in range(7):
            own, total = (
                (change @ np.diag(v) @ change.T).diagonal() * spread**2 for v in (phi[k], phi[k] + variance[n])
            )
            density = -0.5 * (np.log(2 * np.pi * total) + (change @ (boxes[k] - mean[n])) ** 2 / total).sum()
            at_best = -0.5 * np.log(2 * np.pi * own).sum()
            squared = ((change @ (boxes[k] - mean[n])) ** 2 / total).sum()
            if label[k] == track_label[n] and density >= at_best - margin and squared <= 2 * margin:
                expected[k, n] = density
    assert 5 < np.isfinite(expected).sum() < 200
    np.testing.assert_allclose(found, expected)


def test_a_perfect_fit_is_a_detection_where_a_certain_prediction_has_it(rng: np.random.Generator) -> None:
    box, phi = walkers(1, [[100, 50]], [[0, 0]])[0], rng.uniform(20, 60, size=(1, 4))
    spread, label = np.array([1.0, 1.1, 1.2, 0.7]), np.zeros(1, dtype=np.int64)
    certain = np.zeros((1, 4))
    found = log_fit(box, phi, label, box, certain, label, spread, np.zeros(1), np.full(1, 1e3))
    np.testing.assert_allclose(perfect_fit(phi, spread), found[0])
