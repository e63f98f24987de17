"""Synthetic single-person trajectories of boxes, the only data our motion models are trained on.

X. Lin (2024), algorithm 3 and appendix A.2.2; the distributions are those of the authors' program, in fractions of a
16:9 image per frame. Departures: the amplitude of a sine is bounded (start / sin(phi) explodes near phi = 0), and the
box is (x1, y1, x2, y2) with y2 = y1 + height.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MAX_SPLITS = 2
SPLIT_MULTIPLE = 3
MAX_AMPLITUDE = 0.5


@dataclass(frozen=True)
class CoordinateStatistics:
    """Distributions for one coordinate, per frame. probabilities: static, line, parabola, sine."""

    velocity: float
    acceleration: float
    omega: float
    probabilities: tuple[float, float, float, float]


X = CoordinateStatistics(0.00125, 3.7e-5, 0.003, (0.15, 0.30, 0.30, 0.25))
Y = CoordinateStatistics(0.0006, 2e-5, 0.001, (0.15, 0.30, 0.30, 0.25))
WIDTH = CoordinateStatistics(0.00032, 1e-5, 0.0, (0.25, 0.60, 0.15, 0.0))
PHASE_STD = 3.2
WIDTH_LOG_MEAN, WIDTH_LOG_STD = -3.8, 0.7
RATIO_MEAN, RATIO_STD = 5.26, 0.77


def segment(kind: int, start: float, length: int, statistics: CoordinateStatistics, rng: np.random.Generator) -> Array:
    """`length` values of one elementary function; the value before the first is `start`."""
    t = np.arange(1, length + 1)
    if kind == 0:
        return np.full(length, start)
    if kind == 3:
        phase, omega = rng.normal(0.0, PHASE_STD), rng.normal(0.0, statistics.omega)
        sine = np.sin(phase)
        amplitude = start / sine if abs(sine) > abs(start) / MAX_AMPLITUDE else np.copysign(MAX_AMPLITUDE, start * sine)
        return np.asarray(start + amplitude * (np.sin(omega * t + phase) - sine))
    velocity = rng.normal(0.0, statistics.velocity)
    acceleration = rng.normal(0.0, statistics.acceleration) if kind == 2 else 0.0
    return np.asarray(start + velocity * t + acceleration * t**2)


def coordinate(
    start: float, num_frames: int, splits: Array, statistics: CoordinateStatistics, rng: np.random.Generator
) -> Array:
    """A piece-wise combination of elementary functions over `num_frames`, continuous at the `splits`."""
    edges = [0, *splits.astype(int).tolist(), num_frames]
    parts: list[Array] = []
    for first, last in pairwise(edges):
        kind = int(rng.choice(4, p=statistics.probabilities))
        parts.append(segment(kind, start, last - first, statistics, rng))
        start = float(parts[-1][-1])
    return np.concatenate(parts)


def draw_trajectory(num_frames: int, rng: np.random.Generator) -> Array:
    """One trajectory of boxes (T, 4) in fractions of the image; it may leave the image."""
    candidates = np.arange(SPLIT_MULTIPLE, num_frames, SPLIT_MULTIPLE)
    num_splits = min(int(rng.integers(MAX_SPLITS + 1)), len(candidates))
    splits = np.sort(rng.choice(candidates, num_splits, replace=False)) if num_splits else np.zeros(0)
    x = coordinate(rng.uniform(), num_frames, splits, X, rng)
    y = coordinate(rng.uniform(), num_frames, splits, Y, rng)
    first_width = float(np.exp(rng.normal(WIDTH_LOG_MEAN, WIDTH_LOG_STD)))
    width = coordinate(first_width, num_frames, np.zeros(0), WIDTH, rng)
    width = np.maximum(width, 0.2 * first_width)  # a line may cross zero
    height = width * max(rng.normal(RATIO_MEAN, RATIO_STD), 2.0)
    return np.stack([x, y, x + width, y + height], axis=-1)


def draw_trajectories(number: int, num_frames: int, rng: np.random.Generator) -> Array:
    """`number` trajectories, (B, T, 4)."""
    return np.stack([draw_trajectory(num_frames, rng) for _ in range(number)])
