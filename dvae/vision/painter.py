"""Tracks drawn on an image: box, id, state, trail, and how uncertain the position is."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dvae.vision.colours import track_colour

Image = NDArray[np.uint8]
GREY = (150, 150, 150)


class PaintedTrack(NamedTuple):
    """A track in one image, in pixels. is_tentative: not believed yet; is_hidden: not seen, the box is a prediction."""

    track_id: int
    box: NDArray[np.float64]  # (4,): x1, y1, x2, y2
    variance: NDArray[np.float64]  # (4,)
    is_tentative: bool
    is_hidden: bool


class TrackPainter:
    """Remembers where people stood, to draw their trails."""

    def __init__(self, trail_length: int = 40) -> None:
        self.trail_length = trail_length
        self._trails: dict[int, deque[tuple[int, int]]] = {}

    def draw(self, image: Image, tracks: list[PaintedTrack]) -> Image:
        """A copy of the BGR image (H, W, 3) with `tracks`."""
        canvas = image.copy()
        ids = [track.track_id for track in tracks]
        self._trails = {i: self._trails.get(i, deque(maxlen=self.trail_length)) for i in ids}
        for track in tracks:
            box = np.round(track.box).astype(int)
            self._trails[track.track_id].append((int(box[0] + box[2]) // 2, int(box[3])))
            self._draw_track(canvas, track, box)
        return canvas

    def _draw_track(self, canvas: Image, track: PaintedTrack, box: NDArray[np.int64]) -> None:
        x1, y1, x2, y2 = (int(v) for v in box)
        if track.is_tentative:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), GREY, 1)
            return
        red, green, blue = track_colour(track.track_id)
        colour = int(255 * blue), int(255 * green), int(255 * red)
        trail = np.array(self._trails[track.track_id], dtype=np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [trail], False, colour, 1, cv2.LINE_AA)
        if not track.is_hidden:
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 2)
        else:  # a prediction: thin box, and an ellipse of two standard deviations around its centre
            cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, 1)
            spread = 2.0 * np.sqrt(track.variance.reshape(2, 2).mean(axis=0))
            axes = (int(min(spread[0], 2000)), int(min(spread[1], 2000)))
            cv2.ellipse(canvas, ((x1 + x2) // 2, (y1 + y2) // 2), axes, 0, 0, 360, colour, 1, cv2.LINE_AA)
        label = f"{track.track_id}?" if track.is_hidden else f"{track.track_id}"
        (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        top = max(y1, height + 6)
        cv2.rectangle(canvas, (x1, top - height - 6), (x1 + width + 6, top), colour, -1)
        cv2.putText(canvas, label, (x1 + 3, top - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
