"""How lenses bend rays: the distortion models of sensor_msgs/CameraInfo, both ways, for points at any angle.

Normalised image coordinates (x, y) are pixels with the intrinsic matrix taken away. `PolynomialLens` is `plumb_bob` and
`rational_polynomial`, the model of OpenCV (Brown 1966; Claus and Fitzgibbon, CVPR 2005); `EquidistantLens` is
`equidistant`, the fisheye of Kannala and Brandt (IEEE TPAMI 2006). Their polynomials are fits of the image and fold
back beyond it: a point out there is not in the image (NaN), and a pixel out there gets the last ray before the fold.
Written out, as OpenCV's inverse does not always converge, projects what is behind the camera, and tells no fold.
"""

from __future__ import annotations

import math
from typing import Protocol

import numba
import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray

from dvae.compilation import kept_on_disk

Array = NDArray[np.float64]
NUM_HALVES, NUM_STEPS, PRECISION = 16, 10, 1e-13  # of the search, and of Newton's method after it
FOLD = 0.9999  # of the radius of the fold, where the slope is nearly zero


class Lens(Protocol):
    """Rays in the optical frame of the camera (x right, y down, z forward)."""

    def rays(self, seen: Array) -> Array:
        """Normalised image coordinates (N, 2) -> unit vectors (N, 3)."""

    def seen(self, points: Array) -> Array:
        """Points (N, 3) -> normalised image coordinates (N, 2), NaN where the lens does not see them."""


def coefficients_of(given: ArrayLike, count: int) -> Array:
    """`count` coefficients, those that are not given 0."""
    found = np.zeros(count)
    found[: np.size(given)] = given
    return found


def first_fold(derivative: Polynomial, limit: float) -> float:
    """Radius at which a derivative, a polynomial of the squared radius, first is zero; `limit` where it never is."""
    roots = derivative.roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0)]
    return float(min(np.sqrt(real.min(initial=np.inf)), limit))


class PolynomialLens:
    """x' = x radial + 2 p1 x y + p2 (s + 2 x^2), y' = y radial + p1 (s + 2 y^2) + 2 p2 x y, with s = x^2 + y^2 and
    radial = (1 + k1 s + k2 s^2 + k3 s^3) / (1 + k4 s + k5 s^2 + k6 s^3)."""

    def __init__(self, coefficients: ArrayLike = ()):
        """coefficients: k1, k2, p1, p2[, k3[, k4, k5, k6]], none for no distortion."""
        self._c = coefficients_of(coefficients, 8)
        k1, k2, _, _, k3, k4, k5, k6 = self._c.tolist()
        above, below, s = Polynomial([1.0, k1, k2, k3]), Polynomial([1.0, k4, k5, k6]), Polynomial([0.0, 1.0])
        slope = below * (above + 2.0 * s * above.deriv()) - 2.0 * s * above * below.deriv()
        self.limit = FOLD * first_fold(slope, FOLD * first_fold(below, np.inf))  # tangent of the angle to the axis

    def rays(self, seen: Array) -> Array:
        """As `Lens.rays`."""
        x, y = _undistort(np.ascontiguousarray(seen), self._c, self.limit)
        length = np.sqrt(x * x + y * y + 1.0)
        return np.stack([x / length, y / length, 1.0 / length], axis=1)

    def seen(self, points: Array) -> Array:
        """As `Lens.seen`."""
        depth = np.where(points[:, 2] > 0.0, points[:, 2], np.nan)
        ideal = points[:, :2] / depth[:, None]
        inside = np.hypot(ideal[:, 0], ideal[:, 1]) <= self.limit
        return np.where(inside[:, None], _distort(ideal, self._c), np.nan)


@kept_on_disk
@numba.njit()
def _distort_point(x: float, y: float, c: Array) -> tuple[float, float, float, float, float]:
    """x', y' and the entries xx, xy and yy of their Jacobian, which is symmetric."""
    k1, k2, p1, p2, k3, k4, k5, k6 = c
    s = x * x + y * y
    above, below = 1.0 + s * (k1 + s * (k2 + s * k3)), 1.0 + s * (k4 + s * (k5 + s * k6))
    radial = above / below
    bend = (k1 + s * (2.0 * k2 + 3.0 * k3 * s)) - radial * (k4 + s * (2.0 * k5 + 3.0 * k6 * s))
    bend = 2.0 * bend / below
    return (
        x * radial + 2.0 * p1 * x * y + p2 * (s + 2.0 * x * x),
        y * radial + p1 * (s + 2.0 * y * y) + 2.0 * p2 * x * y,
        radial + bend * x * x + 2.0 * p1 * y + 6.0 * p2 * x,
        bend * x * y + 2.0 * p1 * x + 2.0 * p2 * y,
        radial + bend * y * y + 6.0 * p1 * y + 2.0 * p2 * x,
    )


