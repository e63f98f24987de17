"""Who is heard from where: E-W for directions.

Y. Ban, X. Alameda-Pineda, L. Girin, R. Horaud, "Variational Bayesian inference for audio-visual tracking of multiple
speakers" (IEEE TPAMI 2021). beta_kn is the probability that direction k is the voice of source n, and beta_k0 that it
is nobody's: a class of its own, uniform on the circle. Several directions may be the voice of one source. Departures:

- a direction is weighed by its density given the past and the boxes of the frame, N(direction; azimuth, own variance +
  variance of the azimuth), where the paper takes N(direction; azimuth, own variance) exp(-trace / 2), the expectation
  under the posterior. Boxes are weighed likewise (dvae.tracking.gating), and for the same reason: the trace term
  punishes a person for having become uncertain, and a voice would not be given back to the person who was lost from
  sight, but to whoever is seen next to them;
- directions are angles, and their differences wrap;
- whether anybody is heard from there at all (weight, speech) is no part of beta: it multiplies what a direction says in
  E-S, as the expectation of its log-likelihood under "somebody is heard from there".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.scene import Heard
from dvae.compilation import kept_on_disk
from dvae.inference.responsibilities import Assignment

Array = NDArray[np.float64]
UNIFORM = 1.0 / (2.0 * math.pi)  # density of nobody's directions, rad^-1
LARGEST_VARIANCE = math.pi**2 / 3.0  # rad^2, of an angle of which nothing is known


class HeardDirections(NamedTuple):
    """The K directions of F frames that were heard, in one row."""

    azimuth: Array  # (K,), rad
    weight: Array  # (K,), probability that somebody is heard from there
    frame: NDArray[np.int64]  # (K,), index of the frame
    time: Array  # (F,), s
    speech: Array  # (F,), probability that anybody speaks
    seconds: Array  # (F,), since the frame before, infinite for the first
    share: Array  # (F,), of an independent frame, in [0, 1]

    def in_frames(self, values: Array) -> Array:
        """Sums of values (K, ...) of the directions of each frame, (F, ...)."""
        sums = np.zeros((len(self.time), *values.shape[1:]))
        np.add.at(sums, self.frame, values)
        return sums


def gather(heard: Sequence[Heard], last: float, independent_per_second: float) -> HeardDirections:
    """The directions of frames in order of time, the last one before them at `last` s, -inf if there was none.

    Frames that overlap are not independent: one that comes dt s after the last is dt * independent_per_second of an
    independent one, at most one. ValueError for what is not finite, out of range or out of order.
    """
    earlier = [last, *(each.time for each in heard)][: len(heard)]
    for each, previous in zip(heard, earlier, strict=True):
        _check(each, previous)
    time, speech = np.array([each.time for each in heard]), np.array([each.speech for each in heard])
    frame = np.repeat(np.arange(len(heard)), np.array([len(each.azimuth) for each in heard], dtype=np.int64))
    azimuth, weight = (np.concatenate([each[i] for each in heard] or [np.zeros(0)]) for i in (1, 2))
    weight = np.minimum(weight, speech[frame])  # nobody is heard from anywhere more probably than anybody speaks
    seconds = time - earlier
    share = np.minimum(seconds * independent_per_second, 1.0)
    return HeardDirections(azimuth, weight, frame, time, speech, seconds, share)


def _check(heard: Heard, last: float) -> None:
    if not np.isfinite(heard.time) or heard.time <= last:
        raise ValueError(f"expected what is heard after {last} s, got {heard.time} s")
    if heard.azimuth.ndim != 1 or heard.weight.shape != heard.azimuth.shape:
        raise ValueError(f"expected a weight for each direction, got {heard.weight.shape} for {heard.azimuth.shape}")
    if not np.isfinite(heard.azimuth).all():
        raise ValueError(f"expected finite directions in rad, got {np.array2string(heard.azimuth, threshold=8)}")
    chances = np.append(heard.weight, heard.speech)
    if not ((chances >= 0.0) & (chances <= 1.0)).all():
        raise ValueError(f"expected weights and speech in [0, 1], got {np.array2string(chances, threshold=8)}")


def log_density(direction: Array, azimuth: Array, variance: Array) -> Array:
    """(K, M) log density in rad^-1 of directions (K,) under sources at `azimuth` (M,) with `variance` (M,) in rad^2."""
    known = np.minimum(variance, LARGEST_VARIANCE)
    difference = wrap(direction[:, None] - azimuth)
    return np.asarray(-0.5 * (np.square(difference) / known + np.log(2.0 * math.pi * known)))


def assign_directions(direction: Array, azimuth: Array, variance: Array, clutter: float) -> Assignment:
    """E-W of directions (K,) in rad: responsibilities (K, M) and clutter (K,), which together sum to one.

    azimuth, variance (M,): of each source, in rad and rad^2, with the direction's own variance; infinite for who cannot
    be heard. clutter: prior probability that a direction is nobody's; any source is as likely as the others.
    """
    return Assignment(*_shares(direction, azimuth, variance, clutter))


@kept_on_disk
@numba.njit()
def _shares(direction: Array, azimuth: Array, variance: Array, clutter: float) -> tuple[Array, Array]:
    """In multiples of nobody's density, which is the same everywhere: nothing underflows but what is nothing."""
    num_directions, num_sources = len(direction), len(azimuth)
    beta, nobody = np.zeros((num_directions, num_sources)), np.ones(num_directions)
    for k in range(num_directions):
        total = 1.0
        for m in range(num_sources):
            if variance[m] < np.inf:
                known = min(variance[m], LARGEST_VARIANCE)
                difference = (direction[k] - azimuth[m] + np.pi) % (2.0 * np.pi) - np.pi
                density = np.exp(-0.5 * difference * difference / known) / np.sqrt(2.0 * np.pi * known)
                beta[k, m] = (1.0 - clutter) / num_sources * density / (clutter * UNIFORM)
                total += beta[k, m]
        nobody[k] = 1.0 / total
        for m in range(num_sources):
            beta[k, m] /= total
    return beta, nobody


def next_to(first: Assignment, rest: Assignment) -> Assignment:
    """Sources (M,), and others (L,) who may have what those leave to clutter: one assignment to all of them."""
    left = first.clutter[:, None] * rest.responsibilities
    return Assignment(np.hstack([first.responsibilities, left]), first.clutter * rest.clutter)
