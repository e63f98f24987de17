"""Tracks drawn on an image: box, id, state, trail, and how uncertain the position is."""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae.vision.colours import track_colour

Image = NDArray[np.uint8]
TENTATIVE, CONFIRMED, OCCLUDED = 0, 1, 2
GREY = (150, 150, 150)


class TrackPainter:
    """Remembers where people stood, to draw their trails."""

    def __init__(self, trail_length: int = 40) -> None:
        self.trail_length = trail_length
        self._trails: dict[int, deque[tuple[int, int]]] = {}

    def draw(self, image: Image, tracks: list[Any]) -> Image:
        """A copy of the BGR image with `tracks` (dvae_perception/Track)."""
        canvas = image.copy()
        self._trails = {track.id: self._trails.get(track.id, deque(maxlen=self.trail_length)) for track in tracks}
        for track in tracks:
            box = np.round(np.asarray(track.box)).astype(int)
            self._trails[track.id].append((int(box[0] + box[2]) // 2, int(box[3])))
            self._draw_track(canvas, track, box)
        return canvas

    def _draw_track(self, canvas: Image, track: Any, box: NDArray[np.int64]) -> None:
        x1, y1, x2, y2 = (int(v) for v in box)
        if track.state == TENTATIVE:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), GREY, 1)
            return
        red, green, blue = track_colour(track.id)
        colour = int(255 * blue), int(255 * green), int(255 * red)
        trail = np.array(self._trails[track.id], dtype=np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [trail], False, colour, 1, cv2.LINE_AA)
        if track.state == CONFIRMED:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 2)
        else:  # a prediction: thin box, and an ellipse of two standard deviations around its centre
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 1)
            spread = 2.0 * np.sqrt(np.asarray(track.variance).reshape(2, 2).mean(axis=0))
            axes = (int(min(spread[0], 2000)), int(min(spread[1], 2000)))
            cv2.ellipse(canvas, ((x1 + x2) // 2, (y1 + y2) // 2), axes, 0, 0, 360, colour, 1, cv2.LINE_AA)
        label = f"{track.id}" if track.state == CONFIRMED else f"{track.id}?"
        (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        top = max(y1, height + 6)
        cv2.rectangle(canvas, (x1, top - height - 6), (x1 + width + 6, top), colour, -1)
        cv2.putText(canvas, label, (x1 + 3, top - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
