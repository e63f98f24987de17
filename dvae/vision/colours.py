"""A colour for each track."""

from __future__ import annotations

import colorsys


def track_colour(track_id: int) -> tuple[float, float, float]:
    """Red, green, blue in [0, 1], of its own for each id: hues a golden angle apart differ most."""
    return colorsys.hsv_to_rgb(track_id * 0.61803 % 1.0, 0.75, 1.0)
