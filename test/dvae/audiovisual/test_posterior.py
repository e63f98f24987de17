"""The posterior of a small scene against the enumeration of all assignments of boxes and directions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from bearings import LinearMap, heard
from people import SIZE, still_model
from scipy.stats import multivariate_normal

from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.tracker import AudioVisualTracker
from dvae.tracking.assignment import detectable
from dvae.tracking.boxes import BoxEstimate, observation_variance
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker

CONFIG = TrackerConfig(height_spread=1.0, agility_rate=0.0, camera_motion=False, duplicate_iou=1.0, confirm_hits=1)
HEARD = AudioVisualConfig(directions_per_second=1e9, direction_clutter=0.2)
BOTH = np.array([[300.0, 300.0, 360.0, 460.0], [420.0, 310.0, 480.0, 470.0]])
LINE = LinearMap()
CLUTTER = -1


class Joint(NamedTuple):
    """One assignment of all boxes and directions: its probability (not normalised) and the people under it."""

    boxes: tuple[int, ...]
    directions: tuple[int, ...]
    probability: float
    mean: np.ndarray  # (2, 4)


def condition(
    mean: np.ndarray, covariance: np.ndarray, rows: np.ndarray, value: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """N(mean, covariance) given rows @ s + N(0, noise) = value, and the density of that."""
    spread = rows @ covariance @ rows.T + noise
    density = multivariate_normal.pdf(value, rows @ mean, spread)
    gain = covariance @ rows.T @ np.linalg.inv(spread)
    return mean + gain @ (value - rows @ mean), covariance - gain @ rows @ covariance, float(density)


def enumerate_all(prior: BoxEstimate, seen: np.ndarray, boxes: np.ndarray, degrees: list[float]) -> Iterator[Joint]:
    """Box by box and direction by direction, in the order of the arguments; seen (2,): probability of detection."""
    phi = observation_variance(boxes, CONFIG.observation_ratio)
    row = np.array([[0.5 * LINE.slope, 0.0, 0.5 * LINE.slope, 0.0]])
    noise = np.array([[np.radians(5.0) ** 2 + LINE.variance]])
    for whose in product((CLUTTER, 0, 1), repeat=len(boxes)):
        taken = [n for n in whose if n != CLUTTER]
        if len(set(taken)) < len(taken):
            continue
        chance = float(np.prod([seen[n] if n in taken else 1.0 - seen[n] for n in range(2)]))
        for k, n in enumerate(whose):
            if n == CLUTTER:
                chance *= multivariate_normal.pdf(np.zeros(4), cov=np.diag(phi[k])) * np.exp(-CONFIG.clutter_nats)
        for voices in product((CLUTTER, 0, 1), repeat=len(degrees)):
            probability, means = chance, []
            for n in range(2):
                mean, covariance = prior.mean[n], np.diag(prior.variance[n])
                for k in np.flatnonzero(np.array(whose) == n):
                    mean, covariance, density = condition(mean, covariance, np.eye(4), boxes[k], np.diag(phi[k]))
                    probability *= density
                for k in np.flatnonzero(np.array(voices) == n):
                    value = np.array([np.radians(degrees[k]) - LINE.left])
                    mean, covariance, density = condition(mean, covariance, row, value, noise)
                    probability *= density * 0.8 / 2.0
                means.append(mean)
            probability *= (0.2 / (2.0 * np.pi)) ** voices.count(CLUTTER)
            yield Joint(whose, voices, probability, np.array(means))


@pytest.mark.parametrize(
    ("boxes", "degrees", "tolerance"),
    [
        (BOTH + 3.0, [10.0, 3.0], 1e-4),  # at 10.2 and 3 degrees: both seen
        (BOTH + [[4.0], [-5.0]], [6.5, 60.0], 1e-4),  # a voice between them, and one of nobody
        (BOTH[[1, 0]] + [[-35.0, 0, -35, 0], [30.0, 0, 30, 0]], [7.0, 6.0], 0.01),  # whose box?
        (
            np.vstack([BOTH[:1], BOTH[:1] + [400.0, 0, 400, 0]]),
            [3.0, 2.0],
            0.03,
        ),  # one is missing: two voices and a box
    ],
)
def test_the_posterior_is_that_of_all_assignments(boxes: np.ndarray, degrees: list[float], tolerance: float) -> None:
    tracker = AudioVisualTracker(OnlineTracker(still_model("relative", np.log(9.0)), CONFIG, SIZE), LINE, HEARD)
    for t in range(12):
        tracker.update(BOTH, t / 30)
    step = tracker._tracker.associate(boxes, 12 / 30)
    prior, people = step.view.predicted, step.before.people
    joint = list(enumerate_all(prior, detectable(people, CONFIG), boxes, degrees))
    assert len(joint) == 7 * 9
    probability = np.array([each.probability for each in joint])
    probability /= probability.sum()
    found = tracker.update(boxes, 12 / 30, heard=[heard(12 / 30, *degrees)])
    for k in range(2):
        for n in (0, 1, CLUTTER):
            of_box = probability[[each.boxes[k] == n for each in joint]].sum()
            of_voice = probability[[each.directions[k] == n for each in joint]].sum()
            shares = step.assignment
            assert abs((shares.clutter[k] if n < 0 else shares.responsibilities[k, n]) - of_box) < tolerance, "box"
            assert abs(found.responsibilities[0][k, n] - of_voice) < tolerance, "voice"
    expected = np.einsum("j,jnd->nd", probability, np.array([each.mean for each in joint]))
    apart = tracker._tracker._state.motion.source[:2] - expected
    assert (np.abs(apart) < 0.1 * np.sqrt(prior.variance)).all()
