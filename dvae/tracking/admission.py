"""Which boxes, scores and camera maps are used: the one place that admits them, and the rule that leaves one out.

Limits are in sides of the image, or in pixels where its size is not known. Within them every number of the tracker is
finite; what is outside no image can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from dvae.compilation import kept_on_disk
from dvae.tracking.config import TrackerConfig

Array = NDArray[np.float64]
Rules = NDArray[np.int64]
LARGEST_IMAGE = 1e5  # pixels: no image has a longer side
FARTHEST = 10.0  # longer sides of the image: how far a box in it may reach
SMALLEST = 1e-4  # longer sides of the image: what is smaller cannot be seen; without an image, pixels
LARGEST_SCORE = 1e3  # no scale of scores goes further, percent and logits neither
LARGEST_ZOOM = 2.0  # of the camera between two frames, or its inverse
LARGEST_TURN = np.pi / 3  # likewise, around the line of sight


class Rule(IntEnum):
    """What becomes of a box. The first rule that leaves it out counts."""

    USED = 0
    UNWANTED = 1  # score -inf: of a class that is not tracked
    NOT_FINITE = 2
    NO_SIZE = 3  # width or height zero or negative
    TOO_SMALL = 4
    TOO_LARGE = 5
    OUTSIDE = 6  # of the image
    NO_SCORE = 7  # not finite, or beyond all scales
    LOW_SCORE = 8  # below min_score
    DUPLICATE = 9  # over a better one of its class
    TOO_MANY = 10  # beyond the max_detections best


class Limits(NamedTuple):
    """Of boxes: least side, farthest coordinate, and the image from (left, left) to (width, height), in pixels."""

    least: float
    farthest: float
    left: float
    width: float
    height: float


def as_image_size(size: Sequence[int]) -> tuple[int, int]:
    """(width, height) in pixels; ValueError for what is none."""
    values = tuple(size)
    if len(values) != 2 or not all(isinstance(v, int | float | np.number) and 0 < v <= LARGEST_IMAGE for v in values):
        raise ValueError(f"expected an image size (width, height) in pixels up to {LARGEST_IMAGE:g}, got {size!r}")
    return values


@lru_cache(maxsize=16)
def limits_of(image_size: tuple[float, float] | None) -> Limits:
    """Of an image (width, height) in pixels, or of any image."""
    if image_size is None:
        return Limits(SMALLEST, LARGEST_IMAGE, -np.inf, np.inf, np.inf)
    side = float(max(image_size))
    return Limits(SMALLEST * side, FARTHEST * side, 0.0, float(image_size[0]), float(image_size[1]))


FRACTIONS = limits_of((1.0, 1.0))._replace(left=-np.inf, width=np.inf, height=np.inf)  # boxes in fractions of an image


@kept_on_disk
@numba.njit()
def box_rules(boxes: Array, limits: Limits) -> Rules:
    """(K,) rule of each box (K, 4), from its coordinates alone."""
    rules = np.zeros(len(boxes), dtype=np.int64)
    for k in range(len(boxes)):
        x1, y1, x2, y2 = boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3]
        if not (np.isfinite(x1) and np.isfinite(y1) and np.isfinite(x2) and np.isfinite(y2)):
            rules[k] = 2
        elif x2 <= x1 or y2 <= y1:
            rules[k] = 3
        elif x2 - x1 < limits.least or y2 - y1 < limits.least:
            rules[k] = 4
        elif max(abs(x1), abs(y1), abs(x2), abs(y2)) > limits.farthest:
            rules[k] = 5
        elif x1 >= limits.width or y1 >= limits.height or x2 <= limits.left or y2 <= limits.left:
            rules[k] = 6
    return rules


@kept_on_disk
@numba.njit()
def suppress(boxes: Array, label: Rules, order: Rules, most: int, overlap: float) -> Rules:
    """(M,) rules of the boxes `order` (M,), indices into (K, 4), best first: those whose IoU with a better one of the
    same label is above `overlap`, and those beyond `most`. The cost is at most M times `most`."""
    rules, kept, count = np.zeros(len(order), dtype=np.int64), np.zeros(min(len(order), most), dtype=np.int64), 0
    for m in range(len(order)):
        k = order[m]
        x1, y1, x2, y2 = boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3]
        for j in kept[:count]:
            shared_width = min(x2, boxes[j, 2]) - max(x1, boxes[j, 0])
            shared_height = min(y2, boxes[j, 3]) - max(y1, boxes[j, 1])
            if label[j] == label[k] and shared_width > 0.0 and shared_height > 0.0:
                shared = shared_width * shared_height
                both = (x2 - x1) * (y2 - y1) + (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1]) - shared
                if shared > overlap * both:
                    rules[m] = 9
                    break
        if rules[m] == 0 and count == most:
            rules[m] = 10
        elif rules[m] == 0:
            kept[count] = k
            count += 1
    return rules


def valid_boxes(boxes: Array, image_size: tuple[float, float] | None) -> NDArray[np.bool_]:
    """(K,) true where an image of that size (width, height), or any image, can hold the box (K, 4) and shows some of
    it."""
    return np.asarray(box_rules(boxes, limits_of(image_size)) == Rule.USED)


def judge(
    boxes: Array, scores: Array, label: Rules, config: TrackerConfig, image_size: tuple[float, float] | None
) -> Rules:
    """(K,) rule of each detection: boxes (K, 4), scores (K,), label (K,)."""
    good = (np.abs(scores) <= LARGEST_SCORE) & (scores >= config.min_score)
    rules = box_rules(boxes, limits_of(image_size))
    if not good.all():
        rules = np.where((rules == Rule.USED) & ~good, Rule.LOW_SCORE, rules)
        rules[(rules == Rule.LOW_SCORE) & ~(np.abs(scores) <= LARGEST_SCORE)] = Rule.NO_SCORE
        rules[scores == -np.inf] = Rule.UNWANTED
    index = np.flatnonzero(rules == Rule.USED)
    order = index[np.argsort(-scores[index], kind="stable")]
    rules[order] = suppress(boxes, label, order, config.max_detections, config.duplicate_iou)
    return rules


def possible_map(affine: Array, extent: tuple[float, float]) -> bool:
    """Whether a camera can have moved like that between two images of `extent` (width, height): an affine map (2, 3)
    that is finite, neither mirrors nor turns the image far, zooms by less than LARGEST_ZOOM in any direction, and
    leaves some of the image in sight."""
    if not np.isfinite(affine).all() or np.abs(affine).max() > LARGEST_IMAGE * FARTHEST:
        return False
    linear, centre = affine[:, :2], 0.5 * np.array(extent)
    zoom = np.linalg.svd(linear, compute_uv=False)
    turn = abs(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    shift = np.abs(linear @ centre + affine[:, 2] - centre)
    sized = zoom.max() <= LARGEST_ZOOM and zoom.min() >= 1.0 / LARGEST_ZOOM
    return bool(sized and np.linalg.det(linear) > 0.0 and turn <= LARGEST_TURN and (shift < extent).all())
