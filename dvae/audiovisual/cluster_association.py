"""Who speaks, by clustering: heads that are seen and directions that are heard in a short window, on one circle.

The audio-visual use of I. Gebru et al. (IEEE TPAMI 2016): every point is an azimuth, whether seen or heard; a cluster
with heads and with enough of what was heard is a person who speaks. Departure: heads and directions meet in azimuth
instead of the image, where the row of a direction is not known. An alternative to the E-W step of the tracker
(dvae.audiovisual.association), for comparison.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.clustering import ClusteringConfig, Mixture, cluster
from dvae.audiovisual.point_weights import FixedWeights, Weights, density_weights, equal_weights, t_weights, uncertain

Array = NDArray[np.float64]
Kind = Literal["GMM", "GMM+uniform", "t-mixture", "FWD-EM", "WD-EM"]
LEAST_VARIANCE = 0.1  # of a cluster, in squares of the deviation of a direction


def auditory_mass(
    seen: Array, person: NDArray[np.int64], heard: Array, kind: Kind = "WD-EM", deviation: float = math.radians(8.0)
) -> Array:
    """How many of the directions (K,) are the voice of each person (P,): their responsibilities, summed.

    seen (V,): azimuths of heads in the window, of persons (V,), numbered from 0 without a gap; heard (K,): directions
    in it, all in rad; deviation: of a direction, in rad. What is nobody's is in none.
    """
    num_people = int(person.max(initial=-1)) + 1
    if not num_people or not len(heard):
        return np.zeros(num_people)
    azimuth = unrolled(np.concatenate([seen, heard])) / deviation
    mean = np.array([azimuth[: len(seen)][person == p].mean() for p in range(num_people)])
    start = Mixture(np.full(num_people, 1.0 / num_people), mean[:, None], np.ones((num_people, 1, 1)))
    uniform = deviation / (2.0 * math.pi) if kind == "GMM+uniform" else 0.0
    config = ClusteringConfig(least_variance=LEAST_VARIANCE, clutter_density=uniform)
    found = cluster(azimuth, start, _weights(kind, azimuth), config)
    members = np.zeros((num_people, found.responsibilities.shape[1]))  # how much of each cluster is of each person
    np.add.at(members, person, found.responsibilities[: len(seen)])
    members /= np.maximum(members.sum(axis=0), 1e-12)
    return np.asarray(members @ found.responsibilities[len(seen) :].sum(axis=0))


def unrolled(azimuth: Array) -> Array:
    """Azimuths (N,) in rad on a line: the circle is cut in the middle of its largest gap."""
    around = np.sort(np.mod(azimuth, 2.0 * math.pi))
    gap = np.diff(around, append=around[0] + 2.0 * math.pi)
    widest = int(gap.argmax())
    cut = around[widest] + 0.5 * gap[widest]
    return np.asarray(np.mod(azimuth - cut, 2.0 * math.pi) + cut)


def _weights(kind: Kind, points: Array) -> Weights:
    if kind in ("GMM", "GMM+uniform"):
        return equal_weights(len(points))
    if kind == "t-mixture":
        return t_weights(len(points))
    weight = density_weights(points)
    return FixedWeights(weight) if kind == "FWD-EM" else uncertain(weight)
