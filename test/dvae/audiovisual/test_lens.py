"""Lenses against OpenCV's projection, and both ways."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dvae.audiovisual.lens import EquidistantLens, Lens, PolynomialLens

PLUMB_BOB = [-0.29, 0.08, 0.0021, -0.0034, 0.01]
RATIONAL = [0.51, 0.12, 0.0011, -0.0013, 0.012, 0.83, 0.21, 0.02]
FISHEYE = [-0.012, 0.021, -0.015, 0.003]


def points_in_front(count: int, seed: int = 0) -> np.ndarray:
    """Up to 45 degrees off the axis in each direction, 0.5 to 6 m deep: (N, 3)."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 6.0, count)
    return np.column_stack([rng.uniform(-1.0, 1.0, count) * depth, rng.uniform(-0.7, 0.7, count) * depth, depth])


@pytest.mark.parametrize("coefficients", [[], PLUMB_BOB[:4], PLUMB_BOB, RATIONAL], ids=len)
def test_polynomial_lens_projects_as_opencv(coefficients: list[float]) -> None:
    points = points_in_front(200)
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.eye(3), np.array(coefficients or [0.0] * 5))
    np.testing.assert_allclose(PolynomialLens(coefficients).seen(points), expected[:, 0], atol=1e-12)


def test_equidistant_lens_projects_as_opencv() -> None:
    points = points_in_front(200)
    expected, _ = cv2.fisheye.projectPoints(points[:, None], np.zeros(3), np.zeros(3), np.eye(3), np.array(FISHEYE))
    np.testing.assert_allclose(EquidistantLens(FISHEYE).seen(points), expected[:, 0], atol=1e-12)


@pytest.mark.parametrize(
    "lens",
    [
        PolynomialLens(),
        PolynomialLens(PLUMB_BOB),
        PolynomialLens(RATIONAL),
        EquidistantLens(),
        EquidistantLens(FISHEYE),
    ],
    ids=["none", "plumb_bob", "rational", "fisheye ideal", "fisheye"],
)
def test_rays_lead_to_the_points_that_were_seen(lens: Lens) -> None:
    points = points_in_front(500, seed=1)
    towards = points / np.linalg.norm(points, axis=1, keepdims=True)
    np.testing.assert_allclose(lens.rays(lens.seen(points)), towards, atol=1e-11)
    np.testing.assert_allclose(lens.rays(np.zeros((1, 2))), [[0.0, 0.0, 1.0]], atol=1e-14)


def test_random_lenses_go_both_ways_within_their_folds() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        lens = PolynomialLens(rng.normal(size=8) * [0.3, 0.1, 0.002, 0.002, 0.02, 0.3, 0.1, 0.02])
        angle, radius = rng.uniform(-np.pi, np.pi, 100), rng.uniform(0.0, 0.9, 100) * min(lens.limit, 1.5)
        ideal = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.ones(100)])
        rays = lens.rays(lens.seen(ideal))
        np.testing.assert_allclose(rays / rays[:, 2:], ideal, atol=1e-8)


def test_fisheye_sees_beside_and_behind_but_not_itself() -> None:
    lens = EquidistantLens()
    points = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    seen = lens.seen(points)
    np.testing.assert_allclose(seen[:2], [[np.pi / 2, 0.0], [3 * np.pi / 4, 0.0]])
    assert np.isnan(seen[2]).all()
    np.testing.assert_allclose(lens.rays(seen[:2]), [[1.0, 0.0, 0.0], [0.5**0.5, 0.0, -(0.5**0.5)]], atol=1e-12)


def test_beyond_the_fold_nothing_is_seen_and_rays_stay_finite() -> None:
    barrel = PolynomialLens([-0.3, 0.0, 0.0, 0.0])  # r - 0.3 r^3 turns back at r^2 = 1 / 0.9
    assert barrel.limit == pytest.approx((1 / 0.9) ** 0.5, rel=1e-3)
    assert np.isnan(barrel.seen(np.array([[1.2, 0.0, 1.0], [0.0, 0.0, -1.0]]))).all()
    (ray,) = barrel.rays(np.array([[5.0, 0.0]]))
    np.testing.assert_allclose(ray / ray[2], [barrel.limit, 0.0, 1.0], rtol=1e-2)
    assert EquidistantLens([-0.1, 0.0, 0.0, 0.0]).limit == pytest.approx((1 / 0.3) ** 0.5, rel=1e-3)
    assert PolynomialLens([0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0]).limit < 1.0  # the pole of 1 / (1 - s)
