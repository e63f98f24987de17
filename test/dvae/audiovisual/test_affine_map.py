"""The learned map against maps that are known."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.angles import wrap
from dvae.audiovisual.affine_map import AffineConfig, AffineMap
from dvae.audiovisual.geometry import CalibratedMap, CameraModel, GeometryConfig, Pose

SIZE = (640, 480)
FEW = AffineConfig(num_starts=2)


def places(count: int, seed: int) -> np.ndarray:
    """Of mouths, as boxes without a size: (N, 4)."""
    rng = np.random.default_rng(seed)
    return np.tile(rng.uniform([0.0, 80.0], [640.0, 300.0], (count, 2)), 2)


def curved(boxes: np.ndarray) -> np.ndarray:
    """Azimuths at 2 m of a wide camera half a metre beside the array."""
    camera = CameraModel.from_field_of_view(110.0, SIZE)
    return CalibratedMap(camera, Pose.parse("-1 -0.5 0 0 0 0.3"), GeometryConfig(distance=2.0)).bearings(boxes).azimuth


def test_finds_the_pieces_that_made_the_pairs() -> None:
    rng = np.random.default_rng(0)
    boxes = places(600, 1)
    x, y = boxes[:, 0], boxes[:, 1]
    right = x > 320.0
    azimuth = np.where(right, -0.5 - 0.004 * (x - 320.0), 0.9 - 0.001 * x + 0.0005 * y)
    found = AffineMap.fit(boxes, azimuth + 0.02 * rng.normal(size=600), SIZE, AffineConfig(num_pieces=2))
    order = np.argsort(found.pieces.centre[:, 0])
    np.testing.assert_allclose(found.pieces.slope[order], [[-0.001, 0.0005], [-0.004, 0.0]], atol=5e-5)
    np.testing.assert_allclose(np.sqrt(found.pieces.variance), 0.02, rtol=0.1)
    np.testing.assert_allclose(found.pieces.weight, 0.5, atol=0.05)
    inside = np.tile([[100.0, 200.0], [550.0, 150.0]], 2)
    bearings = found.bearings(inside)
    np.testing.assert_allclose(bearings.azimuth, [0.9, -0.5 - 0.92], atol=0.01)
    np.testing.assert_allclose(bearings.slope, [-0.001, -0.004], atol=5e-5)


def test_pieces_follow_a_curve_that_one_affine_map_does_not() -> None:
    train, test = places(800, 2), places(300, 3)
    rng = np.random.default_rng(4)
    azimuth = curved(train) + np.radians(1.0) * rng.normal(size=len(train))
    one, eight = (AffineMap.fit(train, azimuth, SIZE, AffineConfig(num_pieces=count, num_starts=2)) for count in (1, 8))
    errors = [np.median(np.abs(wrap(found.bearings(test).azimuth - curved(test)))) for found in (one, eight)]
    assert errors[1] < np.radians(0.5)
    assert errors[0] > 4.0 * errors[1]


def test_slope_is_the_derivative_and_variance_what_the_map_errs() -> None:
    train, test = places(800, 2), places(300, 3)
    rng = np.random.default_rng(5)
    found = AffineMap.fit(train, curved(train) + 0.03 * rng.normal(size=len(train)), SIZE, FEW)
    step = np.array([0.5, 0.0, 0.5, 0.0])
    difference = wrap(found.bearings(test + step).azimuth - found.bearings(test - step).azimuth)
    bearings = found.bearings(test)
    np.testing.assert_allclose(bearings.slope, difference, rtol=1e-2, atol=1e-5)
    squared = wrap(bearings.azimuth - curved(test) - 0.03 * rng.normal(size=len(test))) ** 2
    assert 0.7 < np.mean(squared / bearings.variance) < 1.3


def test_azimuths_around_180_degrees_are_no_jump() -> None:
    """The same pairs turned by any angle give the same map, turned."""
    train, test = places(400, 6), places(50, 7)
    turned = [AffineMap.fit(train, wrap(curved(train) + turn), SIZE, FEW) for turn in (0.0, np.pi, 2.0)]
    first = turned[0].bearings(test)
    for turn, found in zip((np.pi, 2.0), turned[1:], strict=True):
        bearings = found.bearings(test)
        np.testing.assert_allclose(wrap(bearings.azimuth - first.azimuth - turn), 0.0, atol=1e-4)
        np.testing.assert_allclose(bearings.slope, first.slope, atol=1e-6)
        assert ((bearings.azimuth >= -np.pi) & (bearings.azimuth < np.pi)).all()


def test_columns_lead_back() -> None:
    train = places(800, 8)
    found = AffineMap.fit(train, curved(train), SIZE, FEW)
    middle = np.tile(np.column_stack([np.linspace(60.0, 580.0, 20), np.full(20, 190.0)]), 2)
    assert np.abs(found.columns(curved(middle)) - middle[:, 0]).max() < 30.0
    behind = wrap(curved(middle[10:11]) + np.pi)
    assert np.isnan(found.columns(behind)).all()


def test_away_from_all_that_was_seen_it_is_less_sure() -> None:
    train = places(400, 9)
    train = train[train[:, 0] < 320.0]
    found = AffineMap.fit(train, curved(train), SIZE, AffineConfig(num_pieces=1))
    near, far = found.bearings(np.tile([[160.0, 190.0], [2000.0, 190.0]], 2)).variance
    assert far > 1.1 * near


def test_likelihood_never_falls_and_pairs_on_a_line_do() -> None:
    from dvae.audiovisual.affine_map import _Fit
    from dvae.inference.variational_em import run_variational_em

    boxes = places(300, 10)
    fit = _Fit(boxes[:, :2], curved(boxes), AffineConfig(num_pieces=4), np.random.default_rng(0))
    history = run_variational_em(fit, 30, each_step=True)
    assert (np.diff(history) > -1e-2).all()  # but for the floors
    line = np.tile(np.column_stack([np.linspace(0.0, 640.0, 40), np.full(40, 100.0)]), 2)
    found = AffineMap.fit(np.repeat(line, 3, axis=0), np.repeat(-0.001 * line[:, 0], 3), SIZE, FEW)  # places twice
    found = AffineMap.fit(line, -0.001 * line[:, 0], SIZE, FEW)
    np.testing.assert_allclose(found.bearings(line).azimuth, -0.001 * line[:, 0], atol=0.01)


def test_too_few_or_odd_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 boxes and as many azimuths, got 2"):
        AffineMap.fit(places(2, 0), [0.0, 1.0], SIZE, FEW)
    with pytest.raises(ValueError, match="as many azimuths"):
        AffineMap.fit(places(20, 0), np.zeros(19), SIZE, FEW)
    with pytest.raises(ValueError, match="finite"):
        AffineMap.fit(places(20, 0), np.full(20, np.nan), SIZE, FEW)
