"""What directions say of boxes: E-S of what is heard.

A direction observes the centre of a box, c = (x1 + x2) / 2, through the slope of the bearing map, and nothing else.
The posterior of a box is diagonal in x1, y1, x2, y2, so what is observed of c has to be said of x1 and of x2. With
variances p1 and p2 before (given the frame's boxes), c has the variance P = (p1 + p2) / 4. To say of each side xi

    that it is where it is expected, moved as far as c is observed to be, with the precision P / (pi r),

r the variance with which c is observed, moves both sides by P / (P + r) of that innovation, which is the scalar Kalman
update of the centre; the width stays, and the variance of the centre becomes P r / (P + r), as it should. (For sides of
one variance that is a variance of 2 r each.) A diagonal posterior cannot know the centre better without the width:
its variance shrinks by the same factor, though nothing was observed of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.association import HeardDirections
from dvae.audiovisual.scene import Bearings
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.motion.rollout import Evidence

Array = NDArray[np.float64]


def innovations(directions: HeardDirections, beta: Array, azimuth: Array, variance: Array | float) -> Evidence:
    """Precision and information (M,) on how far in rad sources are from `azimuth` (M,): of directions (K,) that are
    theirs with the probability beta (K, M), seen from them with the variance (M,), in rad^2."""
    counted = (directions.weight * directions.share[directions.frame])[:, None] * beta / variance
    return Evidence(counted.sum(axis=0), (counted * wrap(directions.azimuth[:, None] - azimuth)).sum(axis=0))


def on_centres(prior: BoxEstimate, bearings: Bearings, heard: Evidence) -> Evidence:
    """What innovations (N,) in rad say of x1, y1, x2, y2, (N, 4), given where the boxes are without them."""
    precision, information = np.square(bearings.slope) * heard.precision, bearings.slope * heard.information  # pixels
    share = prior.variance[:, ::2].sum(axis=1, keepdims=True) / 4.0 / prior.variance[:, ::2]  # (N, 2), P / pi
    sides = np.zeros((2, len(precision), 4))
    sides[0, :, ::2] = share * precision[:, None]
    sides[1, :, ::2] = sides[0, :, ::2] * prior.mean[:, ::2] + share * information[:, None]
    return Evidence(*sides)
