"""A bearing map that is a line, and what is heard from directions."""

from __future__ import annotations

import numpy as np

from dvae.audiovisual.scene import Bearings, Heard

Array = np.ndarray


class LinearMap:
    """Azimuths fall by 60 degrees from the left to the right of an image of 1000 pixels whose middle is at `middle`
    (degrees)."""

    def __init__(self, middle: float = 0.0, deviation: float = 3.0) -> None:
        self.slope = -np.radians(60.0) / 1000.0
        self.left = np.radians(middle + 30.0)
        self.variance = np.radians(deviation) ** 2

    def at(self, column: Array) -> Array:
        """Azimuths of columns, in rad."""
        return (self.left + self.slope * np.asarray(column) + np.pi) % (2.0 * np.pi) - np.pi

    def bearings(self, boxes: Array) -> Bearings:
        azimuth = self.at(0.5 * (boxes[:, 0] + boxes[:, 2]))
        return Bearings(azimuth, np.full(len(boxes), self.slope), np.full(len(boxes), self.variance))

    def columns(self, azimuth: Array) -> Array:
        away = (np.asarray(azimuth) - self.left + np.pi) % (2.0 * np.pi) - np.pi
        column = away / self.slope
        return np.where((column >= 0) & (column <= 1000), column, np.nan)


def heard(time: float, *degrees: float, weight: float = 1.0, speech: float = 1.0) -> Heard:
    """Voices from these azimuths."""
    return Heard(time, np.radians(np.array(degrees, dtype=np.float64)), np.full(len(degrees), weight), speech)
