"""Motion of the camera between two images, known from elsewhere or inferred from what all tracks do alike.

A known motion is an affine map (2, 3) of the previous image's coordinates to this one's, as OpenCV estimates it or as
`gmc.txt` files give it. What remains is inferred from the boxes alone: a shift and a zoom c = (dx, dy, zoom) that
moves every prediction, with prior N(0, diag(deviation^2)), given detections weighed by their responsibilities - one
more posterior in the variational EM, in closed form. `deviation` follows the recursive M step E[c^2] = mean^2 +
variance, so that a camera that stands still is soon known to. A steady pan is part of every track's own velocity:
only what is new in a frame is inferred here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]
START_DEVIATION = 0.003  # of the shift, in fractions of the image's width; a third of it is that of the zoom
LEAST_DEVIATION = 3e-4  # likewise
RATE = 0.05  # of the recursive M step
LARGEST_NEWS = 25.0  # squared deviations that one frame may add to the M step
LARGEST_JUMP = 0.08  # of the image between two frames, in fractions of its width
SAME_SIZE = 0.25  # largest log ratio of a person's sizes before and after a jump
AGREE = 0.15  # of the person's size: shifts that differ less vote together
MOST_CANDIDATES = 300
ROBUST = 1.5  # an innovation of more standard deviations than this counts only linearly (Huber)


class Pairs(NamedTuple):
    """P pairs of a detection and a track."""

    innovation: Boxes  # (P, 4), of the detection given the prediction without the camera's motion
    variance: Boxes  # (P, 4), of the innovation
    weight: Array  # (P,), responsibility
    boxes: Boxes  # (P, 4), the prediction


def units(extent: tuple[float, float]) -> Array:
    """(3,) the width for shifts, a third for the zoom."""
    return np.array([extent[0], extent[0], 1.0]) * [1.0, 1.0, 1.0 / 3.0]


def as_affine(affine: ArrayLike) -> Array:
    """Anything shaped (2, 3); ValueError otherwise."""
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (2, 3):
        raise ValueError(f"expected an affine map of shape (2, 3), got {np.array2string(matrix, threshold=12)}")
    return matrix


def warp_affine(boxes: Boxes, affine: Array) -> Boxes:
    """Boxes (N, 4) in the next image: their centres move with the map, their sizes scale by the root of its
    determinant."""
    centre = 0.5 * (boxes[:, :2] + boxes[:, 2:]) @ affine[:, :2].T + affine[:, 2]
    half = 0.5 * (boxes[:, 2:] - boxes[:, :2]) * np.sqrt(abs(np.linalg.det(affine[:, :2])))
    return np.concatenate([centre - half, centre + half], axis=1)


def find_jump(tracks: Boxes, boxes: Boxes, extent: tuple[float, float]) -> Array:
    """The shift (2,) under which most tracks (N, 4) find a detection (K, 4) of their size, by a vote of all such
    pairs."""
    size = tracks[:, 2:] - tracks[:, :2]
    ratio = np.log((boxes[:, None, 2:] - boxes[:, None, :2]) / np.maximum(size, 1e-6))
    shift = 0.5 * ((boxes[:, None, :2] + boxes[:, None, 2:]) - (tracks[:, :2] + tracks[:, 2:]))  # (K, N, 2)
    near = np.all((np.abs(shift) < LARGEST_JUMP * extent[0]) & (np.abs(ratio) < SAME_SIZE), axis=-1)
    candidates = shift[near][:MOST_CANDIDATES]  # (M, 2)
    if not len(candidates):
        return np.zeros(2)
    error = np.abs(shift[None] - candidates[:, None, None]) / np.maximum(size, 1e-6)  # (M, K, N, 2)
    agrees = np.all(error < AGREE, axis=-1) & near[None]
    votes = agrees.any(axis=1).sum(axis=1)
    winner = agrees[int(votes.argmax())]
    return np.asarray(np.median(shift[winner], axis=0))


@dataclass(frozen=True)
class CameraMotion:
    """Shift dx, dy in pixels and zoom, the ratio less one, about the middle of an image of `extent` (width, height);
    deviation (3,): of their prior."""

    extent: tuple[float, float]
    deviation: Array

    @classmethod
    def start(cls, extent: tuple[float, float]) -> CameraMotion:
        """Before anything was seen."""
        return cls(extent, START_DEVIATION * units(extent))

    @property
    def centre(self) -> Array:
        """Of the image, twice: (x, y, x, y)."""
        return np.array([*self.extent, *self.extent]) / 2.0

    def warp(self, boxes: Boxes, motion: Array) -> Boxes:
        """Boxes (N, 4) after the motion (3,)."""
        return np.asarray(boxes + motion[[0, 1, 0, 1]] + motion[2] * (boxes - self.centre))

    def shift_variance(self) -> Array:
        """Prior variance that the shift adds to every box, (4,)."""
        return np.asarray(np.square(self.deviation[[0, 1, 0, 1]]))

    def infer(self, pairs: Pairs, before: Array, prior: Array) -> tuple[Array, Array]:
        """Posterior mean (3,) and variance (3,) of the motion.

        before (3,): the estimate so far, for the robust weights; prior (3,): mean.
        """
        innovation, variance, boxes = pairs.innovation, pairs.variance, pairs.boxes
        moved = self.warp(boxes, before) - boxes
        residual = np.abs(innovation - moved) / np.sqrt(variance)
        weight = pairs.weight[:, None] / variance / np.maximum(1.0, residual / ROBUST)
        lever = boxes - self.centre
        precision = np.diag(1.0 / np.square(self.deviation))
        information = precision @ prior
        for axis in range(2):
            w, x, e = weight[:, axis::2], lever[:, axis::2], innovation[:, axis::2]
            precision[axis, axis] += w.sum()
            precision[axis, 2] += (w * x).sum()
            precision[2, 2] += (w * x * x).sum()
            information[axis] += (w * e).sum()
            information[2] += (w * x * e).sum()
        precision[2, :2] = precision[:2, 2]
        covariance = np.linalg.inv(precision)
        return covariance @ information, np.diag(covariance)

    def after(self, mean: Array, variance: Array) -> CameraMotion:
        """With the recursive M step of the deviation from the posterior (3,), (3,) of one frame."""
        prior = np.square(self.deviation)
        news = np.minimum(np.square(mean), LARGEST_NEWS * prior) + variance
        deviation = np.maximum(np.sqrt(prior + RATE * (news - prior)), LEAST_DEVIATION * units(self.extent))
        return CameraMotion(self.extent, deviation)
