"""Who is heard from where: E-W for directions.

Y. Ban, X. Alameda-Pineda, L. Girin, R. Horaud, "Variational Bayesian inference for audio-visual tracking of multiple
speakers" (IEEE TPAMI 2019). beta_kn is the probability that direction k is the voice of source n, and beta_k0 that it
is nobody's: a class of its own, uniform on the circle. Several directions may be the voice of one source. Departures:

- a direction is weighed by its density given the past and the boxes of the frame, N(direction; azimuth, own variance +
  variance of the azimuth), where the paper takes N(direction; azimuth, own variance) exp(-trace / 2), the expectation
  under the posterior. Boxes are weighed likewise (dvae.tracking.gating), and for the same reason: the trace term
  punishes a person for having become uncertain, and a voice would not be given back to the person who was lost from
  sight, but to whoever is seen next to them;
- directions are angles, and their differences wrap;
- whether anybody is heard from there at all (the weight of a direction, speech) is no part of beta: it multiplies what
  a direction says in E-S.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dvae.inference.responsibilities import Assignment, independent

Array = NDArray[np.float64]
LARGEST_VARIANCE = math.pi**2 / 3.0  # rad^2, of an angle of which nothing is known


def wrapped(angle: Array) -> Array:
    """The same angles in rad, in [-pi, pi)."""
    return np.asarray((angle + math.pi) % (2.0 * math.pi) - math.pi)


def log_density(direction: Array, azimuth: Array, variance: Array) -> Array:
    """(K, M) log density in rad^-1 of directions (K,) whose mean is `azimuth` (M,), with `variance` (M,) in rad^2."""
    variance = np.minimum(variance, LARGEST_VARIANCE)
    difference = wrapped(direction[:, None] - azimuth)
    return np.asarray(-0.5 * (np.square(difference) / variance + np.log(2.0 * math.pi * variance)))


def assign_directions(direction: Array, azimuth: Array, variance: Array, clutter: float) -> Assignment:
    """E-W of directions (K,) in rad: responsibilities (K, M) and clutter (K,), which together sum to one.

    azimuth, variance (M,): of each source, in rad and rad^2, the direction's own variance in it; clutter: prior
    probability that a direction is nobody's; any source is as likely as the others.
    """
    log_nobody = np.full(len(direction), -math.log(2.0 * math.pi))
    if not len(azimuth):
        return Assignment(np.zeros((len(direction), 0)), np.ones(len(direction)))
    log_prior = math.log1p(-clutter) - math.log(len(azimuth))
    return independent(log_density(direction, azimuth, variance) + log_prior, log_nobody + math.log(clutter))
