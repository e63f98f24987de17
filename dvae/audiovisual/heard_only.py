"""Speakers who are heard and not seen: a direction that drifts on the circle, as a Kalman filter has it.

They are born of directions that E-W leaves to clutter. Each such direction starts a candidate, which is believed once
it has gone on for `unseen_birth_seconds` and the odds of "somebody speaks there" to "directions come at random",
chained over the frames, exceed `unseen_birth_nats`: per frame (1 - D) + D sum_k c_k N(direction k) / uniform, with the
probability D that who speaks is heard in a frame, and one direction at random in a frame; the logarithm counts as far
as the frame is independent and anybody speaks. c_k = max(0, 2 w_k - 1) of what is left of the weight: echoes come from
the same place again and again, so a direction that is rather nobody's (w_k < 1/2) is no reason to believe in somebody.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.association import UNIFORM, HeardDirections, log_density
from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.evidence import innovations
from dvae.distributions.gaussian import product
from dvae.tracking.motion.rollout import Evidence

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
HEARD_IN_FRAME = 0.5  # probability that somebody who speaks is heard in a frame
LEAST_START = 0.5  # what has to be left of a direction's weight to start a candidate
LEAST_ODDS = -1.0  # nats: a candidate that is less probable is given up
LEAST_SHARE = 0.1  # of a direction that is as much a candidate's, it is fed
LONGEST_PAUSE = 0.5  # s, of a candidate
MOST_CANDIDATES = 16
SAME = 2.0  # standard deviations within which two are one
MOST_UNSURE = math.radians(5.0)  # of either: who drifted far in silence is not whoever comes near


class HeardOnly(NamedTuple):
    """J speakers, oldest first."""

    source_id: Ids  # (J,), negative, never used again
    azimuth: Array  # (J,), rad
    variance: Array  # (J,), rad^2


class Candidates(NamedTuple):
    """C directions from which somebody may speak."""

    azimuth: Array  # (C,), rad
    variance: Array  # (C,), rad^2
    begun: Array  # (C,), s
    fed: Array  # (C,), s, when a direction was last theirs
    odds: Array  # (C,), nats


def no_speakers() -> HeardOnly:
    """None."""
    return HeardOnly(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))


def no_candidates() -> Candidates:
    """None."""
    return Candidates(*np.zeros((5, 0)))


def drifted(variance: Array, seconds: float, drift: float) -> Array:
    """Variance (J,) in rad^2 after some seconds of a random walk; drift in degrees per second^0.5."""
    return np.asarray(variance + math.radians(drift) ** 2 * seconds)


def corrected(azimuth: Array, variance: Array, innovation: Evidence) -> tuple[Array, Array]:
    """E-S: the direction (J,) and its variance given innovations (J,) in rad."""
    shift, after = product(np.zeros(len(azimuth)), variance, innovation.precision, innovation.information)
    return wrap(azimuth + shift), np.asarray(after)


def apart(ones: HeardOnly, others: HeardOnly) -> Array:
    """(J, N) by how many standard deviations two directions differ, at most MOST_UNSURE each."""
    one, other = (np.minimum(each.variance, MOST_UNSURE**2) for each in (ones, others))
    return np.asarray(np.abs(wrap(ones.azimuth[:, None] - others.azimuth)) / np.sqrt(one[:, None] + other))


def chained_odds(directions: HeardDirections, left: Array, azimuth: Array, variance: Array) -> Array:
    """(C,) nats that frames add to the odds of candidates; left (K,): weight of each direction that no source explains
    who is known; variance (C,): with that of a direction."""
    ratio = np.exp(log_density(directions.azimuth, azimuth, variance)) / UNIFORM
    hits = directions.in_frames(np.maximum(2.0 * left - 1.0, 0.0)[:, None] * ratio)  # (F, C)
    nats = np.log(1.0 - HEARD_IN_FRAME + HEARD_IN_FRAME * hits)
    return np.asarray((directions.share * directions.speech) @ nats)


def fed(candidates: Candidates, directions: HeardDirections, left: Array, beta: Array, own: float) -> Candidates:
    """The candidates after some frames: left (K,) as in `chained_odds`; beta (K, C): that directions are theirs; own:
    variance of a direction, rad^2."""
    odds = candidates.odds + chained_odds(directions, left, candidates.azimuth, candidates.variance + own)
    is_fed = directions.in_frames(directions.weight[:, None] * beta) > LEAST_SHARE  # (F, C)
    last = np.where(is_fed, directions.time[:, None], -math.inf).max(axis=0, initial=-math.inf)
    innovation = innovations(directions, beta, candidates.azimuth, own)
    azimuth, variance = corrected(candidates.azimuth, candidates.variance, innovation)
    return Candidates(azimuth, variance, candidates.begun, np.maximum(candidates.fed, last), odds)


def promising(candidates: Candidates, now: float) -> NDArray[np.bool_]:
    """(C,) who is not given up."""
    return np.asarray((candidates.odds >= LEAST_ODDS) & (now - candidates.fed <= LONGEST_PAUSE))


def best(candidates: Candidates) -> Candidates:
    """Not more than there may be."""
    if len(candidates.odds) <= MOST_CANDIDATES:
        return candidates
    order = np.argsort(-candidates.odds, kind="stable")[:MOST_CANDIDATES]
    return Candidates(*(part[np.sort(order)] for part in candidates))


def started(directions: HeardDirections, left: Array, own: float) -> Candidates:
    """A candidate for each direction of which enough weight is left (K,) by all candidates too, the most first, unless
    it is next to one that was chosen."""
    chosen: list[int] = []
    for k in np.argsort(-left, kind="stable"):
        if left[k] < LEAST_START:
            break
        away = np.abs(wrap(directions.azimuth[k] - directions.azimuth[chosen]))
        if (away > SAME * math.sqrt(2.0 * own)).all():
            chosen.append(int(k))
    begun = directions.time[directions.frame[chosen]]
    return Candidates(directions.azimuth[chosen], np.full(len(chosen), own), begun, begun, np.zeros(len(chosen)))


def believed(candidates: Candidates, config: AudioVisualConfig) -> NDArray[np.bool_]:
    """(C,) who is a speaker."""
    lasting = candidates.fed - candidates.begun >= config.unseen_birth_seconds
    return np.asarray(lasting & (candidates.odds >= config.unseen_birth_nats))
