"""Angles on the circle."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def wrap(angle: ArrayLike) -> NDArray[np.float64]:
    """Angles in rad, brought to [-pi, pi)."""
    return np.asarray((np.asarray(angle, dtype=np.float64) + math.pi) % (2.0 * math.pi) - math.pi)
