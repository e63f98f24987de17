"""A learned map from the image to azimuths, for a camera and microphones whose calibration is not known.

Piecewise affine, as in Y. Ban, X. Alameda-Pineda, L. Girin, R. Horaud, "Variational Bayesian inference for audio-visual
tracking of multiple speakers" (IEEE TPAMI 2021): R pieces, each with a place in the image and an affine map,

    p(r) = pi_r,   p(u | r) = N(u; c_r, Gamma_r),   p(a | u, r) = N(a; l_r + L_r (u - c_r), sigma_r^2),

fitted by EM to pairs of the place u of a mouth in the image (column and row, pixels) and its azimuth a. Both directions
then have a closed form (A. Deleforge, F. Forbes, R. Horaud, "High-dimensional regression with Gaussian mixtures and
partially-latent response variables", Statistics and Computing 2015). Departure: azimuths wrap, so that of each piece
they count from a reference of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax

from dvae.arrays.angles import wrap
from dvae.audiovisual.scene import BearingMap, Bearings
from dvae.configuration import setting
from dvae.inference.variational_em import Step, iterate_variational_em
from dvae.tracking.boxes import Boxes, as_boxes

Array = NDArray[np.float64]
FEWEST = 6.0  # pairs that make a piece
SMALLEST = 1e-3  # of the variance of all places: floor of a piece's
STEP = 0.01  # pixels, of the derivative
FAR = 9.0  # squared deviations from every piece, beyond which nobody has been


@dataclass(frozen=True)
class AffineConfig:
    """Settings of the fit."""

    num_pieces: int = setting(8, "affine pieces; those that get too few pairs are left out", minimum=1)
    num_iterations: int = setting(100, "of EM, at most", minimum=1)
    num_starts: int = setting(5, "the best of so many fits, each from other pieces, is taken", minimum=1)
    least_spread: float = setting(
        0.5, "standard deviation of azimuths, at least", unit="degrees", minimum=0.01, maximum=90.0
    )
    mouth_height: float = setting(
        0.1, "where the mouth is, as a fraction of the box's height from its top", minimum=0.0, maximum=1.0
    )
    seed: int = setting(0, "of the first pieces")


class AffinePieces(NamedTuple):
    """R pieces."""

    weight: Array  # (R,), pi, they sum to one
    centre: Array  # (R, 2), c: column and row in pixels
    spread: Array  # (R, 2, 2), Gamma: covariance in the image
    azimuth: Array  # (R,), l: rad, at the centre
    slope: Array  # (R, 2), L: rad per pixel
    variance: Array  # (R,), sigma^2: rad^2
    doubt: Array  # (R, 3, 3), covariance of (l, L) in units of the variance: grows away from what was seen


class AffineMap(BearingMap):
    """Azimuths by pieces that were learned."""

    def __init__(self, pieces: AffinePieces, image_size: tuple[int, int], mouth_height: float = 0.1):
        self.pieces, self.image_size, self.mouth_height = pieces, image_size, mouth_height

    @classmethod
    def fit(
        cls, boxes: ArrayLike, azimuth: ArrayLike, image_size: tuple[int, int], config: AffineConfig | None = None
    ) -> AffineMap:
        """Learned from N people alone who talk: boxes (N, 4) in pixels (places of mouths as boxes without a size) and
        azimuths (N,) in rad. ValueError for too few pairs, or values that are not finite."""
        config = config or AffineConfig()
        given, angles = as_boxes(boxes), np.asarray(azimuth, dtype=np.float64)
        if angles.shape != (len(given),) or len(given) < FEWEST:
            raise ValueError(
                f"expected at least {FEWEST:g} boxes and as many azimuths, got {len(given)} and {angles.shape}"
            )
        if not (np.isfinite(given).all() and np.isfinite(angles).all()):
            raise ValueError("expected finite boxes and azimuths, got some that are not")
        places, generator = _mouths(given, config.mouth_height), np.random.default_rng(config.seed)
        fits = [_Fit(places, angles, config, generator) for _ in range(config.num_starts)]
        best = max(fits, key=lambda fit: fit.run(config.num_iterations))
        return cls(best.pieces, image_size, config.mouth_height)

    def bearings(self, boxes: Boxes) -> Bearings:
        """As `BearingMap.bearings`."""
        places, across = _mouths(boxes, self.mouth_height), np.array([STEP, 0.0])
        azimuth, variance = self._predict(places)
        right, left = (self._predict(places + side * across)[0] for side in (1.0, -1.0))
        return Bearings(azimuth, wrap(right - left) / (2.0 * STEP), variance)

    def columns(self, azimuth: Array) -> Array:
        """As `BearingMap.columns`: the expected column given the azimuth, NaN where nobody has been."""
        p = self.pieces
        towards = np.einsum("rij,rj->ri", p.spread, p.slope)  # covariance of place and azimuth
        total = p.variance + (towards * p.slope).sum(axis=1)
        residual = wrap(np.asarray(azimuth)[:, None] - p.azimuth)
        share = softmax(np.log(p.weight) - 0.5 * (np.log(total) + residual**2 / total), axis=1)
        column = (share * (p.centre[:, 0] + residual * towards[:, 0] / total)).sum(axis=1)
        inside = ((residual**2 / total).min(axis=1) < FAR) & (column >= 0.0) & (column <= self.image_size[0])
        return np.where(inside, column, np.nan)

    def _predict(self, places: Array) -> tuple[Array, Array]:
        """Azimuth and variance (N,) at places (N, 2): mean and spread over the pieces, around the circle."""
        p = self.pieces
        share = softmax(_log_gate(places, p), axis=1)
        each = p.azimuth + _affine(places, p)
        mean = np.angle((share * np.exp(1j * each)).sum(axis=1))
        design = _design(places, p.centre)
        doubt = 1.0 + _quadratic(design, p.doubt)
        return wrap(mean), (share * (p.variance * doubt + wrap(each - mean[:, None]) ** 2)).sum(axis=1)


def _mouths(boxes: Boxes, mouth_height: float) -> Array:
    row = boxes[:, 1] + mouth_height * (boxes[:, 3] - boxes[:, 1])
    return np.stack([0.5 * (boxes[:, 0] + boxes[:, 2]), row], axis=1)


def _design(places: Array, centre: Array) -> Array:
    """(1, u - c_r): (N, R, 3)."""
    offset = places[:, None] - centre
    return np.concatenate([np.ones((*offset.shape[:2], 1)), offset], axis=2)


def _affine(places: Array, pieces: AffinePieces) -> Array:
    """L_r (u - c_r): (N, R)."""
    return np.asarray(((places[:, None] - pieces.centre) * pieces.slope).sum(axis=2))


def _quadratic(vectors: Array, matrices: Array) -> Array:
    """v^T M_r v of vectors (N, R, D) and matrices (R, D, D): (N, R)."""
    by_piece = vectors.transpose(1, 0, 2)
    return np.asarray(((by_piece @ matrices) * by_piece).sum(axis=2).T)


def _scatter(share: Array, vectors: Array) -> Array:
    """Sum over n of share (N, R) v v^T of vectors (N, R, D): (R, D, D)."""
    by_piece = vectors.transpose(1, 2, 0)
    return np.asarray((by_piece * share.T[:, None]) @ by_piece.transpose(0, 2, 1))


def _log_gate(places: Array, pieces: AffinePieces) -> Array:
    """log pi_r N(u; c_r, Gamma_r): (N, R)."""
    offset = places[:, None] - pieces.centre
    squared = _quadratic(offset, np.asarray(np.linalg.inv(pieces.spread)))
    return np.asarray(
        np.log(pieces.weight) - 0.5 * (squared + np.linalg.slogdet(pieces.spread)[1]) - np.log(2.0 * np.pi)
    )


class _Fit:
    """EM from random places as the centres of the first pieces."""

    def __init__(self, places: Array, azimuth: Array, config: AffineConfig, generator: np.random.Generator):
        self._places, self._azimuth = places, azimuth
        self._floor = np.eye(2) * max(SMALLEST * places.var(axis=0).mean(), 1.0)
        self._least_variance = np.radians(config.least_spread) ** 2
        count = min(config.num_pieces, int(len(places) // FEWEST))
        centres = places[generator.choice(len(places), count, replace=False)]
        nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
        self._share: Array = np.eye(count)[nearest]
        self.pieces = self._fitted()
        self._log_share = self._log_joint()

    def run(self, num_iterations: int) -> float:
        """The log likelihood at the end."""
        last = -np.inf
        for value in iterate_variational_em(self, num_iterations):
            if value - last < 1e-5 * len(self._places):
                return value
            last = value
        return last

    def steps(self) -> Sequence[Step]:
        """As `VariationalProblem.steps`."""
        return [Step("E", self.e_step), Step("M", self.m_step)]

    def objective(self) -> float:
        """Log likelihood of the pairs, in nats."""
        return float(logsumexp(self._log_share, axis=1).sum())

    def e_step(self) -> None:
        """Whose piece is a pair?"""
        self._share = softmax(self._log_share, axis=1)

    def m_step(self) -> None:
        """Each piece by weighted least squares; those with too few pairs go."""
        self.pieces = self._fitted()
        self._log_share = self._log_joint()

    def _log_joint(self) -> Array:
        residual = wrap(self._azimuth[:, None] - self.pieces.azimuth - _affine(self._places, self.pieces))
        log_azimuth = -0.5 * (residual**2 / self.pieces.variance + np.log(2.0 * np.pi * self.pieces.variance))
        return np.asarray(_log_gate(self._places, self.pieces) + log_azimuth)

    def _fitted(self) -> AffinePieces:
        count = self._share.sum(axis=0)
        kept = count >= min(FEWEST, count.max())
        if not kept.all():
            share = self._share[:, kept]
            self._share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
            count = self._share.sum(axis=0)
        centre = self._share.T @ self._places / count[:, None]
        offset = self._places[:, None] - centre
        spread = _scatter(self._share, offset) / count[:, None, None] + self._floor
        reference = np.angle(self._share.T @ np.exp(1j * self._azimuth))
        target = wrap(self._azimuth[:, None] - reference)  # (N, R)
        design = _design(self._places, centre)
        ridge = np.diag([0.0, 1.0, 1.0])  # one pixel of spread, for pairs on a line
        doubt = np.asarray(np.linalg.inv(_scatter(self._share, design) + ridge))
        answer = (doubt @ ((self._share * target)[:, :, None] * design).sum(axis=0)[:, :, None])[:, :, 0]
        residual = target - (design * answer).sum(axis=2)
        variance = np.maximum((self._share * residual**2).sum(axis=0) / count, self._least_variance)
        weight = count / count.sum()
        return AffinePieces(weight, centre, spread, wrap(reference + answer[:, 0]), answer[:, 1:], variance, doubt)
