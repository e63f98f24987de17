"""Boxes: (x1, y1, x2, y2), x to the right and y down, in pixels or in fractions of the image size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]


class BoxEstimate(NamedTuple):
    """Where N people are: mean and variance (N, 4) of their boxes, in pixels."""

    mean: Boxes
    variance: Boxes


def as_boxes(boxes: ArrayLike) -> Boxes:
    """Anything shaped (K, 4), or empty, as float64 (K, 4) of its own; ValueError otherwise."""
    array = np.array(boxes, dtype=np.float64, order="C")  # a view would be compiled for apart
    if array.size == 0:
        return np.zeros((0, 4))
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"expected boxes of shape (K, 4) as x1, y1, x2, y2, got shape {array.shape}")
    return array


def sizes(boxes: Boxes) -> Boxes:
    """(w, h, w, h) of each box, the scale of its coordinates, shape (..., 4)."""
    size = boxes[..., 2:] - boxes[..., :2]
    return np.concatenate([size, size], axis=-1)


def observation_variance(boxes: Boxes, ratio: float) -> Boxes:
    """Diagonal of Phi for each detection (section 4.4.3): (ratio * (w, h, w, h))^2, from the detection itself."""
    return np.square(ratio * sizes(boxes))


def iou(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Intersection over union, (A, 4) and (B, 4) -> (A, B)."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = np.clip(bottom_right - top_left, 0.0, None).prod(axis=-1)
    area_a, area_b = (np.clip(x[:, 2:] - x[:, :2], 0.0, None).prod(axis=-1) for x in (a, b))
    union = area_a[:, None] + area_b[None] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(union), where=union > 0))
