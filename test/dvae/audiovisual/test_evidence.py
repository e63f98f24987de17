from __future__ import annotations

import numpy as np
import pytest
from bearings import LinearMap, heard

from dvae.audiovisual.association import gather
from dvae.audiovisual.evidence import innovations, on_centres
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.motion.rollout import Evidence
from dvae.tracking.steps import given

OWN = np.radians(5.0) ** 2


def kalman(mean: np.ndarray, variance: np.ndarray, observed: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """The matrix form, of x1 and x2, when (x1 + x2) / 2 is observed: mean (2,) and covariance (2, 2)."""
    h, p = np.array([[0.5, 0.5]]), np.diag(variance)
    gain = p @ h.T / (h @ p @ h.T + noise)
    return mean + (gain * (observed - h @ mean)).ravel(), (np.eye(2) - gain @ h) @ p


@pytest.mark.parametrize("variance", [[100.0, 7.0, 100.0, 9.0], [400.0, 7.0, 25.0, 9.0], [1.0, 1.0, 1e4, 1.0]])
def test_the_centre_gets_the_kalman_update_and_the_width_stays(variance: list[float]) -> None:
    line = LinearMap()
    prior = BoxEstimate(np.array([[400.0, 100.0, 480.0, 300.0]]), np.array([variance]))
    directions = gather([heard(1.0, -3.0)], -np.inf, 5.0)
    bearings = line.bearings(prior.mean)
    innovation = innovations(directions, np.ones((1, 1)), bearings.azimuth, OWN + bearings.variance)
    after = given(prior, on_centres(prior, bearings, innovation))
    observed, noise = 500.0 + 3.0 / 60.0 * 1000.0, (OWN + line.variance) / line.slope**2
    mean, covariance = kalman(prior.mean[0, ::2], prior.variance[0, ::2], observed, noise)
    assert after.mean[0, ::2].mean() == pytest.approx(mean.mean(), rel=1e-12)
    assert after.variance[0, ::2].sum() / 4.0 == pytest.approx(covariance.sum() / 4.0, rel=1e-12)
    assert after.mean[0, 2] - after.mean[0, 0] == pytest.approx(80.0, rel=1e-12)
    assert (after.mean[:, 1::2] == prior.mean[:, 1::2]).all()
    assert (after.variance[:, 1::2] == prior.variance[:, 1::2]).all()


def test_several_directions_are_as_one_after_the_other() -> None:
    line, degrees = LinearMap(), [2.0, 9.0, -4.0]
    prior = BoxEstimate(np.array([[400.0, 100.0, 480.0, 300.0]]), np.full((1, 4), 300.0))
    bearings = line.bearings(prior.mean)
    variance = OWN + bearings.variance
    frames = [heard(float(t), each, weight=0.5) for t, each in enumerate(degrees)]
    together = innovations(gather(frames, -np.inf, 5.0), np.array([[1.0], [0.25], [1.0]]), bearings.azimuth, variance)
    after = given(prior, on_centres(prior, bearings, together))
    centre, spread = 440.0, 150.0
    for each, counts in zip(degrees, [0.5, 0.125, 0.5], strict=True):
        noise = (OWN + line.variance) / line.slope**2 / counts
        gain = spread / (spread + noise)
        centre, spread = centre + gain * (500.0 - each / 60.0 * 1000.0 - centre), (1.0 - gain) * spread
    assert after.mean[0, ::2].mean() == pytest.approx(centre)
    assert after.variance[0, ::2].sum() / 4.0 == pytest.approx(spread)


def test_innovations_wrap_and_count_by_weight_share_and_beta() -> None:
    directions = gather([heard(0.0, 179.0, weight=0.8), heard(0.1, -178.0)], -np.inf, 5.0)
    found = innovations(directions, np.array([[1.0], [0.5]]), np.radians([-179.0]), np.array([2.0]))
    np.testing.assert_allclose(found.precision, [(0.8 + 0.25) / 2.0])
    np.testing.assert_allclose(found.information, [np.radians(0.8 * -2.0 + 0.25 * 1.0) / 2.0])


def test_of_an_unknown_bearing_nothing_is_said() -> None:
    line, prior = LinearMap(), BoxEstimate(np.array([[400.0, 100.0, 480.0, 300.0]]), np.full((1, 4), 300.0))
    unknown = line.bearings(prior.mean)._replace(slope=np.zeros(1), variance=np.full(1, np.inf))
    said = innovations(gather([heard(0.0, 10.0)], -np.inf, 5.0), np.ones((1, 1)), unknown.azimuth, unknown.variance)
    assert isinstance(evidence := on_centres(prior, unknown, said), Evidence)
    assert not evidence.precision.any()
    assert not evidence.information.any()