@kept_on_disk
@numba.njit()
def _distort(ideal: Array, c: Array) -> Array:
    """Ideal to seen coordinates, both (N, 2)."""
    found = np.empty_like(ideal)
    for n in range(len(ideal)):
        found[n, 0], found[n, 1], _, _, _ = _distort_point(ideal[n, 0], ideal[n, 1], c)
    return found


@kept_on_disk
@numba.njit()
def _undistort(seen: Array, c: Array, limit: float) -> tuple[Array, Array]:
    """Seen coordinates (N, 2) to ideal ones, x and y (N,)."""
    found_x, found_y = np.empty(len(seen)), np.empty(len(seen))
    for n in range(len(seen)):
        to_x, to_y = seen[n, 0], seen[n, 1]
        x, y, is_there = _newton(to_x, to_y, to_x, to_y, c, limit)
        if not is_there:  # from a better start
            seen_radius = math.hypot(to_x, to_y)
            shrink = _ideal_radius(seen_radius, c, limit) / max(seen_radius, 1e-300)
            x, y, is_there = _newton(to_x, to_y, to_x * shrink, to_y * shrink, c, limit)
        found_x[n], found_y[n] = x, y
    return found_x, found_y


@kept_on_disk
@numba.njit()
def _newton(to_x: float, to_y: float, x: float, y: float, c: Array, limit: float) -> tuple[float, float, bool]:
    """Ideal coordinates of seen ones, to_x and to_y, from a guess x and y, and whether they are found."""
    for _ in range(NUM_STEPS):
        outside = max(1.0, math.hypot(x, y) / limit)
        x, y = x / outside, y / outside
        here_x, here_y, xx, xy, yy = _distort_point(x, y, c)
        wrong_x, wrong_y = here_x - to_x, here_y - to_y
        determinant = xx * yy - xy * xy
        if abs(wrong_x) + abs(wrong_y) < PRECISION:
            return x, y, True
        if determinant == 0.0:
            break
        x -= (yy * wrong_x - xy * wrong_y) / determinant
        y -= (xx * wrong_y - xy * wrong_x) / determinant
    outside = max(1.0, math.hypot(x, y) / limit)
    return x / outside, y / outside, False


@kept_on_disk
@numba.njit()
def _ideal_radius(seen_radius: float, c: Array, limit: float) -> float:
    """The ideal radius up to `limit` of a seen one, without the tangential terms: it grows with it, so by halves of the
    angle."""
    k1, k2, _, _, k3, k4, k5, k6 = c
    low, high = 0.0, math.atan(limit)
    for _ in range(NUM_HALVES):
        r = math.tan(0.5 * (low + high))
        s = r * r
        is_nearer = r * (1.0 + s * (k1 + s * (k2 + s * k3))) < seen_radius * (1.0 + s * (k4 + s * (k5 + s * k6)))
        low, high = (0.5 * (low + high), high) if is_nearer else (low, 0.5 * (low + high))
    return math.tan(low)


class EquidistantLens:
    """r' = theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8), theta the angle to the optical axis."""

    def __init__(self, coefficients: ArrayLike = ()):
        """coefficients: k1, k2, k3, k4, none for no distortion."""
        k = coefficients_of(coefficients, 4)
        self._bend, self._slope = Polynomial([1.0, *k]), Polynomial([1.0, *(k * [3.0, 5.0, 7.0, 9.0])])
        self.limit = FOLD * first_fold(self._slope, np.pi)  # rad

    def _distort(self, theta: Array) -> Array:
        """Angle to the optical axis to radius, (N,)."""
        return np.asarray(theta * self._bend(theta * theta))

    def rays(self, seen: Array) -> Array:
        """As `Lens.rays`, by Newton's method."""
        radius = np.hypot(seen[:, 0], seen[:, 1])
        to = np.minimum(radius, self._distort(np.array(self.limit)))
        theta = np.minimum(to, self.limit)
        for _ in range(NUM_STEPS):
            wrong = self._distort(theta) - to
            if np.abs(wrong).max(initial=0.0) < PRECISION:
                break
            theta = np.clip(theta - wrong / self._slope(theta * theta), 0.0, self.limit)
        around = seen * (np.sin(theta) / np.maximum(radius, 1e-300))[:, None]
        return np.concatenate([around, np.cos(theta)[:, None]], axis=1)

    def seen(self, points: Array) -> Array:
        """As `Lens.seen`."""
        across = np.hypot(points[:, 0], points[:, 1])
        theta = np.arctan2(across, points[:, 2])
        inside = (theta <= self.limit) & (np.abs(points).max(axis=1, initial=0.0) > 0.0)
        scale = self._distort(theta) / np.maximum(across, 1e-300)
        return np.where(inside[:, None], points[:, :2] * scale[:, None], np.nan)
