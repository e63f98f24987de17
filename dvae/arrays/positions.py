"""Where the microphones of an array are: metres in the frame of the audio, x forward, y left, z up (REP-103)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPEED_OF_SOUND = 343.0  # m/s
LARGEST = 10.0  # m: microphones that are farther apart are no array, and hear the same in different frames

Positions = NDArray[np.float64]


def parse_positions(text: str, least: int = 2) -> Positions:
    """'x y z; x y z' (commas count as spaces) -> (C, 3) in m. ValueError for fewer different places than `least`, or
    some that are too far apart to be those of one array."""
    try:
        rows = [[float(x) for x in row.replace(",", " ").split()] for row in text.split(";")]
        found = np.array([row for row in rows if row], dtype=np.float64).reshape(-1, 3)
    except ValueError:
        found = np.zeros((0, 3))
    if len(found) < least or len(np.unique(found, axis=0)) < len(found) or not np.isfinite(found).all():
        count = "two different places" if least == 2 else f"{least} place"
        raise ValueError(f"microphone_positions: expected at least {count} as 'x y z; x y z' in metres, got {text!r}")
    if (apart := float(np.linalg.norm(np.ptp(found, axis=0)))) > LARGEST:
        text = f"expected places within {LARGEST:g} m in metres, got {apart:g} m: millimetres?"
        raise ValueError(f"microphone_positions: {text}")
    return found
