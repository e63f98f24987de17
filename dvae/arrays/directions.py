"""Several directions at once, from a moment of sound: what a method of finding them is, and which there are.

A method looks at a few frames at a time, and finds directions in the looks of a moment (0.1 to 0.3 s). Far field: a
direction is an azimuth of plane waves in the plane of x (forward) and y (left); for microphones on a line, half a
circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Look(NamedTuple):
    """What a few frames say of the directions: R rows, each over all azimuths that are searched, with its weight."""

    rows: NDArray[np.float32]  # (R, A)
    weight: NDArray[np.float32]  # (R,), in [0, 1]


class Directions(NamedTuple):
    """K directions, the clearest first; none where nothing counts."""

    azimuth: NDArray[np.float64]  # (K,), rad
    share: NDArray[np.float64]  # (K,), in [0, 1]: how much of what counts comes from there
    mass: float  # in [0, 1]: the mean weight of all bins


class DirectionMethod(Protocol):
    """Made of the positions of the microphones (C, 3) in m, the frequencies (F,) of the bins in Hz, and the time from a
    frame to the next in s."""

    azimuths: NDArray[np.float64]  # (A,), rad: those that are searched

    def look(self, spectra: NDArray[np.complex64], weight: NDArray[np.float32], noise: NDArray[np.float32]) -> Look:
        """The next frames (L, C, F), whose bins count by `weight`, and are noise alone as sure as `noise` says, both
        (L, F)."""

    def find(self, looks: Sequence[Look], count: int) -> Directions:
        """At most `count` directions in the looks of a moment."""

    def reset(self) -> None:
        """Forget the frames so far."""


class NoDirections:
    """What one microphone tells of directions. Any DirectionMethod has this shape."""

    azimuths: NDArray[np.float64] = np.zeros(0)

    def look(self, spectra: NDArray[np.complex64], weight: NDArray[np.float32], noise: NDArray[np.float32]) -> Look:
        """Nothing."""
        return Look(np.zeros((0, 0), np.float32), np.zeros(0, np.float32))

    def find(self, looks: Sequence[Look], count: int) -> Directions:
        """None."""
        return Directions(np.zeros(0), np.zeros(0), 0.0)

    def reset(self) -> None:
        """There is nothing to forget."""
