"""Posterior of the assignment of observations to sources, in the log domain.

X. Lin (2024), eqs 3.24 and 3.25, with two options that the paper does not have: an explicit clutter class, and
exclusive assignment (a source explains at most one observation of a frame), whose marginals are computed by the
belief propagation of Williams and Lau, "Approximate evaluation of marginal association probabilities with belief
propagation" (IEEE TAES 2014). Observations may have weights, as in I. Gebru, X. Alameda-Pineda, F. Forbes, R. Horaud,
"EM algorithms for weighted-data clustering with application to audio-visual scene analysis" (IEEE TPAMI 2016).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from dvae.compilation import kept_on_disk
from dvae.distributions.gaussian import log_volume

Array = NDArray[np.float64]


class Assignment(NamedTuple):
    """responsibilities: (..., K, N), of source n for observation k. clutter: (..., K). Together they sum to one."""

    responsibilities: Array
    clutter: Array


def log_beta(
    observations: Array,
    variance: Array,
    mean: Array,
    source_var: Array,
    tempering: float = 1.0,
    weights: Array | None = None,
) -> Array:
    """Eq. 3.25, log N(o_tk; m_tn, Phi_tk) - Tr(Phi^-1 V) / 2, diagonal: (T, K, D), (T, N, D) -> (T, K, N).

    tempering multiplies the quadratic and the trace term (1: the paper's equation; its program uses 0.008). weights
    (T, K), positive, multiply the precision of each observation: o_tk ~ N(s_tn, Phi_tk / w_tk), which E-S must then use
    as well. ValueError when one is not a positive number.
    """
    if weights is not None:
        if not ((weights > 0.0) & np.isfinite(weights)).all():
            raise ValueError(f"expected weights that are positive and finite, got {weights.min()} to {weights.max()}")
        variance = variance / weights[..., None]
    difference = np.square(observations[:, :, None] - mean[:, None]) + source_var[:, None]
    exponent = (difference / variance[:, :, None]).sum(-1)
    normaliser = log_volume(variance)[:, :, None]
    return np.asarray(-0.5 * (tempering * exponent + normaliser))


def independent(log_likelihood: Array, log_clutter: Array) -> Assignment:
    """Each observation on its own, eq. 3.24. log_likelihood (..., K, N), log_clutter (..., K); -inf is "no clutter".

    An observation that nothing explains (all -inf) has no responsibilities at all.
    """
    total = np.logaddexp(logsumexp(log_likelihood, axis=-1), log_clutter) if log_likelihood.size else log_clutter
    safe = np.where(np.isfinite(total), total, 0.0)
    return Assignment(np.exp(log_likelihood - safe[..., None]), np.exp(log_clutter - safe))


def exclusive(
    log_likelihood: Array, log_clutter: Array, log_missed: Array, max_iterations: int = 50, tolerance: float = 1e-6
) -> Assignment:
    """Marginals when every source explains at most one observation and every observation has at most one source.

    log_likelihood (K, N) includes the probability of detection, -inf where a pair is impossible; log_clutter (K,);
    log_missed (N,) is the log probability that a source has no detection. Loopy belief propagation on the ratio
    psi = likelihood / (clutter * missed): exact when the graph of possible pairs has no loops, close to exact
    otherwise. The cost of an iteration grows with the number of possible pairs.
    """
    log_ratio = log_likelihood - log_clutter[:, None] - log_missed[None]
    return Assignment(*_exclusive_marginals(log_ratio, max_iterations, tolerance))


@kept_on_disk
@numba.njit()
def _exclusive_marginals(log_ratio: Array, max_iterations: int, tolerance: float) -> tuple[Array, Array]:
    num_observations, num_sources = log_ratio.shape
    possible = np.argwhere(log_ratio > -np.inf)
    # e^30 is certainty enough, and leaves 1 + sum - self its digits
    psi = np.empty(len(possible))
    for p in range(len(possible)):
        psi[p] = np.exp(min(max(log_ratio[possible[p, 0], possible[p, 1]], -700.0), 30.0))
    to_source, to_observation = np.ones(len(possible)), np.zeros(len(possible))  # nu_{k -> n} and mu_{n -> k}
    at_source, at_observation = np.zeros(num_sources), np.zeros(num_observations)
    for iteration in range(max_iterations + 1):
        at_source[:] = 0.0
        for p in range(len(possible)):
            at_source[possible[p, 1]] += psi[p] * to_source[p]
        at_observation[:] = 0.0
        for p in range(len(possible)):
            to_observation[p] = psi[p] / (1.0 + at_source[possible[p, 1]] - psi[p] * to_source[p])
            at_observation[possible[p, 0]] += to_observation[p]
        if iteration == max_iterations:
            break
        change = 0.0
        for p in range(len(possible)):
            updated = 1.0 / (1.0 + at_observation[possible[p, 0]] - to_observation[p])
            change = max(change, abs(updated - to_source[p]))
            to_source[p] = updated
        if change < tolerance:
            max_iterations = iteration + 1  # once more, from the last messages
    clutter = 1.0 / (1.0 + at_observation)
    responsibilities = np.zeros((num_observations, num_sources))
    for p in range(len(possible)):
        responsibilities[possible[p, 0], possible[p, 1]] = to_observation[p] * clutter[possible[p, 0]]
    return responsibilities, clutter
